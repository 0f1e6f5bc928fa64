"""The master of the read channels: runs of beats for several clients, one burst under way per cycle.

Every client has an ID of its own, so that answers to one are in order and those to another may pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.axi.bursts import Bus, Fault, report
from lego.back.system.axi.issue import Issued, beat_addresses, halts, idle, issue
from lego.back.system.control.fifo import Fifo
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module, index_bits

__all__ = ["build_axi_read"]


def build_axi_read(
    prefix: str,
    *,
    clients: int = 2,
    outstanding: int = 16,
    address_bits: int = 64,
    bus_bits: int = 128,
    burst: int = 256,
) -> Module:
    """A master with so many clients: `c0_...` asks for runs of consecutive beats, `r0_...` bruns them.

    The first client is served first, burst by burst. AR is valid three cycles after a run was asked for, and
    R goes to its client in the same cycle. A run outside its segment gives a `fault` and nothing else, and
    its client gets nothing any more until `halt`. While `halt` is 1 no burst is begun, runs are dropped, and
    what arrives is given to nobody; once up it stays until `idle`. Sizes are those of :class:`Bus`.
    """
    bus = Bus(address_bits, bus_bits, outstanding, burst)
    b = Builder(f"{prefix}_axi_read", "control")
    _drive(b, bus, clients)
    return infer_widths(b.build())


def _drive(b: Builder, bus: Bus, clients: int) -> None:
    """All ports: bursts one way, and beats the other."""
    here = _routed(b, bus, clients, b.input("halt"))
    ends = [b.all([beat, b.input("m_axi_rlast")]) for beat in here]
    issued = issue(b, bus, "ar", [f"c{k}" for k in range(clients)], b.any(ends))
    runs = [Fifo(b, bus.outstanding, f"r{k}_runs") for k in range(clients)]
    for k, queue in enumerate(runs):
        (last,) = queue.put([b.slice(issued.cuts[k].last, 0, 1)], issued.takes[k])
        queue.take(ends[k], b.const(0))
        b.output(f"r{k}_last", b.all([b.input("m_axi_rlast"), last]))
    report(b, [_wrong(b, bus, issued, runs, b.any(here)), *issued.faults])
    idle(b, issued)
    halts(b, issued)


def _routed(b: Builder, bus: Bus, clients: int, halt: int) -> list[int]:
    """Each beat's way to the client of its ID; says for which clients one is taken in this cycle."""
    id_bits = index_bits(clients)
    valid = b.input("m_axi_rvalid")
    owner = b.input("m_axi_rid", (0, (1 << id_bits) - 1))
    data = b.input("m_axi_rdata", (0, (1 << bus.bus_bits) - 1))
    error = _refused(b)
    goes_on = b.invert(halt)
    readies, here = [], []
    for k in range(clients):
        mine = b.all([valid, b.eq(owner, b.const(k))])
        ready = b.any([b.input(f"r{k}_ready"), halt])
        b.output(f"r{k}_valid", b.all([mine, goes_on]))
        b.output(f"r{k}_data", data)
        b.output(f"r{k}_error", error)
        readies.append(ready)
        here.append(b.all([mine, ready]))
    b.output("m_axi_rready", b.select(owner, id_bits, readies))
    return here


def _refused(b: Builder) -> int:
    """Whether the beat came with anything but OKAY."""
    return b.invert(b.eq(b.input("m_axi_rresp", (0, 3)), b.const(0)))


def _wrong(b: Builder, bus: Bus, issued: Issued, runs: Sequence[Fifo], beat: int) -> Fault:
    """The fault of a beat that came with an error, a cycle later."""
    id_bits, slot_bits = index_bits(len(runs)), index_bits(bus.outstanding)
    owner = b.input("m_axi_rid", (0, (1 << id_bits) - 1))
    error = b.all([beat, _refused(b)])
    client = b.wrap(issued.client, (0, (1 << id_bits) - 1))
    kept = b.select(client, id_bits, [each.next for each in runs])
    found = b.select(owner, id_bits, [each.first for each in runs])
    depth = bus.outstanding << id_bits
    write, read = (
        b.cat([b.slice(slot, 0, slot_bits), b.slice(who, 0, id_bits)])
        for slot, who in ((kept, client), (found, owner))
    )
    address = beat_addresses(b, bus, issued, (write, depth), (error, read))
    return Fault(b.delay(error, 1, resets=True), b.const(ErrorCode.READ), address)
