"""The sequencer: counters in nested loops, one event a cycle, and a start that is heard only when idle."""

from __future__ import annotations

import itertools

import pytest

from lego.back.lower.control.sequencer import build_sequencer
from tests.back.designs import GEMM, SEVERAL
from tests.back.machine import Machine
from tests.back.timeline import rooms_of, runs_of


def started(machine: Machine, registers: dict[str, int], starts: list[int]) -> list[dict[str, int]]:
    known = {port: registers[port] for port in machine.ports if port != "start"}
    return machine.run(known | {"start": start} for start in starts)


@pytest.mark.parametrize("text", [GEMM, SEVERAL], ids=["gemm", "several"])
def test_counters_are_nested_loops(text: str) -> None:
    rooms = rooms_of(text)
    for run in runs_of(rooms.design, seed=8):
        machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
        waits = 1 + rooms.times.settle
        said = started(machine, run.program.registers, [1] + [0] * (waits + len(run.timestamps)))
        issued = said[waits : waits + len(run.timestamps)]
        counters = [tuple(each[f"count{k}"] for k in range(len(run.trips))) for each in issued]
        assert counters == run.timestamps
        assert [each["running"] for each in said[waits:]] == [1] * len(issued) + [0]
        assert [each["launch"] for each in said] == [int(k == waits - 1) for k in range(len(said))]
        for before, after, each in zip(counters, counters[1:], issued, strict=False):
            steps = [each[f"step{k}"] for k in range(len(before))]
            (moved,) = itertools.compress(itertools.count(), steps)
            assert after == (*before[:moved], before[moved] + 1, *[0] * (len(before) - moved - 1))


def test_a_start_while_busy_is_not_heard() -> None:
    rooms = rooms_of(GEMM)
    (run,) = runs_of(rooms.design, seed=8, count=0)
    end = len(run.timestamps) + rooms.times.tails[0] + 1
    machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
    said = started(machine, run.program.registers, [1] * (end + 2))
    assert [each["busy"] for each in said] == [0, *[1] * (end - 1), 0, 1]
    assert [each["done"] for each in said] == [0] * end + [1, 0]
    again = [each["launch"] for each in said]
    assert [k for k, launched in enumerate(again) if launched] == [0, end]
