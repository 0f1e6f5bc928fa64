"""Links between FUs: the wires, registers and FIFOs on the way of every operand."""

from __future__ import annotations

from collections.abc import Mapping

from lego.back.graph.builder import Builder
from lego.back.lower.array.fifo import build_fifo
from lego.back.lower.node_ports import node_port
from lego.back.plan.array.fifo import capacities, segments
from lego.back.plan.array.links import Link, ordered
from lego.back.plan.array.ports import source
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import delay_register
from lego.ir.adg import Fu
from lego.ir.dag import Module
from lego.ir.fused import MemoryPlan

__all__ = ["Links"]


class Links:
    """The links of all operands; `modules` collects the kinds of FIFOs as they are met."""

    def __init__(self, design: DesignPlan) -> None:
        self.prefix, self.plans = design.fused.name, design.array.links
        self.modules: list[Module] = []
        self._buffers = design.operands
        self._kinds: dict[tuple[tuple[int, int], tuple[int, ...], int], Module] = {}
        self._wires: dict[tuple[int, Fu], int] = {}
        self._fifos: dict[tuple[int, Link], int] = {}
        self._most = [capacities(buffer) for buffer in self._buffers]

    def declare(self, b: Builder) -> None:
        """A wire per operand and passing FU, driven once the FUs exist."""
        for buffer, plan in zip(self._buffers, self.plans, strict=True):
            for fu in sorted(plan.passers):
                self._wires[buffer.index, fu] = b.wire(buffer.span)

    def connect(self, b: Builder, fu: Fu, outs: Mapping[str, int]) -> None:
        """Drive the wires that start at an FU from its ports."""
        for buffer, plan in zip(self._buffers, self.plans, strict=True):
            if fu in plan.passers:
                b.connect(self._wires[buffer.index, fu], outs[f"{buffer.name}_pass"])

    def bring(self, b: Builder, buffer: MemoryPlan, fu: Fu) -> dict[str, int]:
        """The inputs of an FU's port that come from other FUs, by port name."""
        label = f"{buffer.name}_link_" + "_".join(map(str, fu))
        found = {}
        for link, number in ordered(self.plans[buffer.index].choices[fu]).items():
            if link.node:
                value = b.input(node_port(buffer, link.fu), buffer.span)
            elif link.fifo >= 0:
                value = self._fifo(b, buffer, link)
            else:
                value = b.delay(self._wires[buffer.index, link.fu], link.delay, name=label)
            found[source(buffer.index, buffer.name, number).name] = value
        return found

    def _fifo(self, b: Builder, buffer: MemoryPlan, link: Link) -> int:
        """The end of the FIFO behind an FU, made when it is first asked for."""
        key = buffer.index, link
        if key not in self._fifos:
            parts = segments(
                self.plans[buffer.index].depths[link], self._most[buffer.index][link.fifo]
            )
            most = self._most[buffer.index][link.fifo]
            bits = len(segments(most, most))
            module = self._kind(buffer.span, parts, bits)
            ports = {"value": self._wires[buffer.index, link.fu]}
            if len(parts) > 1:
                register = delay_register(buffer, link.fifo)
                ports["depth"] = b.input(register, (0, (1 << bits) - 1))
            name = f"fifo{link.fifo}_{buffer.name}_" + "_".join(map(str, link.fu))
            own = f"_{link.layer}" if link.layer >= 0 else ""
            self._fifos[key] = b.instance(module, name + own, ports)["late"]
        return self._fifos[key]

    def _kind(self, span: tuple[int, int], parts: tuple[int, ...], bits: int) -> Module:
        if (span, parts, bits) not in self._kinds:
            name = f"{self.prefix}_fifo_{len(self._kinds)}"
            self._kinds[span, parts, bits] = build_fifo(name, span, parts, bits)
            self.modules.append(self._kinds[span, parts, bits])
        return self._kinds[span, parts, bits]
