"""Where every FU's operands come from, under every dataflow.

An FU's operand port has one input per distinct source over all dataflows. Fixed delays of one FU's operand
are taps of one line; delays that depend on run-time bounds are FIFOs of programmable depth, which dataflows
share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lego.back.plan.array.fu_kind import Pick
from lego.back.plan.array.spread import entry, is_plain
from lego.ir.adg import Fu, InputPlan
from lego.ir.fused import FusedAdg, MemoryPlan

__all__ = ["Link", "LinkPlan", "PortChoice", "link_plan", "ordered"]


@dataclass(frozen=True, slots=True)
class Link:
    """A source of an operand or a sum: an FU, and cycles of delay.

    `fifo` is the number of the delay reuse whose FIFO delays instead, -1 for none; `layer` the
    dataflow if the link isn't shared; `node` tells that the value comes from the FU's data node.
    """

    fu: Fu
    delay: int
    layer: int = -1
    fifo: int = -1
    node: bool = False


@dataclass(frozen=True, slots=True)
class PortChoice:
    """What one FU takes under one dataflow: links by the number of their delay reuse, -1 for none."""

    pick: Pick
    links: tuple[tuple[int, Link], ...] = ()


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """The links of one operand.

    Attributes
    ----------
    choices : what each FU takes, per dataflow; None where it doesn't use the operand.
    passers : FUs from which others take the operand.
    depths : greatest delay of the FIFO behind a link, in cycles.
    """

    choices: Mapping[Fu, tuple[PortChoice | None, ...]]
    passers: frozenset[Fu]
    depths: Mapping[Link, int]


def link_plan(fused: FusedAdg, buffer: MemoryPlan, *, spread: bool) -> LinkPlan:
    """The links of an operand; `spread`: FUs take what one data node gives to many from the memory's port."""
    depths: dict[Link, int] = {}
    choices = {fu: tuple(_choices(fused, buffer, fu, depths, spread=spread)) for fu in fused.fus()}
    passers = frozenset(
        link.fu for each in choices.values() for link in ordered(each) if not link.node
    )
    return LinkPlan(choices, passers, depths)


def _choices(
    fused: FusedAdg, buffer: MemoryPlan, fu: Fu, depths: dict[Link, int], *, spread: bool
) -> Iterator[PortChoice | None]:
    for index, plan in enumerate(buffer.plans):
        sizes = fused.layers[index].adg.dataflow.sizes
        here = all(a < n for a, n in zip(fu, sizes, strict=True))
        if isinstance(plan, InputPlan) and here:
            yield _choice(fused, index, plan, fu, depths, spread=spread)
        else:
            yield None


def _choice(
    fused: FusedAdg, index: int, plan: InputPlan, fu: Fu, depths: dict[Link, int], *, spread: bool
) -> PortChoice:
    """A link without delay is followed to the FU where the value enters, or to its data node,
    so that broadcasts aren't chains of multiplexers."""
    layer = -1 if fused.shared else index
    adg = fused.layers[index].adg
    found = entry(adg, plan, fu)
    if found is not None:
        source, delay = found
        node = delay == 0 and spread and is_plain(adg, plan, source)
        return PortChoice(Pick.LINK, ((-1, Link(source, delay, layer, node=node)),))
    links = []
    for number in plan.levels(fu):
        reuse = plan.delays[number]
        other = tuple(a - d for a, d in zip(fu, reuse.shift, strict=True))
        if reuse.programmable:
            link = Link(other, 0, layer, number)
            depths[link] = max(reuse.delay, depths.get(link, 0))
        else:
            link = Link(other, reuse.delay, layer)
        links.append((number, link))
    if links:
        return PortChoice(Pick.EITHER, tuple(links))
    return PortChoice(Pick.HOLD if plan.hold else Pick.NODE)


def ordered(choices: Sequence[PortChoice | None]) -> dict[Link, int]:
    """Number of every distinct link of a port."""
    links = (link for choice in choices if choice is not None for _, link in choice.links)
    return {link: k for k, link in enumerate(dict.fromkeys(links))}
