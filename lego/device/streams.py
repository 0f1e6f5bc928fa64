"""Commands of stages that begin with bytes: pooling, and what else the vector engine does alone.

A part of the result is made of a box of the first stream, which lies in the engine's memory as it lies in
the tensor, pads included.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.device.blocked import Blocked
from lego.device.emitter import Emitter, Ends
from lego.device.memory_map import Located
from lego.device.nests import vector_runs
from lego.device.plan import PlannedStage
from lego.device.post import Post, points_of
from lego.device.tokens import Token
from lego.device.transfers import Beats
from lego.diag import LegoError
from lego.ir.constants import number_of
from lego.ir.engines import BEAT_BYTES
from lego.ir.operation import Operation, Place
from lego.mapping.copies import PAD

__all__ = ["run_stream", "second_beats"]

Array = NDArray[np.int64]


@dataclass(frozen=True)
class _Reading:
    """How the first operation of a stage reads its first stream: by loops that the result has, and by those
    that are reduced over."""

    op: Operation
    place: Place
    post: Post
    outer: tuple[int, ...]
    inner: tuple[int, ...]

    @staticmethod
    def of(stage: PlannedStage) -> _Reading:
        op = stage.stage.post[0]
        place = next(each for each in op.inputs if each.buffer == stage.post.chain.first)
        kept = [k for k in range(len(op.loops)) if any(row[k] for row in op.output.map.rows)]
        inner = [k for k in range(len(op.loops)) if k not in kept]
        return _Reading(op, place, stage.post, tuple(kept), tuple(inner))

    def window(self) -> Array:
        """What is added to an element at each point that is reduced over; a row each."""
        points = np.zeros(
            (math.prod(self.op.loops[k].extent for k in self.inner), len(self.op.loops))
        )
        grid = itertools.product(*(range(self.op.loops[k].extent) for k in self.inner))
        for row, point in enumerate(grid):
            points[row, list(self.inner)] = point
        rows = np.array(self.place.map.rows, dtype=np.int64)
        found: Array = points.astype(np.int64) @ rows.T
        return found

    def first(self, elements: Array) -> Array:
        """The element of the stream at the first point of what becomes each element of the result."""
        points = points_of(self.op, self.post.begun_of(elements))
        rows = np.array(self.place.map.rows, dtype=np.int64)
        found: Array = points @ rows.T + np.array(self.place.map.offset, dtype=np.int64)
        return found


def run_stream(made: Emitter, stage: PlannedStage) -> None:
    """All of a stage that begins with bytes. Raises E308 if a part of it doesn't fit the engine's memory."""
    reading = _Reading.of(stage)
    source = made.dram.tensors[stage.post.chain.first]
    result = made.dram.tensors[stage.stage.result]
    window = reading.window()
    parts = list(_parts(made, stage, reading, window, result.layout))
    for k, rows in enumerate(parts):
        _part(made, stage, (reading, window), rows, (source, result), last=k == len(parts) - 1)


def second_beats(made: Emitter, stage: PlannedStage, elements: Array) -> Beats:
    """Beats of stream B for elements of the result, in consecutive words."""
    layout = made.dram.tensors[stage.post.chain.second].layout
    words = np.arange(len(elements))
    found = stage.post.second_of(elements)
    if ((found < 0) | (found >= np.array(layout.shape))).any():
        message = f"{stage.stage.name!r} reads beyond {layout.name!r}, as a second stream"
        hint = "pad what is reduced, or give the tensor its border"
        raise LegoError("E308", message, loc=stage.stage.post[-1].loc, hint=hint)
    offsets = layout.beat(found) * BEAT_BYTES
    return Beats(offsets, words, np.zeros_like(words))


def _elements(layout: Blocked) -> Array:
    """The first element of every beat of a tensor, in the order of DRAM."""
    rest = [n for k, n in enumerate(layout.shape) if k != layout.lane]
    grid = np.indices((layout.blocks, *rest)).reshape(1 + len(rest), -1).T
    found = np.insert(grid[:, 1:], layout.lane, grid[:, 0] * BEAT_BYTES, axis=1)
    return found.astype(np.int64)


def _parts(
    made: Emitter, stage: PlannedStage, reading: _Reading, window: Array, layout: Blocked
) -> Iterator[Array]:
    """Elements of the result, a row per beat, in parts that fit the memories."""
    line = layout.shape[-1] if layout.lane != len(layout.shape) - 1 else 1
    for rows in np.split(_elements(layout), layout.blocks):
        count = min(len(rows), made.store_room)
        while count > 1 and not _fits(made, stage, reading, window, rows[:count]):
            count -= max(1, count // 8)
        if not _fits(made, stage, reading, window, rows[:count]):
            message = (
                f"{stage.stage.name!r} makes an element of more words than fit the engine's memory"
            )
            raise LegoError("E308", message, loc=reading.op.loc)
        count = count // line * line if count >= line else count
        for start in range(0, len(rows), count):
            yield rows[start : start + count]


def _fits(
    made: Emitter, stage: PlannedStage, reading: _Reading, window: Array, rows: Array
) -> bool:
    """Whether a tile of each stream that these elements are made of finds room."""
    second = len(rows) if stage.post.chain.second else 0
    return _box_words(reading, window, rows) <= made.stream_room and second <= made.second_room


def _box(reading: _Reading, window: Array, elements: Array) -> tuple[Array, Array]:
    """The least and the largest element of the stream that some elements are made of."""
    first = reading.first(elements)
    return first.min(axis=0) + window.min(axis=0), first.max(axis=0) + window.max(axis=0)


def _box_words(reading: _Reading, window: Array, elements: Array) -> int:
    low, high = _box(reading, window, elements)
    sizes = high - low + 1
    return math.prod(int(n) for n in sizes)


def _part(
    made: Emitter,
    stage: PlannedStage,
    reads: tuple[_Reading, Array],
    elements: Array,
    places: tuple[Located, Located],
    *,
    last: bool,
) -> None:
    """One part of the result."""
    reading, window = reads
    source, result = places
    low, high = _box(reading, window, elements)
    sizes = high - low + 1
    strides = np.array([math.prod(sizes[k + 1 :]) for k in range(len(sizes))], dtype=np.int64)
    grid = np.indices(tuple(sizes)).reshape(len(sizes), -1).T + low
    inside = ((grid >= 0) & (grid < np.array(source.layout.shape))).all(axis=1)
    offsets = np.where(inside, source.layout.beat(grid) * BEAT_BYTES, PAD)
    words = np.arange(len(grid))
    pad = 0 if reading.place.pad is None else int(number_of(reading.place.pad))
    loads = [(Beats(offsets, words, np.zeros_like(words)), source.layout.name)]
    if stage.post.chain.second:
        loads.append((second_beats(made, stage, elements), stage.post.chain.second))
    block = int(elements[0, result.layout.lane]) // BEAT_BYTES
    made.hold(stage, block)
    base, *others = made.stream(loads, pad)
    columns = {
        "a": base + (reading.first(elements) - low) @ strides,
        "d": made.store_base + np.arange(len(elements)),
    }
    if others:
        columns["b"] = others[0] + loads[1][0].addresses
    inner = {"a": window @ strides} if reading.inner else None
    count = min(BEAT_BYTES, result.layout.shape[result.layout.lane] - block * BEAT_BYTES)
    ends = Ends(frozenset({int(Token.STREAM)}), frozenset({int(Token.STREAM_FREE)}))
    made.make(stage, _runs(stage, columns, inner), (1 << count) - 1, ends)
    made.store(result.layout.beat(elements), result, last=last)


def _runs(
    stage: PlannedStage, columns: Mapping[str, Array], inner: Mapping[str, Array] | None
) -> list[dict[str, int]]:
    """The runs of a part. Raises E308 if what is reduced has too many steps for the engine's counters."""
    try:
        return list(vector_runs(columns, inner))
    except ValueError as error:
        op = stage.stage.post[0]
        raise LegoError("E308", f"{op.name!r}: {error}", loc=op.loc) from error
