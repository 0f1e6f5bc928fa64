"""A memory behind a bus master, cycle by cycle in Python, and what a test asks of the master."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

BASES = (
    0x1_0000_0000,
    0x12_A5F7_3AC0,
    0xFFFF_F000,
    0xAB_FFFF_FFFF_EFC0,
    0x0,
    0x2_0000_0000,
    0x123_4540,
    0x80,
)
LIMITS = (0xFFFF_FFF0, 0x123_4560, 0x20000, 0x8000, 0x1000, 0x40, 0xFFFF0, 0x100000)

Inputs = dict[str, int]


def static() -> Inputs:
    """The segments, and what stands beside every address."""
    found = {f"segment_base{k}": base for k, base in enumerate(BASES)}
    found |= {f"segment_limit{k}": limit for k, limit in enumerate(LIMITS)}
    return found | {"cache": 0b1010, "prot": 0b010, "qos": 0b0110, "halt": 0}


def word(address: int) -> int:
    """What memory holds there: 16 bytes that tell the address."""
    return (address * 0x9E3779B97F4A7C15 ^ address << 64) & (1 << 128) - 1


@dataclass(frozen=True)
class Run:
    """What a client asks for."""

    segment: int
    offset: int
    beats: int

    @property
    def address(self) -> int:
        return BASES[self.segment] + self.offset

    def ports(self, client: str) -> Inputs:
        return {
            f"{client}_valid": 1,
            f"{client}_segment": self.segment,
            f"{client}_offset": self.offset,
            f"{client}_beats": self.beats,
        }


def no_run(client: str) -> Inputs:
    return {f"{client}_{name}": 0 for name in ("valid", "segment", "offset", "beats")}


def random_run(r: random.Random) -> Run:
    """Within its segment; often around a boundary of 4 KiB."""
    segment = r.choice([k for k in range(8) if k != 5])
    beats = r.choice([1, 1, 2, r.randint(1, 20), r.randint(200, 300), r.randint(1, 600)])
    beats = min(beats, LIMITS[segment] // 16)
    most = (LIMITS[segment] >> 4) - beats
    return Run(segment, 16 * r.choice([most, r.randint(0, most), min(most, 250)]), beats)


@dataclass
class Burst:
    """One that the slave took."""

    id: int
    address: int
    beats: int
    since: int
    sent: int = 0


@dataclass
class ReadSlave:
    """Answers reads: in the order of their IDs or mixed, with stalls, errors at addresses."""

    r: random.Random
    latency: int = 0
    stall: float = 0.0
    mixed: bool = False
    wrong: frozenset[int] = frozenset()
    ids: int = 2
    bursts: list[Burst] = field(default_factory=list)
    taken: list[Burst] = field(default_factory=list)
    now: int = 0
    offered: Burst | None = None
    ready: int = 0

    def inputs(self) -> Inputs:
        """What it drives in this cycle."""
        self.ready = int(self.r.random() >= self.stall)
        if self.offered is None and self.r.random() >= self.stall:
            due = [b for b in self._firsts() if self.now > b.since + self.latency]
            if due:
                self.offered = self.r.choice(due) if self.mixed else due[0]
        found = {
            "m_axi_arready": self.ready,
            "m_axi_rvalid": 0,
            "m_axi_rid": self.r.randrange(self.ids),
        }
        found |= {"m_axi_rdata": 0, "m_axi_rresp": 0, "m_axi_rlast": self.r.randint(0, 1)}
        if self.offered is not None:
            b = self.offered
            at = b.address + 16 * b.sent
            found |= {"m_axi_rvalid": 1, "m_axi_rid": b.id, "m_axi_rdata": word(at)}
            found |= {"m_axi_rlast": int(b.sent + 1 == b.beats)}
            found |= {"m_axi_rresp": 2 if at in self.wrong else 0}
        return found

    def _firsts(self) -> list[Burst]:
        """The oldest burst of every ID, the oldest of all first."""
        return [b for k, b in enumerate(self.bursts) if b.id not in {o.id for o in self.bursts[:k]}]

    def see(self, out: Mapping[str, int]) -> None:
        """What the master drove in this cycle."""
        if self.offered is not None and out["m_axi_rready"]:
            self.offered.sent += 1
            if self.offered.sent == self.offered.beats:
                self.bursts.remove(self.offered)
            self.offered = None
        if out["m_axi_arvalid"] and self.ready:
            assert (out["m_axi_arsize"], out["m_axi_arburst"], out["m_axi_arlock"]) == (4, 1, 0)
            assert out["m_axi_arcache"] == 0b1010
            assert (out["m_axi_arprot"], out["m_axi_arqos"]) == (0b010, 0b0110)
            beats = out["m_axi_arlen"] + 1
            self.bursts.append(Burst(out["m_axi_arid"], out["m_axi_araddr"], beats, self.now))
            self.taken.append(self.bursts[-1])
        self.now += 1


@dataclass
class Reader:
    """A client that asks for runs and takes what comes, both with pauses."""

    name: int
    r: random.Random
    todo: deque[Run]
    pause: float = 0.0
    asking: bool = False
    ready: int = 0
    asked: list[Run] = field(default_factory=list)
    got: list[tuple[int, int, int]] = field(default_factory=list)

    def inputs(self) -> Inputs:
        self.asking = bool(self.todo) and (self.asking or self.r.random() >= self.pause)
        self.ready = int(self.r.random() >= self.pause)
        client = f"c{self.name}"
        found = self.todo[0].ports(client) if self.asking else no_run(client)
        return found | {f"r{self.name}_ready": self.ready}

    def see(self, out: Mapping[str, int]) -> None:
        if self.asking and out[f"c{self.name}_ready"]:
            self.asked.append(self.todo.popleft())
            self.asking = False
        if self.ready and out[f"r{self.name}_valid"]:
            self.got.append(tuple(out[f"r{self.name}_{n}"] for n in ("data", "last", "error")))  # type: ignore[arg-type]


def expected(runs: list[Run], wrong: frozenset[int] = frozenset()) -> list[tuple[int, int, int]]:
    """What a client gets for its runs."""
    return [
        (word(run.address + 16 * k), int(k + 1 == run.beats), int(run.address + 16 * k in wrong))
        for run in runs
        for k in range(run.beats)
    ]


CARRIES = [Run(0, (1 << k) - 16, 2) for k in range(8, 32)]
CARRIES += [
    Run(2, 0xF90, 10),
    Run(3, 0x1020, 6),
    Run(1, 0xFFFF0, 2),
    *(Run(1, 0x1B_5A70 * k, 1) for k in range(1, 11)),
]
"""Runs whose addresses carry far."""

REFUSED = [
    Run(4, 0xFF0, 2),
    Run(7, 0xFFFF0, 2),
    Run(1, LIMITS[1] - 16, 2),
    Run(1, LIMITS[1] + 0x10_0000, 1),
    Run(6, 0xFFFF0, 1),
    Run(0, 0xFFFF_FFF0, 1),
]
"""Runs that don't end in their segments."""


def pieces(run: Run, most: int = 256) -> list[tuple[int, int]]:
    """The bursts of a run, found beat by beat: address and beats."""
    found: list[tuple[int, int]] = []
    for k in range(run.beats):
        at = run.address + 16 * k
        if not found or at % min(4096, 16 * most) == 0:
            found.append((at, 0))
        found[-1] = (found[-1][0], found[-1][1] + 1)
    return found


@dataclass
class WriteSlave:
    """Takes writes with stalls, an order of its channels, and late answers; errors by bursts' addresses."""

    r: random.Random
    latency: int = 0
    stall: float = 0.0
    order: str = "any"
    wrong: frozenset[int] = frozenset()
    now: int = 0
    bursts: list[Burst] = field(default_factory=list)
    taken: list[Burst] = field(default_factory=list)
    data: deque[tuple[int, int, int]] = field(default_factory=deque)
    answers: deque[tuple[int, int]] = field(default_factory=deque)
    memory: dict[int, int] = field(default_factory=dict)
    readies: tuple[int, int] = (0, 0)
    answering: bool = False

    def inputs(self) -> Inputs:
        """What it drives in this cycle: it may wait for data before addresses, or the other way."""
        address, data = (int(self.r.random() >= self.stall) for _ in range(2))
        if self.order == "address first":
            data &= int(len(self.bursts) > 0)
        if self.order == "data first":
            address &= int(len(self.data) > 0)
        self.readies = address, data
        due = bool(self.answers) and self.now > self.answers[0][0] + self.latency
        self.answering = due and (self.answering or self.r.random() >= self.stall)
        resp = self.answers[0][1] if self.answering else self.r.randint(0, 3)
        found = {"m_axi_awready": address, "m_axi_wready": data}
        return found | {"m_axi_bvalid": int(self.answering), "m_axi_bid": 0, "m_axi_bresp": resp}

    def see(self, out: Mapping[str, int]) -> None:
        """What the master drove in this cycle."""
        assert out["m_axi_bready"]
        if self.answering:
            self.answers.popleft()
            self.answering = False
        if out["m_axi_awvalid"] and self.readies[0]:
            assert (out["m_axi_awsize"], out["m_axi_awburst"], out["m_axi_awlock"]) == (4, 1, 0)
            assert (out["m_axi_awid"], out["m_axi_awcache"]) == (0, 0b1010)
            beats = out["m_axi_awlen"] + 1
            self.bursts.append(Burst(0, out["m_axi_awaddr"], beats, self.now))
            self.taken.append(self.bursts[-1])
        if out["m_axi_wvalid"] and self.readies[1]:
            self.data.append(tuple(out[f"m_axi_w{n}"] for n in ("data", "strb", "last")))  # type: ignore[arg-type]
        while self.bursts and self.data:
            self._store(self.bursts[0], *self.data.popleft())
        self.now += 1

    def _store(self, burst: Burst, data: int, strobe: int, last: int) -> None:
        for lane in range(16):
            if strobe >> lane & 1:
                self.memory[burst.address + 16 * burst.sent + lane] = data >> 8 * lane & 255
        burst.sent += 1
        assert last == int(burst.sent == burst.beats)
        if last:
            self.answers.append((self.now, 3 if burst.address in self.wrong else 0))
            self.bursts.pop(0)
