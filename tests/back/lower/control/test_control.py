"""The control, run cycle by cycle: every tap says what the loops say, and nothing acts outside a run."""

from __future__ import annotations

import random

import pytest

from lego.back.schedule.latencies import settling
from lego.back.schedule.stages import NO_STAGES, Stages
from tests.back.designs import DESIGNS, IN_TURN
from tests.back.machine import Machine
from tests.back.timeline import ACTING, FAST, Rooms, Timeline, rooms_of, runs_of

CONTROLS = DESIGNS | IN_TURN


def recorded(
    machine: Machine, run: Timeline, cycles: int, *, late: bool = False
) -> list[dict[str, int]]:
    """All outputs from the first issue on, after a start; `late`: a register behind the counters tells it."""
    known = run.program.registers
    still = {port: known[port] for port in machine.ports if port != "start"}
    waits = settling(run.design) + 1 + late
    starts = [1, *(0 for _ in range(waits + cycles - 1))]
    return machine.run({**still, "start": start} for start in starts)[waits:]


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", CONTROLS)
def test_taps_follow_the_loops(name: str, stages: Stages) -> None:
    rooms = rooms_of(CONTROLS[name], stages)
    control = rooms.control
    machine = Machine(control.module, (control.sequencer, *control.agus))
    last = max(*(tap.delay for tap in rooms.taps.asked.values()), *rooms.times.tails)
    for run in runs_of(rooms.design, seed=1):
        said = recorded(machine, run, run.span + last + 1, late=stages.events)
        check_taps(rooms, run, said)


def check_taps(rooms: Rooms, run: Timeline, said: list[dict[str, int]]) -> None:
    """In every cycle from the first issue to the last; outside nothing acts."""
    for port, tap in rooms.taps.asked.items():
        for cycle, told in enumerate(run.told):
            wanted = told.get(tap.signal)
            if wanted is not None:
                assert said[cycle + tap.delay][port] == wanted, (port, cycle)
        if ACTING.fullmatch(tap.signal):
            outside = said[: tap.delay] + said[tap.delay + run.span :]
            assert not any(each[port] for each in outside), port


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", CONTROLS)
def test_taps_follow_the_loops_through_pauses(name: str, stages: Stages) -> None:
    """Pauses of any length, also where the run needs none."""
    rooms, r = rooms_of(CONTROLS[name], stages), random.Random(3)
    most = rooms.design.fused.longest_pauses()
    control = rooms.control
    machine = Machine(control.module, (control.sequencer, *control.agus))
    last = max(*(tap.delay for tap in rooms.taps.asked.values()), *rooms.times.tails)
    for given in runs_of(rooms.design, seed=1):
        run = given.paused({k: r.randint(0, n) for k, n in enumerate(most) if n})
        said = recorded(machine, run, run.span + last + 1, late=stages.events)
        check_taps(rooms, run, said)


@pytest.mark.parametrize("name", CONTROLS)
def test_every_tap_is_told_by_the_loops_of_some_dataflow(name: str) -> None:
    rooms = rooms_of(CONTROLS[name])
    told = {name for run in runs_of(rooms.design, 1, 0) for name in run.signals(run.timestamps[0])}
    assert {tap.signal for tap in rooms.taps.asked.values()} <= told


@pytest.mark.parametrize("name", ["gemm", "several"])
def test_busy_until_the_tail_is_over(name: str) -> None:
    rooms = rooms_of(CONTROLS[name])
    control = rooms.control
    machine = Machine(control.module, (control.sequencer, *control.agus))
    for run in runs_of(rooms.design, seed=2):
        end = run.span + rooms.times.tails[run.layer]
        said = recorded(machine, run, end + 3)
        assert [each["busy"] for each in said] == [1] * end + [0] * 3
        assert [each["done"] for each in said] == [0] * end + [1] * 3
