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
from fractions import Fraction

import islpy as isl

from lego.front.reuse import Forms, Reuse, held_counters, reuse_vectors, validity
from lego.ir.adg import Partial, Source
from lego.ir.dataflow import Dataflow

__all__ = ["MEMORY_COST", "delay_reuse", "link_sources", "sharing_classes"]

Fu = tuple[int, ...]

MEMORY_COST = 16
"""Cost of one memory access per cycle, in pipeline registers of the same width."""


def sharing_classes(space: Sequence[Sequence[int]], dataflow: Dataflow) -> list[list[Fu]]:
    """FUs grouped by the element they touch at any one timestamp, each by rising (skew, s)."""
    groups: dict[tuple[int, ...], list[Fu]] = defaultdict(list)
    for fu in dataflow.fus():
        groups[tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in space)].append(fu)
    return [sorted(group, key=lambda fu: (dataflow.skew(fu), fu)) for group in groups.values()]


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
            best = min(
                before,
                key=lambda other: (
                    dataflow.skew(fu) - dataflow.skew(other),
                    sum(abs(a - b) for a, b in zip(fu, other, strict=True)),
                    other,
                ),
                default=None,
            )
            delay = 0 if best is None else dataflow.skew(fu) - dataflow.skew(best)
            source[fu] = Source(best, delay)
    return tuple(source[fu] for fu in dataflow.fus())


def delay_reuse(
    form: Forms, dataflow: Dataflow, trips: Sequence[int], nodes: Sequence[Fu]
) -> Partial | None:
    """The delay reuse among the data nodes that saves most, or None if none pays.

    Only steps of the innermost counter qualify: their delay doesn't depend on run-time bounds.
    A solution pays if its registers cost less than the memory accesses it makes unnecessary,
    both taken over all data nodes; the accesses are counted by isl on the exact validity set.
    """
    if not trips or held_counters(form):
        return None
    members = set(nodes)
    best: tuple[Fraction, Reuse] | None = None
    for reuse in reuse_vectors(form, dataflow, trips):
        if not any(reuse.ds) or any(reuse.dt[:-1]) or not reuse.dt[-1]:
            continue
        served = _served(reuse, nodes, members)
        if not served:
            continue
        saved = MEMORY_COST * served * _valid_fraction(reuse, trips) - served * reuse.delay
        if saved > 0 and (best is None or saved > best[0]):
            best = saved, reuse
    if best is None:
        return None
    return Partial(best[1].ds, best[1].dt[-1], best[1].delay)


def _served(reuse: Reuse, nodes: Sequence[Fu], members: set[Fu]) -> int:
    return sum(tuple(a - b for a, b in zip(fu, reuse.ds, strict=True)) in members for fu in nodes)


def _valid_fraction(reuse: Reuse, trips: Sequence[int]) -> Fraction:
    valid = validity(reuse, trips, (2,) * len(reuse.ds)).project_out(
        isl.dim_type.set, len(trips), len(reuse.ds)
    )
    total = 1
    for trip in trips:
        total *= trip
    return Fraction(int(valid.count_val().to_python()), total)
