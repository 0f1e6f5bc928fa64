"""Number formats: integers, truth values, floating point by widths, and integers without bound.

One description for what a tensor's elements are, whoever reads it: files, tracers, memories and
functional units. Hardware has integers so far; what it can't do is refused where it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from lego.diag import InternalError

__all__ = [
    "BFLOAT16",
    "BOOL",
    "EXACT",
    "FLOAT8_E4M3",
    "FLOAT8_E5M2",
    "FLOAT16",
    "FLOAT32",
    "FLOAT64",
    "INT4",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "MOST_BITS",
    "UINT8",
    "Bool",
    "Exact",
    "Float",
    "Format",
    "Integer",
    "bytes_of",
    "format_named",
    "is_within",
]

MOST_BITS = 64


@dataclass(frozen=True, slots=True)
class Integer:
    """Integers of 1 to 64 bits (2 to 64 if signed), two's complement if signed."""

    signed: bool
    bits: int

    def __post_init__(self) -> None:
        if not 1 + self.signed <= self.bits <= MOST_BITS:
            raise InternalError(f"no integer format has {self.bits} bits")

    @property
    def low(self) -> int:
        """Smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.bits}"


@dataclass(frozen=True, slots=True)
class Bool:
    """True or false, one byte in memory."""

    bits = 8

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class Float:
    """A sign, an exponent and a fraction, as in IEEE 754, subnormals too.

    Attributes
    ----------
    exponent, mantissa : their bits.
    finite : whether the largest exponent holds numbers but for one not-a-number, and no infinity
        (Micikevicius et al., 2022, table 1: e4m3).
    """

    exponent: int
    mantissa: int
    finite: bool = False

    @property
    def bits(self) -> int:
        """Of the sign, the exponent and the fraction."""
        return 1 + self.exponent + self.mantissa

    @property
    def bias(self) -> int:
        """What is added to the exponent of a normal number."""
        return (1 << (self.exponent - 1)) - 1

    @property
    def largest(self) -> int:
        """Exponent of the largest numbers."""
        return self.bias + self.finite

    @property
    def smallest(self) -> int:
        """Exponent of the smallest subnormal."""
        return 1 - self.bias - self.mantissa

    def __str__(self) -> str:
        widths = f"e{self.exponent}m{self.mantissa}{'fn' if self.finite else ''}"
        return _FLOAT_NAMES.get(self, widths)


@dataclass(frozen=True, slots=True)
class Exact:
    """Integers without bound: what happens within the body of a statement, before it is stored."""

    def __str__(self) -> str:
        return "exact"


Format = Integer | Bool | Float | Exact

EXACT = Exact()
BOOL = Bool()
INT4, INT8, INT16, INT32, INT64 = (Integer(True, bits) for bits in (4, 8, 16, 32, 64))
UINT8 = Integer(False, 8)
FLOAT8_E4M3, FLOAT8_E5M2 = Float(4, 3, finite=True), Float(5, 2)
FLOAT16, BFLOAT16, FLOAT32, FLOAT64 = Float(5, 10), Float(8, 7), Float(8, 23), Float(11, 52)


def is_within(narrow: Format, wide: Format) -> bool:
    """Whether every number of a format, infinities too, is one of another."""
    match narrow, wide:
        case (Exact(), _) | (_, Exact()):
            return isinstance(wide, Exact) and not isinstance(narrow, Float)
        case Float(), Float():
            return _is_within(narrow, wide)
        case Float(), _:
            return False
        case ((Integer() | Bool()), Float()):
            low, high = _span(narrow)
            bits = max(-1 - low, high).bit_length()
            return bits <= wide.mantissa + 1 and max(-low, high) < 1 << wide.largest
        case ((Integer() | Bool()), (Integer() | Bool())):
            (low, high), (least, most) = _span(narrow), _span(wide)
            return least <= low and high <= most


def _span(fmt: Integer | Bool) -> tuple[int, int]:
    return (fmt.low, fmt.high) if isinstance(fmt, Integer) else (0, 1)


def _is_within(narrow: Float, wide: Float) -> bool:
    """By the steps between numbers, the smallest and the largest of them."""
    ends = narrow.smallest >= wide.smallest and narrow.largest <= wide.largest
    return narrow.mantissa <= wide.mantissa and ends and (narrow.finite or not wide.finite)


def bytes_of(fmt: Format) -> int:
    """Whole bytes that an element takes by itself. Raises InternalError for what has no width."""
    if isinstance(fmt, Exact):
        raise InternalError("integers without bound have no size")
    return -(-fmt.bits // 8)


_FLOAT_NAMES = {
    FLOAT8_E4M3: "float8_e4m3fn",
    FLOAT8_E5M2: "float8_e5m2",
    FLOAT16: "float16",
    BFLOAT16: "bfloat16",
    FLOAT32: "float32",
    FLOAT64: "float64",
}
_INTEGERS = tuple(
    Integer(signed, bits) for signed in (True, False) for bits in range(1 + signed, MOST_BITS + 1)
)
_NAMED: dict[str, Format] = {str(each): each for each in _INTEGERS}
_NAMED |= {"bool": BOOL, "exact": EXACT}
_NAMED |= {name: each for each, name in _FLOAT_NAMES.items()}
_NAMED |= {"fp8_e4m3": FLOAT8_E4M3, "fp8_e5m2": FLOAT8_E5M2, "fp16": FLOAT16}
_NAMED |= {"bf16": BFLOAT16, "fp32": FLOAT32, "fp64": FLOAT64}


def format_named(name: str) -> Format | None:
    """The format that is printed or known by this name, if there is one: int7, float32, bf16..."""
    return _NAMED.get(name)
