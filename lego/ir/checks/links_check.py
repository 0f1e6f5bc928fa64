"""What links between FUs satisfy: every FU gets every operand once, and every contribution counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from lego.ir.adg import Fu, InputPlan, OutputClass, OutputPlan, Source
from lego.ir.checks.banks_check import place
from lego.ir.dataflow import Dataflow

__all__ = ["class_faults", "link_faults"]


def link_faults(flow: Dataflow, plan: InputPlan) -> Iterator[str]:
    """Broken rules of an input's sources: one per FU, of the same element, that end at data nodes."""
    if len(plan.sources) != flow.n_fus:
        yield f"{len(plan.sources)} sources for {flow.n_fus} FUs"
    source = dict(zip(flow.fus(), plan.sources, strict=True))
    for fu, each in source.items():
        if each.link is None:
            continue
        if each.link not in source:
            yield f"FU {fu} takes from {each.link}, which isn't in the array"
        if each.delay < 0:
            yield f"FU {fu} takes from {each.link} after {each.delay} cycles"
        if each.delay != flow.skew(fu) - flow.skew(each.link):
            yield f"FU {fu} doesn't take from {each.link} what both use at one timestamp"
        if place(plan, fu) != place(plan, each.link):
            yield f"FU {fu} takes another element from {each.link} than it uses"
    if (fu_in_circle := _in_circle(source)) is not None:
        yield f"the links of FU {fu_in_circle} end at no data node"


def _in_circle(source: Mapping[Fu, Source]) -> Fu | None:
    """An FU from which links lead to no data node, if there is one."""
    ends: set[Fu] = set()
    for fu in source:
        path: dict[Fu, None] = {}
        at: Fu | None = fu
        while at is not None and at not in ends:
            if at in path:
                return at
            path[at] = None
            at = source[at].link
        ends |= path.keys()
    return None


def class_faults(flow: Dataflow, plan: OutputPlan) -> Iterator[str]:
    """Broken rules of the output's classes: every FU in one, its levels in the order of their skews."""
    seen = Counter(fu for c in plan.classes for level in c.levels for fu in level)
    fus = set(flow.fus())
    for fu, times in seen.items():
        if fu not in fus:
            yield f"FU {fu} of a class isn't in the array"
        if times > 1:
            yield f"FU {fu} contributes {times} times"
    if len(seen) < len(fus):
        yield f"FU {min(fus - seen.keys())} contributes to nothing"
    for c in plan.classes:
        yield from _level_faults(flow, plan, c)


def _level_faults(flow: Dataflow, plan: OutputPlan, c: OutputClass) -> Iterator[str]:
    if not all(c.levels):
        yield f"a class has an empty level in {c.levels}"
    skews = [{flow.skew(fu) for fu in level} for level in c.levels]
    if any(len(each) > 1 for each in skews):
        yield f"FUs of one level act at different cycles, of the class of FU {c.root}"
    order = [min(each) for each in skews]
    if sorted(set(order)) != order:
        yield f"the levels of the class of FU {c.root} aren't by rising skew"
    if len({place(plan, fu) for level in c.levels for fu in level}) > 1:
        yield f"the class of FU {c.root} is of several elements"
