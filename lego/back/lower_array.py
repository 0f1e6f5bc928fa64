"""The array: FUs, the links between them, and reduction trees and chains."""

from __future__ import annotations

from collections.abc import Mapping

from lego.back.builder import Builder
from lego.back.lower_control import Control
from lego.back.lower_fu import FuKind, Pick, accumulate, build_fu, combine, masking_loops, sum_range
from lego.back.lower_memory import node_port, reuse_source
from lego.back.passes.delay_matching import Arrival, match_delays
from lego.back.passes.widths import infer_widths
from lego.back.timing import Schedule, has_chains, has_trees
from lego.ir.adg import Adg, InputPlan, OutputClass
from lego.ir.dag import Module, Node, Op
from lego.ir.workload import Reduction

__all__ = ["ArrayLowering"]

Fu = tuple[int, ...]


class ArrayLowering:
    """Lowers one ADG's array; `modules` collects FU kinds and collectors as they are met."""

    def __init__(self, adg: Adg, control: Control, times: Schedule, prefix: str) -> None:
        self.adg, self.control, self.times, self.prefix = adg, control, times, prefix
        self.modules: list[Module] = []
        self._kinds: dict[FuKind, Module] = {}
        self._collectors: dict[tuple[int, int, bool, bool], Module] = {}
        self._trees = has_trees(adg)
        self._chains = has_chains(adg)
        self._place: dict[Fu, tuple[OutputClass, int]] = {
            fu: (c, i)
            for c in adg.output.classes
            for i, level in enumerate(c.levels)
            for fu in level
        }
        self._node_sets = {p.name: frozenset(adg.data_nodes(p)) for p in adg.inputs}
        self._passers = [self._passing(plan) for plan in adg.inputs]

    def _passing(self, plan: InputPlan) -> set[Fu]:
        passing = {source.link for source in plan.sources if source.link is not None}
        sources = {reuse_source(self.adg, plan, fu) for fu in self.adg.data_nodes(plan)}
        return passing | {fu for fu in sources if fu is not None}

    def build(self) -> Module:
        """The array module; ports are control taps, data nodes and results."""
        b = Builder(f"{self.prefix}_array", "interconnect")
        links = self._declare_links(b)
        outs: dict[Fu, Mapping[str, int]] = {}
        sums: dict[Fu, int] = {}
        for fu in sorted(self.adg.dataflow.fus(), key=lambda s: (self.adg.dataflow.skew(s), s)):
            kind = self._kind(fu)
            wires = self._wires(b, fu, kind, links, sums)
            name = "fu_" + "_".join(map(str, fu))
            outs[fu] = b.instance(self._module(kind), name, wires)
            if "sum_out" in outs[fu]:
                sums[fu] = outs[fu]["sum_out"]
            if "result" in outs[fu]:
                b.output(node_port(self.adg.output, fu), outs[fu]["result"])
        self._connect_links(b, links, outs)
        if self._trees:
            self._collect(b, outs)
        return infer_widths(b.build())

    def _kind(self, fu: Fu) -> FuKind:
        c, level = self._place[fu]
        return FuKind(
            picks=tuple(self._pick(plan, fu) for plan in self.adg.inputs),
            passes=tuple(fu in passers for passers in self._passers),
            takes_sum=not self._trees and level > 0,
            gives_sum=not self._trees and self._chains and level < len(c.levels) - 1,
            chained=not self._trees and self._chains,
            sums=level + 1,
            bare=self._trees,
            root=not self._trees and fu == c.root,
            masks=masking_loops(self.adg, fu),
        )

    def _source(self, plan: InputPlan, fu: Fu) -> tuple[Fu | None, int]:
        """FU and delay of the link into `fu`, valid always or partly."""
        flat = 0
        for x, size in zip(fu, self.adg.dataflow.sizes, strict=True):
            flat = flat * size + x
        source = plan.sources[flat]
        if source.link is None and plan.partial is not None:
            return reuse_source(self.adg, plan, fu), plan.partial.delay
        return source.link, source.delay

    def _pick(self, plan: InputPlan, fu: Fu) -> Pick:
        if fu not in self._node_sets[plan.name]:
            return Pick.LINK
        if reuse_source(self.adg, plan, fu) is not None:
            return Pick.EITHER
        return Pick.HOLD if plan.hold else Pick.NODE

    def _module(self, kind: FuKind) -> Module:
        if kind not in self._kinds:
            raw = build_fu(self.adg, f"{self.prefix}_fu_{len(self._kinds)}", kind)
            module = infer_widths(raw.build())
            self._kinds[kind], _ = match_delays(module, self._arrivals(module))
            self.modules.append(self._kinds[kind])
        return self._kinds[kind]

    def _arrivals(self, module: Module) -> dict[str, Arrival]:
        """Fixed times of the ports: by operand, by loop mask, and in the reduction."""
        t = self.times
        at = {"sum_in": t.contribution + t.tree, "first": t.total}
        at |= {f"valid_{loop}": time for loop, time in t.valid.items()}
        for plan in self.adg.inputs:
            for port in ("link", "node", "load", "reuse"):
                at[f"{plan.name}_{port}"] = t.operand[plan.name]
        at |= {f"part_{k}": t.contribution for k in range(self.adg.dataflow.n_fus)}
        names = [n.name for n in module.nodes if n.op is Op.INPUT]
        return {name: Arrival(at[name]) for name in names}

    def _declare_links(self, b: Builder) -> dict[tuple[str, Fu], int]:
        """A wire per operand and passing FU, driven once the FUs exist."""
        return {
            (plan.name, fu): b.wire((plan.tensor.format.low, plan.tensor.format.high))
            for plan, passers in zip(self.adg.inputs, self._passers, strict=True)
            for fu in sorted(passers)
        }

    def _connect_links(
        self, b: Builder, links: Mapping[tuple[str, Fu], int], outs: Mapping[Fu, Mapping[str, int]]
    ) -> None:
        for (name, fu), wire in links.items():
            b.connect(wire, outs[fu][f"{name}_pass"])

    def _wires(
        self,
        b: Builder,
        fu: Fu,
        kind: FuKind,
        links: Mapping[tuple[str, Fu], int],
        sums: Mapping[Fu, int],
    ) -> dict[str, int]:
        skew = self.adg.dataflow.skew(fu)
        wires: dict[str, int] = {}
        for plan, pick in zip(self.adg.inputs, kind.picks, strict=True):
            at = self.times.operand[plan.name] + skew
            if pick in (Pick.LINK, Pick.EITHER):
                source, delay = self._source(plan, fu)
                label = f"{plan.name}_link_" + "_".join(map(str, fu))
                wires[f"{plan.name}_link"] = b.delay(links[plan.name, source], delay, name=label)  # type: ignore[index]
            if pick is not Pick.LINK:
                span = (plan.tensor.format.low, plan.tensor.format.high)
                wires[f"{plan.name}_node"] = b.input(node_port(plan, fu), span)
            if pick is Pick.HOLD:
                wires[f"{plan.name}_load"] = b.input(self.control.tap(f"zero{plan.hold}", at))
            if pick is Pick.EITHER:
                wires[f"{plan.name}_reuse"] = b.input(self.control.tap(f"{plan.name}_reuse", at))
        wires |= self._masks(b, fu, skew)
        if kind.takes_sum:
            c, level = self._place[fu]
            before = c.levels[level - 1][0]
            wires["sum_in"] = b.delay(sums[before], skew - self.adg.dataflow.skew(before) - 1)
        if kind.root and self._held:
            wires["first"] = self._first(b, skew)
        return wires

    @property
    def _held(self) -> bool:
        return self.adg.output.hold > 0 and self.adg.reduction is not Reduction.ASSIGN

    def _first(self, b: Builder, skew: int) -> int:
        return b.input(self.control.tap(f"zero{self.adg.output.hold}", self.times.total + skew))

    def _masks(self, b: Builder, fu: Fu, skew: int) -> dict[str, int]:
        place = dict(zip(self.adg.dataflow.spatial_loops, fu, strict=True))
        wires = {}
        for loop, at in place.items():
            name = self.adg.op.loops[loop].name
            if name in masking_loops(self.adg, fu):
                tap = self.control.tap(f"valid_{name}_{at}", self.times.valid[name] + skew)
                wires[f"valid_{name}"] = b.input(tap)
        return wires

    def _collect(self, b: Builder, outs: Mapping[Fu, Mapping[str, int]]) -> None:
        """Reduce each level by a tree and the levels by a chain."""
        for index, c in enumerate(self.adg.output.classes):
            before: tuple[int, int] | None = None
            done = 0
            for i, level in enumerate(c.levels):
                skew = self.adg.dataflow.skew(level[0])
                last = i == len(c.levels) - 1
                wires = {f"part_{k}": outs[fu]["contribution"] for k, fu in enumerate(level)}
                if before is not None:
                    wires["sum_in"] = b.delay(before[0], skew - before[1] - 1)
                if last and self._held:
                    wires["first"] = self._first(b, skew)
                module = self._collector(len(level), done, before is not None, last)
                done += len(level)
                ports = b.instance(module, f"collect_{index}_{i}", wires)
                if last:
                    b.output(node_port(self.adg.output, c.root), ports["result"])
                else:
                    before = ports["sum_out"], skew

    def _collector(self, parts: int, done: int, takes_sum: bool, last: bool) -> Module:
        key = (parts, done, takes_sum, last)
        if key not in self._collectors:
            name = f"{self.prefix}_collect_{len(self._collectors)}"
            module = infer_widths(self._tree(name, parts, done, takes_sum, last).build())
            self._collectors[key], _ = match_delays(module, self._arrivals(module))
            self.modules.append(self._collectors[key])
        return self._collectors[key]

    def _tree(self, name: str, parts: int, done: int, takes_sum: bool, last: bool) -> Builder:
        b = Builder(name, "interconnect")
        span = sum_range(self.adg, 1)
        layer = [(b.input(f"part_{k}", span), 1) for k in range(parts)]
        for _ in range(self.times.tree):
            layer = [self._pair(b, layer[k : k + 2]) for k in range(0, len(layer), 2)]
        total = layer[0][0]
        if takes_sum:
            total = combine(
                b,
                self.adg,
                total,
                b.input("sum_in", sum_range(self.adg, done)),
                sum_range(self.adg, done + parts),
            )
        if self._chains:
            total = b.add_node(Node(Op.SHL, (total,), name="sum", latency=1))
        if last:
            accumulate(b, self.adg, total, done + parts)
        else:
            b.output("sum_out", total)
        return b

    def _pair(self, b: Builder, pair: list[tuple[int, int]]) -> tuple[int, int]:
        """Reduce up to two values, with a register behind."""
        terms = sum(count for _, count in pair)
        value = pair[0][0]
        if len(pair) == 2:
            value = combine(b, self.adg, value, pair[1][0], sum_range(self.adg, terms))
        return b.add_node(Node(Op.SHL, (value,), latency=1)), terms
