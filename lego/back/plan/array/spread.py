"""Values that one data node gives to many FUs in the same cycle, and the registers that spread them.

A value that enters at one FU and reaches others without delay would leave that FU by one net with many
pins. Those FUs take it from the memory's port instead, where a clock that asks for it gets registers that
form a tree; all operands of the design arrive later by as many cycles, by starting the read later where no
registers stand.
"""

from __future__ import annotations

from collections import Counter

from lego.back.graph.limits import BUFFERED, MAX_FANOUT
from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.fused import FusedAdg, MemoryPlan

__all__ = ["entry", "is_plain", "spread_levels"]


def entry(adg: Adg, plan: InputPlan, fu: Fu) -> tuple[Fu, int] | None:
    """The FU behind a link, followed through links without delay, and the link's delay in cycles;
    None if the FU's value comes from its own data node."""
    found = plan.sources[adg.dataflow.rank(fu)]
    if found.link is None:
        return None
    source, delay = found.link, found.delay
    while delay == 0:
        above = plan.sources[adg.dataflow.rank(source)]
        if above.link is None or above.delay:
            break
        source = above.link
    return source, delay


def is_plain(adg: Adg, plan: InputPlan, fu: Fu) -> bool:
    """Whether an FU uses what its data node reads, at every timestamp."""
    return (
        plan.sources[adg.dataflow.rank(fu)].link is None and not plan.hold and not plan.levels(fu)
    )


def spread_levels(fused: FusedAdg, buffer: MemoryPlan) -> int:
    """Levels of registers that a data node's value needs to reach all FUs that use it in one cycle."""
    most = 0
    for layer, plan in zip(fused.layers, buffer.plans, strict=True):
        if not isinstance(plan, InputPlan):
            continue
        found = [entry(layer.adg, plan, fu) for fu in layer.adg.dataflow.fus()]
        counts = Counter(each[0] for each in found if each is not None and each[1] == 0)
        sinks = [n for fu, n in counts.items() if is_plain(layer.adg, plan, fu)]
        most = max(most, 1 + max(sinks, default=0))
    pins, levels = most * BUFFERED, 0
    while pins > MAX_FANOUT:
        pins, levels = -(-pins // MAX_FANOUT), levels + 1
    return levels
