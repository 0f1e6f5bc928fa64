"""What of operations fits arrays, and that it then computes the same."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from frontends.yaml import load_text
from lego.diag import LegoError
from lego.ir import expr
from lego.ir.affine import AffineMap
from lego.ir.array import Unfit, array_body, array_operation, narrowed
from lego.ir.constants import Constant, constant
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import (
    BOOL,
    EXACT,
    FLOAT32,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    Format,
    Integer,
)
from lego.ir.network import Buffer, Network, Role
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    HostCall,
    Loop,
    Operation,
    Output,
    Place,
    Position,
    Reduction,
    Value,
)
from lego.ir.promotion import applied, in_format
from lego.ir.workload import Workload
from sim import reference

LINE = AffineMap(((1,),), (0,))
WHOLE = (INT8, UINT8, INT16, INT32)
POINTS = 40


def operation(body: Body, how: Reduction = Reduction.ASSIGN, inputs: int = 2) -> Operation:
    places = tuple(Place(f"x{k}", LINE) for k in range(inputs))
    return Operation("op", (Loop("i", POINTS),), (Output(Place("y", LINE), body, how),), places)


def buffers(reads: tuple[Format, ...], stored: Format) -> dict[str, Buffer]:
    found = {f"x{k}": Buffer(f"x{k}", (POINTS,), fmt, Role.INPUT) for k, fmt in enumerate(reads)}
    return found | {"y": Buffer("y", (POINTS,), stored)}


def refused(body: Body, reads: tuple[Format, ...] = (INT8, INT8), stored: Format = INT8) -> str:
    found = array_operation(operation(body), buffers(reads, stored))
    assert isinstance(found, Unfit)
    return found.reason


X, W = Value(0, INT8), Value(1, INT8)


def test_bodies_in_the_operators_that_fus_have() -> None:
    shifted = applied(Fn.SHIFT, applied(Fn.MUL, X, W), Constant(2, INT64))
    body = applied(Fn.MAX, applied(Fn.ABS, shifted), applied(Fn.NEG, Constant(-3, INT64)))
    product = Binary(BinaryOp.MUL, Operand(0), Operand(1))
    found = Unary(UnaryOp.ABS, Binary(BinaryOp.SHR, product, Literal(2)))
    assert array_body(operation(body)) == Binary(
        BinaryOp.MAX, found, Unary(UnaryOp.NEG, Literal(-3))
    )


WITHOUT: dict[str, Body] = {
    "a number in it is no integer": applied(Fn.MUL, X, constant(0.5, FLOAT32)),
    "it computes with the index of a loop": applied(Fn.ADD, X, Position(0, INT64)),
    "FUs don't have the function exp": applied(Fn.EXP, X),
    "FUs don't have the function cast": Apply(Fn.CAST, (X,), INT32),
    "FUs don't have the function shift": applied(Fn.SHIFT, X, W),
    "FUs don't have the function shl": applied(Fn.SHL, X, Constant(63, INT64)),
}


@pytest.mark.parametrize("reason", WITHOUT)
def test_bodies_without_one(reason: str) -> None:
    for body in (
        WITHOUT[reason],
        applied(Fn.ADD, WITHOUT[reason], X),
        applied(Fn.NEG, WITHOUT[reason]),
    ):
        assert array_body(operation(body)) == Unfit(reason)


def test_what_else_doesnt_fit() -> None:
    op = operation(X)
    assert array_body(replace(op, outputs=op.outputs * 2)) == Unfit("it has 2 outputs")
    looked = replace(op.inputs[1], indirect=((0, 0),))
    looks = replace(op, inputs=(op.inputs[0], looked))
    assert array_body(looks) == Unfit("it looks up what it reads")
    assert "of float32" in refused(Value(0, FLOAT32), (FLOAT32, INT8))
    assert "of bool" in refused(Value(0, BOOL), (BOOL, INT8))
    assert "of int64" in refused(Value(0, INT64), (INT64, INT8))
    clipped = replace(op, outputs=(replace(op.output, clipped=True),))
    found = array_operation(clipped, buffers((INT8, INT8), INT8))
    assert isinstance(found, Unfit) and "outside its output" in found.reason
    pads = tuple(Place("x0", LINE, Constant(k, INT8)) for k in (1, 2))
    found = array_operation(replace(op, inputs=pads), buffers((INT8, INT8), INT8))
    assert isinstance(found, Unfit) and "several pad values" in found.reason


def test_wrapping_that_shows_is_refused() -> None:
    product = Apply(Fn.MUL, (X, W), INT8)
    leaves = "a value within its body can leave its format"
    assert refused(applied(Fn.MAX, product, X)) == leaves
    assert refused(applied(Fn.SHIFT, product, Constant(1, INT64)), stored=INT32) == leaves
    assert refused(product, stored=INT32) == leaves
    assert refused(Value(0, INT8), (INT32, INT8), INT32) == leaves
    assert not isinstance(array_operation(operation(product), buffers((INT8, INT8), INT8)), Unfit)
    assert refused(applied(Fn.ADD, Value(0, FLOAT32), W), (INT32, INT8), INT32) == leaves
    assert refused(Value(0, BOOL)) == leaves
    narrow = operation(Value(0, INT8))
    assert not isinstance(array_operation(narrow, buffers((INT32, INT8), INT8)), Unfit)


def random_body(rng: random.Random, depth: int) -> Body:
    if not depth or rng.random() < 0.15:
        if rng.random() < 0.75:
            return Value(rng.randrange(2), rng.choice((*WHOLE, EXACT, INT64)))
        return Constant(rng.randint(-9, 9), INT64)
    how = rng.random()
    if how < 0.2:
        body = random_body(rng, depth - 1)
        return typed(rng, rng.choice((Fn.NEG, Fn.ABS)), body)
    if how < 0.35:
        by = Constant(rng.randint(0, 5), INT64)
        return typed(rng, rng.choice((Fn.SHL, Fn.SHIFT)), random_body(rng, depth - 1), by)
    fn = rng.choice((Fn.ADD, Fn.SUB, Fn.MUL, Fn.MAX, Fn.MIN))
    return typed(rng, fn, random_body(rng, depth - 1), random_body(rng, depth - 1))


def typed(rng: random.Random, fn: Fn, *args: Body) -> Apply:
    """In any format: references wrap to whatever a node says."""
    return Apply(fn, args, rng.choice((*WHOLE, INT64, EXACT)))


def evaluated(body: Expr, reads: list[np.ndarray], stored: Integer) -> list[int]:
    """In integers without bound, wrapped where they are stored."""
    values = [expr.evaluate(body, [int(read[k]) for read in reads]) for k in range(POINTS)]
    return [(v - stored.low) % (1 << stored.bits) + stored.low for v in values]


def test_what_fits_computes_the_same() -> None:
    """Random bodies with formats that wrap anywhere: what is taken for an array gives, in integers
    without bound, what the formats give."""
    taken = 0
    for seed in range(3000):
        rng = random.Random(seed)
        body, stored = random_body(rng, rng.randint(0, 3)), rng.choice(WHOLE)
        reads = (rng.choice(WHOLE), rng.choice(WHOLE))
        op, held = (
            operation(body, rng.choice((Reduction.ASSIGN, Reduction.ADD))),
            buffers(reads, stored),
        )
        found = array_operation(op, held)
        if isinstance(found, Unfit):
            continue
        taken += 1
        draw = np.random.default_rng(seed)
        given = {
            f"x{k}": reference.random_tensor(fmt, (POINTS,), draw) for k, fmt in enumerate(reads)
        }
        wanted = reference.execute(op, held, given, {"i": POINTS}, (POINTS,)).values
        values = evaluated(found[0].body, list(given.values()), stored)
        assert values == wanted.tolist(), (seed, body, reads, stored)
    assert taken > 600


def test_exact_bodies() -> None:
    body = applied(Fn.ADD, X, Constant(3, INT64))
    assert in_format(body, EXACT) == Apply(Fn.ADD, (Value(0, EXACT), Constant(3, EXACT)), EXACT)
    assert in_format(Position(0, INT64), EXACT) == Position(0, EXACT)


CHAIN = """\
name: chain
operations:
  - {name: a, loops: {i: 8}, statement: "T[i] = X[i]", formats: {X: int8, T: int8}}
  - {name: b, loops: {i: 8}, statement: "Y[i] = T[i] + T[i+4]", formats: {Y: int16}, pad: {T: 2}}
"""


def test_a_workload_as_arrays_have_it() -> None:
    tensors, operations = narrowed(load_text(CHAIN))
    assert [(t.name, t.pad) for t in tensors] == [("T", 2), ("X", None), ("Y", None)]
    assert [op.name for op in operations] == ["a", "b"]


def test_what_no_array_runs_is_refused() -> None:
    workload = load_text(CHAIN)
    call = HostCall("sort", ("T",), ("Y",), "aten.sort", "its order depends on the values")
    hosted = replace(workload.network, steps=(workload.network.steps[0], call))
    with pytest.raises(LegoError, match="sort doesn't fit an array: its order depends"):
        narrowed(replace(workload, network=hosted))
    op = workload.operation("b")
    other = tuple(replace(place, pad=Constant(5, INT8)) for place in op.inputs)
    third = replace(op, name="c", inputs=other)
    both: Network = replace(workload.network, steps=(*workload.network.steps, third))
    twice: Workload = replace(workload, network=both, dataflows=((), (), ()))
    with pytest.raises(LegoError, match="c reads 5 outside T, an operation before 2"):
        narrowed(twice)
