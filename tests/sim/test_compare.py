"""When a tensor of the loop nests counts as the module's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from sim.compare import ATOL, NEAR, RTOL, _difference  # noqa: E402


@pytest.mark.parametrize("scaled", [True, False])
def test_the_absolute_tolerance_is_scaled_where_that_is_asked_for(scaled: bool) -> None:
    want = torch.tensor([100.0, 0.0, 1.0])
    for apart, close in ((0.9 * ATOL, True), (1.1 * ATOL, scaled), (110 * ATOL, False)):
        found = want + torch.tensor([0.0, apart, 0.0])
        assert _difference("x", "x", found, want, scaled=scaled).close == close
    for apart, close in ((0.9 * (ATOL + RTOL), True), (1.2 * (ATOL + RTOL), scaled)):
        found = want + torch.tensor([0.0, 0.0, apart])
        assert _difference("x", "x", found, want, scaled=scaled).close == close


def test_integers_and_what_is_not_finite_must_be_equal() -> None:
    whole = torch.tensor([1000000, 2])
    assert not _difference("x", "x", whole + 1, whole).close
    edge = torch.tensor([torch.inf, -torch.inf, torch.nan])
    assert _difference("x", "x", edge.clone(), edge).close
    for wrong in (-edge, torch.zeros(3)):
        assert not _difference("x", "x", wrong, edge).close


def test_rounding_that_a_network_amplifies_is_no_difference() -> None:
    """If the module itself is nearly as far from float64: as here, by a thousandth."""
    true = torch.linspace(1, 2, 50, dtype=torch.float64)
    want = (true * 1.001).float()
    for times, close in ((-0.95 * NEAR, True), (-1.05 * NEAR, False)):
        found = (true * (1 + 0.001 * times)).float()
        assert not _difference("x", "x", found, want).close
        assert _difference("x", "x", found, want, true).close == close
