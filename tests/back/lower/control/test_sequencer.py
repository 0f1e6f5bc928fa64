"""The sequencer: counters in nested loops, one event a cycle, and a start that is heard only when idle."""

from __future__ import annotations

import itertools
import random

import pytest

from lego.back.lower.control.sequencer import build_sequencer
from tests.back.designs import DESIGNS, GEMM, IN_TURN, RESUMED, ROUNDS, SEVERAL, SHIFTED
from tests.back.machine import Machine
from tests.back.timeline import Rooms, Timeline, rooms_of, runs_of


def started(machine: Machine, registers: dict[str, int], starts: list[int]) -> list[dict[str, int]]:
    known = {port: registers[port] for port in machine.ports if port != "start"}
    return machine.run(known | {"start": start} for start in starts)


def check_run(rooms: Rooms, machine: Machine, run: Timeline) -> None:
    """Timestamps in the cycles in which loops with pauses issue them, and between them one step each."""
    waits = 1 + rooms.times.settle
    said = started(machine, run.program.registers, [1] + [0] * (waits + run.span))
    assert [each["launch"] for each in said] == [int(k == waits - 1) for k in range(len(said))]
    said = said[waits:]
    issued = {cycle: t for t, cycle in run.issued.items()}
    steps: list[tuple[int, ...]] = []
    for cycle, each in enumerate(said):
        counters = range(len(run.trips))
        assert each["running"] == (cycle in issued)
        for held in (*counters, len(run.trips)):
            ends = cycle in issued and run.signals(issued[cycle])[f"last{held}"]
            assert each[f"last{held}"] == ends
        if cycle in issued:
            assert tuple(each[f"count{k}"] for k in counters) == issued[cycle]
        steps.append(tuple(each[f"step{k}"] for k in counters))
    moves = [0] * len(said)
    for before, after in itertools.pairwise(run.timestamps):
        (moved,) = itertools.compress(itertools.count(), steps[run.issued[after] - 1])
        assert after == (*before[:moved], before[moved] + 1, *[0] * (len(before) - moved - 1))
        moves[run.issued[after] - 1] = 1
    assert [sum(each) for each in steps] == moves
    ends = rooms.times.tails[run.layer] - 1
    machine.run([{port: run.program.registers.get(port, 0) for port in machine.ports}] * ends)


@pytest.mark.parametrize("text", [GEMM, SEVERAL], ids=["gemm", "several"])
def test_counters_are_nested_loops(text: str) -> None:
    rooms = rooms_of(text)
    for run in runs_of(rooms.design, seed=8):
        check_run(rooms, Machine(build_sequencer(rooms.design, rooms.times.tails)), run)


@pytest.mark.parametrize("name", DESIGNS | IN_TURN)
def test_the_counters_pause_after_rounds(name: str) -> None:
    """One run after the other, with pauses of any length."""
    rooms, r = rooms_of((DESIGNS | IN_TURN)[name]), random.Random(2)
    most = rooms.design.fused.longest_pauses()
    machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
    for given in runs_of(rooms.design, seed=9, count=3):
        check_run(
            rooms, machine, given.paused({k: r.randint(0, n) for k, n in enumerate(most) if n})
        )


def test_pauses_of_several_rounds_add_up() -> None:
    """Nodes of Y have to be apart after rounds of k, those of W after rounds of m and k."""
    rooms = rooms_of(ROUNDS)
    assert rooms.design.fused.longest_pauses() == (0, 2, 2)
    machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
    for run in runs_of(rooms.design, seed=9, count=1):
        for outer, inner in itertools.product(range(3), repeat=2):
            check_run(rooms, machine, run.paused({1: outer, 2: inner}))


def test_no_pause_no_register() -> None:
    rooms = rooms_of(SHIFTED)
    assert not any(spec.name.startswith("pause") for spec in rooms.design.registers)
    assert any(spec.name == "pause2" for spec in rooms_of(GEMM).design.registers)


def test_a_start_while_busy_is_not_heard() -> None:
    rooms = rooms_of(GEMM)
    (run,) = runs_of(rooms.design, seed=8, count=0)
    end = run.span + rooms.times.tails[0] + 1
    machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
    said = started(machine, run.program.registers, [1] * (end + 2))
    assert [each["busy"] for each in said] == [0, *[1] * (end - 1), 0, 1]
    assert [each["done"] for each in said] == [0] * end + [1, 0]
    again = [each["launch"] for each in said]
    assert [k for k, launched in enumerate(again) if launched] == [0, end]


@pytest.mark.parametrize(
    "flow", ["{m: 2, n: 2}, temporal: [m, n, k]", "{k: 2, n: 2}, temporal: [n, k, m]"]
)
def test_no_element_starts_anew_in_a_run_that_goes_on(flow: str) -> None:
    """Output-stationary, each commit is the first of its element; weight-stationary, those at k = 0 are."""
    rooms = rooms_of(RESUMED.replace("{m: 2, n: 2}, temporal: [m, n, k]", flow))
    (run,) = runs_of(rooms.design, seed=8, count=0)
    first = [not any(t[k] for k in run.adg.output.revisit) for t in run.timestamps]
    for resume in range(2):
        machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
        registers = run.program.registers | {"resume": resume}
        said = started(machine, registers, [1] + [0] * 2 * len(run.timestamps))
        issued = [each["visit"] for each in said if each["running"]]
        assert issued == [int(new and not resume) for new in first]
