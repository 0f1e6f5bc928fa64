"""Number formats as PyTorch holds them."""

from __future__ import annotations

import torch
from torch import Tensor

from lego.diag import InternalError
from lego.ir.formats import Exact, Float, Format, Integer
from lego.ir.operation import Reduction

__all__ = ["dtype_of", "identity", "wrapped"]


def dtype_of(fmt: Format) -> torch.dtype:
    """What holds a number format; integers of other widths are held in the next larger type.

    Raises InternalError for a format that PyTorch has no type for.
    """
    if isinstance(fmt, Exact):
        return torch.int64
    if isinstance(fmt, Integer):
        width = max(8, 1 << (fmt.bits - 1).bit_length())
        odd = not fmt.signed and 8 < fmt.bits < width  # PyTorch can't do much with unsigned ones
        fmt = Integer(True, width) if odd else Integer(fmt.signed, width)
    found = getattr(torch, str(fmt), None)
    if not isinstance(found, torch.dtype):
        raise InternalError(f"no number format {fmt}")
    return found


def identity(reduction: Reduction, fmt: Format) -> float:
    """What a reduction in a format starts from."""
    if reduction not in (Reduction.MAX, Reduction.MIN):
        return 0
    match fmt:
        case Float():
            return float("-inf" if reduction is Reduction.MAX else "inf")
        case Integer():
            return fmt.low if reduction is Reduction.MAX else fmt.high
    return reduction is Reduction.MIN


def wrapped(tensor: Tensor, fmt: Format) -> Tensor:
    """Integers in a format's type, low bits kept; other formats as they are."""
    dtype = dtype_of(fmt)
    if not isinstance(fmt, Integer) or 8 * dtype.itemsize == fmt.bits:
        return tensor.to(dtype)
    above = 64 - fmt.bits
    low = (tensor.long() << above) >> above
    return (low if fmt.signed else low & fmt.high).to(dtype)
