"""Formats of functions' results and of constants: what PyTorch gives is the last word."""

from __future__ import annotations

import itertools
import math
import random

import pytest

torch = pytest.importorskip("torch")

from lego.diag import InternalError, LegoError  # noqa: E402
from lego.ir.constants import Bits, constant, number_of  # noqa: E402
from lego.ir.formats import BOOL, FLOAT32, INT8, INT64, Float, Format, format_named  # noqa: E402
from lego.ir.operation import Fn  # noqa: E402
from lego.ir.promotion import joined, result_of  # noqa: E402
from sim.dtypes import dtype_of  # noqa: E402
from sim.network import FUNCTIONS  # noqa: E402

WHOLE = ("bool", "int8", "uint8", "int16", "int32", "int64")
REAL = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
ARITHMETIC = (Fn.ADD, Fn.SUB, Fn.MUL, Fn.DIV, Fn.MAX, Fn.MIN, Fn.POW, Fn.MOD, Fn.QUOTIENT)
COMPARED = (Fn.LT, Fn.LE, Fn.EQ, Fn.AND, Fn.OR)
ONE = (
    Fn.NEG, Fn.ABS, Fn.EXP, Fn.LOG, Fn.SQRT, Fn.RSQRT, Fn.TANH, Fn.ERF, Fn.SIGMOID, Fn.SIN, Fn.COS,
    Fn.FLOOR, Fn.ROUND, Fn.NOT,
)  # fmt: skip


def named(name: str) -> Format:
    found = format_named(name)
    assert found is not None
    return found


FORMATS = [named(name) for name in (*WHOLE, *REAL)]


def ones(fmt: Format) -> object:
    """One element, as the executor computes with it."""
    found = torch.ones(1, dtype=dtype_of(fmt))
    return found.float() if isinstance(fmt, Float) and fmt.bits == 8 else found


def checked(fn: Fn, formats: tuple[Format, ...]) -> bool:
    """Compare, where PyTorch has the function; says whether it does."""
    args = [ones(fmt) for fmt in formats]
    try:
        wanted = FUNCTIONS[fn](*args).dtype
    except (RuntimeError, NotImplementedError):
        return False
    assert dtype_of(result_of(fn, formats)) is wanted, (fn, formats)
    return True


def test_functions_of_two() -> None:
    pairs = itertools.product((*ARITHMETIC, *COMPARED), FORMATS, FORMATS)
    assert sum(checked(fn, (a, b)) for fn, a, b in pairs) > 1900


def test_functions_of_one() -> None:
    assert sum(checked(fn, (fmt,)) for fn, fmt in itertools.product(ONE, FORMATS)) > 150


def test_choices_and_shifts() -> None:
    for a, b in itertools.product(FORMATS, FORMATS):
        assert checked(Fn.WHERE, (BOOL, a, b))
    whole = [named(name) for name in ("int8", "uint8", "int16", "int32", "int64")]
    assert all(checked(fn, (a, INT64)) for fn in (Fn.SHL, Fn.SHIFT) for a in whole)


def test_pairs_of_integers_of_all_widths() -> None:
    names = [f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)]
    for a, b in itertools.product(names, names):
        try:
            wanted = torch.promote_types(getattr(torch, a), getattr(torch, b))
        except RuntimeError:
            with pytest.raises(LegoError, match="number format"):
                joined(named(a), named(b))
        else:
            assert str(joined(named(a), named(b))) == str(wanted).removeprefix("torch.")


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64", "float8_e5m2"])
def test_constants_are_rounded_as_pytorch_rounds_them(name: str) -> None:
    fmt, rng = named(name), random.Random(1)
    assert isinstance(fmt, Float)
    numbers = [0.0, -0.0, 1.0, 0.1, math.pi, math.inf, -math.inf, 1e300, -1e300, 65520.0, 65519.9]
    numbers += [2.0**k for k in range(-1080, 1020, 7)] + [3 * 2.0**-150, 2.0**-25, 3 * 2.0**-26]
    numbers += [rng.uniform(-4, 4) * 2.0 ** rng.randint(-160, 140) for _ in range(2000)]
    for number in numbers:
        found = number_of(constant(number, fmt))
        wanted = float(torch.full((), number, dtype=torch.float64).to(dtype_of(fmt)).double())
        assert found == wanted and math.copysign(1, found) == math.copysign(1, wanted), number
    assert math.isnan(number_of(constant(math.nan, fmt)))
    assert number_of(constant(-0.0, fmt)) == 0 and constant(-0.0, fmt).value == Bits(
        1 << (fmt.bits - 1)
    )


def test_the_finite_format_has_no_infinity() -> None:
    fmt = named("float8_e4m3fn")
    assert isinstance(fmt, Float)
    assert number_of(constant(448.0, fmt)) == 448.0
    assert number_of(constant(464.0, fmt)) == 448.0
    assert math.isnan(number_of(constant(470.0, fmt)))
    every = torch.arange(256).to(torch.uint8).view(torch.float8_e4m3fn).double().tolist()
    for number in every:
        if not math.isnan(number):
            assert number_of(constant(number, fmt)) == number


def test_integers_are_held_or_refused() -> None:
    assert constant(-128, INT8).value == -128
    assert constant(True, BOOL).value == 1
    for value, fmt in ((128, INT8), (0.5, INT8), (2, BOOL), (math.inf, INT64)):
        with pytest.raises(InternalError):
            constant(value, fmt)
    assert constant(0.1, FLOAT32).value.denominator == 1 << 27  # type: ignore[union-attr]
