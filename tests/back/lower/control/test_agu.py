"""Address generators by themselves, under events that come straight from the loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.control.agu import build_agu
from lego.back.lower.control.enables import served
from lego.back.lower.control.masks import axis_masks, guard_masks
from lego.back.lower.control.nest import Events
from lego.back.lower.control.registers import Registers
from lego.back.plan.design import DesignPlan
from tests.back.designs import DESIGNS, EDGES, FIFOS, GEMM, TRIANGLE, WINDOWS, design_of
from tests.back.machine import Machine, machine_of
from tests.back.timeline import Timeline, runs_of


def told(run: Timeline) -> Iterator[dict[str, int]]:
    """What the sequencer says: a launch, then every timestamp with the event at its end."""
    counters = range(len(run.trips))
    launch = {f"count{k}": 0 for k in counters} | {f"step{k}": 0 for k in counters}
    yield (
        launch
        | {f"still{k}": 1 for k in counters}
        | {"launch": 1, "running": 0}
        | {f"zero{h}": 1 for h in (*counters, len(run.trips))}
    )
    for t, following in zip(run.timestamps, [*run.timestamps[1:], None], strict=True):
        steps = [
            int(following is not None and following[: k + 1] == (*t[:k], t[k] + 1))
            for k in counters
        ]
        now = {f"count{k}": t[k] for k in counters} | {f"step{k}": steps[k] for k in counters}
        now |= {f"still{k}": int(not any(steps[:k])) for k in counters}
        now |= {f"zero{h}": int(not any(t[len(t) - h :])) for h in (*counters, len(t))}
        yield now | {"launch": 0, "running": 1}


def outputs(machine: Machine, run: Timeline) -> list[dict[str, int]]:
    """The outputs at every timestamp."""
    registers = run.program.registers
    found = machine.run(
        {port: now[port] if port in now else registers[port] for port in machine.ports}
        for now in told(run)
    )
    return found[1:]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", DESIGNS)
def test_outputs_follow_the_loops(name: str, late: bool) -> None:
    design = design_of(DESIGNS[name])
    for run in runs_of(design, seed=13):
        for buffer in design.buffers:
            if buffer.plans[run.layer] is None:
                continue
            asked = frozenset(run.signals(run.timestamps[0]))
            machine = Machine(build_agu(design, buffer, asked, late=late, narrow=True))
            for t, found in zip(run.timestamps, outputs(machine, run), strict=True):
                wanted = run.signals(t)
                names = {port: f"{buffer.name}_{port}" for port in found}
                said = {port: value for port, value in found.items() if names[port] in wanted}
                assert said == {port: wanted[names[port]] for port in said}, (buffer.name, t)
                assert "addr" in said


def test_amounts_are_there_for_those_who_ask() -> None:
    """Without narrow switches the digit is the amount, and nothing else is computed."""
    design = design_of(EDGES)
    ports = [
        dict(build_agu(design, design.results, asked, late=False, narrow=narrow).outputs)
        for asked, narrow in (
            (["Y_digit0_5_from2_bit0_2"], True),
            ([], True),
            (["Y_digit0_5_from2_bit0_2"], False),
        )
    ]
    assert ["digit0_5_from2_bit0_2" in each for each in ports] == [True, False, False]
    assert all("digit0_5" in each for each in ports)


def test_only_indices_that_can_leave_are_compared() -> None:
    """X of the windows is read at rows from -1 and columns from -1, at several offsets per FU."""
    design = design_of(WINDOWS)
    x, w, y = (
        [name for name, _ in build_agu(design, buffer, (), late=False, narrow=True).outputs]
        for buffer in design.buffers
    )
    # rows of two FUs are one apart, columns of three FUs two
    assert [name for name in x if name.startswith("in")] == [
        "in1_0",
        "in1_1",
        "in2_0",
        "in2_2",
        "in2_4",
    ]
    assert not any(name.startswith("in") for name in (*w, *y))


def test_nodes_that_other_fus_serve_have_enables_of_their_own() -> None:
    """The nodes of X are served by a row's neighbour, by the row above, or by both."""
    design = design_of(FIFOS)
    x, w, y = design.buffers
    assert served(design, x) == [(0, 1), (1,)]
    assert served(design, w) == [(0,)]
    assert served(design, y) == []
    assert served(design_of(GEMM), design_of(GEMM).buffers[0]) == []


def masks_of(design: DesignPlan) -> Machine:
    b, trips = Builder("masks", "control", len(design.adgs)), design.fused.trips()
    counters = tuple(b.input(f"count{k}", (0, n - 1)) for k, n in enumerate(trips))
    steps = tuple(b.input(f"step{k}") for k in range(len(trips)))
    registers = Registers(b, design)
    last = [b.eq(c, registers.bring(f"trip{k}")) for k, c in enumerate(counters)]
    axis_masks(b, design.fused, counters, last, registers)
    guard_masks(b, design.fused, Events(b.input("launch"), steps, counters), registers)
    return machine_of(b)


@pytest.mark.parametrize("name", DESIGNS)
def test_masks_compare_with_the_loops(name: str) -> None:
    design = design_of(DESIGNS[name])
    for run in runs_of(design, seed=14):
        machine, checked = masks_of(design), 0
        for t, found in zip(run.timestamps, outputs(machine, run), strict=True):
            wanted = run.signals(t)
            for port in found.keys() & wanted.keys():
                assert found[port] == wanted[port], (port, t)
                checked += 1
        assert checked


def test_one_comparison_per_distinct_constant() -> None:
    """Of `j - i` there are three in a square of four FUs; the first FU along an axis is never compared."""
    names = [name for name, _ in masks_of(design_of(TRIANGLE)).module.outputs]
    assert names == ["valid0_1", "valid1_1", "valid2_0", "valid2_1", "valid2_2"]
