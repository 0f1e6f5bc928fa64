"""Sums over whole beats: loops along lanes are lengthened to multiples of 16, where what is added is 0.

Lanes of DRAM beyond a tensor's extent hold 0, and so do constants there; results beyond are dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lego.ir.affine import AffineMap
from lego.ir.array import Access, ArrayOperation, Tensor
from lego.ir.engines import BEAT_BYTES
from lego.ir.expr import Binary, BinaryOp, Expr, Operand
from lego.ir.operation import Loop, Reduction

__all__ = ["padded"]


def padded(
    op: ArrayOperation,
    tensors: Mapping[str, Tensor],
    constants: Collection[str],
    allowed: Mapping[str, Sequence[int]],
    *,
    short: bool = False,
) -> tuple[ArrayOperation, dict[str, Tensor]]:
    """An operation whose lanes fill beats, with tensors as large as it needs; the same where that isn't known
    to leave the sums as they are.

    `allowed` are dimensions that may be a tensor's lanes; `short`: loops of less than a beat, too, and those
    along lanes of what is read and written.
    """
    if not _is_product(op.body) or op.reduction is not Reduction.ADD or op.domain:
        return op, dict(tensors)
    op = _with_lanes(op, tensors, constants) if short else op
    longer = {k for k in range(len(op.loops)) if _along_lanes(op, k, constants)}
    if short:
        longer |= {k for k in range(len(op.loops)) if _may_be_short(op, k, constants, allowed)}
    else:
        longer -= {k for k in longer if op.loops[k].extent <= BEAT_BYTES}
    extents = [
        loop.extent + -loop.extent % BEAT_BYTES if k in longer else loop.extent
        for k, loop in enumerate(op.loops)
    ]
    loops = tuple(replace(loop, extent=n) for loop, n in zip(op.loops, extents, strict=True))
    made = replace(op, loops=loops)
    found = dict(tensors)
    for access in (*op.inputs, op.output):
        found[access.tensor] = _enlarged(access, found[access.tensor], op, extents)
    return made, found


def _with_lanes(
    op: ArrayOperation, tensors: Mapping[str, Tensor], constants: Collection[str]
) -> ArrayOperation:
    """The operation with a loop more, of one trip, along a dimension of one index that all inputs have.

    Such is the channel of grey images; the loop gives lanes to what has none.
    """
    dims = [_single(access, tensors[access.tensor]) for access in op.inputs]
    if None in dims or not any(a.tensor not in constants for a in op.inputs):
        return op
    taken = {loop.name for loop in op.loops}
    name = next(f"lane{k}" for k in range(len(taken) + 1) if f"lane{k}" not in taken)
    inputs = tuple(
        replace(access, map=_longer(access.map, dim))
        for access, dim in zip(op.inputs, dims, strict=True)
    )
    output = replace(op.output, map=_longer(op.output.map, None))
    return replace(op, loops=(*op.loops, Loop(name, 1)), inputs=inputs, output=output)


def _single(access: Access, tensor: Tensor) -> int | None:
    """The last dimension of one index, which no loop moves."""
    rows = list(enumerate(access.map.rows))
    found = [d for d, row in rows if tensor.shape[d] == 1 and not any(row)]
    return found[-1] if found else None


def _longer(given: AffineMap, dim: int | None) -> AffineMap:
    """The map with a loop more, which moves one dimension."""
    rows = tuple((*row, int(d == dim)) for d, row in enumerate(given.rows))
    return AffineMap(rows, given.offset)


def _is_product(body: Expr) -> bool:
    match body:
        case Operand():
            return True
        case Binary(BinaryOp.MUL, left, right):
            return _is_product(left) and _is_product(right)
    return False


def _along_lanes(op: ArrayOperation, loop: int, constants: Collection[str]) -> bool:
    """Whether a loop of more than a beat runs along lanes: summed over, or of results through constants."""
    if op.loops[loop].extent % BEAT_BYTES == 0 or not _is_alone(op, loop):
        return False
    if not any(row[loop] for row in op.output.map.rows):
        return True
    inputs = [a for a in op.inputs if any(row[loop] for row in a.map.rows)]
    return bool(inputs) and all(a.tensor in constants for a in inputs)


def _is_alone(op: ArrayOperation, loop: int) -> bool:
    """Whether no index depends on the loop and on another one."""
    rows = [row for a in (*op.inputs, op.output) for row in a.map.rows if row[loop]]
    return all(sum(map(abs, row)) == 1 for row in rows)


def _may_be_short(
    op: ArrayOperation,
    loop: int,
    constants: Collection[str],
    allowed: Mapping[str, Sequence[int]],
) -> bool:
    """Whether a loop runs along the only lanes that something may have which is read or written."""
    if op.loops[loop].extent % BEAT_BYTES == 0 or not _is_alone(op, loop):
        return False
    return any(
        len(allowed.get(a.tensor, ())) == 1 and a.map.rows[allowed[a.tensor][0]][loop]
        for a in (*op.inputs, op.output)
        if a.tensor not in constants
    )


def _enlarged(access: Access, tensor: Tensor, op: ArrayOperation, extents: list[int]) -> Tensor:
    """A tensor with room for the loops of an access that are longer."""
    shape = list(tensor.shape)
    for dim, row in enumerate(access.map.rows):
        for loop, coefficient in enumerate(row):
            if coefficient and extents[loop] != op.loops[loop].extent:
                shape[dim] = max(shape[dim], extents[loop] + access.map.offset[dim])
    return replace(tensor, shape=tuple(shape))
