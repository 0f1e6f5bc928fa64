"""The slots of engines, and which chains run on them."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from lego.diag import InternalError
from lego.ir.constants import constant
from lego.ir.engines import EngineRegister
from lego.ir.formats import INT64
from lego.ir.operation import Fn, Operation, Reduction
from lego.ir.promotion import applied
from lego.ir.vector.chain import Chain, NotAChain, SlotFn, Source
from lego.ir.vector.common import common_sequence
from lego.ir.vector.planning import placed, plan_vector
from lego.ir.vector.settings import held_bytes, settings_of, split_value
from tests.back.system.vector.chains import (
    CONSTANTS,
    EACH,
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


def is_in(short: tuple[int, ...], long: tuple[int, ...]) -> bool:
    return any(
        short == tuple(long[k] for k in which)
        for which in combinations(range(len(long)), len(short))
    )


@pytest.mark.parametrize("seed", range(30))
def test_common_sequences_hold_all_and_of_two_are_the_shortest(seed: int) -> None:
    r = random.Random(seed)
    sequences = [
        tuple(r.randrange(3) for _ in range(r.randrange(6))) for _ in range(r.randrange(1, 6))
    ]
    found = common_sequence(sequences)
    assert all(is_in(each, found) for each in sequences)
    one, other = (sequences * 2)[:2]
    shared = max(
        len(part)
        for size in range(len(one) + 1)
        for part in (tuple(one[k] for k in which) for which in combinations(range(len(one)), size))
        if is_in(part, other)
    )
    assert len(common_sequence([one, other])) == len(one) + len(other) - shared


def fns(plan_of: list[Chain]) -> str:
    return " ".join(slot.fn for slot in plan_vector(plan_of, lanes=4, words=32).slots)


def test_chains_share_slots() -> None:
    every = [requantise(), biased(), residual(), multiplied(), leaky()]
    assert fns([chain(op) for op in every]) == "add mul add add shift max min table"
    assert fns([chain(requantise()), chain(requantise(low=0)), chain(*average())]) == (
        "mul add shift max min"
    )


def test_slots_are_as_wide_as_the_values() -> None:
    plan = plan_vector([chain(requantise())])
    product, rounding, shift, low, high = plan.slots
    assert (product.before, product.operand) == ((-(1 << 31), (1 << 31) - 1), (0, 32767))
    assert product.after == (-(1 << 46), (1 << 46) - 1)
    assert product.sources == (Source.IMMEDIATE, Source.HELD)
    assert rounding.sources == (Source.IMMEDIATE,)
    assert (shift.operand, low.operand) == ((0, 31), (-128, 127))
    assert high.after == (-128, 127)
    assert (plan.held_words, plan.lanes, plan.words) == (2, 16, 1024)


def test_registers_are_few_and_named_once() -> None:
    every = [requantise(), biased(), residual(), multiplied(), leaky(), looked_up()]
    plan = plan_vector(
        [chain(op) for op in every] + [chain(*average()), chain(pool(Reduction.MAX))]
    )
    names = [register.name for register in plan.registers]
    assert len(set(names)) == len(names) <= 128
    assert all(isinstance(register, EngineRegister) for register in plan.registers)
    assert all(1 <= register.bits <= 32 and register.about for register in plan.registers)
    settings = settings_of(plan, chain(residual()), {"half": 5, "n": 3, "mb": -7})
    assert settings.keys() <= set(names)
    assert settings["scale_value"] == -7 & 0xFFFF


def onto() -> list[tuple[str, list[Operation]]]:
    """Chains that an engine of two others wasn't made of."""
    relu = clipped(applied(Fn.MAX, wide(0), constant(0, INT64)), 0)
    return [
        ("requantise", [requantise()]),
        ("average", average()),
        ("relu", [operation("relu", relu, ("sums", EACH))]),
    ]


@pytest.mark.parametrize(("name", "ops"), onto(), ids=[name for name, _ in onto()])
def test_other_chains_run_on_an_engine(name: str, ops: list[Operation]) -> None:
    plan = plan_vector(
        [chain(biased()), chain(pool(Reduction.ADD, "pooled"), requantise(source="pooled"))],
        lanes=4,
        words=32,
    )
    values = given(7, CONSTANTS)
    assert np.array_equal(executed(plan, chain(*ops), values), meant(ops, values)), name


def test_what_does_not_run_is_refused_with_a_reason() -> None:
    plain = plan_vector([chain(requantise())])
    with pytest.raises(NotAChain, match="no slots do add, mul, add, shift, max, min in this order"):
        placed(plain, chain(biased()))
    with pytest.raises(NotAChain, match="no second stream"):
        placed(plain, chain(residual()))
    with pytest.raises(NotAChain, match="no reduction max="):
        placed(plain, chain(pool(Reduction.MAX)))
    with pytest.raises(NotAChain, match="wider than the engine"):
        placed(plan_vector([chain(leaky())]), chain(requantise()))
    with pytest.raises(NotAChain, match="doesn't scale its second stream"):
        placed(plan_vector([chain(multiplied()), chain(requantise())]), chain(residual()))
    with pytest.raises(InternalError, match="an engine has chains"):
        plan_vector([])
    with pytest.raises(InternalError, match="an engine has chains"):
        plan_vector([chain(requantise())], lanes=12)


def test_numbers_outside_their_interval_are_refused() -> None:
    made = chain(requantise())
    plan = plan_vector([made], lanes=4, words=32)
    with pytest.raises(NotAChain, match="n holds 32, which the chain wasn't made for"):
        settings_of(plan, made, {"half": 1, "n": 32})
    with pytest.raises(NotAChain, match="m holds -1"):
        held_bytes(plan, made, {"m": [1, -1]})
    with pytest.raises(InternalError, match="5 values for 4 lanes"):
        held_bytes(plan, made, {"m": [1] * 5})


def test_held_vectors_lie_as_arrays_in_memory() -> None:
    made = chain(biased())
    plan = plan_vector([made], lanes=4, words=32)
    assert [(vector.at, vector.bytes) for vector in plan.held] == [(0, 4), (4, 2)]
    found = held_bytes(plan, made, {"bias": [-1, 2, 3], "m": [1, 2, 3, 0x7FFF]})
    assert found == (
        (0, b"\xff\xff\xff\xff\2\0\0\0\3\0\0\0\0\0\0\0"),
        (4, b"\1\0\2\0\3\0\xff\x7f"),
    )


def test_values_of_more_than_a_register_have_two() -> None:
    assert split_value("x", -2) == {"x_value": 0xFFFFFFFE, "x_high": 0xFFFFFFFF}
    v = applied(Fn.ADD, wide(0), constant(1 << 40, INT64))
    v = applied(Fn.SHIFT, v, constant(34, INT64))
    made = chain(operation("far", clipped(v), ("sums", EACH)))
    plan = plan_vector([made], lanes=4, words=32)
    assert [r.bits for r in plan.registers if r.name.startswith("slot0")] == [32, 9]
    values = given(9, CONSTANTS)
    ops = [operation("far", clipped(v), ("sums", EACH))]
    assert np.array_equal(executed(plan, made, values), meant(ops, values))
    assert [str(slot.fn) for slot in plan.slots][:2] == [SlotFn.ADD, SlotFn.SHIFT]
