"""Starts out of a queue: the sequencer issues the timestamps of one run after those of the other."""

from __future__ import annotations

import random

import pytest

from lego.back.lower.control.sequencer import build_sequencer
from lego.back.lower.registers import NEXT
from lego.back.plan.registers import Reader
from lego.ir.gaps import moves_on, safe_gap
from tests.back.designs import DESIGNS, GEMM, IN_TURN, SEVERAL, design_of
from tests.back.machine import Machine
from tests.back.timeline import Rooms, rooms_of, runs_of
from tests.sequences import queued

TAILS = SEVERAL.replace(
    "{k: 2, n: 2}, temporal: [n, k, m]", "{k: 6, n: 4}, temporal: [n, k, m]"
).replace("[2, 2]", "[6, 4]")
"""Dataflows whose tails take 7, 13 and 6 cycles."""


class Host:
    """The registers of a run that goes on and of the one that waits, beside a sequencer."""

    def __init__(self, rooms: Rooms) -> None:
        self.machine = Machine(build_sequencer(rooms.design, rooms.times.tails))
        self.behind = [s.name for s in rooms.design.registers if s.reader is Reader.BEHIND]
        self.now: dict[str, int] = {}
        self.next: dict[str, int] = {}

    def cycle(self, *, go: int = 0, started: int = 0) -> dict[str, int]:
        same = all(self.now.get(name) == self.next[name] for name in self.behind)
        known = {"go": go, "started": started, "same": int(same)}
        known |= {f"{name}{NEXT}": value for name, value in self.next.items()}
        every = {**dict.fromkeys(self.next, 0), **self.now, **known}
        said = self.machine.cycle({port: every[port] for port in self.machine.ports})
        if said["adopt"]:
            self.now |= {name: self.next[name] for name in self.behind}
        if said["swap"]:
            self.now = self.now | {n: v for n, v in self.next.items() if n not in self.behind}
        return said


@pytest.mark.parametrize("name", ["gemm", "several", "rotating", "rounds", "waiting", "tails"])
def test_a_run_begins_as_early_as_it_may(name: str) -> None:
    rooms = rooms_of(queued((DESIGNS | IN_TURN | {"tails": TAILS})[name], 8))
    r = random.Random(5)
    flows = list(runs_of(rooms.design, seed=6, count=2))
    counters = range(rooms.design.fused.n_counters)
    for _ in range(12):
        run, after = r.choice(flows), r.choice(flows)
        host = Host(rooms)
        host.next = dict(run.program.registers)
        host.cycle(go=1, started=1)
        steps = [host.cycle() for _ in range(rooms.times.settle + 2)]
        assert [each["adopt"] for each in steps] == [1] + [0] * (rooms.times.settle + 1)
        assert [each["swap"] for each in steps] == [0] * (rooms.times.settle + 1) + [1]
        host.next = dict(after.program.registers)
        tail, span = max(rooms.times.tails), run.span
        arrives = r.randint(0, span + tail)
        said = [
            host.cycle(go=int(k == arrives), started=int(k == arrives))
            for k in range(span + 2 * tail + rooms.times.settle + after.span + 8)
        ]
        cycles = [k for k, each in enumerate(said) if each["running"]]
        assert cycles[: len(run.timestamps)] == list(run.issued.values())
        same = all(run.program.registers[n] == after.program.registers[n] for n in host.behind)
        end, waits = span - 1, arrives + 1
        adg, before = rooms.design.adgs[run.layer], after.program.registers.get("gap_before", 0)
        gap = run.program.registers.get("gap_after", 0)
        early = [
            k
            for k in range(max(end, waits), end + tail)
            if same
            and k - end >= before
            and (k - end == gap or k - end >= (safe_gap(adg) if moves_on(adg) else gap))
        ]
        late = max(waits, end + tail) + rooms.times.settle + 1
        first = (early[0] if early else late) + 1
        assert cycles[len(run.timestamps) :] == [first + c for c in after.issued.values()]
        issued = [each for each in said if each["running"]]
        for each, t in zip(issued, [*run.timestamps, *after.timestamps], strict=True):
            assert tuple(each[f"count{c}"] for c in counters) == t
        ends = [end, first + after.span - 1]
        ends = [e + rooms.times.tails[x.layer] for e, x in zip(ends, (run, after), strict=True)]
        said += [host.cycle() for _ in range(ends[-1] + tail + 2 - len(said))]
        assert [each["finished"] for each in said] == [
            sum(k > e for e in ends) for k in range(len(said))
        ]


def test_starts_and_ends_are_counted() -> None:
    """Nine starts at once; each run ends a tail after its last timestamp; it is busy until the last has."""
    rooms = rooms_of(queued(GEMM, 8))
    (run,) = runs_of(rooms.design, seed=6, count=0)
    host = Host(rooms)
    host.next = dict(run.program.registers)
    said = [host.cycle(started=1) for _ in range(3)]
    assert [each["busy"] for each in said] == [0, 1, 1]
    ended = 0
    while said[-1]["busy"]:
        said.append(host.cycle(go=int(not said[-1]["pending"] and ended < 3)))
        ended = said[-1]["finished"]
        assert said[-1]["done"] == (not said[-1]["busy"])
        assert len(said) < 4 * run.span + 100
    assert ended == 3
    assert host.cycle(started=1)["done"]
    assert not host.cycle()["done"]


def test_a_design_without_a_queue_has_no_such_ports() -> None:
    machine = Machine(build_sequencer(design_of(GEMM), rooms_of(GEMM).times.tails))
    assert "start" in machine.ports
    assert "go" not in machine.ports
