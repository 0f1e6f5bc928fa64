"""Runs of the engine against its model: whatever registers hold, back to back, and in which cycles."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lego.back.system.vector.timing import timing_of
from lego.ir.vector.chain import Source
from lego.ir.vector.plan import COUNTERS, OWN_MEMORY
from tests.back.system.vector.bench import Bench, ready_to_run, words_of
from tests.back.system.vector.runs import PLANS, load_runs, random_registers


def own_memory(bench: Bench) -> list[int]:
    """The words of the engine's own memory."""
    inner = bench.machine._inner.values()
    own = next(m for m in inner if m.module.name == "vec_operands")
    halves = [next(iter(half._words.values())) for half in own._inner.values()]
    return [words[row] for words in halves for row in range(bench.plan.words // 2)]


CASES = [("plain", 0), ("bytes", 0), ("bytes", 1), ("rich", 0)]
SLOW = [(name, seed) for name in PLANS for seed in range(1, 6)]


@pytest.mark.parametrize(
    ("name", "seed"), [*CASES, *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)]
)
def test_runs_write_what_the_model_does(name: str, seed: int) -> None:
    plan, r = PLANS[name], random.Random(seed)
    bench, model, results = ready_to_run(plan, seed)
    wanted = []
    runs = load_runs(plan, seed)
    for _ in range(5):
        runs.append(random_registers(plan, r))
        runs += load_runs(plan, r.randrange(100))[:1] if r.randrange(3) == 0 else []
    for registers in runs:
        whole = bench.held | registers
        bench.command(registers, all_of_them=r.randrange(4) == 0)
        wanted += words_of(model.run(whole, results))
        if whole.get("memory") == OWN_MEMORY:  # the next run reads what this one writes
            bench.run()
    log = bench.run(slow=r if seed % 2 else None)
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


def moved(**changes: int) -> dict[str, int]:
    """A run of eight elements, one behind the other."""
    none = {f"{name}{k}": 0 for name in ("trip", "a_step", "d_step") for k in range(COUNTERS)}
    return {"mode": 0, **none, "trip4": 7, "a_step4": 1, "d_step4": 1, "mask": 15} | changes


def test_runs_follow_each_other_without_a_gap() -> None:
    """Addresses and trips change from run to run; what is computed doesn't."""
    plan = PLANS["plain"]
    bench, model, results = ready_to_run(plan, 1)
    wanted = []
    for k in range(6):
        registers = moved(a_address=k, d_address=100 * k, trip4=7 + k % 2)
        bench.command(registers)
        wanted += words_of(model.run(bench.held, results))
    log = bench.run()
    assert log.written == wanted
    first = log.starts[0] + 1 + timing_of(plan).written
    assert log.cycles == list(range(first, first + 6 * 8 + 3))
    ends = np.cumsum([8, 9, 8, 9, 8, 9]) - 1
    assert log.done == [log.cycles[k] for k in ends]


def test_other_settings_wait_until_nothing_is_under_way() -> None:
    plan = PLANS["plain"]
    bench, model, results = ready_to_run(plan, 2)
    wanted = []
    for mask in (15, 7):
        registers = moved(mask=mask)
        bench.command(registers)
        wanted += words_of(model.run(bench.held, results))
    log = bench.run()
    assert log.written == wanted
    assert log.starts[1] - log.starts[0] == 8 + timing_of(plan).result
    assert log.cycles[8] - log.cycles[7] == 1 + timing_of(plan).result


def test_held_vectors_wait_for_elements_under_way_and_elements_not_for_them() -> None:
    plan = PLANS["plain"]
    bench, model, results = ready_to_run(plan, 3)
    wanted = []
    (load,) = load_runs(plan, 3)
    for registers in (load, moved(slot0_choice=1), load | {"a_address": 9}, moved()):
        bench.command(registers)
        wanted += words_of(model.run(bench.held, results))
    log = bench.run()
    assert log.written == wanted
    assert model.held.any()
    assert log.starts[2] - log.starts[1] == 8 + timing_of(plan).result
    writes = len(bench.numbers)
    assert log.starts[3] - log.starts[2] <= writes
    assert log.done[2] == log.starts[2] + plan.held_words + 3


def test_the_engine_goes_before_what_is_written_from_outside() -> None:
    """Its own results come into its memory in every cycle; what comes from outside waits, and isn't lost."""
    plan = PLANS["plain"]
    bench, model, results = ready_to_run(plan, 4)
    registers = moved(memory=OWN_MEMORY, d_address=8)
    bench.command(registers)
    model.run(bench.held, results)
    while bench.pending:
        bench.cycle()
    refused = 0
    for k in range(2 * timing_of(plan).written):
        bench.load(20 + k % 4, [k, k, k, k])
        model.operands[20 + k % 4] = k
        before = len(bench.outside)
        bench.cycle()
        refused += len(bench.outside) == before
    bench.run()
    assert refused == 8
    assert own_memory(bench) == [
        sum(int(v) << 8 * k for k, v in enumerate(word)) for word in model.operands
    ]


@pytest.mark.parametrize("after", range(0, 30, 3))
def test_halt_ends_a_run_and_the_next_one_is_right(after: int) -> None:
    plan = PLANS["bytes"]
    bench, model, results = ready_to_run(plan, 5)
    bench.run()
    bench.command(moved(trip4=15))
    wanted = words_of(model.run(bench.held, results))
    while bench.pending:
        bench.cycle()
    for _ in range(after):
        bench.cycle()
    bench.cycle(halt=True)
    bench.run(most=timing_of(plan).written + 1)
    issued = min(16, after + 1)
    assert bench.log.written == wanted[:issued]
    bench.command(moved(a_address=3, mask=5))
    more = words_of(model.run(bench.held, results))
    assert bench.run().written[issued:] == more
