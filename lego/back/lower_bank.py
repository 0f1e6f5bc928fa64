"""One bank: a RAM shared by the array and the host, and for sums its read-modify-write unit."""

from __future__ import annotations

from lego.back.builder import Builder
from lego.back.lower_fu import combine
from lego.back.passes.dead_nodes import remove_dead_nodes
from lego.back.passes.widths import infer_widths
from lego.back.registers import address_bits
from lego.ir.adg import OutputPlan
from lego.ir.dag import Module
from lego.ir.fused import Buffer, FusedAdg

__all__ = ["bank_modules"]


def bank_modules(fused: FusedAdg, buffer: Buffer, depth: int, prefix: str) -> tuple[Module, Module]:
    """The RAM macro of so many words and the bank around it."""
    bits = buffer.bits
    span = (0, (1 << address_bits(depth)) - 1)
    word = (0, (1 << bits) - 1)
    b = Builder(f"{prefix}_ram_{bits}x{depth}_{buffer.name}", "memory")
    rdata = b.memory(
        (b.input("raddr", span), b.input("ren")),
        (b.input("waddr", span), b.input("wdata", word), b.input("wen")),
        depth,
        bits,
    )
    b.output("rdata", rdata)
    ram = infer_widths(b.build())
    several = f"_{depth}" if len(buffer.depths) > 1 else ""
    b = Builder(f"{prefix}_bank_{buffer.name}{several}", "memory", len(fused.layers))
    host = {
        "addr": b.input("host_addr", span),
        "ren": b.input("host_ren"),
        "wen": b.input("host_wen"),
        "wdata": b.input("host_wdata", word),
    }
    if not buffer.output:
        _read_bank(b, ram, host, span)
    elif accumulates(buffer):
        _accumulating_bank(b, fused, buffer, ram, host, span)
    else:
        _write_bank(b, ram, host, span)
    return ram, infer_widths(remove_dead_nodes(b.build()))


def accumulates(buffer: Buffer) -> bool:
    """Whether some dataflow adds to what the memory holds."""
    return any(isinstance(plan, OutputPlan) and plan.accumulates for plan in buffer.plans)


def _read_bank(b: Builder, ram: Module, host: dict[str, int], span: tuple[int, int]) -> None:
    busy = b.input("busy")
    wires = {
        "raddr": b.mux(busy, b.input("addr", span), host["addr"]),
        "ren": b.mux(busy, b.input("en"), host["ren"]),
        "waddr": host["addr"],
        "wdata": host["wdata"],
        "wen": host["wen"],
    }
    b.output("rdata", b.instance(ram, "ram", wires)["rdata"])


def _write_bank(b: Builder, ram: Module, host: dict[str, int], span: tuple[int, int]) -> None:
    busy = b.input("busy")
    word = ram.nodes[dict(ram.outputs)["rdata"]].range
    wires = {
        "raddr": host["addr"],
        "ren": host["ren"],
        "waddr": b.mux(busy, b.input("addr", span), host["addr"]),
        "wdata": b.mux(busy, b.input("data", word), host["wdata"]),
        "wen": b.mux(busy, b.input("en"), host["wen"]),
    }
    b.output("rdata", b.instance(ram, "ram", wires)["rdata"])


def _accumulating_bank(
    b: Builder,
    fused: FusedAdg,
    buffer: Buffer,
    ram: Module,
    host: dict[str, int],
    span: tuple[int, int],
) -> None:
    """Read in one cycle, combine and write in the next; a repeated address is forwarded.

    The forwarding makes any distance between two commits to one element safe. A dataflow that
    writes each element once doesn't read.
    """
    word = (0, (1 << buffer.bits) - 1)
    busy = b.input("busy")
    addr, en = b.input("addr", span), b.input("en")
    data = b.delay(b.input("data", word), 1, name="data")
    visit = b.delay(b.input("visit"), 1, name="visit")
    addr1 = b.delay(addr, 1, name="addr")
    en1 = b.delay(en, 1, resets=True, name="en")
    total = b.reg(word, name="total", resets=False)
    again = b.delay(b.all([b.eq(addr, addr1), en1]), 1, resets=True, name="again")
    stored = b.wire(word)
    old = b.mux(again, total, stored, name="old")
    sums = []
    for layer in fused.layers:
        fmt = layer.adg.output_format
        value = (fmt.low, fmt.high)
        left, right = b.wrap(old, value), b.wrap(data, value)
        summed = combine(b, layer.adg.reduction, left, right, value)
        sums.append(b.wrap(summed, word) if layer.adg.output.accumulates else None)
    new = b.mux(visit, data, b.choose(sums))
    b.drive(total, new, en1)
    adds = b.choose([b.const(int(layer.adg.output.accumulates)) for layer in fused.layers])
    wires = {
        "raddr": b.mux(busy, addr, host["addr"]),
        "ren": b.mux(busy, b.all([en, adds]) if adds != b.const(1) else en, host["ren"]),
        "waddr": b.mux(busy, addr1, host["addr"]),
        "wdata": b.mux(busy, new, host["wdata"]),
        "wen": b.mux(busy, en1, host["wen"]),
    }
    b.connect(stored, b.instance(ram, "ram", wires)["rdata"])
    b.output("rdata", stored)
