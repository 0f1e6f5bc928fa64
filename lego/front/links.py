"""Interconnect of one input: the minimum spanning arborescence over FUs and memory.

Memory is the root. Candidate edges are the reuse relations that hold at every timestamp; their
cost is the number of pipeline registers, a data node costs more than any link. Sources always
precede in the order of (skew, coordinates), so the candidate graph has no cycle and the cheapest
incoming edge of each FU is the arborescence (the first step of Chu-Liu/Edmonds, which then ends).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

from lego.front.reuse import Forms
from lego.ir.adg import Source
from lego.ir.dataflow import Dataflow

__all__ = ["link_sources", "sharing_classes"]

Fu = tuple[int, ...]


def sharing_classes(space: Sequence[Sequence[int]], dataflow: Dataflow) -> list[list[Fu]]:
    """FUs grouped by the element they touch at any one timestamp, each by rising (skew, s)."""
    terms = [[(a, k) for k, a in enumerate(row) if a] for row in space if any(row)]
    groups: dict[tuple[int, ...], list[Fu]] = defaultdict(list)
    for fu in dataflow.fus():
        groups[tuple(sum(a * fu[k] for a, k in row) for row in terms)].append(fu)
    if any(dataflow.control):
        return [sorted(group, key=dataflow.skew) for group in groups.values()]
    return list(groups.values())


def _distance(dataflow: Dataflow, fu: Fu, other: Fu) -> tuple[int, int, Fu]:
    """Cycles from the other FU's use to this one's, steps between them, and the other."""
    steps = sum(abs(a - b) for a, b in zip(fu, other, strict=True))
    return dataflow.skew(fu) - dataflow.skew(other), steps, other


def link_sources(form: Forms, dataflow: Dataflow) -> tuple[Source, ...]:
    """Cheapest source of every FU: a link that is valid at all timestamps, or a data node."""
    source: dict[Fu, Source] = {}
    shifts = sorted(itertools.product((-1, 0, 1), repeat=len(dataflow.sizes)))
    for group in sharing_classes(form.space, dataflow):
        rank = {fu: k for k, fu in enumerate(group)}
        for fu in group:
            near = [tuple(a - d for a, d in zip(fu, shift, strict=True)) for shift in shifts]
            before = [other for other in near if rank.get(other, len(group)) < rank[fu]]
            before = before or group[: rank[fu]]
            best = min(before, key=lambda other: _distance(dataflow, fu, other), default=None)
            delay = 0 if best is None else dataflow.skew(fu) - dataflow.skew(best)
            source[fu] = Source(best, delay)
    return tuple(source[fu] for fu in dataflow.fus())
