"""Why the array looks as it does: reuse found per operand, what was chosen, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lego.front.accesses import access_counts
from lego.front.bank_use import Nodes
from lego.front.banking import banks_and_area
from lego.front.reuse import Forms, Reuse, reuse_vectors, validity
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.delay_reuse import DelayReuse
from lego.ir.hardware import MemoryStyle
from lego.ir.written import written_words

__all__ = ["explain", "why_banks"]

Vector = tuple[int, ...]

_DEAR = "not used: served otherwise, or its registers take more energy than the reads"


def explain(adg: Adg) -> str:
    """Text for people, one section per operand of one operation under its dataflow."""
    flow, op = adg.dataflow, adg.op
    trips = flow.trips(op)
    bounds = {loop.name: loop.extent for loop in op.loops}
    shapes = {plan.name: plan.tensor.shape for plan in adg.operands()}
    words = access_counts(adg, bounds, shapes)
    counters = " ".join(f"{d.name}:{n}" for d, n in zip(flow.temporal, trips, strict=True))
    lines = [f"{adg.name}: {flow.describe(op)}"]
    lines.append(f"  {flow.n_fus} FUs, {math.prod(trips)} timestamps ({counters or 'none'})")
    lines += _domain(adg)
    for plan in adg.inputs:
        lines += _input(adg, plan, trips, words)
    lines += _output(adg, adg.output, words)
    return "\n".join(lines)


def _domain(adg: Adg) -> Iterator[str]:
    """What of the box is masked, and the comparators that tell."""
    op = adg.op
    if not op.domain:
        return
    box = math.prod(op.extents)
    masked = box - op.iterations
    yield (
        f"  domain: {op.iterations} of the box's {box} iterations; {100 * masked / box:.1f}% are masked, "
        "and take their time"
    )
    names = [loop.name for loop in op.loops]
    for each, guard in zip(op.domain, adg.guards, strict=True):
        places = len({guard.at(fu) for fu in adg.dataflow.fus()})
        kinds = f"{places} comparators, one per distinct constant" if places > 1 else "1 comparator"
        yield f"    {each.describe(names)}: {kinds} of {adg.dataflow.n_fus} FUs"


def _input(
    adg: Adg, plan: InputPlan, trips: Sequence[int], words: Mapping[str, int]
) -> Iterator[str]:
    flow = adg.dataflow
    yield f"  input {plan.name}: {plan.tensor.format} {list(plan.tensor.shape)}"
    form = Forms(plan.time, plan.space, plan.offset)
    links = _links(adg, plan)
    yield "    reuse found (FU shift ds, timestamps dt, delay in cycles):"
    found = [_reuse_line(adg, plan, r, trips, links) for r in reuse_vectors(form, flow, trips)]
    yield from (f"      {line}" for line in found or ["none: no two uses touch one element"])
    registers = 0
    for (shift, delay), count in sorted(links.items()):
        registers += delay * count * plan.tensor.format.bits
        where = f"links by {shift}" if shift else "links from where the value enters"
        yield f"    {count} {where}, delay {delay}"
    nodes = adg.data_nodes(plan)
    held = f", read once per trip of the {plan.hold} innermost counters" if plan.hold else ""
    yield f"    {len(nodes)} data nodes{held}"
    yield from map(_delay_line, plan.delays)
    registers += sum(each.delay * len(each.fus) for each in plan.delays) * plan.tensor.format.bits
    yield f"    cost: {registers} link register bits, {len(nodes)} memory ports"
    yield f"    {_bank_line(adg, plan, words)}"


def _delay_line(reuse: DelayReuse) -> str:
    kind = "programmable delay up to" if reuse.programmable else "delay"
    return (
        f"    delay reuse of {len(reuse.fus)} of them: by {reuse.shift}, timestamps {reuse.dt} back, "
        f"{kind} {reuse.delay}; elsewhere they read"
    )


def _links(adg: Adg, plan: InputPlan) -> dict[tuple[Vector, int], int]:
    links: dict[tuple[Vector, int], int] = {}
    for fu, source in zip(adg.dataflow.fus(), plan.sources, strict=True):
        if source.link is not None:
            shift = tuple(a - b for a, b in zip(fu, source.link, strict=True))
            if not source.delay and max(map(abs, shift)) > 1:
                shift = ()  # a broadcast over several FUs
            links[shift, source.delay] = links.get((shift, source.delay), 0) + 1
    return links


def _reuse_line(
    adg: Adg,
    plan: InputPlan,
    reuse: Reuse,
    trips: Sequence[int],
    links: Mapping[tuple[Vector, int], int],
) -> str:
    timestamps = [n - abs(d) for n, d in zip(trips, reuse.dt, strict=True)]
    fus = [n - abs(d) for n, d in zip(adg.dataflow.sizes, reuse.ds, strict=True)]
    here, every = math.prod((*timestamps, *fus)), math.prod((*trips, *adg.dataflow.sizes))
    where = "every timestamp" if not any(reuse.dt) else _where(reuse, trips, adg)
    return (
        f"ds {reuse.ds} dt {reuse.dt} delay {reuse.delay}: {reuse.kind}, {where}, "
        f"{here} of {every} uses; {_verdict(plan, reuse, links)}"
    )


def _where(reuse: Reuse, trips: Sequence[int], adg: Adg) -> str:
    """The exact timestamps at which the source lies in the domain, by isl."""
    valid = validity(reuse, trips, adg.dataflow.sizes)
    if valid.is_empty():
        return "no timestamp"
    names = [dim.name for dim in adg.dataflow.temporal]
    parts = []
    for name, n, d in zip(names, trips, reuse.dt, strict=True):
        if d:
            parts.append(f"{name} >= {d}" if d > 0 else f"{name} < {n + d}")
    return " and ".join(parts)


def _verdict(plan: InputPlan, reuse: Reuse, links: Mapping[tuple[Vector, int], int]) -> str:
    if any((each.shift, each.dt) == (reuse.ds, reuse.dt) for each in plan.delays):
        return "chosen for data nodes"
    if not any(reuse.ds):
        return "chosen: held in a register" if plan.hold else _DEAR
    if (reuse.ds, reuse.delay) in links:
        return "chosen"
    if not reuse.delay and ((), 0) in links:
        return "chosen, as a broadcast"
    if any(reuse.dt):
        return _DEAR
    return "not used: a cheaper or nearer source"


def _output(adg: Adg, plan: OutputPlan, words: Mapping[str, int]) -> Iterator[str]:
    yield f"  output {plan.name}: {plan.tensor.format} {list(plan.tensor.shape)}"
    widest = max(len(level) for c in plan.classes for level in c.levels)
    depth = max(len(c.levels) for c in plan.classes)
    if widest > 1:
        yield f"    FUs without skew between them are summed by trees of up to {widest}"
    if depth > 1:
        yield f"    sums travel along chains of {depth} FUs"
    if plan.hold:
        yield f"    accumulated in the FU over the {plan.hold} innermost counters"
    if plan.accumulates:
        names = ", ".join(adg.dataflow.temporal[k].name for k in plan.revisit)
        over = names or ("" if plan.injective else "a preloaded identity")
        ways = [f"over {over}"] * bool(over) + ["over several runs"] * plan.resumes
        yield f"    accumulated in memory {' and '.join(ways)}"
    yield f"    {len(plan.classes)} data nodes"
    yield f"    {_bank_line(adg, plan, words)}"


def why_banks(every: Sequence[Nodes]) -> str:
    """What the banks take by the table of costs, and what they would if nodes took no turns."""
    _, area = banks_and_area(every)
    at_once = [replace(nodes, style=MemoryStyle.AT_ONCE) for nodes in every]
    banks, other = banks_and_area(at_once)
    mine = f"cheapest: {area / 1000:,.0f} um2 modelled with what chooses among them"
    if other == area:
        return f"{mine}, nodes taking turns or not"
    return f"{mine}; without turns {banks} banks, {other / 1000:,.0f} um2"


def _bank_line(adg: Adg, plan: InputPlan | OutputPlan, words: Mapping[str, int]) -> str:
    banking = plan.banking
    how = "each node keeps its bank" if banking.fixed else "nodes rotate over the banks"
    if banking.shared:
        many = len(adg.data_nodes(plan))
        turns = (
            f"{many} nodes take turns at them" if banking.fixed else "nodes go round them in turn"
        )
        waits = banking.lag != adg.dataflow.control
        how = turns + (", waiting in a register each" if waits else "")
    aside = f", {banking.wide} side by side in a macro" if banking.wide > 1 else ""
    if isinstance(plan, OutputPlan) and (many := max(map(len, written_words(adg, plan)))) > 1:
        how += f", up to {many} of them write a word together"
    whole = f" of {banking.wide} elements" if banking.wide > 1 else ""
    return (
        f"{banking.n_banks} banks of {banking.depth(plan.tensor.shape)} words{aside}, {how}, proved free "
        f"of conflicts; {words[plan.name]} words{whole} accessed"
    )
