"""Closed forms as text: read back, and evaluated."""

from __future__ import annotations

import pytest

from lego.ir.closed import symbol
from lego.ir.formulas import base_of, evaluated, expression
from lego.ir.simple import text_of

NAMES = {name: symbol(name) for name in ("m", "n", "floor", "Sum")}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-m + 3*n - 2", -5 + 9 - 2),
        ("m**2", 25),
        ("ceiling(m/4)*floor((m + n)/3)", 2 * 2),
        ("floor((-m)/3)", -2),
        ("Mod(m - 7, 16)", 14),
        ("Min(m, n) + Max(0, n - m)", 3),
        ("floor*floor(floor/2)", 9 * 4),
        ("Piecewise((m, (m > 4) & (n > 3)), (n, (m > 9) | (n <= 3)), (0, _else))", 3),
        ("Piecewise((m, Eq(m, 5)), (0, _else))", 5),
        ("Sum(_t0*m + _s0, (_t0, 0, n - 1), (_s0, 0, 2))", 3 * 5 * 3 + 3 * 3),
        ("Sum(1, (_t0, 0, -1)) + Sum", 4),
    ],
)
def test_values(text: str, value: int) -> None:
    numbers = {"m": 5, "n": 3, "floor": 9, "Sum": 4}
    assert evaluated(text, numbers) == value
    closed = expression(text, NAMES)
    assert closed.subs({NAMES[name]: number for name, number in numbers.items()}).doit() == value
    assert expression(text_of(closed), NAMES) == closed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m +",
        "1.5",
        "'m'",
        "m.real",
        "open(m)",
        "__import__(m)",
        "[m]",
        "m if n else 0",
        "m // 2",
        "Piecewise(m)",
        "Piecewise((m, n > 1, 0))",
        "lambda: m",
    ],
)
def test_what_is_no_closed_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no closed form$|isn't of 2 parts$"):
        evaluated(text, {"m": 5, "n": 3})


def test_every_name_needs_a_value() -> None:
    with pytest.raises(KeyError, match="n"):
        evaluated("m + n", {"m": 5})
    assert evaluated("_base_X + m", {"m": 5, base_of("X"): 8}) == 13
