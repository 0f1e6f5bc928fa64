"""Arithmetic whose bits are stated, so that every device gives the same: the accelerator's own.

- Integer contractions are exact and wrap to the output's bits.
- Floating-point contractions multiply and add in float32 (float64 if an operand is), one product
  after another, as a multiply-accumulate unit does; products of operands of 16 bits or fewer are
  exact. Loops that the output doesn't follow run in their order. Where windows of the output
  overlap, as in transposed convolutions, the inner loops without which they wouldn't (the taps) run
  so too: every element gets tap after tap.
- Floating-point sums of rows add halves of the row, in float32 or wider: elements i and i + n/2, n
  the next power of two.
- Functions are those of sim/functions.py; additions, products and quotients are IEEE 754's, to nearest even.
- A cast from floating point to integers drops the fraction and saturates; nothing becomes 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lego.ir.affine import AffineMap
from lego.ir.formats import Float, Format, Integer
from lego.ir.operation import Operation, Output, Reduction, operands
from sim.dtypes import dtype_of, wrapped
from sim.functions import EXACT_FUNCTIONS
from sim.network import FUNCTIONS, Arithmetic, add_exactly, box_of
from sim.windows import accumulate, is_injective, store, strides_of

__all__ = ["BIT_TRUE"]


def _cast(tensor: Tensor, fmt: Format) -> Tensor:
    dtype = dtype_of(fmt)
    if not tensor.is_floating_point() or not isinstance(fmt, Integer):
        return wrapped(tensor.to(dtype), fmt)
    whole = tensor.double().trunc().nan_to_num(0.0, float("inf"), float("-inf"))
    high = whole >= float(fmt.high)
    inside = torch.where(high, 0.0, whole.clamp(min=float(fmt.low)))
    return torch.where(high, fmt.high, inside.to(torch.int64)).to(dtype)


def _total(tensor: Tensor, dims: Sequence[int]) -> Tensor:
    """The sum, halves added to halves."""
    if not tensor.is_floating_point():
        return tensor.sum(list(dims), keepdim=True)
    kept = [k for k in range(tensor.ndim) if k not in dims]
    shape = [1 if k in dims else n for k, n in enumerate(tensor.shape)]
    row = tensor.to(_wide(tensor.dtype)).permute(*kept, *dims)
    row = row.reshape(*row.shape[: len(kept)], -1)
    if row.shape[-1] > 1:
        missing = (1 << (row.shape[-1] - 1).bit_length()) - row.shape[-1]
        row = torch.nn.functional.pad(row, (0, missing))
    while row.shape[-1] > 1:
        half = row.shape[-1] // 2
        row = row[..., :half] + row[..., half:]
    return row.reshape(shape)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


def _contract(op: Operation, windows: Sequence[Tensor], out: Tensor, fmt: Format) -> None:
    if isinstance(op.output.body.format, Float):
        _accumulated(op, windows, out)
    else:
        add_exactly(op, windows, out, fmt)


def _accumulated(op: Operation, windows: Sequence[Tensor], out: Tensor) -> None:
    """One product after another, in the order of the loops that run in turn."""
    used = [windows[index] for index in operands(op.output.body)]
    wide = _wide(torch.float64 if any(w.dtype is torch.float64 for w in used) else out.dtype)
    in_turn, sizes = (
        _in_turn(op.output, out, op.extents, box_of(op, op.output)),
        box_of(op, op.output),
    )
    factors = [_arranged(w, in_turn).to(wide) for w in used]
    extents = [op.loops[k].extent for k in in_turn]
    meet = any(sizes[k] > 1 for k in in_turn)
    sums = out.to(wide) if meet else torch.zeros(sizes, dtype=wide, device=out.device)
    for point in itertools.product(*map(range, extents)):
        product = _at(factors[0], in_turn, point)
        for factor in factors[1:]:
            product = product * _at(factor, in_turn, point)
        if meet:
            accumulate(*_fixed(op.output, sums, product, in_turn, (point, sizes)))
        else:
            sums.add_(product)
    if meet:
        out.copy_(sums)
    else:
        store(op.output, out, sums.to(out.dtype), sizes)


def _in_turn(output: Output, out: Tensor, extents: Sequence[int], box: Sequence[int]) -> list[int]:
    """Loops over which values are added: those that the output doesn't follow, and the innermost
    without which no two iterations meet in an element."""
    sizes = list(box)
    found = [k for k, extent in enumerate(extents) if sizes[k] < extent]
    steps = [abs(step) for step in strides_of(output.place, out, len(sizes))[0]]
    for k in reversed(range(len(sizes))):
        if is_injective(steps, sizes):
            break
        if sizes[k] > 1:
            found.append(k)
            sizes[k] = 1
    return sorted(found)


def _fixed(
    output: Output,
    out: Tensor,
    body: Tensor,
    loops: Sequence[int],
    where: tuple[Sequence[int], Sequence[int]],
) -> tuple[Output, Tensor, Tensor, list[int]]:
    """What `accumulate` takes for the iterations at which these loops are at a point of a box."""
    point, box = where
    at = dict(zip(loops, point, strict=True))
    access = output.map
    rows = tuple(tuple(0 if k in at else c for k, c in enumerate(row)) for row in access.rows)
    offset = tuple(
        o + sum(row[k] * i for k, i in at.items())
        for row, o in zip(access.rows, access.offset, strict=True)
    )
    sizes = [1 if k in at else n for k, n in enumerate(box)]
    place = replace(output.place, map=AffineMap(rows, offset))
    return replace(output, place=place), out, body, sizes


def _store(output: Output, out: Tensor, body: Tensor, sizes: Sequence[int]) -> None:
    """Sums of values that meet in an element are added as contractions add, the rest is as always."""
    steps = [abs(step) for step in strides_of(output.place, out, len(sizes))[0]]
    if output.reduction is not Reduction.ADD or is_injective(steps, sizes):
        store(output, out, body, sizes)
        return
    in_turn = [k for k in _in_turn(output, out, sizes, sizes) if sizes[k] > 1]
    body = body.expand(sizes)
    for point in itertools.product(*(range(sizes[k]) for k in in_turn)):
        accumulate(*_fixed(output, out, _at(body, in_turn, point), in_turn, (point, sizes)))


def _arranged(tensor: Tensor, first: Sequence[int]) -> Tensor:
    """The window, laid out so that fixing these dimensions leaves elements that lie together."""
    rest = [k for k in range(tensor.ndim) if k not in first]
    order = [*first, *rest]
    moved = tensor.permute(order)
    if moved.numel() <= 2 * tensor.untyped_storage().nbytes() // tensor.element_size():
        moved = moved.contiguous()
    return moved.permute([order.index(k) for k in range(tensor.ndim)])


def _at(tensor: Tensor, loops: Sequence[int], point: Sequence[int]) -> Tensor:
    for k, i in zip(loops, point, strict=True):
        tensor = tensor.narrow(k, i if tensor.shape[k] > 1 else 0, 1)
    return tensor


BIT_TRUE = Arithmetic(FUNCTIONS | EXACT_FUNCTIONS, _cast, _total, _contract, _store)
"""The same bits on every device."""
