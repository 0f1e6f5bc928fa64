"""The register file: what the host wrote, each register on a port of its own."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import host_map
from lego.back.plan.registers import RegisterSpec
from lego.back.schedule.latencies import settling
from lego.ir.dag import Module, index_bits

__all__ = ["build_registers"]


def build_registers(design: DesignPlan) -> Module:
    """Registers, each on its own output port, read back through `rdata` two cycles later."""
    host, specs = host_map(design), design.registers
    b = Builder(f"{design.fused.name}_registers", "control")
    bits = index_bits(len(specs))
    address = b.input("host_addr", (0, (1 << bits) - 1))
    wdata = b.input("host_wdata", (0, (1 << host.data_bits) - 1))
    wen = b.input("host_wen")
    values = [
        _register(b, spec, b.all([wen, b.eq(address, b.const(i))]), wdata, settling(design))
        for i, spec in enumerate(specs)
    ]
    index = b.delay(address, 1)
    word = b.select(index, bits, values) if values else b.const(0)
    b.output("host_rdata", b.delay(word, 1, name="host_word"))
    return infer_widths(b.build())


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
