"""What a contraction's loops allow scales to vary along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lego.ir.affine import AffineMap
from lego.ir.operation import Loop, Operation, Place

__all__ = ["own_dimensions", "own_loops", "split_loop", "summed_loop"]


def own_loops(op: Operation) -> frozenset[int]:
    """Loops that give each iteration an output element of its own: what varies along them can be
    factored out of the sum.

    Those of an output dimension whose coefficients are a mixed radix; where they overlap, as in transposed
    convolutions, none of that dimension.
    """
    found: set[int] = set()
    for row in op.output.map.rows:
        steps = sorted((abs(c), op.loops[k].extent) for k, c in enumerate(row) if c)
        reach = 0
        for step, extent in steps:
            if step <= reach:
                break
            reach += step * (extent - 1)
        else:
            found |= {k for k, c in enumerate(row) if c}
    return frozenset(found)


def own_dimensions(op: Operation, place: Place) -> tuple[int, ...]:
    """Dimensions of an operand along which a scale may vary: only loops of `own_loops` move along them."""
    own = own_loops(op)
    return tuple(
        dim
        for dim, row in enumerate(place.map.rows)
        if any(row) and all(k in own for k, c in enumerate(row) if c)
    )


def summed_loop(op: Operation, place: Place) -> tuple[int, int] | None:
    """The longest loop that is summed over and alone moves along a dimension of the operand, by
    ones, and that dimension; None if there is none."""
    own, found = own_loops(op), []
    for dim, row in enumerate(place.map.rows):
        used = [(k, c) for k, c in enumerate(row) if c]
        if (
            len(used) == 1
            and used[0][1] == 1
            and used[0][0] not in own
            and not place.map.offset[dim]
        ):
            k = used[0][0]
            if not any(out[k] for out in op.output.map.rows):
                found.append((op.loops[k].extent, -k, dim))
    if not found:
        return None
    _, k, dim = max(found)
    return -k, dim


def split_loop(op: Operation, loop: int, size: int) -> Operation:
    """The same operation with a loop as two: over blocks of `size` iterations, and inside one.

    The extent is a multiple.
    """
    old = op.loops[loop]
    outer, inner = Loop(f"{old.name}o", old.extent // size), Loop(f"{old.name}i", size)
    loops = (*op.loops[:loop], outer, inner, *op.loops[loop + 1 :])
    return replace(
        op,
        loops=loops,
        outputs=tuple(
            replace(output, place=_split(output.place, loop, size)) for output in op.outputs
        ),
        inputs=tuple(_split(place, loop, size) for place in op.inputs),
    )


def _split(place: Place, loop: int, size: int) -> Place:
    def row_of(row: Sequence[int]) -> tuple[int, ...]:
        return (*row[:loop], row[loop] * size, row[loop], *row[loop + 1 :])

    rows = tuple(row_of(row) for row in place.map.rows)
    return replace(place, map=AffineMap(rows, place.map.offset))
