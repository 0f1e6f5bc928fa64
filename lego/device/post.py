"""A stage's chain on the vector engine: what its registers hold, and which words make the result."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lego.device.blocked import Blocked
from lego.device.elements import lane_loops
from lego.device.stages import Stage, chained
from lego.device.words import Words
from lego.diag import InternalError
from lego.ir.engines import BEAT_BYTES
from lego.ir.formats import Format
from lego.ir.intervals import Interval
from lego.ir.operation import Operation, Place
from lego.ir.vector.chain import Chain, NotAChain, SlotFn, table_bytes
from lego.ir.vector.plan import VectorPlan
from lego.ir.vector.planning import placed
from lego.ir.vector.settings import held_bytes, settings_of

__all__ = ["Chunk", "Post", "chunks_of", "points_of"]

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Post:
    """The chain of a stage, with the values that its operands have.

    Attributes
    ----------
    lane : dimension of the result that runs along lanes.
    values : what constants of the chain hold, by buffer.
    """

    stage: Stage
    plan: VectorPlan
    chain: Chain
    lane: int
    values: Mapping[str, NDArray[np.integer]]

    @staticmethod
    def of(
        stage: Stage,
        plan: VectorPlan,
        lane: int,
        formats: Mapping[str, Format],
        values: Mapping[str, NDArray[np.integer]],
    ) -> Post:
        """The chain along one dimension. Raises NotAChain where the engine doesn't compute it."""
        constants: dict[str, Interval] = {
            name: (int(v.min()), int(v.max())) for name, v in values.items() if v.size
        }
        chain = chained(stage.post, formats, lane, constants)
        placed(plan, chain)
        _check_operands(chain, constants)
        return Post(stage, plan, chain, lane, values)

    def registers(self) -> dict[str, int]:
        """What says what is computed."""
        read = [p for op in self.stage.post for p in op.inputs if p.buffer in self.values]
        scalars = {
            p.buffer: int(self.values[p.buffer][p.map.offset])
            for p in read
            if not any(any(row) for row in p.map.rows)
        }
        return settings_of(self.plan, self.chain, scalars)

    def held(self, block: int) -> tuple[tuple[int, bytes], ...]:
        """Held vectors of a block of lanes: the first held word of each, and its bytes."""
        first = block * BEAT_BYTES
        return held_bytes(self.plan, self.chain, _Lanes(self.stage, self.lane, self.values, first))

    def table(self) -> bytes:
        """The table that the chain looks up, or nothing."""
        before = self.chain.spans()
        for step, span in zip(self.chain.steps, before, strict=False):
            if step.fn is SlotFn.TABLE:
                held = self.values[step.buffer] if step.buffer else np.zeros(0, dtype=np.int64)
                return table_bytes(step, [int(v) for v in held.reshape(-1)], span)
        return b""

    def result_of(self, elements: Array) -> Array:
        """The element of the result for elements of stream A, a row of indices each."""
        found = elements
        name = self.chain.first
        for op in self.stage.post:
            found = _carried(op, name, found)
            name = op.output.buffer
        return found

    def second_of(self, elements: Array) -> Array:
        """The element of stream B for elements of the result."""
        found = elements
        for k, op in reversed(list(enumerate(self.stage.post))):
            points = points_of(op, found)
            for place in op.inputs:
                if place.buffer == self.chain.second:
                    return _mapped(place, points)
            before = self.stage.post[k - 1].output.buffer
            found = _mapped(next(p for p in op.inputs if p.buffer == before), points)
        raise InternalError(f"{self.stage.name} reads no second stream")

    def begun_of(self, elements: Array) -> Array:
        """The element of what the first operation writes, for elements of the result."""
        found = elements
        for before, op in reversed(list(pairwise(self.stage.post))):
            place = next(p for p in op.inputs if p.buffer == before.output.buffer)
            found = _mapped(place, points_of(op, found))
        return found


def _check_operands(chain: Chain, constants: Collection[str]) -> None:
    """Demand that streams are no constants, which no program brings."""
    for name in (chain.first, chain.second):
        if name in constants:
            raise NotAChain(f"{name} is a parameter with more than a number per lane")


class _Lanes(Mapping[str, Sequence[int]]):
    """Constants along a block of lanes."""

    def __init__(
        self,
        stage: Stage,
        lane: int,
        values: Mapping[str, NDArray[np.integer]],
        first: int,
    ) -> None:
        self._stage, self._lane, self._values, self._first = stage, lane, values, first

    def __getitem__(self, name: str) -> Sequence[int]:
        ops = self._stage.post
        for op, loop in zip(ops, lane_loops(ops, self._lane), strict=True):
            for place in op.inputs:
                if place.buffer == name:
                    return self._read(op, place, loop)
        raise KeyError(name)

    def _read(self, op: Operation, place: Place, loop: int) -> Sequence[int]:
        """The constant where the loop along lanes is in the block, and all others are 0."""
        count = min(BEAT_BYTES, op.loops[loop].extent - self._first)
        points = np.zeros((count, len(op.loops)), dtype=np.int64)
        points[:, loop] = self._first + np.arange(count)
        found = self._values[place.buffer][tuple(_mapped(place, points).T)]
        return [int(v) for v in found]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _mapped(place: Place, points: Array) -> Array:
    rows = np.array(place.map.rows, dtype=np.int64).reshape(len(place.map.rows), points.shape[1])
    return points @ rows.T + np.array(place.map.offset, dtype=np.int64)


def points_of(op: Operation, elements: Array) -> Array:
    """The first point of the loops at which an operation writes each element."""
    points = np.zeros((len(elements), len(op.loops)), dtype=np.int64)
    for dim, row in enumerate(op.output.map.rows):
        used = [k for k, c in enumerate(row) if c]
        if used:
            points[:, used[0]] = elements[:, dim] - op.output.map.offset[dim]
    return points


def _points(op: Operation, name: str, elements: Array) -> Array:
    """The point of the loops at which an operation reads each element; every loop is an index."""
    place = next(each for each in op.inputs if each.buffer == name)
    points = np.zeros((*elements.shape[:-1], len(op.loops)), dtype=np.int64)
    for dim, (row, offset) in enumerate(zip(place.map.rows, place.map.offset, strict=True)):
        used = [k for k, c in enumerate(row) if c]
        if len(used) == 1 and row[used[0]] == 1:
            points[..., used[0]] = elements[..., dim] - offset
        elif used:
            raise InternalError(f"{op.name} doesn't read {name} element by element")
    return points


def _carried(op: Operation, name: str, elements: Array) -> Array:
    """The element that an operation writes for each element that it reads."""
    points = _points(op, name, elements)
    flat = _mapped(op.output.place, points.reshape(-1, points.shape[-1]))
    return flat.reshape(*points.shape[:-1], flat.shape[-1])


@dataclass(frozen=True)
class Chunk:
    """Words that the vector engine makes in one go, in the order of DRAM, all of one block of lanes.

    Attributes
    ----------
    beats : of the result, ascending.
    sources : words of stream A.
    rotations : lanes that each is turned up.
    elements : of stream A, of the first lane that there is.
    mask : lanes that hold an element.
    """

    block: int
    beats: Array
    sources: Array
    rotations: Array
    elements: Array
    mask: int


def chunks_of(post: Post, words: Words, result: Blocked, most: int) -> list[Chunk]:
    """The words of a tile of sums as chunks of at most so many beats of the result."""
    words = _within(post, words, result)
    first = np.argmax(words.present, axis=1)
    elements = words.elements[np.arange(len(first)), first]
    target = post.result_of(elements)
    beats, blocks = result.beat(target), target[:, post.lane] // BEAT_BYTES
    rotations = (result.byte(target) - first) % BEAT_BYTES
    masks = (words.present * (1 << np.arange(words.present.shape[1]))).sum(axis=1)
    order = np.argsort(beats, kind="stable")
    found: list[Chunk] = []
    kinds = np.stack([blocks, masks], axis=1)[order]
    ends = np.flatnonzero((kinds[1:] != kinds[:-1]).any(axis=1)) + 1
    for part in np.split(order, ends):
        for start in range(0, len(part), most):
            rows = part[start : start + most]
            block, mask, sources = int(blocks[rows[0]]), int(masks[rows[0]]), words.addresses[rows]
            found.append(Chunk(block, beats[rows], sources, rotations[rows], elements[rows], mask))
    return found


def _within(post: Post, words: Words, result: Blocked) -> Words:
    """The words that hold sums of elements that the result has, without other lanes."""
    inside = (post.result_of(words.elements) < np.array(result.shape)).all(axis=-1)
    present = np.logical_and(words.present, inside)
    kept = present.any(axis=1)
    return Words(words.addresses[kept], words.elements[kept], present[kept])
