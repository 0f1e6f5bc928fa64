"""Units of the last place, against steps of NumPy's own formats."""

from __future__ import annotations

import numpy as np
import pytest

from tests.frontends.models.techniques.ulps import apart


@pytest.mark.parametrize("fmt", ["float16", "float32"])
@pytest.mark.parametrize("value", [1.0, 1.5, 3.75, 0.3, -2.0, 1e-4, 2.0**-14, 3e-7])
def test_the_next_number_is_one_unit_away(fmt: str, value: float) -> None:
    kind = np.dtype(fmt).type
    exact = kind(value)
    away = np.nextafter(exact, kind(np.sign(value) * 9))
    assert apart([away], [exact], fmt=fmt) == 1.0
    assert apart([np.float64(exact)], [np.float64(exact)], fmt=fmt) == 0.0


def test_a_row_has_the_unit_of_its_largest_element() -> None:
    wanted, found = np.array([[1.0, 0.0], [0.25, 0.0]]), np.array([[1.0, 2.0**-23], [0.25, 0.0]])
    assert apart(found, wanted, of="row") == 1.0
    assert apart(found, wanted) == 2.0**126
    assert apart(found[::-1], wanted[::-1], of="row") == 1.0
    assert apart(np.float64(1 + 2.0**-22), np.float64(1), of="row") == 2.0


def test_narrow_formats_and_what_is_not_finite() -> None:
    assert apart([1.125], [1.0], fmt="float8_e4m3fn") == 1.0
    assert apart([2.0**-8], [2.0**-9], fmt="float8_e4m3fn") == 1.0
    assert apart([1.0078125], [1.0], fmt="bfloat16") == 1.0
    assert apart([np.inf, np.nan, 1.0], [np.inf, np.nan, 1.0]) == 0.0
    for wrong in (np.inf, np.nan):
        assert not apart([wrong, 1.0], [2.0, 1.0]) <= 1e9
        assert not apart([1.0, 2.0], [wrong, 2.0], of="row") <= 1e9
