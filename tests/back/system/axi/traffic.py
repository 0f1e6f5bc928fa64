"""What a bus carries, cycle by cycle, and the same with one rule broken."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache

from tests.back.system.axi import test_read, test_write
from tests.back.system.axi.slaves import ReadSlave, Run, random_run

Row = dict[str, int]
Trace = list[Row]

CLIENTS, MOST = 3, 16
CHANNELS = ("ar", "r", "aw", "w", "b")
BURST = ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos")
PAYLOAD = {
    "ar": BURST,
    "r": ("id", "data", "resp", "last"),
    "aw": BURST,
    "w": ("data", "strb", "last"),
    "b": ("id", "resp"),
}


@cache
def clean(seed: int, order: str = "any", outstanding: int = 4) -> tuple[Row, ...]:
    """What both masters and memories that stall say of some runs per client, from reset until all is done."""
    r = random.Random(seed)
    runs = [[_short(random_run(r)) for _ in range(6)] for _ in range(CLIENTS)]
    module = test_read.master(clients=CLIENTS, outstanding=outstanding, burst=MOST)
    slave = ReadSlave(r, latency=4, stall=0.3, mixed=True, ids=CLIENTS)
    reads = test_read.Bench(module, slave, runs, 0.3)
    writer = test_write.master(outstanding=outstanding, burst=MOST)
    todo = [_short(random_run(r)) for _ in range(20)]
    writes = test_write.bench_of(writer, r, todo, 0.3, latency=4, stall=0.3)
    writes.slave.order = order
    found: Trace = []
    while len(found) < 20 or not (reads.outs[-1]["idle"] and writes.outs[-1]["idle"]):
        row: Row = {}
        for bench in (reads, writes):
            row |= bench.cycle()
            row |= bench.given
        found.append({name: value for name, value in row.items() if name.startswith("m_axi_")})
    assert [len(client.asked) for client in reads.clients] == [6] * CLIENTS
    assert len(writes.client.asked) == 20
    return tuple(found)


def _short(run: Run) -> Run:
    return Run(run.segment, run.offset, min(run.beats, 40))


def _moves(row: Row, channel: str) -> bool:
    return bool(row[f"m_axi_{channel}valid"] and row[f"m_axi_{channel}ready"])


def stalled(row: Row) -> Row:
    """The cycle with nothing taken in it."""
    return row | {f"m_axi_{channel}ready": 0 for channel in CHANNELS}


def with_stalls(trace: Trace, r: random.Random) -> Trace:
    """The same traffic, of which nothing is taken in some more cycles."""
    found: Trace = []
    for row in trace:
        found += [stalled(row)] * (r.random() < 0.2)
        found.append(row)
    return found


Change = Callable[[Trace, random.Random], Trace]


def broken() -> Iterator[tuple[str, Change]]:
    """Rules, and what breaks each."""
    for channel in CHANNELS:
        yield f"{channel}valid is low in reset and right after", _at_first(channel)
        yield f"{channel}valid stays until {channel}ready", _taken_back(channel)
        for name in PAYLOAD[channel]:
            yield f"{channel}{name} stays until {channel}ready", _unsteady(channel, name)
    for channel in ("ar", "aw"):
        for rule, field, bits in (
            ("a burst ends within 4 KiB", "addr", 0xFF0),
            ("addresses are of whole beats", "addr", 8),
            ("a burst isn't longer than the longest", "len", 0x10),
            ("beats are as wide as the bus", "size", 1),
            ("addresses increment", "burst", 2),
            ("nothing is locked", "lock", 1),
        ):
            yield f"{channel}: {rule}", _set(channel, field, bits)
    yield "ar: an ID is one of a client", _set("ar", "id", 3)
    yield "aw: bursts have ID 0", _set("aw", "id", 1)
    yield "b: answers have ID 0", _set("b", "id", 1)
    for channel in ("r", "b"):
        yield f"{channel}: answers aren't of exclusive accesses", _set(channel, "resp", 1)
    yield "w: the last beat of a burst, and no other, is marked as such", _flipped("w", 0)
    yield "w: the last beat of a burst, and no other, is marked as such", _flipped("w", 1)
    for k in range(CLIENTS):
        for last in (0, 1):
            rule = f"r: the last beat of a burst, and no other, is marked as such, client {k}"
            yield rule, _flipped("r", last, k)
    yield "r: a beat belongs to a burst that was asked for", _at_last("r")
    yield "r: a beat belongs to a burst that was asked for", _set("r", "id", 3)
    yield "w: a beat belongs to a burst whose address is offered", _at_last("w")
    yield "b: an answer is to a burst whose address was taken", _at_last("b")
    yield "b: an answer is to a burst whose beats were taken", _at_last("b")
    yield "b: an answer is to a burst whose address was taken", _too_early("aw")
    yield "b: an answer is to a burst whose beats were taken", _too_early("w")


def _one(trace: Trace, r: random.Random, wanted: Callable[[int], bool]) -> int:
    return r.choice([k for k in range(2, len(trace) - 1) if wanted(k)])


def _at_first(channel: str) -> Change:
    return lambda trace, r: [trace[0] | {f"m_axi_{channel}valid": 1}, *trace[1:]]


def _at_last(channel: str) -> Change:
    last = {f"m_axi_{channel}valid": 1, f"m_axi_{channel}last": 1, f"m_axi_{channel}resp": 0}
    return lambda trace, r: [*trace[:-1], trace[-1] | last]


def _taken_back(channel: str) -> Change:
    def change(trace: Trace, r: random.Random) -> Trace:
        k = _one(trace, r, lambda k: _moves(trace[k], channel))
        gone = stalled(trace[k]) | {f"m_axi_{channel}valid": 0}
        return [*trace[:k], stalled(trace[k]), gone, *trace[k:]]

    return change


def _unsteady(channel: str, name: str) -> Change:
    def change(trace: Trace, r: random.Random) -> Trace:
        k = _one(trace, r, lambda k: _moves(trace[k], channel))
        before = stalled(trace[k])
        before[f"m_axi_{channel}{name}"] ^= 1
        return [*trace[:k], before, *trace[k:]]

    return change


def _set(channel: str, name: str, bits: int) -> Change:
    """Bits of a field are 1, or the field is so if it is narrow; in bursts of more than one beat."""

    def change(trace: Trace, r: random.Random) -> Trace:
        port = f"m_axi_{channel}{name}"
        k = _one(
            trace,
            r,
            lambda k: (
                _moves(trace[k], channel)
                and (channel not in ("ar", "aw") or trace[k][f"m_axi_{channel}len"] > 0)
            ),
        )
        value = trace[k][port] | bits if name in ("addr", "len") else bits
        return [*trace[:k], trace[k] | {port: value}, *trace[k + 1 :]]

    return change


def _flipped(channel: str, last: int, client: int = 0) -> Change:
    def change(trace: Trace, r: random.Random) -> Trace:
        port = f"m_axi_{channel}last"
        k = _one(
            trace,
            r,
            lambda k: (
                _moves(trace[k], channel)
                and trace[k][port] == last
                and (channel == "w" or trace[k]["m_axi_rid"] == client)
            ),
        )
        return [*trace[:k], trace[k] | {port: 1 - last}, *trace[k + 1 :]]

    return change


def _too_early(lacks: str) -> Change:
    """An answer to a burst of which the address, or the last beat, wasn't taken, but the other was."""

    def change(trace: Trace, r: random.Random) -> Trace:
        addressed = written = 0
        places = []
        for k, row in enumerate(trace):
            counts = (addressed, written) if lacks == "aw" else (written, addressed)
            if counts[0] == 0 < counts[1] and not row["m_axi_bvalid"]:
                places.append(k)
            addressed += _moves(row, "aw") - _moves(row, "b")
            written += (_moves(row, "w") and row["m_axi_wlast"]) - _moves(row, "b")
        k = r.choice(places)
        return [*trace[:k], trace[k] | {"m_axi_bvalid": 1, "m_axi_bresp": 0}, *trace[k + 1 :]]

    return change
