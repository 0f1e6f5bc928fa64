"""The array: FUs, the links between them, and reduction trees and chains."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lego.back.builder import Builder
from lego.back.fu_kind import (
    FuKind,
    Pick,
    PortKind,
    SumKind,
    SumStages,
    mask_signal,
    masking_axes,
)
from lego.back.lower_control import Control
from lego.back.lower_fu import CONTRIBUTION, build_fu
from lego.back.lower_halves import HALVES
from lego.back.lower_links import Link, Links, ordered
from lego.back.lower_side import node_port
from lego.back.lower_trees import Trees
from lego.back.passes.widths import infer_widths
from lego.back.sums import accumulates_held
from lego.back.timing import Schedule
from lego.ir.adg import Fu, InputPlan, OutputClass
from lego.ir.dag import Contract, Module, Op
from lego.ir.fused import Buffer, FusedAdg, Layer

__all__ = ["ArrayLowering"]


class LayerView:
    """What one dataflow asks of every FU."""

    def __init__(self, index: int, layer: Layer, trees: bool) -> None:
        self.index, self.layer, self.adg, self.trees = index, layer, layer.adg, trees
        self.place: dict[Fu, tuple[OutputClass, int]] = {
            fu: (c, i)
            for c in self.adg.output.classes
            for i, level in enumerate(c.levels)
            for fu in level
        }

    def before(self, fu: Fu) -> tuple[Fu, int] | None:
        """The FU before in the chain, and the cycles that its sum waits."""
        c, level = self.place[fu]
        if self.trees or level == 0:
            return None
        other = c.levels[level - 1][0]
        return other, self.adg.dataflow.skew(fu) - self.adg.dataflow.skew(other) - 1


class ArrayLowering:
    """Lowers one design's array; `modules` collects FU kinds and collectors as they are met."""

    def __init__(self, fused: FusedAdg, control: Control, times: Schedule, prefix: str) -> None:
        self.fused, self.control, self.times, self.prefix = fused, control, times, prefix
        self.modules: list[Module] = []
        self._stages = SumStages(times.chained, times.held, times.merged, times.split)
        self._halves = tuple(f"_{half}" for half in HALVES) if times.split else ("",)
        self._kinds: dict[FuKind, Module] = {}
        self._distinct: dict[Module, Module] = {}
        self._layers = [
            LayerView(k, layer, times.trees[k] > 0) for k, layer in enumerate(fused.layers)
        ]
        self._buffers = fused.buffers()
        self._trees = Trees(fused, times, prefix)
        self._links = Links(fused, prefix)
        self._before = {fu: self._chain_links(fu) for fu in fused.fus()}
        self._givers = {link.fu for links in self._before.values() for link in links if link}

    def _mine(self, index: int) -> int:
        return -1 if self.fused.shared else index

    def _chain_links(self, fu: Fu) -> list[Link | None]:
        links: list[Link | None] = []
        for view in self._layers:
            found = view.before(fu) if fu in view.place else None
            links.append(None if found is None else Link(*found, self._mine(view.index)))
        return links

    def build(self) -> Module:
        """The array module; ports are control taps, data nodes and results."""
        b = Builder(f"{self.prefix}_array", "interconnect", len(self.fused.layers))
        self._links.declare(b)
        sums = {(fu, half): b.wire((0, 1)) for fu in sorted(self._givers) for half in self._halves}
        outs: dict[Fu, Mapping[str, int]] = {}
        totals = self._trees.declare(b)
        for fu in self.fused.fus():
            kind = self._kind(fu)
            module = self._module(kind)
            ports = self._wires(b, fu, kind, module, sums, totals)
            outs[fu] = b.instance(module, "fu_" + "_".join(map(str, fu)), ports)
            if "result" in outs[fu]:
                b.output(node_port(self._buffers[-1], fu), outs[fu]["result"])
        for fu, out in outs.items():
            self._links.connect(b, fu, out)
        for (fu, half), wire in sums.items():
            b.retype(wire, b.nodes[outs[fu][f"sum_out{half}"]].range)
            b.connect(wire, outs[fu][f"sum_out{half}"])
        self._trees.collect(
            b, {fu: out.get("contribution", -1) for fu, out in outs.items()}, totals
        )
        self.modules += [*self._trees.modules, *self._links.modules]
        return infer_widths(b.build())

    def _kind(self, fu: Fu) -> FuKind:
        sums = tuple(self._sum_kind(view, fu) for view in self._layers)
        masks = tuple(
            masking_axes(view.adg, fu) if fu in view.place else None for view in self._layers
        )
        return FuKind(
            ports=tuple(self._port_kind(buffer, fu) for buffer in self._buffers[:-1]),
            masks=masks,
            sums=sums,
            gives_sum=fu in self._givers,
            bare=any(view.trees and fu in view.place for view in self._layers),
        )

    def _port_kind(self, buffer: Buffer, fu: Fu) -> PortKind:
        choices = self._links.choices(buffer, fu)
        order = ordered(choices)
        picks = tuple(
            None
            if choice is None
            else (choice.pick, tuple((number, order[link]) for number, link in choice.links))
            for choice in choices
        )
        return PortKind(picks, self._links.passes(buffer, fu))

    def _sum_kind(self, view: LayerView, fu: Fu) -> SumKind | None:
        if fu not in view.place:
            return None
        c, level = view.place[fu]
        if view.trees:
            if fu != c.root:
                return None
            members = sum(len(group) for group in c.levels)
            inputs = self._trees.inputs(fu)
            return SumKind(-1, 0, self._rounded(members), True, inputs.index(view.index))
        links = self._before[fu]
        link = links[view.index]
        number = -1 if link is None else _order(links)[link]
        return SumKind(number, self._rounded(level), self._rounded(level + 1), fu == c.root)

    def _rounded(self, terms: int) -> int:
        """With several dataflows, up to a power of two: fewer kinds of FUs."""
        if len(self._layers) == 1 or terms < 1:
            return terms
        return 1 << (terms - 1).bit_length()

    def _module(self, kind: FuKind) -> Module:
        """The module of a kind. With several dataflows, kinds of the same primitives have one; else each has its own,
        so that its sums are as narrow as its place in the chain allows."""
        if kind not in self._kinds:
            raw = build_fu(
                self.fused,
                f"{self.prefix}_fu_{len(self._distinct)}",
                kind,
                self._stages,
                chosen=self.times.stages.choice,
                halved=self.times.stages.products,
            )
            module = infer_widths(raw.build())
            pins = ((CONTRIBUTION, self.times.contribution),)
            arrivals = tuple(self._arrivals(module).items())
            contract = Contract(arrivals, self._departures(module), pins)
            module = replace(module, contract=contract)
            alike = replace(module, name="" if len(self._layers) > 1 else module.name)
            if alike not in self._distinct:
                self._distinct[alike] = module
                self.modules.append(module)
            self._kinds[kind] = self._distinct[alike]
        return self._kinds[kind]

    def _arrivals(self, module: Module) -> dict[str, int]:
        """Times of the ports: by operand, by axis, and in the reduction."""
        t = self.times
        arrivals: dict[str, int] = {}
        for node in module.nodes:
            if node.op is not Op.INPUT or node.name == "dataflow":
                continue
            at = t.contribution + node.name.endswith(f"_{HALVES[1]}")  # sum_in*; others follow
            if node.name == "first" or node.name.startswith("total_in"):
                at = t.total
            elif mask := re.fullmatch(r"valid(\d+)", node.name):
                at = t.valid[int(mask[1])]
            for buffer in self._buffers[:-1]:
                head, _, tail = node.name.rpartition("_")
                if head == buffer.name and tail.rstrip("0123456789") in PORTS:
                    at = t.operand[buffer.index]
            arrivals[node.name] = at
        return arrivals

    def _departures(self, module: Module) -> tuple[tuple[str, int], ...]:
        """Times of the output ports: what other FUs take leaves when it is used here."""
        t = self.times
        known = {"contribution": t.contribution}
        left = t.contribution + t.chained
        known |= {f"sum_out{half}": left + late for late, half in enumerate(self._halves)}
        known["result"] = t.total + t.held + (t.split > 0)
        known |= {f"{buffer.name}_pass": t.operand[buffer.index] for buffer in self._buffers[:-1]}
        return tuple((name, known[name]) for name, _ in module.outputs)

    def _wires(
        self,
        b: Builder,
        fu: Fu,
        kind: FuKind,
        module: Module,
        sums: Mapping[tuple[Fu, str], int],
        totals: Mapping[tuple[int, Fu], int],
    ) -> dict[str, int]:
        found = {n.name: n for n in module.nodes if n.op is Op.INPUT}
        wires: dict[str, int] = {}
        for buffer, port in zip(self._buffers[:-1], kind.ports, strict=True):
            wires |= self._operand(b, buffer, port, fu)
        for axis in sorted({axis for mask in kind.masks if mask for axis in mask}):
            wires[f"valid{axis}"] = self._mask(b, kind, axis, fu)
        chain = self._before[fu]
        for link, number in _order(chain).items():
            for half in self._halves:
                name, value = f"sum_in{number}{half}", b.delay(sums[link.fu, half], link.delay)
                wires[name] = b.wrap(value, found[name].range)
        for number, index in enumerate(self._trees.inputs(fu)):
            name = f"total_in{number}"
            wires[name] = b.wrap(totals[index, fu], found[name].range)
        if "first" in found:
            wires["first"] = self._first(b, kind, fu)
        if "dataflow" in found:
            wires["dataflow"] = b.input("dataflow", (0, b.max_dataflow))
        return {name: node for name, node in wires.items() if name in found}

    def _operand(self, b: Builder, buffer: Buffer, port: PortKind, fu: Fu) -> dict[str, int]:
        """Links, data node and its controls of one operand port."""
        name, wires = buffer.name, self._links.bring(b, buffer, fu)
        picks = [choice[0] if choice else None for choice in port.picks]
        if any(pick not in (None, Pick.LINK) for pick in picks):
            wires[f"{name}_node"] = b.input(node_port(buffer, fu), buffer.span)
        loads: list[Tap | None] = []
        reuses: dict[int, list[Tap | None]] = {}
        for k, (view, plan) in enumerate(zip(self._layers, buffer.plans, strict=True)):
            choice = port.picks[k]
            load = None
            if isinstance(plan, InputPlan) and choice and choice[0] is not Pick.LINK:
                at = self.times.operand[buffer.index] + view.adg.dataflow.skew(fu)
                load = ALWAYS
                if choice[0] is Pick.HOLD:
                    load = f"zero{plan.hold}", at
                for number, _ in choice[1]:
                    tap = f"{name}_reuse{number}", at
                    reuses.setdefault(number, [None] * len(self._layers))[k] = tap
            loads.append(load)
        if Pick.HOLD in picks:
            wires[f"{name}_load"] = self._told(b, loads)
        for number, taps in reuses.items():
            wires[f"{name}_reuse{number}"] = self._told(b, taps)
        return wires

    def _mask(self, b: Builder, kind: FuKind, axis: int, fu: Fu) -> int:
        taps: list[Tap | None] = []
        for view, mask in zip(self._layers, kind.masks, strict=True):
            if mask is None:
                taps.append(None)
            elif axis in mask:
                at = self.times.valid[axis] + view.adg.dataflow.skew(fu)
                taps.append((mask_signal(view.adg, axis, fu), at))
            else:
                taps.append(ALWAYS)
        return self._told(b, taps)

    def _first(self, b: Builder, kind: FuKind, fu: Fu) -> int:
        """Whether a root's accumulator starts anew."""
        taps: list[Tap | None] = []
        for view, part in zip(self._layers, kind.sums, strict=True):
            tap = None
            if part is not None and part.root:
                tap = ALWAYS
                if accumulates_held(view.adg):
                    at = self.times.totals[view.index] + view.adg.dataflow.skew(fu)
                    tap = f"zero{view.adg.output.hold}", at
            taps.append(tap)
        return self._told(b, taps)

    def _told(self, b: Builder, taps: Sequence[Tap | None]) -> int:
        """What control says under the running dataflow.

        Where dataflows differ, the choice is made a cycle earlier and a register follows, which can
        be copied: many FUs are told the same.
        """
        early = len(set(taps) - {None}) > 1 and all(tap is None or tap[1] for tap in taps)
        told = [
            None
            if tap is None
            else b.const(1)
            if tap == ALWAYS
            else b.input(self.control.tap(tap[0], tap[1] - early))
            for tap in taps
        ]
        return b.delay(b.choose(told), int(early))


Tap = tuple[str, int]
"""A signal of the control, and the cycle after its timestamp's issue."""

ALWAYS: Tap = ("", 1)
"""True in every cycle."""

PORTS = ("link", "node", "load", "reuse")


def _order(links: Sequence[Link | None]) -> dict[Link, int]:
    """Number of every distinct link of a chain."""
    return {link: k for k, link in enumerate(dict.fromkeys(x for x in links if x is not None))}
