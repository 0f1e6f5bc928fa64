"""The master of the read channels behind a memory with stalls, errors and answers in any order."""

from __future__ import annotations

import random
from collections import deque
from functools import cache

import pytest

from lego.back.system.axi.read import build_axi_read
from lego.diag import InternalError
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module
from tests.back.quick import Quick
from tests.back.system.axi.slaves import (
    CARRIES,
    LIMITS,
    REFUSED,
    Reader,
    ReadSlave,
    Run,
    expected,
    pieces,
    random_run,
    static,
)
from tests.back.system.mutants import unnoticed

RANGE, ALIGN, READ = ErrorCode.RANGE, ErrorCode.ALIGN, ErrorCode.READ


@cache
def master(**sizes: int) -> Module:
    return build_axi_read("test", **sizes)


class Bench:
    """A master, its clients and the memory; `outs` are the master's outputs, cycle by cycle."""

    def __init__(
        self, module: Module, slave: ReadSlave, runs: list[list[Run]], pause: float, seed: int = 1
    ) -> None:
        self.machine, self.slave = Quick(module), slave
        r = random.Random(seed)
        self.clients = [Reader(k, r, deque(each), pause) for k, each in enumerate(runs)]
        self.outs: list[dict[str, int]] = []
        self.static = static()
        self.given: dict[str, int] = {}

    def cycle(self) -> dict[str, int]:
        inputs = self.static | self.slave.inputs()
        for client in self.clients:
            inputs |= client.inputs()
        self.given = inputs
        out = self.machine.cycle(inputs)
        for each in (self.slave, *self.clients):
            each.see(out)
        self.outs.append(out)
        return out

    def until_idle(self, most: int) -> None:
        """Goes on until all runs are answered."""
        for _ in range(most):
            asking = any(c.todo for c in self.clients)
            if self.cycle()["idle"] and not asking:
                return
        raise AssertionError("never idle")

    def faults(self) -> list[tuple[int, int]]:
        return [(o["fault_code"], o["fault_address"]) for o in self.outs if o["fault"]]


def judged(bench: Bench, most: int, wrong: frozenset[int] = frozenset()) -> None:
    """Bursts and beats of every client are what its runs say, in their order."""
    for client in bench.clients:
        mine = [(b.address, b.beats) for b in bench.slave.taken if b.id == client.name]
        assert mine == [piece for run in client.asked for piece in pieces(run, most)]
        assert client.got == expected(client.asked, wrong)


@pytest.mark.parametrize("seed", range(12))
def test_random_runs(seed: int) -> None:
    """With pauses of the clients and of the memory, which answers in order or mixed."""
    r = random.Random(seed)
    outstanding, most = r.choice([2, 4, 16]), r.choice([4, 16, 256])
    runs = [[random_run(r) for _ in range(6)] for _ in range(2)]
    slave = ReadSlave(
        r, latency=r.choice([0, 5, 30]), stall=r.choice([0, 0.4]), mixed=seed % 2 == 1
    )
    bench = Bench(master(outstanding=outstanding, burst=most), slave, runs, r.choice([0.0, 0.4]))
    bench.until_idle(20000)
    assert [len(c.asked) for c in bench.clients] == [6, 6]
    judged(bench, most)
    assert bench.faults() == []


@pytest.mark.parametrize("clients", [1, 3])
def test_other_numbers_of_clients(clients: int) -> None:
    r = random.Random(clients)
    runs = [[random_run(r) for _ in range(3)] for _ in range(clients)]
    slave = ReadSlave(r, latency=3, mixed=True)
    bench = Bench(master(clients=clients, outstanding=4), slave, runs, 0.2)
    bench.until_idle(20000)
    judged(bench, 256)


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
    """From three cycles after the first request a beat comes in every cycle, once the first is there."""
    bench = Bench(
        master(outstanding=16), ReadSlave(random.Random(0), latency=latency), [[], runs], 0
    )
    beats = sum(run.beats for run in runs)
    bench.until_idle(4000)
    came = [k for k, out in enumerate(bench.outs) if out["r1_valid"]]
    assert bench.outs.index(next(o for o in bench.outs if o["m_axi_arvalid"])) == 3
    assert came == list(range(4 + latency, 4 + latency + beats))
    assert len(bench.outs) == 4 + latency + beats + 1


def test_the_bursts_under_way_bound_the_rate() -> None:
    """Four single beats at a latency of 20 cycles: no more are ever without answer."""
    runs = [Run(0, 160 * k, 1) for k in range(20)]
    bench = Bench(master(outstanding=4), ReadSlave(random.Random(0), latency=20), [runs, []], 0)
    most = 0
    while any(c.todo for c in bench.clients) or not bench.outs[-1]["idle"]:
        bench.cycle()
        most = max(most, len(bench.slave.bursts))
    assert most == 4
    assert len(bench.outs) == 3 + 4 * 23 + 26


def test_the_first_client_is_first() -> None:
    """A request of client 0 waits for no burst of client 1 but the one in the register."""
    runs = [[Run(1, 0, 4)], [Run(0, 0, 600)]]
    bench = Bench(master(burst=4), ReadSlave(random.Random(0)), [[], runs[1]], 0)
    for _ in range(8):
        bench.cycle()
    bench.clients[0].todo.extend(runs[0])
    asked = len(bench.outs)
    bench.until_idle(4000)
    taken = [k for k, o in enumerate(bench.outs) if o["m_axi_arvalid"] and o["m_axi_arid"] == 0]
    assert taken == [asked + 3]
    judged(bench, 4)


OUTSIDE = [
    (Run(4, 0, 257), RANGE),
    (Run(4, 0xFF0, 2), RANGE),
    (Run(5, 0x40, 1), RANGE),
    (Run(0, 0xFFFF_FFF0, 1), RANGE),
    (Run(0, 0xFFFF_FFF0, 65535), RANGE),
    (Run(3, 8, 1), ALIGN),
]


@pytest.mark.parametrize(("bad", "code"), OUTSIDE)
def test_runs_outside_their_segment(bad: Run, code: int) -> None:
    """They and what follows of their client issue nothing, until halt; the other client goes on."""
    good, after = Run(4, 0, 256), Run(4, 0xFF0, 1)
    slave = ReadSlave(random.Random(0), latency=2)
    bench = Bench(master(outstanding=4), slave, [[bad, good], [good, after]], 0)
    for _ in range(400):
        bench.cycle()
    assert bench.faults() == [(code, bad.address & ~15)]
    assert [b.id for b in slave.taken] == [1, 1]
    assert bench.clients[1].got == expected([good, after])
    assert bench.clients[0].got == []
    assert not bench.outs[-1]["idle"]  # a run waits behind the refused one
    bench.static["halt"] = 1
    bench.cycle()
    bench.static["halt"] = 0
    bench.clients[0].todo = deque([after])
    bench.until_idle(100)
    assert bench.clients[0].got == expected([after])
    assert bench.faults() == [(code, bad.address & ~15)]


def test_faults_at_one_time() -> None:
    """The first client's is told."""
    bench = Bench(master(), ReadSlave(random.Random(0)), [[OUTSIDE[0][0]], [OUTSIDE[5][0]]], 0)
    for _ in range(10):
        bench.cycle()
    assert bench.faults() == [(RANGE, OUTSIDE[0][0].address)]


def test_errors_name_the_burst() -> None:
    """A beat with an error is marked, and the address of its burst is told."""
    runs = [[Run(0, 0x1000, 20), Run(6, 0xF80, 40)], [Run(0, 0x9000, 300)]]
    starts = [piece[0] for each in runs for run in each for piece in pieces(run, 16)]
    wrong = frozenset(start + 16 * (k % 2) for k, start in enumerate(starts))
    slave = ReadSlave(random.Random(5), latency=3, mixed=True, wrong=wrong)
    bench = Bench(master(outstanding=4, burst=16), slave, runs, 0.3)
    bench.until_idle(4000)
    bench.cycle()
    judged(bench, 16, wrong)
    assert sorted(bench.faults()) == sorted((READ, start) for start in starts)


@pytest.mark.parametrize("when", range(1, 60, 2))
def test_halt(when: int) -> None:
    """At any cycle: what is under way is drained even if no client takes it; then all is as at first."""
    r = random.Random(when)
    runs = [[random_run(r) for _ in range(6)] for _ in range(2)]
    slave = ReadSlave(r, latency=8, stall=0.3, mixed=True)
    bench = Bench(master(outstanding=4, burst=16), slave, runs, 0.5)
    for _ in range(when):
        bench.cycle()
    bench.static["halt"] = 1
    for client in bench.clients:
        client.pause = 1.0
        client.todo.clear()
    holding = bench.outs[-1]["m_axi_arvalid"] and not bench.slave.ready
    issued = len(slave.taken)
    bench.until_idle(400)
    assert len(slave.taken) <= issued + 1 + int(holding)
    assert all(out["r0_valid"] == out["r1_valid"] == 0 for out in bench.outs[when:])
    assert all(out["c0_ready"] == out["c1_ready"] == 0 for out in bench.outs[when:])
    assert slave.bursts == []
    bench.static["halt"] = 0
    again = [[random_run(r)] for _ in range(2)]
    for client, todo in zip(bench.clients, again, strict=True):
        client.pause, client.todo, client.got = 0.3, deque(todo), []
        client.asked, client.asking = [], False
    slave.taken.clear()
    bench.until_idle(4000)
    judged(bench, 16)


def whole(module: Module, seed: int = 3) -> None:
    """A bit of everything: runs beside each other, errors, a refused run, halt, and full rate after it.

    The module has four bursts of at most 16 beats under way.
    """
    r = random.Random(seed)
    ends = [Run(k, LIMITS[k] - 16 & ~15, 1) for k in range(8)]
    runs = [
        [*ends, Run(2, 0xF90, 10), Run(4, 0xFE0, 2), Run(6, 0x20, 100), *ends[:3], Run(6, 0, 50)],
        [*ends[3:], Run(1, 0x10, 70), *ends, Run(3, 0xFF0, 34), Run(0, 0xFFFF_FF80, 7), *ends],
    ]
    runs = [[*each, *CARRIES] for each in runs]
    starts = {piece[0] for each in runs for run in each for piece in pieces(run, 16)}
    slave = ReadSlave(r, latency=4, stall=0.3, mixed=True, wrong=frozenset(starts))
    bench = Bench(module, slave, runs, 0.3)
    assert (bench.cycle()["idle"], bench.outs[0]["m_axi_arvalid"]) == (1, 0)
    bench.until_idle(2000)
    bench.cycle()
    judged(bench, 16, slave.wrong)
    assert set(bench.faults()) == {(READ, start) for start in starts}
    slave.wrong, slave.latency, slave.stall = frozenset(), 2, 0
    for k, refused in enumerate([*REFUSED, *REFUSED[::-1]]):
        refused_then_halt(bench, k % 2, refused)
    rate_after_halt(bench, r)


def refused_then_halt(bench: Bench, name: int, run: Run) -> None:
    """A run of one client is refused while the other reads; halt drains that."""
    bench.static["halt"] = 0
    bad, other = bench.clients[name], bench.clients[1 - name]
    bad.todo, other.todo = deque([run, Run(0, 0, 1)]), deque([Run(0, 0xFE0, 18)])
    bad.pause = other.pause = 0
    seen, had, issued = len(bench.faults()), len(bad.got), len(bench.slave.taken)
    for _ in range(24):
        bench.cycle()
    bench.static["halt"] = 1
    bad.pause = other.pause = 1
    halted_at = len(bench.outs)
    bench.until_idle(200)
    halted = bench.outs[halted_at:]
    assert all(o["r0_valid"] == o["r1_valid"] == o["c0_ready"] == 0 for o in halted)
    assert bench.faults()[seen:] == [(RANGE, run.address)]
    assert len(bad.got) == had
    assert all(b.id == other.name for b in bench.slave.taken[issued:])


def rate_after_halt(bench: Bench, r: random.Random) -> None:
    """A run that is refused, and single beats of the other client, one per cycle."""
    bench.static["halt"], bench.slave.latency = 0, 0
    seen, begin = len(bench.faults()), len(bench.outs)
    bench.clients = [
        Reader(0, r, deque([OUTSIDE[5][0]])),
        Reader(1, r, deque(Run(0, 48 * k, 1) for k in range(20))),
    ]
    bench.until_idle(60)
    assert bench.faults()[seen:] == [(ALIGN, OUTSIDE[5][0].address & ~15)]
    assert bench.clients[1].got == expected(bench.clients[1].asked)
    assert len(bench.outs) == begin + 4 + 20 + 1
    for name in (0, 1):
        misaligned_behind_others(bench, r, name)


def misaligned_behind_others(bench: Bench, r: random.Random, name: int) -> None:
    """A run that is refused while it waits between two that aren't."""
    bench.static["halt"] = 1
    bench.cycle()
    bench.static["halt"], seen = 0, len(bench.faults())
    bench.clients = [Reader(0, r, deque()), Reader(1, r, deque())]
    bench.clients[name].todo = deque([Run(0, 0, 90), Run(0, 32, 1), OUTSIDE[5][0], Run(0, 0, 1)])
    for _ in range(115):
        bench.cycle()
    assert bench.faults()[seen:] == [(ALIGN, OUTSIDE[5][0].address & ~15)]
    assert bench.clients[name].got == expected([Run(0, 0, 90), Run(0, 32, 1)])


def test_a_bit_of_everything() -> None:
    whole(master(outstanding=4, burst=16))


@pytest.mark.slow
def test_changes_of_all_primitives_are_noticed() -> None:
    """But for four that add zero."""
    left = unnoticed(master(outstanding=4, burst=16), whole, count=1000)
    assert len(left) <= 4, left


def test_changes_are_noticed() -> None:
    """The same of a part of them."""
    left = unnoticed(master(outstanding=4, burst=16), whole, count=40)
    assert len(left) <= 3, left


@pytest.mark.parametrize("segment", range(8))
def test_the_last_beat_of_a_segment(segment: int) -> None:
    """It's read, and none behind it."""
    last = Run(segment, LIMITS[segment] - 16 & ~15, 1)
    behind = Run(segment, last.offset, 2)
    bench = Bench(master(), ReadSlave(random.Random(0)), [[last, behind], []], 0)
    for _ in range(12):
        bench.cycle()
    assert [b.address for b in bench.slave.taken] == [last.address]
    assert bench.faults() == [(RANGE, last.address)]


def test_halt_must_last() -> None:
    bench = Bench(master(), ReadSlave(random.Random(0), latency=9), [[Run(0, 0, 9)], []], 0)
    for _ in range(6):
        bench.cycle()
    bench.static["halt"] = 1
    bench.cycle()
    bench.static["halt"] = 0
    with pytest.raises(AssertionError, match="test_axi_read"):
        bench.cycle()


@pytest.mark.parametrize(
    "sizes",
    [{"bus_bits": 100}, {"outstanding": 3}, {"burst": 512}, {"address_bits": 32}],
    ids=str,
)
def test_sizes(sizes: dict[str, int]) -> None:
    with pytest.raises(InternalError):
        build_axi_read("test", **sizes)


def test_nothing_is_valid_at_first() -> None:
    out = Bench(master(), ReadSlave(random.Random(0)), [[], []], 0).cycle()
    assert (out["m_axi_arvalid"], out["idle"], out["fault"]) == (0, 1, 0)


def test_limits_are_in_use() -> None:
    assert {0xFFFF_FFF0, 0x1000, 0x40} <= set(LIMITS)
