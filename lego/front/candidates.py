"""Sources that each FU may take an operand from, under every dataflow that uses the port.

The sources are translation-invariant: FUs with the same choices in all dataflows form one *region*, and
all that follows is decided per region. The number of regions depends on the dataflows, not on the
number of FUs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from operator import sub

from lego.front.links import sharing_classes
from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.dataflow import Dataflow

__all__ = ["Option", "Port", "Region", "port_of"]


@dataclass(frozen=True, slots=True, order=True)
class Option:
    """A way to get an operand at every timestamp: the FU `ds` before this one, `delay` cycles later.

    A broadcast, from the first of the FUs that use the element in the same cycle, has `star`: the
    first dataflow whose broadcast comes from the same FU; its `ds` differs from FU to FU. The data node has
    neither.
    """

    ds: Fu = ()
    delay: int = 0
    star: int = -1

    @property
    def node(self) -> bool:
        """Whether the operand comes from memory."""
        return not self.ds and self.star < 0


@dataclass(frozen=True, slots=True)
class Region:
    """FUs with the same options: one tuple per dataflow, empty where it leaves the FU idle."""

    options: tuple[tuple[Option, ...], ...]
    fus: tuple[Fu, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """All regions of one operand port; `stars[layer][fu]` is where a broadcast comes from."""

    bits: int
    regions: tuple[Region, ...]
    stars: tuple[dict[Fu, Fu], ...]


def port_of(fus: Sequence[Fu], layers: Sequence[tuple[Adg, InputPlan] | None], bits: int) -> Port:
    """The options of every FU at a port; `layers` has None where the port isn't used."""
    found: list[dict[Fu, tuple[Option, ...]]] = []
    stars: list[dict[Fu, Fu]] = []
    for layer in layers:
        options, sources = _layer_options(*layer) if layer is not None else ({}, {})
        found.append(options)
        stars.append(sources)
    regions: dict[tuple[tuple[Option, ...], ...], list[Fu]] = {}
    for fu in fus:
        roots = [sources.get(fu) for sources in stars]
        key = tuple(
            options.get(fu, ()) if root is None else (*options[fu], Option(star=roots.index(root)))
            for options, root in zip(found, roots, strict=True)
        )
        regions.setdefault(key, []).append(fu)
    alike = tuple(Region(options, tuple(members)) for options, members in regions.items())
    return Port(bits, alike, tuple(stars))


def _layer_options(adg: Adg, plan: InputPlan) -> tuple[dict[Fu, tuple[Option, ...]], dict[Fu, Fu]]:
    """Options per FU but broadcasts, and the source of each broadcast."""
    flow = adg.dataflow
    links = _links(flow)
    options: dict[Fu, tuple[Option, ...]] = {}
    stars: dict[Fu, Fu] = {}
    for group in sharing_classes(plan.space, flow):
        first: dict[int, Fu] = {}
        for fu in group:
            first.setdefault(flow.skew(fu), fu)
        members = set(group)
        for fu in group:
            root = first[flow.skew(fu)]
            if root != fu:
                stars[fu] = root
            near = [link for link in links if _before(fu, link) in members]
            if not near and root == fu and fu != group[0]:
                near.append(_latest_before(flow, fu, group))
            options[fu] = tuple(near) if near or root != fu else (Option(),)
    return options, stars


def _links(flow: Dataflow) -> list[Option]:
    """Links from FUs one step away that act earlier."""
    steps = itertools.product((-1, 0, 1), repeat=len(flow.sizes))
    return [Option(ds, flow.skew(ds)) for ds in steps if flow.skew(ds) > 0]


def _before(fu: Fu, link: Option) -> Fu:
    """The FU that a link comes from."""
    return tuple(map(sub, fu, link.ds))


def _latest_before(flow: Dataflow, fu: Fu, group: Sequence[Fu]) -> Option:
    """The link from the FU that uses the element last before this one."""
    skew = flow.skew(fu)
    before = max(
        (other for other in group if flow.skew(other) < skew),
        key=lambda other: (flow.skew(other), other),
    )
    ds = tuple(a - b for a, b in zip(fu, before, strict=True))
    return Option(ds, skew - flow.skew(before))
