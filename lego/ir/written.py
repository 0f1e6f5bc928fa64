"""Which results lie in one word and are written together, where banks lie side by side in macros."""

from __future__ import annotations

from collections.abc import Sequence

from lego.ir.adg import Adg, Fu, OutputPlan
from lego.ir.words import Form, lanes_of

__all__ = ["first_of", "grouped", "written_keys", "written_words"]

Vector = tuple[int, ...]


def written_keys(
    form: Form, start: int, places: Sequence[Vector], phases: Sequence[int]
) -> list[Vector]:
    """What nodes at these places, elements ahead of the least one, have in common if they write one word in
    one cycle; `start` is the lane of the least element, `phases` are cycles in which they act."""
    j, g, wide = form.along, form.gcds[form.along], form.wide
    return [
        (phase, *place[:j], *place[j + 1 :], (start + place[j] // g) // wide)
        for place, phase in zip(places, phases, strict=True)
    ]


def grouped(keys: Sequence[Vector]) -> list[list[int]]:
    """Numbers of the nodes of each key."""
    found: dict[Vector, list[int]] = {}
    for k, key in enumerate(keys):
        found.setdefault(key, []).append(k)
    return list(found.values())


def first_of(fus: Sequence[Fu]) -> Fu | None:
    """The FU that is the least along every axis, and so commits if any of these does whose loops are bounded;
    None if there is none."""
    least = tuple(map(min, zip(*fus, strict=True)))
    return least if least in fus else None


def written_words(adg: Adg, plan: OutputPlan) -> list[tuple[Fu, ...]]:
    """The data nodes of each word that is written; a node that changes its lane writes by itself."""
    nodes, form = adg.data_nodes(plan), plan.banking
    places = [_place(plan, fu) for fu in nodes]
    least = tuple(f + o for f, o in zip(plan.offset, form.origin, strict=True))
    lanes = lanes_of(form, plan.time, least, places)
    if lanes is None or not lanes.aligned:
        return [(fu,) for fu in nodes]
    phases = [form.phase(fu) if form.shared else 0 for fu in nodes]
    keys = written_keys(form, lanes.start, places, phases)
    return [tuple(nodes[k] for k in group) for group in grouped(keys)]


def _place(plan: OutputPlan, fu: Fu) -> Vector:
    """Elements by which the node of an FU is ahead of the least one."""
    return tuple(
        sum(a * s for a, s in zip(row, fu, strict=True)) - origin
        for row, origin in zip(plan.space, plan.banking.origin, strict=True)
    )
