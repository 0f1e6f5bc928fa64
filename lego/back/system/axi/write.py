"""The master of the write channels: runs of beats of one client, one burst under way per cycle."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.axi.bursts import Bus, Fault, report
from lego.back.system.axi.issue import Issued, beat_addresses, halts, idle, issue
from lego.back.system.control.fifo import Fifo
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module, index_bits

__all__ = ["build_axi_write"]


def build_axi_write(
    prefix: str,
    *,
    outstanding: int = 16,
    address_bits: int = 64,
    bus_bits: int = 128,
    burst: int = 256,
) -> Module:
    """A master of one client: `c_...` asks for runs of consecutive beats, `w_...` brings their beats.

    AW is valid three cycles after a run was asked for, and its first beat may be a cycle later. `done` is 1
    in the cycle of a run's last answer, with `error` if any was one; runs are answered in order. A run
    outside its segment gives a `fault` and nothing else, as does what follows it until `halt`. While `halt`
    is 1 no burst is begun, runs are dropped, and beats of bursts that were begun are sent with no strobe,
    whatever the client does; once up it stays until `idle`. Sizes are those of :class:`Bus`.
    """
    bus = Bus(address_bits, bus_bits, outstanding, burst)
    b = Builder(f"{prefix}_axi_write", "control")
    _drive(b, bus)
    return infer_widths(b.build())


def _drive(b: Builder, bus: Bus) -> None:
    """All ports: bursts and beats one way, and answers the other."""
    answer = b.input("m_axi_bvalid")
    b.check(b.eq(b.input("m_axi_bid"), b.const(0)), answer)
    b.output("m_axi_bready", b.const(1))
    issued = issue(b, bus, "aw", ["c"], answer)
    _beats(b, bus, issued)
    runs = Fifo(b, bus.outstanding, "runs")
    (last,) = runs.put([b.slice(issued.cuts[0].last, 0, 1)], issued.takes[0])
    runs.take(answer, b.const(0))
    wrong = b.all([answer, b.invert(b.eq(b.input("m_axi_bresp", (0, 3)), b.const(0)))])
    _answers(b, answer, last, wrong)
    slots = (runs.next, bus.outstanding)
    address = beat_addresses(b, bus, issued, slots, (wrong, runs.first))
    fault = Fault(b.delay(wrong, 1, resets=True), b.const(ErrorCode.WRITE), address)
    report(b, [fault, *issued.faults])
    idle(b, issued)
    halts(b, issued)


def _beats(b: Builder, bus: Bus, issued: Issued) -> None:
    """A register for the beat in the channel W, filled by the client, or by nobody once it's halted."""
    halt, bits = b.input("halt"), index_bits(bus.beats)
    valid, brought = b.reg((0, 1), name="w_held"), b.input("w_valid")
    free = b.any([b.invert(valid), b.input("m_axi_wready")])
    lengths = Fifo(b, bus.outstanding, "lengths")
    (length,) = lengths.put([b.slice(issued.length, 0, bits)], issued.takes[0])
    wanted = b.all([free, b.invert(lengths.empty)])
    load = b.all([wanted, b.any([brought, halt])])
    sent = b.reg((0, bus.beats - 1), name="sent")
    ends = b.eq(sent, length)
    lengths.take(b.all([load, ends]), b.const(0))
    following = b.wrap(b.add(sent, b.const(1)), (0, bus.beats - 1))
    b.drive(sent, b.mux(ends, b.const(0), following), load)
    b.drive(valid, load, free)
    b.output("m_axi_wvalid", valid)
    b.output("w_ready", b.all([wanted, b.invert(halt)]))
    _word(b, bus, load, ends)


def _word(b: Builder, bus: Bus, load: int, last: int) -> None:
    """The register's contents."""
    bits, lanes = bus.bus_bits, bus.bus_bits // 8
    strobe = b.input("w_strobe", (0, (1 << lanes) - 1))
    words = {
        "data": (b.input("w_data", (0, (1 << bits) - 1)), bits),
        "strb": (b.mux(b.input("halt"), b.const(0), strobe), lanes),
        "last": (last, 1),
    }
    for name, (node, width) in words.items():
        kept = b.reg((0, (1 << width) - 1), name=f"w_{name}", resets=False)
        b.drive(kept, node, load)
        b.output(f"m_axi_w{name}", kept)


def _answers(b: Builder, answer: int, last: int, wrong: int) -> None:
    """Tell the client of the last answer of a run, and whether any was an error."""
    halt = b.input("halt")
    failed = b.reg((0, 1), name="failed")
    now = b.any([failed, wrong])
    ends = b.all([answer, last])
    b.drive(failed, b.all([now, b.invert(b.any([last, halt]))]), b.any([answer, halt]))
    done = b.all([ends, b.invert(halt)])
    b.output("done", done)
    b.output("error", b.all([done, now]))
