"""Sums over whole beats: loops along lanes are lengthened to multiples of 16, where what is added is 0.

Lanes of DRAM beyond a tensor's extent hold 0, and so do constants there; results beyond are dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lego.ir.array import Access, ArrayOperation, Tensor
from lego.ir.engines import BEAT_BYTES
from lego.ir.expr import Binary, BinaryOp, Expr, Operand
from lego.ir.operation import Reduction

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
