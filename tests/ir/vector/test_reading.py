"""Chains compute what the operations that they come from do."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from lego.ir.constants import constant
from lego.ir.formats import FLOAT32, INT8, INT16, INT32, INT64
from lego.ir.operation import Apply, Body, Fn, Operation, Position, Reduction, Value
from lego.ir.promotion import applied
from lego.ir.vector.chain import Chain, NotAChain, SlotFn
from lego.ir.vector.planning import plan_vector
from lego.ir.vector.reading import chain_of
from tests.back.system.vector.chains import (
    CONSTANTS,
    EACH,
    FORMATS,
    ONE,
    PER_LANE,
    average,
    biased,
    chain,
    clipped,
    leaky,
    looked_up,
    multiplied,
    operation,
    pool,
    requantise,
    residual,
    wide,
)
from tests.ir.vector.executed import executed, given, meant

EXAMPLES: dict[str, list[Operation]] = {
    "requantise": [requantise()],
    "relu": [requantise(low=0)],
    "biased": [biased()],
    "residual": [residual()],
    "multiplied": [multiplied()],
    "looked_up": [looked_up()],
    "leaky": [leaky()],
    "max_pool": [pool(Reduction.MAX)],
    "min_pool": [pool(Reduction.MIN)],
    "average": average(),
}
CHAINS = {name: chain(*ops) for name, ops in EXAMPLES.items()}


def fns(found: Chain) -> str:
    return " ".join(step.fn for step in found.steps)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_engine_of_one_chain_computes_it(name: str) -> None:
    plan = plan_vector([CHAINS[name]], lanes=4, words=32)
    for seed in range(20):
        values = given(seed, CONSTANTS)
        assert np.array_equal(
            executed(plan, CHAINS[name], values), meant(EXAMPLES[name], values)
        ), seed


def test_an_engine_of_all_chains_computes_each() -> None:
    plan = plan_vector(list(CHAINS.values()), lanes=4, words=32)
    for name, ops in EXAMPLES.items():
        for seed in range(10):
            values = given(seed, CONSTANTS)
            found = executed(plan, CHAINS[name], values)
            assert np.array_equal(found, meant(ops, values)), (name, seed)


def test_chains_are_short() -> None:
    assert {name: fns(found) for name, found in CHAINS.items()} == {
        "requantise": "mul add shift max min",
        "relu": "mul add shift max min",
        "biased": "add mul add shift max min",
        "residual": "mul add add shift max min",
        "multiplied": "mul add shift max min",
        "looked_up": "table",
        "leaky": "table",
        "max_pool": "",
        "min_pool": "",
        "average": "mul add shift max min",
    }


def random_body(r: random.Random) -> tuple[Body, bool]:
    """Random steps of one or two streams, and a clip; whether the first is of 32 bits."""
    is_wide = r.randrange(2) == 0
    v, is_free = wide(0, INT32 if is_wide else INT8), True
    for _ in range(r.randrange(1, 6)):
        kind = r.randrange(9)
        number = constant(r.randint(-200, 200), INT64)
        if kind == 0:
            v = applied(Fn.NEG, v)
        elif kind == 1:
            v = applied(r.choice([Fn.MAX, Fn.MIN]), v, number)
        elif kind == 2:
            v = applied(Fn.SHIFT, v, constant(r.randrange(12), INT64))
        elif kind == 3:
            v = applied(Fn.SHIFT, v, Value(3, INT64))
        elif kind == 4:
            v = applied(Fn.SHL, v, constant(r.randrange(3), INT64))
        elif kind == 5 and is_free:
            is_free, b = False, wide(4, INT8)
            b = applied(Fn.MUL, b, Value(5, INT64)) if r.randrange(2) else b
            b = applied(Fn.NEG, b) if r.randrange(2) else b
            v = applied(r.choice([Fn.ADD, Fn.SUB]), v, b)
        else:
            operand = r.choice([number, wide(6), Value(5, INT64), Value(2, INT64)])
            both = (v, operand) if r.randrange(2) else (operand, v)
            v = applied(r.choice([Fn.ADD, Fn.SUB, Fn.SUB]), *both)
    low, high = sorted(r.sample(range(-128, 128), 2))
    bounds = [(Fn.MAX, constant(low, INT64)), (Fn.MIN, constant(high, INT64))]
    for fn, bound in r.sample(bounds, 2):
        v = applied(fn, v, bound)
    return Apply(Fn.CAST, (v,), INT8), is_wide


def random_operation(r: random.Random) -> Operation:
    body, is_wide = random_body(r)
    return operation(
        "random",
        body,
        ("sums" if is_wide else "bytes", EACH),
        ("m", PER_LANE),
        ("half", ONE),
        ("n", ONE),
        ("other", EACH),
        ("mb", ONE),
        ("bias", PER_LANE),
    )


@pytest.mark.parametrize("seed", range(40))
def test_random_chains_on_an_engine_of_several(seed: int) -> None:
    r = random.Random(seed)
    ops = [random_operation(r) for _ in range(r.randrange(1, 4))]
    chains = [chain(op) for op in ops]
    plan = plan_vector(chains, lanes=4, words=32)
    values = given(seed, CONSTANTS)
    for op, each in zip(ops, chains, strict=True):
        assert np.array_equal(executed(plan, each, values), meant([op], values))


def test_bounds_come_in_one_order() -> None:
    v = applied(Fn.MIN, wide(0), constant(100, INT64))
    v = applied(Fn.MAX, v, constant(-100, INT64))
    v = applied(Fn.MAX, v, constant(0, INT64))
    found = chain(operation("bounds", Apply(Fn.CAST, (v,), INT8), ("sums", EACH)))
    assert [(str(s.fn), s.operand.value, s.span) for s in found.steps if s.operand] == [
        ("max", 0, (0, (1 << 31) - 1)),
        ("min", 100, (0, 100)),
    ]


def refused(op: Operation, why: str) -> None:
    with pytest.raises(NotAChain, match=why):
        chain(op)


def test_what_wraps_is_refused() -> None:
    v = Apply(Fn.CAST, (Value(0, INT32),), INT16)
    refused(operation("wraps", clipped(wide_of(v)), ("sums", EACH)), "don't fit int16")
    v = applied(Fn.MUL, wide(0), constant(2, INT64))
    refused(operation("wraps", Apply(Fn.CAST, (v,), INT8), ("sums", EACH)), "don't fit int8")


def wide_of(v: Body) -> Body:
    return Apply(Fn.CAST, (v,), INT64)


def test_what_no_slot_computes_is_refused() -> None:
    square = applied(Fn.MUL, wide(0), wide(0))
    refused(operation("square", clipped(square), ("sums", EACH)), "2 arguments that depend")
    index = applied(Fn.ADD, wide(0), Position(0, INT64))
    refused(operation("index", clipped(index), ("sums", EACH)), "computed of others")
    both = applied(Fn.ADD, applied(Fn.ADD, wide(0), wide(1, INT8)), wide(2, INT8))
    streams = (("sums", EACH), ("other", EACH), ("bytes", EACH))
    refused(operation("three", clipped(both), *streams), "2 times beside the first stream")
    by_stream = applied(Fn.SHIFT, wide(0), wide(1, INT8))
    refused(operation("by", clipped(by_stream), *streams[:2]), "a shift by")
    wide_second = applied(Fn.ADD, wide(0), wide(1))
    refused(
        operation("second", clipped(wide_second), ("sums", EACH), ("pooled", EACH)),
        "more than a byte, as a second stream",
    )
    refused(operation("whole", Value(0, INT32), ("sums", EACH)), "fit int8")
    refused(operation("none", Value(0, INT64), ("half", ONE)), "reads no stream")


def test_a_square_of_a_byte_is_a_table() -> None:
    square = applied(Fn.SHIFT, applied(Fn.MUL, wide(0, INT8), wide(0, INT8)), constant(8, INT64))
    op = operation("square", Apply(Fn.CAST, (square,), INT8), ("bytes", EACH))
    found = chain(op)
    assert fns(found) == "table"
    plan, values = plan_vector([found], lanes=4, words=32), given(3, CONSTANTS)
    assert np.array_equal(executed(plan, found, values), meant([op], values))


def test_a_table_follows_what_is_clipped() -> None:
    op = requantise()
    v = op.output.body
    small = applied(Fn.SHIFT, v, constant(2, INT8))
    body = applied(Fn.WHERE, applied(Fn.LT, v, constant(0, INT8)), small, v)
    op = replace(op, outputs=(replace(op.output, body=body),))
    found = chain(op)
    assert fns(found) == "mul add shift max min table"
    plan, values = plan_vector([found], lanes=4, words=32), given(4, CONSTANTS)
    assert np.array_equal(executed(plan, found, values), meant([op], values))


def test_real_numbers_and_sums_of_steps_are_refused() -> None:
    op = operation("real", Value(0, FLOAT32), ("sums", EACH))
    with pytest.raises(NotAChain, match="isn't a format of integers"):
        chain_of([op], {**FORMATS, "sums": FLOAT32}, [1], CONSTANTS)
    late = pool(Reduction.ADD, "pooled")
    body = applied(Fn.NEG, Value(0, INT32))
    refused(replace(late, outputs=(replace(late.output, body=body),)), "before it reduces")
    with pytest.raises(NotAChain, match="reduces what a chain has made"):
        chain(requantise(), replace(pool(Reduction.MAX), name="again"))


def test_tables_are_of_bytes() -> None:
    op = looked_up()
    with pytest.raises(NotAChain, match="looked up by more than a byte"):
        chain_of([op], {**FORMATS, "bytes": INT32}, [1], CONSTANTS)
    assert CHAINS["looked_up"].steps[0].fn is SlotFn.TABLE


def test_lanes_are_of_a_loop_that_streams_and_results_follow() -> None:
    op = pool(Reduction.MAX)
    with pytest.raises(NotAChain, match="reduces over k, which runs over the lanes"):
        chain_of([op], FORMATS, [2], CONSTANTS)
    with pytest.raises(NotAChain, match="bias is the same along p, which runs over the lanes"):
        chain_of([biased()], FORMATS, [0], CONSTANTS)
    assert fns(chain_of([op], FORMATS, [0], CONSTANTS)) == ""


def test_intervals_of_streams_make_slots_narrower() -> None:
    found = chain_of([requantise()], FORMATS, [1], CONSTANTS, {"sums": (-1000, 1000)})
    assert found.spans()[:2] == ((-1000, 1000), (-32767000, 32767000))
