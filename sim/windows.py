"""Accesses of loop nests on PyTorch tensors: what a nest reads as a strided window, and where it writes.

A window has one dimension per loop; loops that an access doesn't follow have one element there and
broadcast. No access ever meets another element than the one that its indices name: outside the
tensor it reads its padding, or is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lego.diag import InternalError, LegoError
from lego.ir.affine import AffineMap
from lego.ir.constants import number_of
from lego.ir.operation import Output, Place, Reduction

__all__ = ["accumulate", "along", "assign", "is_injective", "read", "store", "strides_of", "window"]


def read(tensor: Tensor, access: AffineMap, extents: Sequence[int]) -> Tensor:
    """The elements that an access meets in a box, one dimension per loop."""
    return window(tensor, Place("", access), extents, []).expand(tuple(extents))


def strides_of(place: Place, tensor: Tensor, loops: int) -> tuple[list[int], int]:
    """The step of each loop through the flat tensor, and where the first iteration is."""
    rows, strides = place.map.rows, tensor.stride()
    steps = [sum(row[k] * s for row, s in zip(rows, strides, strict=True)) for k in range(loops)]
    return steps, sum(o * s for o, s in zip(place.map.offset, strides, strict=True))


def window(
    tensor: Tensor, place: Place, extents: Sequence[int], before: Sequence[Tensor], who: str = ""
) -> Tensor:
    """What an access reads; `before` are the windows of the inputs before it, which may be its
    indices. Raises E431 for an index outside that is looked up and has no padding, in the name of
    the operation `who`."""
    if place.indirect:
        return _looked_up(tensor, place, extents, before, who)
    if place.pad is not None:
        tensor, place = _padded(tensor, place, number_of(place.pad), extents)
    tensor = tensor.contiguous()
    _within(place, tensor, extents)
    steps, first = strides_of(place, tensor, len(extents))
    sizes = [n if step else 1 for n, step in zip(extents, steps, strict=True)]
    down = [k for k, step in enumerate(steps) if step < 0]
    first += sum(steps[k] * (sizes[k] - 1) for k in down)
    found = torch.as_strided(
        tensor, sizes, [abs(s) for s in steps], first + tensor.storage_offset()
    )
    return found.flip(down) if down else found


def _looked_up(
    tensor: Tensor, place: Place, extents: Sequence[int], before: Sequence[Tensor], who: str
) -> Tensor:
    """A window whose index is in part the values of other windows."""
    flat = torch.zeros([1] * len(extents), dtype=torch.long, device=tensor.device)
    inside = torch.ones([1] * len(extents), dtype=torch.bool, device=tensor.device)
    stride = 1
    for dim in reversed(range(tensor.ndim)):
        size = tensor.shape[dim]
        at = _positions(place.map.offset[dim], place.map.rows[dim], extents, tensor.device)
        for _, source in (pair for pair in place.indirect if pair[0] == dim):
            at = at + before[source].long()
        within = (at >= 0) & (at < size)
        if place.pad is None and not bool(within.all()):
            where = f"the {size} elements of dimension {dim} of {place.buffer}"
            message = f"{who}: index {int(at[~within][0])} is outside of {where}"
            hint = "correct the indices that the network is given or computes"
            raise LegoError("E431", message, hint=hint)
        inside = inside & within
        flat = flat + at.clamp(0, max(size - 1, 0)) * stride
        stride *= size
    found = tensor.contiguous().reshape(-1)[flat]
    if place.pad is None:
        return found
    return torch.where(inside, found, torch.full_like(found, number_of(place.pad)))


def _within(place: Place, tensor: Tensor, extents: Sequence[int]) -> None:
    """No iteration of a box leaves the tensor."""
    for row, start, size in zip(place.map.rows, place.map.offset, tensor.shape, strict=True):
        reach = [a * (n - 1) for a, n in zip(row, extents, strict=True)]
        low, high = (start + sum(f(r, 0) for r in reach) for f in (min, max))
        if (low < 0 or high >= size) and 0 not in extents:
            raise InternalError(
                f"access {place.map} of a box of {list(extents)} leaves {place.buffer} of "
                f"{list(tensor.shape)}"
            )


def along(k: int, extent: int, rank: int, device: torch.device) -> Tensor:
    """The index of loop k, of shape 1 but there."""
    shape = [extent if j == k else 1 for j in range(rank)]
    return torch.arange(extent, device=device).reshape(shape)


def _positions(
    first: int, steps: Sequence[int], extents: Sequence[int], device: torch.device
) -> Tensor:
    """The flat index of every iteration, loops that aren't followed having one element."""
    index = torch.full([1] * len(extents), first, dtype=torch.long, device=device)
    for k, (step, n) in enumerate(zip(steps, extents, strict=True)):
        if step:
            index = index + along(k, n, len(extents), device) * step
    return index


def _padded(
    tensor: Tensor, place: Place, pad: float, extents: Sequence[int]
) -> tuple[Tensor, Place]:
    """The tensor with as much padding as the access reaches, and the access to it."""
    offset, sides = [], []
    for row, start, size in zip(place.map.rows, place.map.offset, tensor.shape, strict=True):
        reach = [a * (n - 1) for a, n in zip(row, extents, strict=True)]
        below = max(0, -(start + sum(r for r in reach if r < 0)))
        above = max(0, start + sum(r for r in reach if r > 0) - size + 1)
        offset.append(start + below)
        sides.append((below, above))
    if any(map(any, sides)):
        shape = [low + n + high for n, (low, high) in zip(tensor.shape, sides, strict=True)]
        wide = torch.full(shape, pad, dtype=tensor.dtype, device=tensor.device)
        inner = zip(tensor.shape, sides, strict=True)
        wide[tuple(slice(low, low + n) for n, (low, _) in inner)] = tensor
        tensor = wide
    moved = AffineMap(place.map.rows, tuple(offset))
    return tensor, Place(place.buffer, moved, None, place.indirect)


def store(output: Output, out: Tensor, body: Tensor, sizes: Sequence[int]) -> None:
    """Write a value per iteration of a box of `sizes`, or combine those that meet in one element."""
    target = _target(output, out, sizes)
    if target is not None:
        target.copy_(body.expand(sizes))
    elif output.reduction is Reduction.ADD:
        accumulate(output, out, body, sizes)
    else:
        index, inside = _addressed(output, out, sizes)
        value = body.expand(sizes)[inside]
        if output.reduction is Reduction.ASSIGN:
            out.view(-1)[index] = value
        else:
            way = "amax" if output.reduction is Reduction.MAX else "amin"
            out.view(-1).scatter_reduce_(0, index, value, way)


def assign(
    output: Output, out: Tensor, body: Tensor, extents: Sequence[int], inside: Tensor
) -> None:
    """Write the values of those iterations of a box that are inside the domain."""
    sizes = list(extents)
    index, there = _addressed(output, out, sizes)
    chosen = inside.expand(sizes)[there]
    out.view(-1)[index[chosen]] = body.expand(sizes)[there][chosen]


def accumulate(output: Output, out: Tensor, body: Tensor, sizes: Sequence[int]) -> None:
    """Add a value per iteration to its element; which of several comes first is the device's affair."""
    target = _target(output, out, sizes)
    if target is not None:
        target.add_(body.expand(sizes))
    else:
        index, inside = _addressed(output, out, sizes)
        out.view(-1).index_add_(0, index, body.expand(sizes)[inside])


def _target(output: Output, out: Tensor, sizes: Sequence[int]) -> Tensor | None:
    """The elements that the iterations write, if each writes another and none is outside."""
    steps, first = strides_of(output.place, out, len(sizes))
    if output.clipped or not is_injective(steps, sizes):
        return None
    _within(output.place, out, sizes)
    return torch.as_strided(
        out, sizes, [s if n > 1 else 0 for s, n in zip(steps, sizes, strict=True)], first
    )


def _addressed(output: Output, out: Tensor, sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The flat index of every iteration's element that is inside, and which iterations those are."""
    place = output.place
    if not output.clipped:
        _within(place, out, sizes)
    index = torch.zeros([1] * len(sizes), dtype=torch.long, device=out.device)
    inside = torch.ones([1] * len(sizes), dtype=torch.bool, device=out.device)
    for row, start, size, stride in zip(
        place.map.rows, place.map.offset, out.shape, out.stride(), strict=True
    ):
        at = _positions(start, row, sizes, out.device)
        inside = inside & (at >= 0) & (at < size)
        index = index + at * stride
    inside = inside.expand(sizes)
    return index.expand(sizes)[inside], inside


def is_injective(steps: Sequence[int], sizes: Sequence[int]) -> bool:
    """Whether these steps meet no element twice (sufficient, not necessary)."""
    reach = 0
    for step, size in sorted((s, n) for s, n in zip(steps, sizes, strict=True) if n > 1):
        if step <= reach:
            return False
        reach += step * (size - 1)
    return True
