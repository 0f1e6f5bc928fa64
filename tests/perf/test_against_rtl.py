"""The model counts the cycles that the RTL counts, whatever the program and the memory."""

from __future__ import annotations

import random

import pytest

from frontends.yaml.load import load_text
from lego.device.compile import Made, compiled
from lego.device.program import DeviceProgram
from lego.diag import LegoError
from lego.ir.vector.chain import NotAChain
from lego.ir.workload import Workload
from lego.perf import bus, engines, gate, transfer
from lego.perf.play import play
from lego.perf.result import MemoryTiming
from sim.device.dram import Dram
from sim.device.session import inputs_for
from tests.device.chips import NETWORKS, edge_compiled, edge_rtl, network
from tests.device.random_networks import drawn_network
from tests.perf.programs import changed

TIMINGS = (MemoryTiming(40, 40), MemoryTiming(1, 1), MemoryTiming(250, 70), MemoryTiming(40, 40, 5))


def counted(workload: Workload, made: Made, program: DeviceProgram, timing: MemoryTiming) -> int:
    """Cycles in RTL."""
    dram = Dram(latency=timing.latency, answer=timing.answer, rate=timing.rate)
    return edge_rtl().run(program, inputs_for(made, workload, 0), dram=dram).cycles


@pytest.mark.parametrize("timing", TIMINGS, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_as_long_as_in_rtl(name: str, timing: MemoryTiming) -> None:
    workload = network(name)
    made = compiled(edge_compiled(), workload)
    cycles = play(edge_compiled(), made.program, timing).cycles
    assert cycles == counted(workload, made, made.program, timing)


def agrees(seed: int) -> None:
    """A random network on a memory of random speed; networks that are refused agree."""
    r, workload = random.Random(seed), load_text(drawn_network(seed))
    timing = MemoryTiming(r.randint(1, 200), r.randint(1, 200), r.choice([16, r.randint(1, 16)]))
    try:
        made = compiled(edge_compiled(), workload, seed=seed)
    except (LegoError, NotAChain):
        return
    cycles = play(edge_compiled(), made.program, timing).cycles
    assert cycles == counted(workload, made, made.program, timing)


@pytest.mark.parametrize("seed", range(8))
def test_a_random_network_takes_as_long_as_in_rtl(seed: int) -> None:
    agrees(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2000, 2300))
def test_many_random_networks_take_as_long_as_in_rtl(seed: int) -> None:
    agrees(seed)


@pytest.mark.parametrize("timing", (TIMINGS[0], TIMINGS[3]), ids=str)
@pytest.mark.parametrize("kind", ["barriers", "loop", "nested", "ring", "away"])
def test_loops_and_barriers_take_as_long_as_in_rtl(kind: str, timing: MemoryTiming) -> None:
    workload = network("gemm_chain")
    made = compiled(edge_compiled(), workload)
    program = dict(changed(made.program))[kind]
    assert play(edge_compiled(), program, timing).cycles == counted(workload, made, program, timing)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (bus, "OUTSTANDING", 2),
        (gate, "UNDER_WAY", 1),
        (gate, "DEPTH", 15),
        (transfer, "_FIRST_WORD", 90),
        (engines, "_COMMITTED", 0),
    ],
)
def test_a_size_that_is_wrong_is_noticed(
    module: object, name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [compiled(edge_compiled(), network(each)).program for each in NETWORKS]
    right = [play(edge_compiled(), program).cycles for program in programs]
    monkeypatch.setattr(module, name, value)
    assert [play(edge_compiled(), program).cycles for program in programs] != right
