"""The address channel of a master: a register that holds a burst until the slave takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.axi.bursts import Bus, Cut, Fault, bursts_of
from lego.ir.dag import Op, index_bits

__all__ = ["INCREMENTING", "Issued", "beat_addresses", "counter", "halts", "idle", "issue"]

INCREMENTING = 1


@dataclass(frozen=True, slots=True)
class Issued:
    """Nodes of the burst that goes into the channel's register in this cycle.

    `takes` says of which client, if of any; then come the clients' bursts, and of the one its client and its
    beats less one. `address` in beats is that in the register; `outstanding`: bursts that aren't answered.
    """

    takes: tuple[int, ...]
    cuts: tuple[Cut, ...]
    client: int
    address: int
    length: int
    outstanding: int

    @property
    def faults(self) -> list[Fault]:
        """Those of runs, by clients."""
        return [cut.fault for cut in self.cuts]


def issue(b: Builder, bus: Bus, channel: str, clients: Sequence[str], answered: int) -> Issued:
    """Choose the next burst, of the first client that has one, and drive the ports of the channel.

    `answered`: a burst has its last answer. While the input `halt` is 1 none is chosen.
    """
    halt, held = b.input("halt"), b.reg((0, 1), name=f"{channel}_valid")
    takes = [b.wire((0, 1)) for _ in clients]
    cuts = [bursts_of(b, bus, *each) for each in zip(clients, takes, strict=True)]
    free = b.any([b.invert(held), b.input(f"m_axi_{channel}ready")])
    outstanding = counter(b, "outstanding", bus.outstanding, b.any(takes), answered)
    may = [free, b.invert(halt), b.invert(b.eq(outstanding, b.const(bus.outstanding)))]
    for take, cut in zip(takes, cuts, strict=True):
        b.connect(take, b.all([*may, cut.valid]))
        may.append(b.invert(cut.valid))
    b.drive(held, b.any(takes), free)
    b.output(f"m_axi_{channel}valid", held)
    client, address, length = _first(b, cuts)
    offered = _payload(
        b, bus, channel, b.any(takes), (client, address, length), index_bits(len(cuts))
    )
    return Issued(tuple(takes), tuple(cuts), client, offered, length, outstanding)


def _first(b: Builder, cuts: Sequence[Cut]) -> tuple[int, int, int]:
    """Client, address and length of the first burst that there is."""
    client, address, length = b.const(len(cuts) - 1), cuts[-1].address, cuts[-1].length
    for k, cut in reversed(list(enumerate(cuts[:-1]))):
        client = b.mux(cut.valid, b.const(k), client)
        address = b.mux(cut.valid, cut.address, address)
        length = b.mux(cut.valid, cut.length, length)
    return client, address, length


def _payload(
    b: Builder, bus: Bus, channel: str, load: int, burst: tuple[int, int, int], id_bits: int
) -> int:
    """The channel's ports beside valid and ready; `burst` is its client, address and beats less one. Returns
    the address in beats."""
    spans = {"id": (0, (1 << id_bits) - 1), "addr": bus.addresses, "len": (0, 255)}
    loaded: dict[str, int] = {}
    for (name, span), node in zip(spans.items(), burst, strict=True):
        loaded[name] = b.reg(span, name=f"{channel}_{name}", resets=False)
        b.drive(loaded[name], b.wrap(node, span), load)
        b.output(f"m_axi_{channel}{name}", loaded[name])
    fixed = {"size": (bus.beat_shift, 3), "burst": (INCREMENTING, 2), "lock": (0, 1)}
    for name, (value, bits) in fixed.items():
        b.output(f"m_axi_{channel}{name}", b.wrap(b.const(value), (0, (1 << bits) - 1)))
    for name, bits in (("cache", 4), ("prot", 3), ("qos", 4)):
        b.output(f"m_axi_{channel}{name}", b.input(name, (0, (1 << bits) - 1)))
    return b.slice(loaded["addr"], bus.beat_shift, bus.address_bits - bus.beat_shift)


def beat_addresses(
    b: Builder, bus: Bus, issued: Issued, slots: tuple[int, int], wrong: tuple[int, int]
) -> int:
    """The address of a burst with an error, in the cycle after its answer.

    `slots` are the number under which the burst that is issued now is kept, and how many there are; `wrong`
    is the bit that says so, and the number of the burst. It is kept a cycle later, when it is offered.
    """
    at, depth = slots
    bits = bus.address_bits - bus.beat_shift
    issues = b.delay(b.any(issued.takes), 1, resets=True)
    word = b.memory((wrong[1], wrong[0]), (b.delay(at, 1), issued.address, issues), depth, bits)
    return b.wrap(b.shl(word, bus.beat_shift), bus.addresses)


def idle(b: Builder, issued: Issued) -> None:
    """Drive the port `idle`: no burst is under way, and no run waits to become any."""
    waits = [node for cut in issued.cuts for node in (cut.valid, cut.waits)]
    b.output("idle", b.all([b.eq(issued.outstanding, b.const(0)), *map(b.invert, waits)]))


def halts(b: Builder, issued: Issued) -> None:
    """An assertion: `halt` stays until no burst is under way."""
    ended = b.all([b.delay(b.input("halt"), 1, resets=True), b.invert(b.input("halt"))])
    b.check(b.eq(issued.outstanding, b.const(0)), ended)


def counter(b: Builder, name: str, most: int, up: int, down: int) -> int:
    """A register of 0 to `most` that counts up, down, or both at once."""
    held = b.reg((0, most), name=name)
    b.drive(held, b.wrap(b.op(Op.SUB, b.add(held, up), down), (0, most)))
    b.check(b.less(held, b.const(most)), b.all([up, b.invert(down)]))
    b.check(b.less(b.const(0), held), down)
    return held
