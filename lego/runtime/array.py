"""A run of the array: operands out of memories, sums into the memory of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lego.bind.result import Bound
from lego.device.words import Touched, Words
from lego.ir.affine import AffineMap
from lego.ir.array import Access
from lego.ir.device import Device
from lego.ir.layout import Layout
from lego.runtime.contract import combined, reduced
from lego.runtime.images import Image

__all__ = ["run_array"]

Array = NDArray[np.int64]


def run_array(
    bound: Bound,
    layouts: Sequence[Layout],
    device: Device,
    images: Mapping[str, Image],
    touched: Touched,
    *,
    half: int = 0,
    resume: bool = False,
) -> None:
    """Run a bound operation: `layouts` are those of its operands in the chip's order, then of the result.

    Raises UnwrittenRead where an operand, or a sum that the run goes on from, isn't in memory, and ValueError
    where copies of an element differ.
    """
    op = bound.op
    values: dict[int, Array] = {}
    for number, k in enumerate(bound.assignment.order):
        words = touched.words(bound, number, layouts[number], device)
        image = images[layouts[number].memory]
        held, origin = _tile(words, image.read(words.addresses, words.present))
        values[k] = _gathered(op.inputs[k], op.extents, held, origin)
    kept = [k for k in range(len(op.loops)) if any(row[k] for row in op.output.map.rows)]
    terms = op.iterations
    sums = reduced(op.body, [values[k] for k in range(len(op.inputs))], kept, op.reduction, terms)
    target = touched.words(bound, len(op.inputs), layouts[-1], device)
    memory = device.memory(layouts[-1].memory)
    addresses = target.addresses + half * memory.half_stride
    found = _placed(op.output, op.extents, kept, sums, target)
    image = images[layouts[-1].memory]
    if resume:
        found = combined(image.read(addresses, target.present), found, op.reduction)
    span = 1 << layouts[-1].bits
    wrapped = (found + span // 2) % span - span // 2
    image.write(addresses, wrapped, target.present)


def _tile(words: Words, data: Array) -> tuple[Array, Array]:
    """The elements of a tile as an array, and the element of its first index."""
    elements, values = words.elements[words.present], data[words.present]
    origin = elements.min(axis=0)
    held = np.zeros(elements.max(axis=0) - origin + 1, dtype=np.int64)
    where = tuple((elements - origin).T)
    held[where] = values
    if (held[where] != values).any():
        raise ValueError("copies of one element differ")
    return held, origin


def _index(rows: AffineMap, extents: Sequence[int], dim: int, origin: int) -> Array:
    """The index of a dimension at every point of loops, with an axis per loop."""
    total = np.full((1,) * len(extents), rows.offset[dim] - origin)
    for k, (coefficient, extent) in enumerate(zip(rows.rows[dim], extents, strict=True)):
        if coefficient:
            shape = [extent if j == k else 1 for j in range(len(extents))]
            total = total + coefficient * np.arange(extent).reshape(shape)
    return total


def _gathered(access: Access, extents: Sequence[int], held: Array, origin: Array) -> Array:
    """The operand at every point of the loops, with an axis per loop."""
    if not held.ndim:
        return held.reshape((1,) * len(extents))
    where = (_index(access.map, extents, j, int(origin[j])) for j in range(held.ndim))
    return held[tuple(where)]


def _placed(
    access: Access, extents: Sequence[int], kept: Sequence[int], sums: Array, words: Words
) -> Array:
    """Results by word and lane."""
    elements = words.elements[words.present]
    origin = elements.min(axis=0)
    held = np.zeros(elements.max(axis=0) - origin + 1, dtype=np.int64)
    rows = AffineMap(
        tuple(tuple(row[k] for k in kept) for row in access.map.rows), access.map.offset
    )
    inner = [extents[k] for k in kept]
    where = (_index(rows, inner, j, int(origin[j])) for j in range(held.ndim))
    held[tuple(where)] = sums
    found = np.zeros(words.present.shape, dtype=np.int64)
    found[words.present] = held[tuple((elements - origin).T)]
    return found
