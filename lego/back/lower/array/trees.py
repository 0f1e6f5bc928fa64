"""Reduction trees outside the FUs: each level of equal skew by a tree, the levels by a chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lego.back.graph.builder import Builder
from lego.back.graph.combine import combine
from lego.back.graph.widths import infer_widths
from lego.back.plan.array.sums import has_chains, sum_range, sum_span
from lego.back.plan.design import DesignPlan
from lego.back.schedule.times import Schedule
from lego.ir.adg import Adg, Fu
from lego.ir.dag import Contract, Module, Op
from lego.ir.operation import Reduction

__all__ = ["Trees"]

Shape = tuple[Reduction, tuple[int, int], tuple[int, int], int, int, int, bool, bool, bool]


class Trees:
    """Collectors of the dataflows that have trees; totals go to the roots' accumulators."""

    def __init__(self, design: DesignPlan, times: Schedule) -> None:
        fused = design.fused
        self.fused, self.times, self.prefix = fused, times, fused.name
        self.modules: list[Module] = []
        self._made: dict[Shape, Module] = {}
        self._layers = [k for k in range(len(fused.layers)) if times.trees[k]]
        self._roots = {
            k: {c.root for c in fused.layers[k].adg.output.classes} for k in self._layers
        }

    def inputs(self, fu: Fu) -> list[int]:
        """Dataflows whose trees end in this FU, in order; their number is the input's."""
        return [k for k in self._layers if fu in self._roots[k]]

    def declare(self, b: Builder) -> dict[tuple[int, Fu], int]:
        """A wire per dataflow and root, driven once the FUs exist."""
        return {
            (k, c.root): b.wire(sum_span(self.fused.layers[k].adg))
            for k in self._layers
            for c in self.fused.layers[k].adg.output.classes
        }

    def collect(
        self, b: Builder, contributions: Mapping[Fu, int], totals: Mapping[tuple[int, Fu], int]
    ) -> None:
        """Instantiate the collectors and drive the totals."""
        done: dict[tuple[object, ...], int] = {}
        for k in self._layers:
            adg = self.fused.layers[k].adg
            for index, c in enumerate(adg.output.classes):
                before: tuple[int, int] | None = None
                terms = 0
                for i, level in enumerate(c.levels):
                    skew = adg.dataflow.skew(level[0])
                    span = sum_span(adg)
                    wires = {
                        f"part_{n}": b.wrap(contributions[fu], span) for n, fu in enumerate(level)
                    }
                    if before is not None:
                        wires["sum_in"] = b.delay(before[0], skew - before[1] - 1)
                    module = self._collector(k, adg, len(level), terms, before is not None)
                    terms += len(level)
                    key = (module.name, tuple(sorted(wires.items())))
                    if key not in done:
                        name = f"collect_{k}_{index}_{i}"
                        done[key] = b.instance(module, name, wires)["total"]
                    before = done[key], skew
                if before is not None:
                    b.connect(totals[k, c.root], before[0])

    def _collector(self, layer: int, adg: Adg, parts: int, done: int, takes: bool) -> Module:
        depth, chains = self.times.trees[layer], has_chains(adg)
        key = (
            adg.reduction, sum_span(adg), sum_range(adg, done + parts), parts, done, depth,
            takes, chains, True,
        )  # fmt: skip
        if key not in self._made:
            name = f"{self.prefix}_collect_{len(self._made)}"
            module = infer_widths(_tree(name, adg, parts, done, depth, takes, chains).build())
            ports = [n.name for n in module.nodes if n.op is Op.INPUT]
            at = self.times.contribution
            arrivals = tuple((p, at + depth if p == "sum_in" else at) for p in ports)
            contract = Contract(arrivals, (("total", at + depth + chains),))
            self._made[key] = replace(module, contract=contract)
            self.modules.append(self._made[key])
        return self._made[key]


def _tree(
    name: str, adg: Adg, parts: int, done: int, depth: int, takes: bool, chains: bool
) -> Builder:
    b = Builder(name, "interconnect")
    span = sum_span(adg)
    layer = [(b.input(f"part_{k}", span), 1) for k in range(parts)]
    for _ in range(depth):
        layer = [_pair(b, adg, layer[k : k + 2]) for k in range(0, len(layer), 2)]
    total = layer[0][0]
    if takes:
        before = b.input("sum_in", span)
        claim = sum_range(adg, done + parts)
        total = combine(b, adg.reduction, total, before, span, claim)
    if chains:
        total = b.stage(total, 1, name="sum")
    b.output("total", total)
    return b


def _pair(b: Builder, adg: Adg, pair: list[tuple[int, int]]) -> tuple[int, int]:
    """Reduce up to two values, with a register behind."""
    terms = sum(count for _, count in pair)
    value = pair[0][0]
    if len(pair) == 2:
        value = combine(b, adg.reduction, value, pair[1][0], sum_span(adg), sum_range(adg, terms))
    return b.stage(value, 1), terms
