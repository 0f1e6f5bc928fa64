"""Values of parameters: those that are given have to fit, others are drawn, the same for everyone."""

from __future__ import annotations

import numpy as np
import pytest

from lego.device.parameters import parameters_of, values_of
from lego.diag import LegoError
from tests.device.chips import network

NETWORK = network("classifier").network
SHAPES = {"W": (100, 640), "M": (100,), "B": (100,)}


def test_the_first_operand_is_given_at_run_time() -> None:
    assert set(parameters_of(NETWORK)) == set(SHAPES)


def test_what_isn_t_given_is_drawn_by_name_and_seed() -> None:
    one, drawn = values_of(NETWORK, {}, 0)
    again, _ = values_of(NETWORK, {}, 0)
    other, _ = values_of(NETWORK, {}, 1)
    assert set(drawn) == set(SHAPES) == set(one)
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert all(not np.array_equal(one[name], other[name]) for name in one)
    weights = np.full(SHAPES["W"], 3)
    found, drawn = values_of(NETWORK, {"W": weights}, 0)
    assert set(drawn) == {"M", "B"}
    assert np.array_equal(found["W"], weights)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("V", np.zeros(3, np.int8), "no parameter of classifier"),
        ("W", np.zeros((3, 4), np.int8), r"has shape \[3, 4\], not \[100, 640\]"),
        ("M", np.zeros(100), "holds float64"),
        ("M", np.full(100, 40_000), "values from 40000 to 40000"),
    ],
)
def test_values_that_don_t_fit_are_refused(name: str, values: object, said: str) -> None:
    with pytest.raises(LegoError, match=said) as caught:
        values_of(NETWORK, {name: values}, 0)  # type: ignore[dict-item]
    assert caught.value.code == "E311"
