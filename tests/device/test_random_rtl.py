"""Random networks leave in RTL, byte by byte, what the functional model leaves, whatever the bus does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lego.device.compile import compiled
from lego.ir.commands import Engine, Opcode, start
from sim.device.session import expected, inputs_for
from tests.device.campaign import judge
from tests.device.chips import edge, edge_rtl, network

SAMPLE = [seed for seed in range(24) if seed not in (2, 5, 17)]


@pytest.mark.parametrize("seed", SAMPLE)
def test_a_random_network_leaves_the_same_everywhere(seed: int) -> None:
    verdict = judge(seed)
    assert not verdict.refused
    assert verdict.cycles < 20_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1500))
def test_many_random_networks_leave_the_same_everywhere(seed: int) -> None:
    judge(seed)


@pytest.mark.parametrize("engine", [Engine.ARRAY, Engine.VECTOR, Engine.STORE])
def test_an_engine_that_waits_for_nobody_is_noticed(engine: Engine) -> None:
    """Its runs begin too early, and leave other bytes."""
    workload = network("gemm_chain")
    made = compiled(edge(), workload)
    commands = tuple(
        start(engine, signal=each.signal)
        if each.opcode is Opcode.START and each.engine is engine
        else each
        for each in made.program.commands
    )
    inputs = inputs_for(made, workload, 0)
    run = edge_rtl().run(replace(made.program, commands=commands), inputs)
    wanted = expected(workload, {**made.constants, **inputs})
    assert any((values != wanted[name]).any() for name, values in run.outputs.items())
