"""Engines with a fault write something else than the model."""

from __future__ import annotations

import random

import pytest

from lego.back.system.vector.engine import build_vector
from lego.ir.dag import Module
from lego.ir.vector.plan import OWN_MEMORY, VectorPlan
from tests.back.system.mutants import mutants
from tests.back.system.vector.bench import ready_to_run, words_of
from tests.back.system.vector.runs import SMALL, load_runs, random_registers


def telling_runs(plan: VectorPlan, seed: int) -> list[dict[str, int]]:
    """Held vectors, then runs that take their operands from there, from registers, and from there again."""
    r = random.Random(seed)
    found = load_runs(plan, seed)
    for k in range(3):
        registers = random_registers(plan, r)
        choices = {name: (k + 1) % 2 for name in registers if name.endswith("_choice")}
        found.append(registers | choices)
    return found


def noticed(plan: VectorPlan, modules: tuple[Module, ...], seeds: range) -> bool:
    """Whether an engine's writes, or when it says that it is done, differ from what is right."""
    for seed in seeds:
        try:
            bench, model, results = ready_to_run(plan, seed, modules)
            wanted, runs = [], telling_runs(plan, seed)
            for registers in runs:
                bench.command(registers)
                wanted += words_of(model.run(bench.held, results))
                if bench.held.get("memory") == OWN_MEMORY:
                    bench.run(most=300)
            log = bench.run(most=400)
        except (AssertionError, KeyError, IndexError, TypeError):
            return True
        if log.written != wanted or len(log.done) != len(runs):
            return True
    return False


@pytest.mark.parametrize(
    ("count", "seed"), [(2, 0), pytest.param(25, 1, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_engines_with_a_fault_are_noticed(count: int, seed: int) -> None:
    """All but some that read, or count on, where nobody looks, or add half a memory where low bits count."""
    modules, seeds = build_vector("vec", SMALL), range(1 + count // 20)
    assert not noticed(SMALL, modules, seeds)
    total, kept = 0, []
    for at, module in enumerate(modules):
        for node, wrong in mutants(module, seed, count):
            total += 1
            if not noticed(SMALL, (*modules[:at], wrong, *modules[at + 1 :]), seeds):
                kept.append(f"%{node} of {module.name}")
    assert total >= 5 * count or count > 20
    assert len(kept) <= total // 5, kept
