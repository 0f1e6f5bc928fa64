"""Random operations that a random chip may run or not: what it was compiled from, more or less changed."""

from __future__ import annotations

import random
from dataclasses import replace

from lego.ir.adg import Adg
from lego.ir.affine import AffineMap
from lego.ir.array import Access, ArrayOperation, Tensor
from lego.ir.domain import inside_box
from lego.ir.expr import Binary, Expr, Operand, Unary
from lego.ir.operation import Loop, Reduction

Rows = list[list[int]]

MOST_POINTS = 160


def drawn_operation(adg: Adg, seed: int) -> tuple[ArrayOperation, dict[str, Tensor]]:
    """An operation with the chip's body; loops, accesses and the order of inputs are changed at random."""
    r = random.Random(seed)
    chip = adg.op
    extents = _extents(r, [loop.extent for loop in chip.loops])
    accesses = [[list(row) for row in a.map.rows] for a in (*chip.inputs, chip.output)]
    for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
        _changed(r, accesses, extents)
    shuffled = r.sample(range(len(extents)), len(extents))
    extents = [extents[k] for k in shuffled]
    accesses = [[[row[k] for k in shuffled] for row in rows] for rows in accesses]
    keep = [k for k, n in enumerate(extents) if n > 1 or r.random() < 0.3] or [0]
    extents = [extents[k] for k in keep]
    accesses = [[[row[k] for k in keep] for row in rows] for rows in accesses]
    return _made(r, adg, extents, accesses)


def _extents(r: random.Random, most: list[int]) -> list[int]:
    extents = [r.randint(1, n + r.choice([0, 0, 0, 1, 3])) for n in most]
    if r.random() < 0.3:
        extents = list(most)
    while _points(extents) > MOST_POINTS:
        k = r.randrange(len(extents))
        extents[k] = max(1, extents[k] // 2)
    return extents


def _points(extents: list[int]) -> int:
    points = 1
    for n in extents:
        points *= n
    return points


def _changed(r: random.Random, accesses: list[Rows], extents: list[int]) -> None:
    """One change of what is accessed."""
    rows = r.choice(accesses[:-1] if r.random() < 0.7 else accesses)
    loop, row = r.randrange(len(extents)), r.choice(rows)
    kind = r.randrange(6)
    if kind == 0:
        row[loop] = row[loop] * r.choice([2, 3, -1]) or r.choice([0, 1])
    elif kind == 1:
        r.shuffle(rows)
    elif kind == 2:
        for each in rows:
            each[loop] = 0
    elif kind == 3:
        rows.append([int(k == loop) for k in range(len(extents))])
    elif kind == 4 and extents[loop] % 2 == 0:
        extents[loop] //= 2
        extents.append(2)
        half = extents[loop]
        for every in accesses:
            for each in every:
                each.append(each[loop] * half)
    else:
        extents.append(r.randint(1, 3))
        for every in accesses:
            joins = r.random() < 0.5
            for n, each in enumerate(every):
                each.append(int(joins and n == 0))


def _made(
    r: random.Random, adg: Adg, extents: list[int], accesses: list[Rows]
) -> tuple[ArrayOperation, dict[str, Tensor]]:
    *reads, writes = accesses
    order = r.sample(range(len(reads)), len(reads))
    places = [order.index(k) for k in range(len(order))]
    tensors: dict[str, Tensor] = {}
    inputs = []
    for n, k in enumerate(order):
        pad = r.choice([None, None, 0, 1])
        inputs.append(_access(r, f"T{n}", reads[k], extents, adg.inputs[k].tensor, pad, tensors))
    output = _access(r, "Z", writes, extents, adg.output.tensor, None, tensors)
    loops = tuple(Loop(f"l{k}", n) for k, n in enumerate(extents))
    body = renamed(adg.op.body, places)
    reduction = adg.op.reduction
    if reduction is Reduction.ASSIGN and not _once(writes, extents):
        reduction = Reduction.ADD
    return ArrayOperation("drawn", loops, output, tuple(inputs), body, reduction), tensors


def _once(writes: Rows, extents: list[int]) -> bool:
    """Whether rows are plain loops, and all of them."""
    plain = [row for row in writes if sum(map(abs, row)) == 1]
    used = {row.index(1) for row in plain if 1 in row}
    return all(n == 1 or k in used for k, n in enumerate(extents))


def _access(
    r: random.Random,
    name: str,
    rows: Rows,
    extents: list[int],
    like: Tensor,
    pad: int | None,
    tensors: dict[str, Tensor],
) -> Access:
    offsets, shape = [], []
    for row in rows:
        low, high = inside_box(row, 0, extents)
        offset = -low
        if pad is not None:
            offset += r.choice([0, 0, -1, 1])
        offsets.append(offset)
        shape.append(max(1, high + offset + 1 - (r.randint(0, 1) if pad is not None else 0)))
    tensors[name] = replace(like, name=name, shape=tuple(shape), pad=pad)
    return Access(name, AffineMap(tuple(map(tuple, rows)), tuple(offsets)))


def renamed(expr: Expr, places: list[int]) -> Expr:
    match expr:
        case Operand(index):
            return Operand(places[index])
        case Unary(op, arg):
            return Unary(op, renamed(arg, places))
        case Binary(op, left, right):
            return Binary(op, renamed(left, places), renamed(right, places))
        case _:
            return expr
