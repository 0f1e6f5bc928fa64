"""The master of the write channels before a memory with stalls, late answers and errors."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from functools import cache

import pytest

from lego.back.system.axi.write import build_axi_write
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module
from tests.back.quick import Quick
from tests.back.system.axi.slaves import (
    CARRIES,
    LIMITS,
    REFUSED,
    Inputs,
    Run,
    WriteSlave,
    no_run,
    pieces,
    random_run,
    static,
)
from tests.back.system.mutants import unnoticed

RANGE, ALIGN, WRITE = ErrorCode.RANGE, ErrorCode.ALIGN, ErrorCode.WRITE
ONES = (1 << 16) - 1


@cache
def master(**sizes: int) -> Module:
    return build_axi_write("test", **sizes)


@dataclass
class Writer:
    """A client that asks for runs and brings their beats, both with pauses; strobes are any."""

    r: random.Random
    todo: deque[Run]
    pause: float = 0.0
    strobes: bool = True
    asking: bool = False
    bringing: bool = False
    beats: deque[tuple[int, int, int]] = field(default_factory=deque)
    memory: dict[int, int] = field(default_factory=dict)
    asked: list[Run] = field(default_factory=list)

    def inputs(self) -> Inputs:
        self.asking = bool(self.todo) and (self.asking or self.r.random() >= self.pause)
        self.bringing = bool(self.beats) and (self.bringing or self.r.random() >= self.pause)
        found = self.todo[0].ports("c") if self.asking else no_run("c")
        _, data, strobe = self.beats[0] if self.bringing else (0, self.r.getrandbits(128), 0xF0F0)
        return found | {"w_valid": int(self.bringing), "w_data": data, "w_strobe": strobe}

    def see(self, out: dict[str, int]) -> None:
        if self.bringing and out["w_ready"]:
            at, data, strobe = self.beats.popleft()
            for lane in range(16):
                if strobe >> lane & 1:
                    self.memory[at + lane] = data >> 8 * lane & 255
            self.bringing = False
        if self.asking and out["c_ready"]:
            run = self.todo.popleft()
            self.asked.append(run)
            for k in range(run.beats):
                strobe = self.r.getrandbits(16) if self.strobes else ONES
                self.beats.append((run.address + 16 * k, self.r.getrandbits(128), strobe))
            self.asking = False


class Bench:
    """A master, its client and the memory; `outs` are the master's outputs, cycle by cycle."""

    def __init__(self, module: Module, slave: WriteSlave, client: Writer) -> None:
        self.machine, self.slave, self.client = Quick(module), slave, client
        self.outs: list[dict[str, int]] = []
        self.static = static()
        self.given: dict[str, int] = {}

    def cycle(self) -> dict[str, int]:
        self.given = self.static | self.slave.inputs() | self.client.inputs()
        out = self.machine.cycle(self.given)
        self.slave.see(out)
        self.client.see(out)
        self.outs.append(out)
        return out

    def until_idle(self, most: int) -> None:
        """Goes on until all runs are answered."""
        for _ in range(most):
            asking = bool(self.client.todo)
            if self.cycle()["idle"] and not asking:
                return
        raise AssertionError("never idle")

    def ask(self, *runs: Run, pause: float = 0.0) -> None:
        """The client forgets what it did, and asks for these."""
        self.client = Writer(self.client.r, deque(runs), pause, self.client.strobes)
        self.slave.memory.clear()
        self.slave.taken.clear()

    def faults(self) -> list[tuple[int, int]]:
        return [(o["fault_code"], o["fault_address"]) for o in self.outs if o["fault"]]

    def answers(self) -> list[int]:
        """For each run that is done, whether it had an error."""
        return [out["error"] for out in self.outs if out["done"]]


def bench_of(
    module: Module, r: random.Random, runs: list[Run], pause: float, **how: float
) -> Bench:
    return Bench(module, WriteSlave(r, **how), Writer(r, deque(runs), pause))  # type: ignore[arg-type]


def judged(bench: Bench, most: int) -> None:
    """Bursts and what memory holds are what the client's runs say."""
    mine = [(b.address, b.beats) for b in bench.slave.taken]
    assert mine == [piece for run in bench.client.asked for piece in pieces(run, most)]
    assert bench.slave.memory == bench.client.memory


@pytest.mark.parametrize("order", ["any", "address first", "data first"])
@pytest.mark.parametrize("seed", range(5))
def test_random_runs(seed: int, order: str) -> None:
    """With pauses of the client and of the memory, which waits for one channel before the other."""
    r = random.Random(seed)
    outstanding, most = r.choice([2, 4, 16]), r.choice([4, 16, 256])
    runs = [random_run(r) for _ in range(6)]
    module = master(outstanding=outstanding, burst=most)
    bench = bench_of(module, r, runs, r.choice([0, 0.4]), latency=seed * 5, stall=seed % 3 * 0.3)
    bench.slave.order = order
    bench.until_idle(20000)
    judged(bench, most)
    assert bench.answers() == [0] * 6
    assert bench.faults() == []


@pytest.mark.parametrize(
    ("runs", "latency"),
    [
        ([Run(4, 0, 256)], 0),
        ([Run(0, 0xF80, 600)], 10),
        ([Run(0, 16 * k * 300, 1) for k in range(60)], 10),
        ([Run(0, 4096 * k + 0xFF0, 2) for k in range(30)], 7),
    ],
    ids=["one burst", "long", "single beats", "two bursts each"],
)
def test_full_rate(runs: list[Run], latency: int) -> None:
    """From four cycles after the first request a beat goes in every cycle."""
    bench = bench_of(master(), random.Random(0), runs, 0, latency=latency)
    bench.until_idle(4000)
    beats = sum(run.beats for run in runs)
    assert bench.outs.index(next(o for o in bench.outs if o["m_axi_awvalid"])) == 3
    sent = [k for k, out in enumerate(bench.outs) if out["m_axi_wvalid"]]
    assert sent == list(range(4, 4 + beats))
    done = [k for k, out in enumerate(bench.outs) if out["done"]]
    assert done[-1] == 4 + beats + latency
    assert len(done) == len(runs)
    assert len(bench.outs) == done[-1] + 2


def test_answers_bound_the_rate() -> None:
    """Two bursts at a time of which each takes 30 cycles to be answered."""
    runs = [Run(0, 160 * k, 1) for k in range(10)]
    bench = bench_of(master(outstanding=2), random.Random(0), runs, 0, latency=30)
    most = 0
    while bench.client.todo or not bench.outs[-1]["idle"]:
        bench.cycle()
        most = max(most, len(bench.slave.bursts) + len(bench.slave.answers))
    assert most == 2
    assert len(bench.outs) > 5 * 30


OUTSIDE = [
    (Run(4, 0, 257), RANGE),
    (Run(5, 0x40, 1), RANGE),
    (Run(0, 0xFFFF_FFF0, 65535), RANGE),
    (Run(3, 8, 1), ALIGN),
]


@pytest.mark.parametrize(("bad", "code"), OUTSIDE)
def test_runs_outside_their_segment(bad: Run, code: int) -> None:
    """They and what follows issue nothing, until halt; what came before is answered."""
    before, after = Run(4, 0, 256), Run(4, 0xFF0, 1)
    bench = bench_of(master(), random.Random(1), [before, bad, after], 0, latency=3)
    for _ in range(400):
        bench.cycle()
    assert bench.faults() == [(code, bad.address & ~15)]
    assert bench.answers() == [0]
    assert [(b.address, b.beats) for b in bench.slave.taken] == pieces(before)
    bench.static["halt"] = 1
    bench.cycle()
    bench.static["halt"] = 0
    bench.ask(after)
    bench.until_idle(100)
    judged(bench, 256)
    assert bench.answers() == [0, 0]
    assert bench.faults() == [(code, bad.address & ~15)]


def test_errors_name_the_burst_and_mark_the_run() -> None:
    runs = [Run(0, 0x1000, 20), Run(6, 0xF80, 40), Run(1, 0, 3), Run(2, 0, 60)]
    bursts = [pieces(run, 16) for run in runs]
    wrong = {bursts[0][1][0], bursts[3][0][0], bursts[3][2][0]}
    bench = bench_of(master(outstanding=4, burst=16), random.Random(5), runs, 0.3, latency=3)
    bench.slave.wrong = frozenset(wrong)
    bench.until_idle(4000)
    bench.cycle()
    assert bench.answers() == [1, 0, 0, 1]
    assert sorted(bench.faults()) == sorted((WRITE, start) for start in wrong)


def halted(bench: Bench) -> None:
    """Halt until idle; the client says nothing more. What isn't written whole wasn't written at all."""
    seen = len(bench.outs)
    bench.static["halt"] = 1
    bench.client.todo.clear()
    bench.client.beats.clear()
    bench.until_idle(900)
    outs = bench.outs[seen:]
    assert all(o["done"] == o["w_ready"] == o["c_ready"] == 0 for o in outs)
    assert (bench.slave.bursts, list(bench.slave.answers), list(bench.slave.data)) == ([], [], [])
    assert bench.slave.memory == bench.client.memory
    bench.static["halt"] = 0


@pytest.mark.parametrize("when", range(1, 80, 2))
def test_halt(when: int) -> None:
    """At any cycle: bursts that were begun are sent without the client; then all is as at first."""
    r = random.Random(when)
    runs = [random_run(r) for _ in range(8)]
    bench = bench_of(master(outstanding=4, burst=16), r, runs, 0.4, latency=8, stall=0.3)
    for _ in range(when):
        bench.cycle()
    halted(bench)
    bench.ask(random_run(r), random_run(r), pause=0.3)
    seen = len(bench.answers())
    bench.until_idle(6000)
    judged(bench, 16)
    assert bench.answers()[seen:] == [0, 0]


def whole(module: Module) -> None:
    """A bit of everything, for a module with four bursts of at most 16 beats under way."""
    r = random.Random(3)
    ends = [Run(k, LIMITS[k] - 16 & ~15, 1) for k in range(8)]
    runs = [Run(2, 0xF90, 10), Run(6, 0x20, 100), *ends, Run(1, 0x10, 70), Run(3, 0xFF0, 34)]
    runs += CARRIES
    bench = bench_of(module, r, runs, 0.3, latency=4, stall=0.3)
    starts = [piece[0] for run in runs for piece in pieces(run, 16)]
    bench.slave.wrong = frozenset(starts[2::3])
    assert (bench.cycle()["idle"], bench.outs[0]["m_axi_wvalid"]) == (1, 0)
    bench.until_idle(2000)
    bench.cycle()
    judged(bench, 16)
    marks = [int(any(p[0] in bench.slave.wrong for p in pieces(run, 16))) for run in runs]
    assert bench.answers() == marks
    assert bench.faults() == [(WRITE, start) for start in starts if start in bench.slave.wrong]
    for bad, code in [OUTSIDE[3], *((run, RANGE) for run in REFUSED)]:
        seen = len(bench.faults()), len(bench.answers())
        before = [Run(0, 0xFE0, 70), Run(0, 0x2000, 1)]
        bench.ask(*before, bad, Run(0, 0, 1))
        bench.slave.wrong = frozenset({bench.client.todo[0].address})
        for _ in range(90):
            bench.cycle()
        halted(bench)
        issued = [(b.address, b.beats) for b in bench.slave.taken]
        assert issued == [piece for run in before for piece in pieces(run, 16)]
        assert bench.faults()[seen[0] :] == [(WRITE, 0x1_0000_0FE0), (code, bad.address & ~15)]
        assert len(bench.answers()) == seen[1]
    seen_answers, bench.slave.wrong = len(bench.answers()), frozenset()
    bench.slave.latency, bench.slave.stall = 0, 0
    bench.ask(*(Run(0, 48 * k, 1) for k in range(20)))
    begin = len(bench.outs)
    bench.until_idle(60)
    judged(bench, 16)
    assert len(bench.outs) == begin + 4 + 20 + 2
    assert bench.answers()[seen_answers:] == [0] * 20


@pytest.mark.slow
def test_changes_of_all_primitives_are_noticed() -> None:
    left = unnoticed(master(outstanding=4, burst=16), whole, count=1000)
    assert len(left) <= 4, left


def test_changes_are_noticed() -> None:
    left = unnoticed(master(outstanding=4, burst=16), whole, count=40)
    assert len(left) <= 2, left


def test_nothing_is_valid_at_first() -> None:
    out = bench_of(master(), random.Random(0), [], 0).cycle()
    names = ("m_axi_awvalid", "m_axi_wvalid", "idle", "fault", "done")
    assert [out[name] for name in names] == [0, 0, 1, 0, 0]
