"""Whether elements of a chain's operations correspond: each is made of what was made of one element before.

The engine goes through elements of the result in the order of DRAM, so every operation of a chain must say
for an element of what it writes which one it reads.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from lego.ir.affine import AffineMap
from lego.ir.operation import Operation, Place
from lego.ir.vector.chain import Chain, NotAChain

__all__ = ["check_elements", "lane_loop", "lane_loops", "loop_alone"]


def lane_loop(op: Operation, dim: int) -> int | None:
    """The loop that alone gives dimension `dim` of what an operation writes, or None."""
    return loop_alone(op.output.map, dim)


def lane_loops(ops: Sequence[Operation], dim: int) -> list[int]:
    """The loop of each operation that runs along dimension `dim` of what the last one writes.

    Raises NotAChain if there is none, or if an operation reads what that of the one before doesn't write.
    """
    found: list[int] = []
    for k, op in reversed(list(enumerate(ops))):
        loop = lane_loop(op, dim)
        if loop is None:
            raise NotAChain(f"no loop runs along dimension {dim} alone")
        found.insert(0, loop)
        if k:
            dim = _dim_of(_read(op, ops[k - 1].output.buffer), loop)
    return found


def _dim_of(place: Place, loop: int) -> int:
    """The dimension of a buffer that a loop runs along from its first index on. Raises NotAChain."""
    dims = range(len(place.map.rows))
    found = [d for d in dims if loop_alone(place.map, d) == loop and not place.map.offset[d]]
    if not found:
        raise NotAChain(f"no dimension of {place.buffer} runs along the lanes")
    return found[0]


def loop_alone(given: AffineMap, dim: int) -> int | None:
    """The loop that alone gives an index, and gives no other one."""
    row = given.rows[dim]
    used = [k for k, c in enumerate(row) if c]
    others = [r for j, r in enumerate(given.rows) if j != dim]
    if len(used) != 1 or row[used[0]] != 1 or any(r[used[0]] for r in others):
        return None
    return used[0]


def _read(op: Operation, buffer: str) -> Place:
    """Where an operation reads a buffer. Raises NotAChain unless that is one place."""
    found = [place for place in op.inputs if place.buffer == buffer]
    if len(found) != 1:
        raise NotAChain(f"{op.name} reads {buffer} at {len(found)} places")
    return found[0]


def check_elements(ops: Sequence[Operation], chain: Chain) -> None:
    """Raise NotAChain unless every element of a chain's result is made of elements that are known from it."""
    for op in ops:
        if op.domain:
            raise NotAChain(f"bounds of loops of {op.name} depend on other loops")
        for dim in range(len(op.output.map.rows)):
            _check_written(op, dim)
        for place in op.inputs:
            _read(op, place.buffer)
    _check_constants(ops, {chain.first, chain.second})
    for before, op in pairwise(ops):
        _check_one_to_one(op, _read(op, before.output.buffer))
    if chain.is_wide:
        _check_one_to_one(ops[0], _read(ops[0], chain.first))


def _check_written(op: Operation, dim: int) -> None:
    """Demand that indices of what is written are loops, from 0 on, or 0."""
    if op.output.map.offset[dim] or (any(op.output.map.rows[dim]) and lane_loop(op, dim) is None):
        raise NotAChain(f"{op.name} doesn't write {op.output.buffer} element by element")


def _check_one_to_one(op: Operation, place: Place) -> None:
    """Demand that each point of the loops reads an element of its own, at the loops as indices."""
    dims = range(len(place.map.rows))
    loops = [loop_alone(place.map, dim) for dim in dims if any(place.map.rows[dim])]
    longer = {k for k, loop in enumerate(op.loops) if loop.extent > 1}
    if None in loops or not longer <= set(loops) or any(place.map.offset) or place.pad is not None:
        raise NotAChain(f"{op.name} doesn't read {place.buffer} element by element")


def _check_constants(ops: Sequence[Operation], streams: Collection[str]) -> None:
    """Demand that constants that several operations read are read at the same elements."""
    maps: dict[str, AffineMap] = {}
    for op in ops:
        for place in op.inputs:
            known = maps.setdefault(place.buffer, place.map)
            if place.buffer not in streams and known != place.map:
                raise NotAChain(f"{place.buffer} is read at several places")
