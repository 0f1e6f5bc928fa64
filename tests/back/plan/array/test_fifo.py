"""FIFOs of programmable depth: their segments, and what a register says."""

from __future__ import annotations

import pytest

from lego.back.plan.array.fifo import capacities, segments, setting
from lego.diag import InternalError
from tests.back.designs import FIFOS, GEMM, design_of


def test_every_depth_can_be_set() -> None:
    for of in range(1, 40):
        for depth in range(1, of + 1):
            parts = segments(depth, of)
            assert depth <= sum(parts) <= of
            assert parts == segments(of, of)[: len(parts)]
            for cycles in range(depth + 1):
                mask = setting(cycles, depth, of)
                assert sum(p for k, p in enumerate(parts) if mask >> k & 1) == cycles
                assert mask < 1 << len(parts)
                assert not cycles or mask & 1


def test_segments_double() -> None:
    assert segments(1, 20) == (1,)
    assert segments(5, 20) == (1, 1, 2, 4)
    assert segments(20, 20) == (1, 1, 2, 4, 8, 4)


def test_a_delay_beyond_the_depth_is_refused() -> None:
    assert setting(4, 4, 20) == 0b111
    with pytest.raises(InternalError, match="a FIFO of 4 can't delay by 5"):
        setting(5, 4, 20)


def test_capacities_are_the_longest_delays() -> None:
    """A row of X comes back after `3 kw` cycles less two; a kernel of W after 9."""
    x, w, _ = design_of(FIFOS).buffers
    assert capacities(w) == {0: 9}
    assert capacities(x) == {1: 6}
    assert [capacities(buffer) for buffer in design_of(GEMM).buffers] == [{}, {}, {}]
