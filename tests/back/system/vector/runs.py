"""Engines of the tests, and runs that a program may ask of them."""

from __future__ import annotations

import random

from lego.ir.operation import Reduction
from lego.ir.vector.plan import COUNTERS, OWN_MEMORY, VectorPlan
from lego.ir.vector.planning import plan_vector
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


def rich_plan(lanes: int, words: int) -> VectorPlan:
    """With every kind of slot, operand and reduction."""
    chains = [
        chain(biased()),
        chain(residual()),
        chain(multiplied()),
        chain(looked_up()),
        chain(leaky()),
        chain(*average()),
        chain(pool(Reduction.MAX)),
        chain(pool(Reduction.MIN)),
    ]
    return plan_vector(chains, lanes=lanes, words=words)


PLANS = {
    "plain": plan_vector([chain(requantise())], lanes=4, words=WORDS),
    "bytes": plan_vector([chain(pool(Reduction.MAX))], lanes=4, words=WORDS),
    "rich": rich_plan(4, WORDS),
}
SMALL = plan_vector([chain(biased()), chain(pool(Reduction.MAX))], lanes=4, words=16)


def random_registers(plan: VectorPlan, r: random.Random) -> dict[str, int]:
    """Anything that a program may write: few elements, streams in halves of the memory of their own."""
    found = {each.name: r.getrandbits(each.bits) for each in plan.registers}
    trips = r.choice([[2, 2, 1, 0, 0], [1, 1, 1, 1, 0], [5, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    if found["memory"] == OWN_MEMORY:  # nothing is read that the run has written
        trips = [2, 0, 0, 0, 0]
    trips = r.sample(trips, COUNTERS)
    found |= {f"trip{k}": trip for k, trip in enumerate(trips)}
    inner = r.choice([0, 0, 1, 2, r.randrange(COUNTERS + 1)])
    found |= {"mode": 0, "inner": inner if plan.reductions else 0}
    if len(plan.reductions) > 1:
        found["reduction"] = r.randrange(len(plan.reductions))
    for k, slot in enumerate(plan.slots):
        if f"slot{k}_on" in found:  # what is bounded says little of what came before
            found[f"slot{k}_on"] = int(r.randrange(4) == 0)
        if f"slot{k}_choice" in found:
            found[f"slot{k}_choice"] = r.randrange(len(slot.sources))
    half = plan.words // 2
    first = {"a": r.randrange(2) * half if plan.stream else 0}
    first["b"] = half - first["a"]
    room = half if plan.stream else plan.words
    for stream in ("a", "b") if plan.stream else ("a",):
        found |= inside(stream, trips, first[stream], room, r)
    if found["memory"] == OWN_MEMORY:
        found |= inside("d", trips, 0, plan.words, r)
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


def load_runs(plan: VectorPlan, seed: int) -> list[dict[str, int]]:
    """Runs that fill the held vectors, and the table from as many words as there are, again and again."""
    steps = {f"a_step{k}": 0 for k in range(COUNTERS)}
    none = {f"trip{k}": 0 for k in range(COUNTERS)}
    found = []
    if plan.held_words:
        found.append(
            {"mode": 1, "held": 0, "a_address": seed % 4}
            | none
            | steps
            | {"trip4": plan.held_words - 1, "a_step4": 1}
        )
    if plan.has_table:
        rows = min(plan.words, 256 // plan.lanes)
        trips = {"trip2": 256 // plan.lanes // rows - 1, "trip3": rows - 1, "trip4": plan.lanes - 1}
        trips |= {"a_step3": 1}
        found.append({"mode": 2, "a_address": 0} | none | steps | trips)
    return found
