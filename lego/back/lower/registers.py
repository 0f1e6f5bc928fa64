"""The register file: what the host wrote, each register on a port of its own."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.queue import build_queue, word_bits
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import host_map
from lego.back.plan.registers import GAP_BEFORE, Reader, RegisterSpec
from lego.back.schedule.latencies import settling
from lego.ir.dag import Module, index_bits

__all__ = ["NEXT", "build_registers", "following", "host_side"]

NEXT = "_next"
"""What a register is called in the set of the next run."""


def following(name: str) -> str:
    """The port of a register's value in the next run."""
    return f"{name}{NEXT}"


def host_side(design: DesignPlan, *, late: bool) -> list[Module]:
    """The modules that the host writes commands into: registers, and a queue before them."""
    queue = [build_queue(design)] if design.fused.queue else []
    return [build_registers(design, late=late), *queue]


def build_registers(design: DesignPlan, *, late: bool = False) -> Module:
    """Registers, each on its own output port, read back through `rdata` two cycles later.

    With a queue there are two sets: words that leave the queue go into that of the next run, where the host
    reads them back. `late`: address generators are told of a run a cycle later.
    """
    specs = design.registers
    b = Builder(f"{design.fused.name}_registers", "control")
    bits = index_bits(len(specs))
    address = b.input("host_addr", (0, (1 << bits) - 1))
    values = _queued(b, design, late=late) if design.fused.queue else _written(b, design, address)
    index = b.delay(address, 1)
    word = b.select(index, bits, values) if values else b.const(0)
    b.output("host_rdata", b.delay(word, 1, name="host_word"))
    return infer_widths(b.build())


def _written(b: Builder, design: DesignPlan, address: int) -> list[int]:
    """Registers that the host writes itself."""
    wdata = b.input("host_wdata", (0, (1 << host_map(design).data_bits) - 1))
    wen = b.input("host_wen")
    return [
        _register(b, spec, b.all([wen, b.eq(address, b.const(i))]), wdata, settling(design))
        for i, spec in enumerate(design.registers)
    ]


def _register(b: Builder, spec: RegisterSpec, enable: int, wdata: int, settle: int) -> int:
    """What the whole design looks at arrives some cycles later, so that registers can form a tree."""
    span = (0, (1 << spec.bits) - 1)
    reg = b.reg(span, name=f"{spec.name}_value", resets=False)
    b.drive(reg, b.wrap(wdata, span), enable)
    settled = b.delay(reg, settle if spec.settles else 0, name=spec.name)
    b.output(spec.name, reg if spec.at_once else settled)
    if spec.settles and spec.at_once:
        b.output(f"{spec.name}_settled", settled)
    return reg


def _queued(b: Builder, design: DesignPlan, *, late: bool) -> list[int]:
    """The registers of the next run, and behind them those of the run that issues timestamps.

    `same`: the next run changes nothing that is read behind the first timestamp of a run.
    """
    specs = design.registers
    address = b.input("write_addr", (0, (1 << index_bits(len(specs))) - 1))
    data = b.input("write_data", (0, (1 << word_bits(design)) - 1))
    write, swap = b.input("write"), b.input("swap")
    after = b.delay(swap, int(late), resets=True, name="swap")
    when = {Reader.COUNTERS: swap, Reader.ADDRESSES: after, Reader.BEHIND: b.input("adopt")}
    found, equal = [], []
    for i, spec in enumerate(specs):
        span = (0, (1 << spec.bits) - 1)
        ahead = b.reg(span, name=following(spec.name), resets=False)
        b.drive(ahead, b.wrap(data, span), b.all([write, b.eq(address, b.const(i))]))
        found.append(ahead)
        if spec.name != GAP_BEFORE:
            now = b.reg(span, name=f"{spec.name}_value", resets=spec.name == "half")
            b.drive(now, ahead, when[spec.reader])
            b.output(spec.name, b.delay(now, settling(design) * spec.settles, name=spec.name))
            equal += [b.eq(now, ahead)] if spec.reader is Reader.BEHIND else []
        if spec.reader is not Reader.BEHIND:
            b.output(following(spec.name), ahead)
    b.output("same", b.all(equal))
    return found
