"""Which number formats a network's contractions are to have."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from lego.diag import LegoError
from lego.ir.formats import BFLOAT16, FLOAT8_E4M3, FLOAT8_E5M2, INT4, INT8, Format, Integer

__all__ = ["LARGEST", "SCHEMES", "Scheme", "scheme_named"]

LARGEST: dict[Format, float | None] = {
    INT8: 127.0,
    INT4: 7.0,
    FLOAT8_E4M3: 448.0,
    FLOAT8_E5M2: 57344.0,
    BFLOAT16: None,
}
"""Number formats of operands, and the magnitude that a tensor's largest element is scaled to; None:
as it is."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """Formats of the operands of contractions, and how finely weights are scaled.

    Attributes
    ----------
    activations, weights : number formats, of LARGEST. Both whole numbers or both floating point.
    channels : a scale per output channel of the weights, else one per tensor. Activations have one
        per tensor.
    group : a scale per so many products along the longest summed loop; None: one for all.
    about : in a few words.
    shifts : whether sums that are rounded again at once are scaled by a multiplication and a shift.
    """

    activations: Format
    weights: Format
    channels: bool
    group: int | None
    about: str
    shifts: bool = False

    @property
    def integer(self) -> bool:
        """Whether products are of integers, summed in int32; otherwise they are summed in float32."""
        return isinstance(self.weights, Integer)


SCHEMES: dict[str, Scheme] = {
    "w8a8": Scheme(INT8, INT8, True, None, "int8, weights scaled per output channel"),
    "w8a8_shift": Scheme(
        INT8, INT8, True, None, "w8a8, products of attention rescaled in integers", True
    ),
    "w8a8_tensor": Scheme(INT8, INT8, False, None, "int8, one scale per tensor"),
    "w4a8_g128": Scheme(
        INT8, INT4, True, 128, "int4 weights scaled per channel and 128 products, int8"
    ),
    "w4a4_g64": Scheme(INT4, INT4, True, 64, "int4, weights scaled per channel and 64 products"),
    "fp8": Scheme(FLOAT8_E4M3, FLOAT8_E4M3, False, None, "fp8 e4m3, one scale per tensor"),
    "fp8_e5m2": Scheme(FLOAT8_E5M2, FLOAT8_E5M2, False, None, "fp8 e5m2, one scale per tensor"),
    "bf16": Scheme(BFLOAT16, BFLOAT16, False, None, "bfloat16, summed in float32"),
}


def scheme_named(name: str) -> Scheme:
    """The scheme of this name. Raises E421, which tells the nearest."""
    if name not in SCHEMES:
        near = _nearest(name.lower().replace("-", "_"))
        meant = f"did you mean {near} ({SCHEMES[near].about})? " if near else ""
        hint = f"{meant}one of {', '.join(SCHEMES)}, or own"
        raise LegoError("E421", f"unknown number formats {name[:40]!r}", hint=hint)
    return SCHEMES[name]


def _nearest(name: str) -> str | None:
    """A scheme that begins alike, whose operands are of a format that the name is part of, or whose
    name or format is spelled alike."""
    formats = {
        key: (key, str(each.weights), str(each.activations)) for key, each in SCHEMES.items()
    }
    if len(name) > 1:
        for key in SCHEMES:
            if key.startswith(name):
                return key
        for key, words in formats.items():
            if any(name in word for word in words):
                return key
    close = difflib.get_close_matches(
        name, [w for words in formats.values() for w in words], 1, 0.7
    )
    return next((key for key, words in formats.items() if close and close[0] in words), None)
