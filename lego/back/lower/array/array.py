"""The array: FUs, the links between them, and reduction trees and chains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lego.back.fu.unit import build_fu
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.array.contract import contract_of
from lego.back.lower.array.links import Links
from lego.back.lower.array.told import Told
from lego.back.lower.array.trees import Trees
from lego.back.lower.node_ports import node_port
from lego.back.lower.taps import Taps
from lego.back.plan.array import ports
from lego.back.plan.array.fu_kind import FuKind, Pick, PortKind, SumStages
from lego.back.plan.array.kinds import distinct
from lego.back.plan.design import DesignPlan
from lego.back.schedule.times import Schedule
from lego.ir.adg import Fu
from lego.ir.dag import Module, Op
from lego.ir.fused import MemoryPlan

__all__ = ["LoweredArray", "lower_array"]


@dataclass(frozen=True, slots=True)
class LoweredArray:
    """The array's module, and those that it holds: kinds of FUs first, then collectors and FIFOs."""

    module: Module
    fus: tuple[Module, ...]
    others: tuple[Module, ...]


def lower_array(design: DesignPlan, times: Schedule, taps: Taps) -> LoweredArray:
    """The array module; ports are control taps, data nodes and results."""
    return _Array(design, times, taps).build()


class _Array:
    def __init__(self, design: DesignPlan, times: Schedule, taps: Taps) -> None:
        self.design, self.times = design, times
        self.prefix = design.fused.name
        self.b = Builder(f"{self.prefix}_array", "interconnect", len(design.fused.layers))
        self.split = times.split > 0
        self.stages = SumStages(times.chained, times.held, times.merged, times.split)
        self.kinds: dict[FuKind, Module] = {}
        self.alike: dict[Module, Module] = {}
        self.trees = Trees(design, times)
        self.links = Links(design)
        self.told = Told(self.b, design, times, taps)

    def build(self) -> LoweredArray:
        b, plan = self.b, self.design.array
        self.links.declare(b)
        given = [port.name for port in ports.sum_out(split=self.split)]
        sums = {(fu, name): b.wire((0, 1)) for fu in sorted(plan.givers) for name in given}
        outs: dict[Fu, Mapping[str, int]] = {}
        totals = self.trees.declare(b)
        for fu in self.design.fused.fus():
            module = self._module(plan.kinds[fu])
            wires = self._wires(fu, module, sums, totals)
            outs[fu] = b.instance(module, "fu_" + "_".join(map(str, fu)), wires)
            if "result" in outs[fu]:
                b.output(node_port(self.design.results, fu), outs[fu]["result"])
        self._connect(outs, sums)
        contributions = {fu: out.get("contribution", -1) for fu, out in outs.items()}
        self.trees.collect(b, contributions, totals)
        others = (*self.trees.modules, *self.links.modules)
        return LoweredArray(infer_widths(b.build()), tuple(self.alike.values()), others)

    def _connect(
        self, outs: Mapping[Fu, Mapping[str, int]], sums: Mapping[tuple[Fu, str], int]
    ) -> None:
        """Drive the wires that start at FUs."""
        b = self.b
        for fu, out in outs.items():
            self.links.connect(b, fu, out)
        for (fu, name), wire in sums.items():
            b.retype(wire, b.nodes[outs[fu][name]].range)
            b.connect(wire, outs[fu][name])

    def _module(self, kind: FuKind) -> Module:
        """The module of a kind.

        With several dataflows, kinds of the same primitives have one; else each has its own, so that its
        sums are as narrow as its place in the chain allows.
        """
        if kind not in self.kinds:
            stages = self.times.stages
            raw = build_fu(
                self.design.fused,
                f"{self.prefix}_fu_{len(self.alike)}",
                kind,
                self.stages,
                chosen=stages.choice,
                halved=stages.products,
            )
            module = infer_widths(raw.build())
            contract = contract_of(self.design, self.times, kind, module)
            module = replace(module, contract=contract)
            several = len(self.design.fused.layers) > 1
            key = replace(module, name="") if several else module
            self.kinds[kind] = self.alike.setdefault(key, module)
        return self.kinds[kind]

    def _wires(
        self,
        fu: Fu,
        module: Module,
        sums: Mapping[tuple[Fu, str], int],
        totals: Mapping[tuple[int, Fu], int],
    ) -> dict[str, int]:
        """What drives the inputs of an FU."""
        b, plan = self.b, self.design.array
        kind, found = plan.kinds[fu], {n.name: n for n in module.nodes if n.op is Op.INPUT}
        wires: dict[str, int] = {}
        for buffer, port in zip(self.design.operands, kind.ports, strict=True):
            wires |= self._operand(buffer, port, fu)
        wires |= self.told.masks(kind, fu)
        for link, number in distinct(plan.before[fu]).items():
            given = ports.sum_out(split=self.split)
            for end, start in zip(ports.sum_in(number, split=self.split), given, strict=True):
                value = b.delay(sums[link.fu, start.name], link.delay)
                wires[end.name] = b.wrap(value, found[end.name].range)
        for number, index in enumerate(self.trees.inputs(fu)):
            name = ports.total_in(number).name
            wires[name] = b.wrap(totals[index, fu], found[name].range)
        if ports.FIRST.name in found:
            wires[ports.FIRST.name] = self.told.first(kind, fu)
        if "dataflow" in found:
            wires["dataflow"] = b.input("dataflow", (0, b.max_dataflow))
        return {name: node for name, node in wires.items() if name in found}

    def _operand(self, buffer: MemoryPlan, port: PortKind, fu: Fu) -> dict[str, int]:
        """Links, data node and its controls of one operand port."""
        wires = self.links.bring(self.b, buffer, fu)
        if any(choice and choice[0] is not Pick.LINK for choice in port.picks):
            value = self.b.input(node_port(buffer, fu), buffer.span)
            wires[ports.node(buffer.index, buffer.name).name] = value
        return wires | self.told.operand(buffer, port, fu)
