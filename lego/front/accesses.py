"""Words that the banks of each operand read and write in one run, counted exactly.

Counts follow from the plan alone: timestamps at which a data node fetches, and commits that are
enabled. They equal what a simulation of the RTL counts at the SRAMs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import islpy as isl

from lego.front.delays import covered
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.workload import Reduction

__all__ = ["access_counts"]

Fu = tuple[int, ...]


def access_counts(
    adg: Adg, bounds: Mapping[str, int], shapes: Mapping[str, Sequence[int]]
) -> dict[str, int]:
    """Reads and writes per operand at these loop bounds; `shapes` are the operands' at run time."""
    trips = adg.dataflow.trips(adg.op, bounds)
    counts = {plan.name: _reads(adg, plan, trips) for plan in adg.inputs}
    commits = _commits(adg, adg.output, trips, bounds, shapes[adg.output.name])
    counts[adg.output.name] = commits * (2 if adg.output.accumulates else 1)
    return counts


def _reads(adg: Adg, plan: InputPlan, trips: Sequence[int]) -> int:
    """A data node fetches once per trip of its held counters, or where delay reuse doesn't reach."""
    fetches = math.prod(trips[: len(trips) - plan.hold])
    served = Counter(plan.levels(fu) for fu in adg.data_nodes(plan))
    boxes = [each.domain(trips, adg.dataflow.skew(each.shift)) for each in plan.delays]
    return sum(
        count * (fetches - covered([boxes[k] for k in levels])) for levels, count in served.items()
    )


def _commits(
    adg: Adg,
    plan: OutputPlan,
    trips: Sequence[int],
    bounds: Mapping[str, int],
    shape: Sequence[int],
) -> int:
    """Timestamps at which a root's element exists, over all roots."""
    held = 0 if adg.reduction is Reduction.ASSIGN else plan.hold
    outer = trips[: len(trips) - held]
    if plan.injective:
        return sum(_valid_trips(adg, c.root, outer, bounds) for c in plan.classes)
    offsets = [
        tuple(
            f + sum(a * s for a, s in zip(row, c.root, strict=True))
            for row, f in zip(plan.space, plan.offset, strict=True)
        )
        for c in plan.classes
    ]
    known: dict[tuple[int, ...], int] = {}
    for offset in offsets:
        if offset not in known:
            known[offset] = _inside_trips(plan, offset, outer, shape)
    return sum(known[offset] for offset in offsets)


def _valid_trips(adg: Adg, root: Fu, outer: Sequence[int], bounds: Mapping[str, int]) -> int:
    """Trips of the outer counters at which the root's loops on axes are within their bounds."""
    count = math.prod(outer)
    for axis, loop in enumerate(adg.dataflow.spatial_loops):
        if loop < 0 or not any(row[loop] for row in adg.op.output.map.rows):
            continue
        bound = bounds[adg.op.loops[loop].name]
        steps = [(k, d.step) for k, d in enumerate(adg.dataflow.temporal) if d.loop == loop]
        if steps:
            ((k, step),) = steps
            within = max(0, -(-(bound - root[axis]) // step))
            count = count // outer[k] * min(within, outer[k])
        elif root[axis] >= bound:
            return 0
    return count


def _inside_trips(
    plan: OutputPlan, offset: Sequence[int], outer: Sequence[int], shape: Sequence[int]
) -> int:
    """Trips of the outer counters at which an affine element lies in the tensor, counted by isl."""
    used = [k for k in range(len(outer)) if any(row[k] for row in plan.time)]
    names = ", ".join(f"t{k}" for k in used)
    tests = [f"0 <= t{k} < {outer[k]}" for k in used]
    for row, f, extent in zip(plan.time, offset, shape, strict=True):
        index = " + ".join([str(f), *(f"{row[k]} t{k}" for k in used if row[k])])
        tests.append(f"0 <= {index} < {extent}")
    points = isl.Set(f"{{ [{names}] : {' and '.join(tests)} }}")
    free = math.prod(trip for k, trip in enumerate(outer) if k not in used)
    return int(points.count_val().to_python()) * free
