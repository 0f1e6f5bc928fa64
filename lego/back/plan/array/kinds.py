"""The kind of every FU: the sources of its operands, its masks, and its part in the reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.plan.array.fu_kind import FuKind, PortKind, SumKind, masking_axes
from lego.back.plan.array.links import Link, LinkPlan, ordered
from lego.back.plan.array.sums import has_trees
from lego.ir.adg import Adg, Fu, OutputClass
from lego.ir.fused import FusedAdg

__all__ = ["ArrayPlan", "array_plan", "distinct"]


@dataclass(frozen=True, slots=True)
class ArrayPlan:
    """What the array consists of.

    Attributes
    ----------
    links : of each operand, by port.
    kinds : of every FU.
    before : per FU and dataflow, where the sum of the FUs before it in the chain comes from; None for
        nowhere.
    givers : FUs whose sums others take.
    """

    links: tuple[LinkPlan, ...]
    kinds: Mapping[Fu, FuKind]
    before: Mapping[Fu, tuple[Link | None, ...]]
    givers: frozenset[Fu]


def array_plan(fused: FusedAdg, links: Sequence[LinkPlan]) -> ArrayPlan:
    """The kinds of all FUs, with these links of their operands."""
    places = [_places(layer.adg) for layer in fused.layers]
    treed = [has_trees(layer.adg) for layer in fused.layers]
    before = {fu: tuple(_before(fused, places, treed, fu)) for fu in fused.fus()}
    givers = frozenset(link.fu for each in before.values() for link in each if link is not None)
    roots = [
        {c.root for c in layer.adg.output.classes} if trees else set()
        for layer, trees in zip(fused.layers, treed, strict=True)
    ]
    kinds = {}
    for fu in fused.fus():
        trees = [k for k, ends in enumerate(roots) if fu in ends]
        sums = _Sums(places, treed, before[fu], trees)
        kinds[fu] = FuKind(
            ports=tuple(_port(plan, fu) for plan in links),
            masks=tuple(
                masking_axes(layer.adg, fu) if fu in place else None
                for layer, place in zip(fused.layers, places, strict=True)
            ),
            sums=tuple(sums.of(k, fu) for k in range(len(places))),
            gives_sum=fu in givers,
            bare=any(
                in_trees and fu in place for in_trees, place in zip(treed, places, strict=True)
            ),
        )
    return ArrayPlan(tuple(links), kinds, before, givers)


Places = Mapping[Fu, tuple[OutputClass, int]]
"""The reduction class of every FU, and its level there."""


def _places(adg: Adg) -> Places:
    return {
        fu: (c, i) for c in adg.output.classes for i, level in enumerate(c.levels) for fu in level
    }


def _before(
    fused: FusedAdg, places: Sequence[Places], treed: Sequence[bool], fu: Fu
) -> list[Link | None]:
    """The FU before in the chain, and the cycles that its sum waits, per dataflow."""
    links: list[Link | None] = []
    for index, (layer, place) in enumerate(zip(fused.layers, places, strict=True)):
        links.append(None)
        if fu not in place or treed[index]:
            continue
        c, level = place[fu]
        if level:
            other = c.levels[level - 1][0]
            flow = layer.adg.dataflow
            wait = flow.skew(fu) - flow.skew(other) - 1
            links[-1] = Link(other, wait, -1 if fused.shared else index)
    return links


def _port(plan: LinkPlan, fu: Fu) -> PortKind:
    choices = plan.choices[fu]
    order = ordered(choices)
    picks = tuple(
        None
        if choice is None
        else (choice.pick, tuple((number, order[link]) for number, link in choice.links))
        for choice in choices
    )
    return PortKind(picks, fu in plan.passers)


@dataclass(frozen=True, slots=True)
class _Sums:
    """An FU's parts in reductions; `treed` says of which dataflows trees are, and `trees` are those whose
    trees end in it."""

    places: Sequence[Places]
    treed: Sequence[bool]
    before: tuple[Link | None, ...]
    trees: Sequence[int]

    def of(self, index: int, fu: Fu) -> SumKind | None:
        """The part under one dataflow."""
        place = self.places[index]
        if fu not in place:
            return None
        c, level = place[fu]
        if self.treed[index]:
            if fu != c.root:
                return None
            members = sum(len(group) for group in c.levels)
            return SumKind(-1, 0, self._rounded(members), True, self.trees.index(index))
        link = self.before[index]
        number = -1 if link is None else distinct(self.before)[link]
        return SumKind(number, self._rounded(level), self._rounded(level + 1), fu == c.root)

    def _rounded(self, terms: int) -> int:
        """With several dataflows, up to a power of two: fewer kinds of FUs."""
        if len(self.places) == 1 or terms < 1:
            return terms
        return 1 << (terms - 1).bit_length()


def distinct(links: Sequence[Link | None]) -> dict[Link, int]:
    """Number of every distinct link of a chain."""
    return {link: k for k, link in enumerate(dict.fromkeys(x for x in links if x is not None))}
