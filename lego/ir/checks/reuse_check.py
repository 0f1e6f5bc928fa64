"""What delay reuse satisfies: the value that comes late is that of the same element."""

from __future__ import annotations

from collections.abc import Iterator

from lego.ir.adg import Adg, InputPlan
from lego.ir.dataflow import Dataflow
from lego.ir.delay_reuse import DelayReuse

__all__ = ["reuse_faults"]


def reuse_faults(adg: Adg, plan: InputPlan) -> Iterator[str]:
    """Broken rules of an input's delay reuse."""
    if plan.delays and plan.hold:
        yield "values are held, and come by delay reuse as well"
    for k, reuse in enumerate(plan.delays):
        for fault in _faults(adg, plan, reuse):
            yield f"delay reuse {k}: {fault}"


def _faults(adg: Adg, plan: InputPlan, reuse: DelayReuse) -> Iterator[str]:
    flow = adg.dataflow
    if len(reuse.shift) != len(flow.sizes) or len(reuse.dt) != len(flow.temporal):
        yield f"shift {reuse.shift} or dt {reuse.dt} has another number of axes or counters"
    for row_t, row_s in zip(plan.time, plan.space, strict=True):
        moved = sum(a * b for a, b in zip((*row_t, *row_s), (*reuse.dt, *reuse.shift), strict=True))
        if moved:
            yield f"shift {reuse.shift} and dt {reuse.dt} lead to another element"
    yield from _served_faults(flow, reuse)
    yield from _cycle_faults(adg, reuse)


def _served_faults(flow: Dataflow, reuse: DelayReuse) -> Iterator[str]:
    if sorted(set(reuse.fus)) != list(reuse.fus):
        yield "the FUs that it serves aren't in order"
    fus = set(flow.fus())
    for fu in reuse.fus:
        source = tuple(a - d for a, d in zip(fu, reuse.shift, strict=True))
        if fu not in fus or source not in fus:
            yield f"FU {fu} or its source {source} isn't in the array"


def _cycle_faults(adg: Adg, reuse: DelayReuse) -> Iterator[str]:
    """Delays are as long as what lies between the uses; programmable ones hold the longest."""
    skew = adg.dataflow.skew(reuse.shift)
    if reuse.delay < 0:
        yield f"a value comes {-reuse.delay} cycles before it is there"
    if not reuse.programmable and reuse.delay != sum(reuse.dt) + skew:
        yield f"the delay is {reuse.delay}, {sum(reuse.dt) + skew} cycles lie between the uses"
    if not reuse.programmable and not reuse.delay and reuse.shift <= (0,) * len(reuse.shift):
        yield f"values chase each other along {reuse.shift} without a delay"
    needed = reuse.cycles(adg.dataflow.trips(adg.op), skew)
    if reuse.delay < needed:
        yield f"the delay is at most {reuse.delay}, {needed} are needed at the full bounds"
