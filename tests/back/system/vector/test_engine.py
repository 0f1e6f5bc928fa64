"""Runs of the engine against its model: whatever registers hold, back to back."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from lego.ir.operation import Reduction
from lego.ir.vector.chain import Source
from lego.ir.vector.plan import COUNTERS, OWN_MEMORY, VectorPlan
from lego.ir.vector.planning import plan_vector
from lego.runtime.vector import VectorModel
from tests.back.system.vector.bench import Bench, loaded, words_of
from tests.back.system.vector.chains import (
    average,
    biased,
    chain,
    leaky,
    looked_up,
    multiplied,
    pool,
    requantise,
    residual,
)

WORDS = 32

PLANS = {
    "plain": plan_vector([chain(requantise())], lanes=4, words=WORDS),
    "bytes": plan_vector([chain(pool(Reduction.MAX))], lanes=4, words=WORDS),
    "rich": plan_vector(
        [
            chain(biased()),
            chain(residual()),
            chain(multiplied()),
            chain(looked_up()),
            chain(leaky()),
            chain(*average()),
            chain(pool(Reduction.MAX)),
            chain(pool(Reduction.MIN)),
        ],
        lanes=4,
        words=WORDS,
    ),
}


def random_registers(plan: VectorPlan, r: random.Random) -> dict[str, int]:
    """Anything that a program may write: few elements, streams in halves of the memory of their own."""
    found = {each.name: r.getrandbits(each.bits) for each in plan.registers}
    trips = [r.choice([0, 0, 0, 1, 2]) for _ in range(COUNTERS)]
    if found["memory"] == OWN_MEMORY:  # nothing is read that the run has written
        trips = [0, 0, 0, 0, 2] if r.randrange(2) else [0, 2, 0, 0, 0]
    while math.prod(trip + 1 for trip in trips) > 20:
        trips[r.randrange(COUNTERS)] = 0
    found |= {f"trip{k}": trip for k, trip in enumerate(trips)}
    found |= {"mode": 0, "inner": r.randrange(COUNTERS + 1) if plan.reductions else 0}
    if len(plan.reductions) > 1:
        found["reduction"] = r.randrange(len(plan.reductions))
    for k, slot in enumerate(plan.slots):
        if f"slot{k}_choice" in found:
            found[f"slot{k}_choice"] = r.randrange(len(slot.sources))
    half = WORDS // 2
    first = {"a": r.randrange(2) * half if plan.stream else 0}
    first["b"] = half - first["a"]
    room = half if plan.stream else WORDS
    for stream in ("a", "b") if plan.stream else ("a",):
        found |= inside(stream, trips, first[stream], room, r)
    if found["memory"] == OWN_MEMORY:
        found |= inside("d", trips, 0, WORDS, r)
    return found


def inside(stream: str, trips: list[int], low: int, words: int, r: random.Random) -> dict[str, int]:
    """An address and steps, also downwards, that stay within some words."""
    steps, below, above = {}, 0, 0
    for k, trip in enumerate(trips):
        most = (words - 1 - above + below) // max(1, trip) if trip else 9
        step = r.randint(-min(most, 3), min(most, 3))
        above, below = above + max(0, step * trip), below + min(0, step * trip)
        steps[f"{stream}_step{k}"] = step % (1 << 16)
    start = r.randint(low - below, low + words - 1 - above)
    return {f"{stream}_address": start, **steps}


def ready_to_run(plan: VectorPlan, seed: int) -> tuple[Bench, VectorModel, np.ndarray]:
    """A bench and a model with the same words in their memories, and held vectors and a table loaded."""
    rng = np.random.default_rng(seed)
    results = rng.integers(-(1 << 31), 1 << 31, (40, plan.lanes))
    bench, model = Bench(plan, results), VectorModel(plan)
    image = rng.integers(0, 256, (plan.words, plan.lanes)).astype(np.uint8)
    loaded(bench, model, image)
    return bench, model, results


def own_memory(bench: Bench) -> list[int]:
    """The words of the engine's own memory."""
    inner = bench.machine._inner.values()
    own = next(m for m in inner if m.module.name == "vec_operands")
    halves = [next(iter(half._words.values())) for half in own._inner.values()]
    return [words[row] for words in halves for row in range(WORDS // 2)]


def load_runs(plan: VectorPlan, seed: int) -> list[dict[str, int]]:
    """Runs that fill the held vectors, and the table from as many words as there are, again and again."""
    steps = {f"a_step{k}": 0 for k in range(COUNTERS)}
    none = {f"trip{k}": 0 for k in range(COUNTERS)}
    found = []
    if plan.held_words:
        found.append(
            {"mode": 1, "held": 0, "a_address": seed % 8}
            | none
            | steps
            | {"trip4": plan.held_words - 1, "a_step4": 1}
        )
    if plan.has_table:
        trips = {"trip2": 1, "trip3": 31, "trip4": 3, "a_step3": 1}
        found.append({"mode": 2, "a_address": 0} | none | steps | trips)
    return found


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", range(2))
def test_runs_write_what_the_model_does(name: str, seed: int) -> None:
    plan, r = PLANS[name], random.Random(seed)
    bench, model, results = ready_to_run(plan, seed)
    wanted = []
    runs = load_runs(plan, seed)
    for _ in range(6):
        runs.append(random_registers(plan, r))
        runs += load_runs(plan, r.randrange(100))[:1] if r.randrange(3) == 0 else []
    for registers in runs:
        whole = bench.held | registers
        bench.command(registers, all_of_them=r.randrange(4) == 0)
        wanted += words_of(model.run(whole, results))
        if whole.get("memory") == OWN_MEMORY:  # the next run reads what this one writes
            bench.run()
    log = bench.run(slow=r if seed == 1 else None)
    assert log.written == wanted
    assert len(log.done) == len(log.starts) == len(runs)
    assert own_memory(bench) == [
        sum(int(v) << 8 * k for k, v in enumerate(word)) for word in model.operands
    ]


def test_the_plan_of_everything_has_every_kind_of_slot() -> None:
    plan = PLANS["rich"]
    assert {source for slot in plan.slots for source in slot.sources} == set(Source)
    assert {str(slot.fn) for slot in plan.slots} == {"mul", "add", "shift", "max", "min", "table"}
    assert len(plan.reductions) == 3
    assert len(plan.registers) <= 128
