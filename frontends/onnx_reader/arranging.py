"""Operators that arrange elements: reshapes, slices, concatenation, look-ups, and what is made from
shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from frontends.onnx_reader.context import Context, Held, shape_of, translates
from frontends.onnx_reader.tensors import tensor_of
from frontends.torch_export.context import Known
from frontends.torch_export.layout import sliced
from frontends.torch_export.lookup import gathered

__all__ = ["taken"]

MODES: dict[object, Literal["edge", "reflect", "wrap"]] = {
    "edge": "edge",
    "reflect": "reflect",
    "wrap": "wrap",
}
"""NumPy's names of the ways to pad with what is there."""


def _folds(x: Any) -> bool:
    return isinstance(x, Known) and not isinstance(x, Held)


def taken(n: Context, x: Any, axis: int, indices: Sequence[int]) -> Any:
    """These indices of an axis: a view where they are a slice, a look-up where they aren't."""
    size = shape_of(x)[axis]
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    if not isinstance(indices, range) and indices and step:
        even = range(indices[0], indices[0] + step * len(indices), step)
        indices = even if list(indices) == list(even) else indices
    if indices == range(size):
        return x
    if isinstance(indices, range) and not _folds(x):
        n.makes("slice.Tensor", shape_of(x), x)
        return sliced(n, n.view(x), axis, indices[0], indices[-1] + step, step)
    n.limited(len(indices))
    return n.call("index_select.default", x, axis, Known(torch.tensor(indices, dtype=torch.int64)))


@translates("Constant")
def _constant(n: Context) -> Any:
    for name, dtype in (("value_float", torch.float32), ("value_int", torch.int64),
                        ("value_floats", torch.float32), ("value_ints", torch.int64)):  # fmt: skip
        value = n.attribute(name)
        if value is not None:
            return Known(torch.tensor(value, dtype=dtype))
    value = n.attribute("value")
    if value is None:
        raise n.fail("a constant that is neither a tensor nor numbers can't be lowered")
    try:
        return Known(tensor_of(value))
    except ValueError as error:
        raise n.fail(f"the constant can't be read: {error}") from error


def _filled(n: Context, shape: list[int], value: torch.Tensor) -> Known:
    n.limited(*shape)
    return Known(value.reshape(()).expand(shape).contiguous())


@translates("ConstantOfShape")
def _constant_of_shape(n: Context, shape: Any) -> Any:
    value = n.attribute("value")
    filler = torch.zeros(1) if value is None else tensor_of(value)
    return _filled(n, n.listed("shape", shape) or [], filler)


@translates("Range")
def _range(n: Context, start: Any, limit: Any, delta: Any) -> Any:
    first, last, step = (n.known(v, "a range")[0] for v in (start, limit, delta))
    count = max(math.ceil((last - first) / step), 0)
    n.limited(count)
    dtype = n.dtype(start)
    return Known((torch.arange(count, dtype=torch.float64) * step + first).to(dtype))


@translates("Shape")
def _shape(n: Context, x: Any) -> Any:
    window = slice(n.attribute("start", 0), n.attribute("end"))
    return Known(torch.tensor(shape_of(x)[window], dtype=torch.int64))


@translates("Size")
def _size(n: Context, x: Any) -> Any:
    return Known(torch.tensor(math.prod(shape_of(x)), dtype=torch.int64))


@translates("Reshape")
def _reshape(n: Context, x: Any, shape: Any = None) -> Any:
    wanted = n.listed("shape", shape) or []
    have = shape_of(x)
    if not n.attribute("allowzero", 0):
        if any(size == 0 and k >= len(have) for k, size in enumerate(wanted)):
            raise n.fail(f"shape {wanted} copies a dimension that {list(have)} doesn't have")
        wanted = [have[k] if size == 0 else size for k, size in enumerate(wanted)]
    return n.call("reshape.default", x, wanted)


@translates("Flatten")
def _flatten(n: Context, x: Any) -> Any:
    shape = shape_of(x)
    axis = n.attribute("axis", 1)
    axis += len(shape) if axis < 0 else 0
    return n.call("reshape.default", x, [math.prod(shape[:axis]), math.prod(shape[axis:])])


@translates("Transpose")
def _transpose(n: Context, x: Any) -> Any:
    order = n.attribute("perm") or list(range(len(shape_of(x))))[::-1]
    return n.call("permute.default", x, list(order))


@translates("Squeeze")
def _squeeze(n: Context, x: Any, axes: Any = None) -> Any:
    shape = shape_of(x)
    given = n.listed("axes", axes)
    gone = (
        [k for k, size in enumerate(shape) if size == 1]
        if given is None
        else [a % len(shape) for a in given]
    )
    if any(shape[k] != 1 for k in gone):
        raise n.fail(f"axes {gone} of {list(shape)} don't all have one element")
    return n.call("reshape.default", x, [s for k, s in enumerate(shape) if k not in gone])


@translates("Unsqueeze")
def _unsqueeze(n: Context, x: Any, axes: Any = None) -> Any:
    given = n.listed("axes", axes) or []
    rank = len(shape_of(x)) + len(given)
    for axis in sorted(a % rank for a in given):
        x = n.call("unsqueeze.default", x, axis)
    return x


@translates("Expand")
def _expand(n: Context, x: Any, shape: Any) -> Any:
    wanted = n.listed("shape", shape) or []
    return n.call("expand.default", x, _common(n, shape_of(x), wanted))


def _common(n: Context, a: Any, b: Any) -> list[int]:
    try:
        return list(torch.broadcast_shapes(tuple(a), tuple(b)))
    except RuntimeError as error:
        raise n.fail(f"{list(a)} doesn't broadcast with {list(b)}") from error


@translates("Tile")
def _tile(n: Context, x: Any, times: Any) -> Any:
    return n.call("repeat.default", x, n.listed("repeats", times))


@translates("Slice")
def _slice(
    n: Context, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None
) -> Any:
    first, last = n.listed("starts", starts) or [], n.listed("ends", ends) or []
    along = n.listed("axes", axes) or list(range(len(first)))
    step = n.listed("steps", steps) or [1] * len(first)
    for axis, a, b, s in zip(along, first, last, step, strict=True):
        axis %= len(shape_of(x))
        size = shape_of(x)[axis]
        if s == 0:
            raise n.fail("a slice has a step of 0")
        stop = None if s < 0 and b < -size else b
        indices = range(size)[a if a >= -size else None if s > 0 else -size - 1 : stop : s]
        if not indices and not _folds(x):
            raise n.fail(f"the slice of axis {axis} is empty")
        x = taken(n, x, axis, indices)
    return x


@translates("Concat")
def _concat(n: Context, *parts: Any) -> Any:
    return parts[0] if len(parts) == 1 else n.call("cat.default", list(parts), n.attribute("axis"))


@translates("Split")
def _split(n: Context, x: Any, sizes: Any = None) -> Any:
    assert n.proto is not None  # noqa: S101
    axis = n.attribute("axis", 0) % len(shape_of(x))
    given = n.listed("split", sizes)
    if given is None:
        total, pieces = shape_of(x)[axis], len(n.proto.output)
        each = -(-total // pieces)
        given = [each] * (pieces - 1) + [total - each * (pieces - 1)]
    return n.call("split_with_sizes.default", x, given, axis)


@translates("Gather")
def _gather(n: Context, x: Any, index: Any) -> Any:
    """Negative indices count from the end."""
    shape = shape_of(x)
    axis = n.attribute("axis", 0) % len(shape)
    if _folds(index):
        indices = [int(i) for i in n.known(index, "an index")]
        if any(not -shape[axis] <= i < shape[axis] for i in indices):
            raise n.fail(f"an index is outside of {shape[axis]} elements of axis {axis}")
        indices = [i % shape[axis] for i in indices]
        if not index.value.dim():
            return n.call("select.int", x, axis, indices[0])
        if index.value.dim() == 1 and indices:
            return taken(n, x, axis, indices)
        index = Known(torch.tensor(indices, dtype=torch.int64).reshape(index.value.shape))
    return n.call("index.Tensor", x, [None] * axis + [index])


@translates("GatherElements")
def _gather_elements(n: Context, x: Any, index: Any) -> Any:
    """Negative indices count from the end, unlike those of PyTorch's `gather`."""
    axis = n.attribute("axis", 0) % len(shape_of(x))
    if _folds(index):
        ahead = index.value.where(index.value >= 0, index.value + shape_of(x)[axis])
        return n.call("gather.default", x, axis, Known(ahead))
    n.makes("gather.default", shape_of(index), x)
    return gathered(n, n.view(x), axis, index, wraps=True)


@translates("Pad")
def _pad(n: Context, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    rank = len(shape_of(x))
    sides = n.listed("pads", pads) or []
    along = [a % rank for a in n.listed("axes", axes) or range(rank)]
    half = len(sides) // 2
    before = dict(zip(along, sides[:half], strict=True))
    after = dict(zip(along, sides[half:], strict=True))
    mode = n.attribute("mode", "constant")
    if mode == "constant":
        filler = n.attribute("value", 0.0) if value is None else n.known(value, "the padding")[0]
        flat = [side for k in reversed(range(rank)) for side in (before.get(k, 0), after.get(k, 0))]
        return n.call("constant_pad_nd.default", x, flat, filler) if any(flat) else x
    for axis in along:
        size, kind = shape_of(x)[axis], MODES.get(mode)
        if kind is None or min(before[axis], after[axis]) < 0:
            raise n.fail(f"padding by {clean_mode(mode)} with these sides can't be lowered")
        n.limited(size + before[axis] + after[axis])
        places = np.pad(np.arange(size), (before[axis], after[axis]), mode=kind)
        x = taken(n, x, axis, [int(place) for place in places])
    return x


def clean_mode(mode: object) -> str:
    """A mode of the file as it can be printed."""
    return repr(str(mode)[:20])


@translates("DepthToSpace")
def _depth_to_space(n: Context, x: Any) -> Any:
    batch, c, h, w = shape_of(x)
    b = n.attribute("blocksize")
    if n.attribute("mode", "DCR") == "CRD":
        return n.call("pixel_shuffle.default", x, b)
    cut = n.call("reshape.default", x, [batch, b, b, c // b**2, h, w])
    mixed = n.call("permute.default", cut, [0, 3, 4, 1, 5, 2])
    return n.call("reshape.default", mixed, [batch, c // b**2, h * b, w * b])


@translates("SpaceToDepth")
def _space_to_depth(n: Context, x: Any) -> Any:
    batch, c, h, w = shape_of(x)
    b = n.attribute("blocksize")
    cut = n.call("reshape.default", x, [batch, c, h // b, b, w // b, b])
    first = [1, 3, 5] if n.attribute("mode", "DCR") == "CRD" else [3, 5, 1]
    mixed = n.call("permute.default", cut, [0, *first, 2, 4])
    return n.call("reshape.default", mixed, [batch, c * b**2, h // b, w // b])


@translates("Trilu")
def _trilu(n: Context, x: Any, diagonal: Any = None) -> Any:
    shift = 0 if diagonal is None else int(n.known(diagonal, "the diagonal")[0])
    n.limited(*shape_of(x)[-2:])
    square = torch.ones(shape_of(x)[-2:], dtype=torch.bool)
    mask = square.triu(shift) if n.attribute("upper", 1) else square.tril(shift)
    return n.call("where.self", Known(mask), x, Known(torch.zeros((), dtype=n.dtype(x))))


@translates("OneHot")
def _one_hot(n: Context, index: Any, depth: Any, values: Any) -> Any:
    """An index counts from the end if it is negative; one outside gives a row of what is off."""
    off, on = n.known(values, "the values")
    axis = n.attribute("axis", -1)
    rank = len(shape_of(index)) + 1
    count = int(n.known(depth, "the depth")[0])
    n.limited(count)
    places = torch.arange(count).reshape([count if k == axis % rank else 1 for k in range(rank)])
    if n.dtype(index) in (torch.uint8, torch.bool):
        wrapped = index
    else:
        below = n.call("lt.Scalar", index, 0)
        wrapped = n.call("where.self", below, n.call("add.Scalar", index, count), index)
    hit = n.call("eq.Tensor", n.call("unsqueeze.default", wrapped, axis), Known(places))
    dtype = n.dtype(values)
    return n.call(
        "where.self", hit, Known(torch.tensor(on, dtype=dtype)), Known(torch.tensor(off, dtype=dtype))
    )  # fmt: skip
