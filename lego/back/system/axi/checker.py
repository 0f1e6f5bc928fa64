"""The rules of the memory bus as assertions: a module that listens to a master and its memory."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.axi.bursts import BOUNDARY_BYTES, Bus
from lego.back.system.axi.issue import INCREMENTING, counter
from lego.back.system.control.fifo import Fifo
from lego.ir.dag import Module, index_bits

__all__ = ["build_axi_checker"]

EXCLUSIVE_OKAY = 1


def build_axi_checker(
    prefix: str,
    *,
    clients: int = 2,
    outstanding: int = 16,
    address_bits: int = 64,
    bus_bits: int = 128,
    burst: int = 256,
) -> Module:
    """Assertions on all signals of a bus, which are its inputs; the `origin` of each says its rule.

    Rules are AXI4's, and those of our masters of these sizes: IDs of reads below `clients` and of writes 0,
    `outstanding` bursts each way without their last answer, lengths, alignment, no locks.
    """
    bus = Bus(address_bits, bus_bits, outstanding, burst)
    b = Builder(f"{prefix}_axi_checker", "control")
    _rules_of(b, bus, clients)
    return infer_widths(b.build())


def _rules_of(b: Builder, bus: Bus, clients: int) -> None:
    """All rules."""
    spans = _spans(bus, index_bits(clients))
    for channel in spans:
        _held(b, channel, spans[channel])
    for channel in ("ar", "aw"):
        _burst(b, bus, channel, spans[channel])
    _reads(b, bus, clients, spans)
    _writes(b, bus, spans)


Spans = dict[str, dict[str, tuple[int, int]]]


def _spans(bus: Bus, id_bits: int) -> Spans:
    """What each channel carries beside valid and ready."""

    def bits(count: int) -> tuple[int, int]:
        return 0, (1 << count) - 1

    address = {"addr": bus.addresses, "len": bits(8), "size": bits(3), "burst": bits(2)}
    address |= {"lock": bits(1), "cache": bits(4), "prot": bits(3), "qos": bits(4)}
    data = bits(bus.bus_bits)
    return {
        "ar": {"id": bits(id_bits), **address},
        "r": {"id": bits(id_bits), "data": data, "resp": bits(2), "last": bits(1)},
        "aw": {"id": bits(1), **address},
        "w": {"data": data, "strb": bits(bus.bus_bits // 8), "last": bits(1)},
        "b": {"id": bits(1), "resp": bits(2)},
    }


def _ports(b: Builder, channel: str) -> tuple[int, int]:
    """Valid of a channel, and whether it carries something in this cycle."""
    valid = b.input(f"m_axi_{channel}valid")
    return valid, b.all([valid, b.input(f"m_axi_{channel}ready")])


def _held(b: Builder, channel: str, spans: dict[str, tuple[int, int]]) -> None:
    """Nothing is valid in reset; what is, stays as it is until it's taken."""
    valid, moves = _ports(b, channel)
    begun = b.delay(b.const(1), 1, resets=True)
    waits = b.delay(b.all([valid, b.invert(moves)]), 1, resets=True)
    _rules(b, {f"{channel}valid is low in reset and right after": begun}, valid)
    _rules(b, {f"{channel}valid stays until {channel}ready": valid}, waits)
    rules = {}
    for name, span in spans.items():
        payload = b.input(f"m_axi_{channel}{name}", span)
        rules[f"{channel}{name} stays until {channel}ready"] = b.eq(payload, b.delay(payload, 1))
    _rules(b, rules, b.all([valid, waits]))


def _burst(b: Builder, bus: Bus, channel: str, spans: dict[str, tuple[int, int]]) -> None:
    """The form of a burst."""
    valid, _ = _ports(b, channel)
    field = {name: b.input(f"m_axi_{channel}{name}", span) for name, span in spans.items()}
    within = index_bits(BOUNDARY_BYTES)
    beats = b.add(field["len"], b.const(1))
    end = b.add(b.slice(field["addr"], 0, within), b.shl(beats, bus.beat_shift))
    inside = b.slice(field["addr"], 0, bus.beat_shift)
    rules = {
        f"{channel}: a burst ends within 4 KiB": b.less(end, b.const(BOUNDARY_BYTES + 1)),
        f"{channel}: addresses are of whole beats": b.eq(inside, b.const(0)),
        f"{channel}: a burst isn't longer than the longest": b.less(beats, b.const(bus.beats + 1)),
        f"{channel}: beats are as wide as the bus": b.eq(field["size"], b.const(bus.beat_shift)),
        f"{channel}: addresses increment": b.eq(field["burst"], b.const(INCREMENTING)),
        f"{channel}: nothing is locked": b.eq(field["lock"], b.const(0)),
    }
    _rules(b, rules, valid)


def _rules(b: Builder, rules: dict[str, int], when: int) -> None:
    for b.origin, holds in rules.items():
        b.check(holds, when)
    b.origin = ""


def _reads(b: Builder, bus: Bus, clients: int, spans: Spans) -> None:
    """Beats of reads belong to bursts, the oldest of their ID."""
    valid, comes = _ports(b, "r")
    offered, asked = _ports(b, "ar")
    owner, asker = (b.input(f"m_axi_{c}id", spans[c]["id"]) for c in ("r", "ar"))
    known, ends = [], []
    for k in range(clients):
        mine = b.eq(owner, b.const(k))
        moves = b.all([asked, b.eq(asker, b.const(k))]), b.all([comes, mine])
        present, last = _answered(b, bus, k, moves, spans)
        known.append(b.all([mine, present]))
        ends.append(last)
    rules = {
        "r: a beat belongs to a burst that was asked for": b.any(known),
        "r: answers aren't of exclusive accesses": _plain(b, "r"),
    }
    _rules(b, rules, valid)
    _rules(b, {"ar: an ID is one of a client": b.less(asker, b.const(clients))}, offered)
    _bounded(b, bus, "ar", asked, b.any(ends))


def _plain(b: Builder, channel: str) -> int:
    """Whether an answer isn't of an exclusive access."""
    return b.invert(b.eq(b.input(f"m_axi_{channel}resp", (0, 3)), b.const(EXCLUSIVE_OKAY)))


def _bounded(b: Builder, bus: Bus, channel: str, begins: int, ends: int) -> None:
    """Not too many bursts are under way."""
    b.origin = f"{channel}: no more bursts are under way than may be"
    counter(b, f"{channel}_bursts", bus.outstanding, begins, ends)
    b.origin = ""


def _answered(
    b: Builder, bus: Bus, client: int, moves: tuple[int, int], spans: Spans
) -> tuple[int, int]:
    """Whether a client has a burst under way, and whether it ends now. `moves`: a burst is asked for, a beat
    comes."""
    enters, comes = moves
    length = b.input("m_axi_arlen", spans["ar"]["len"])
    bursts = Fifo(b, bus.outstanding, f"reads{client}")
    (wanted,) = bursts.put([length], enters)
    present = b.invert(bursts.empty)
    at = b.reg((0, 255), name=f"read{client}")
    ends = b.eq(at, wanted)
    now = b.all([comes, present])
    b.drive(at, b.mux(ends, b.const(0), b.wrap(b.add(at, b.const(1)), (0, 255))), now)
    leaves = b.all([now, ends])
    bursts.take(leaves, b.const(0))
    rule = f"r: the last beat of a burst, and no other, is marked as such, client {client}"
    _rules(b, {rule: b.eq(b.input("m_axi_rlast"), ends)}, now)
    return present, leaves


def _writes(b: Builder, bus: Bus, spans: Spans) -> None:
    """Beats of writes belong to bursts in their order, and answers come after both."""
    offered, asked = _ports(b, "aw")
    answer, answered = _ports(b, "b")
    waits = b.delay(b.all([offered, b.invert(asked)]), 1, resets=True)
    new = b.all([offered, b.invert(waits)])
    zero, moved = b.const(0), {"addressed": asked, "written": _beats(b, bus, new, spans)}
    taken = [
        b.less(zero, counter(b, name, bus.outstanding, up, answered)) for name, up in moved.items()
    ]
    rules = {
        "b: an answer is to a burst whose address was taken": taken[0],
        "b: an answer is to a burst whose beats were taken": taken[1],
        "b: answers have ID 0": b.eq(b.input("m_axi_bid"), zero),
        "b: answers aren't of exclusive accesses": _plain(b, "b"),
    }
    _rules(b, rules, answer)
    _rules(b, {"aw: bursts have ID 0": b.eq(b.input("m_axi_awid"), zero)}, offered)
    _bounded(b, bus, "aw", new, answered)


def _beats(b: Builder, bus: Bus, new: int, spans: Spans) -> int:
    """A beat's burst has its address offered, now or before; says whether a burst's last beat goes now."""
    valid, goes = _ports(b, "w")
    length = b.input("m_axi_awlen", spans["aw"]["len"])
    bursts = Fifo(b, bus.outstanding, "burst")
    at = b.reg((0, 255), name="beat")
    enters = b.wire((0, 1))
    (oldest,) = bursts.put([length], enters)
    present = b.any([new, b.invert(bursts.empty)])
    ends = b.eq(at, b.mux(bursts.empty, length, oldest))
    now = b.all([goes, present])
    leaves = b.all([now, ends])
    b.connect(enters, b.all([new, b.invert(b.all([leaves, bursts.empty]))]))
    bursts.take(b.all([leaves, b.invert(bursts.empty)]), b.const(0))
    b.drive(at, b.mux(ends, b.const(0), b.wrap(b.add(at, b.const(1)), (0, 255))), now)
    last = b.eq(b.input("m_axi_wlast"), ends)
    _rules(b, {"w: a beat belongs to a burst whose address is offered": present}, valid)
    rule = "w: the last beat of a burst, and no other, is marked as such"
    _rules(b, {rule: last}, b.all([valid, present]))
    return leaves
