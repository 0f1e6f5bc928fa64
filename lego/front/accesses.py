"""Words that the banks of each operand read and write in one run, counted exactly.

Counts follow from the plan alone: timestamps at which a data node fetches, and commits that are
enabled. They equal what a simulation of the RTL counts at the SRAMs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from lego.front.delays import covered
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.domain import Inequality, points
from lego.ir.operation import Reduction

__all__ = ["access_counts"]

Fu = tuple[int, ...]


def access_counts(
    adg: Adg,
    bounds: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
    pauses: Sequence[int] = (),
) -> dict[str, int]:
    """Reads and writes per operand at these loop bounds and pauses; `shapes` are the operands' at run
    time."""
    trips = adg.dataflow.trips(adg.op, bounds)
    counts = {plan.name: _reads(adg, plan, trips, pauses) for plan in adg.inputs}
    commits = _commits(adg, adg.output, trips, bounds, shapes[adg.output.name])
    counts[adg.output.name] = commits * (2 if adg.output.accumulates else 1)
    return counts


def _reads(adg: Adg, plan: InputPlan, trips: Sequence[int], pauses: Sequence[int]) -> int:
    """A data node fetches once per trip of its held counters, or where delay reuse doesn't reach."""
    fetches = math.prod(trips[: len(trips) - plan.hold])
    served = Counter(plan.levels(fu) for fu in adg.data_nodes(plan))
    skew = adg.dataflow.skew
    boxes = [each.domain(trips, skew(each.shift), pauses) for each in plan.delays]
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
    known: dict[tuple[int, ...], int] = {}
    total = 0
    for c in plan.classes:
        tests = _tests(adg, plan, c.root, bounds, shape)
        key = tuple(limit for _, limit in tests)
        if key not in known:
            known[key] = _true_trips(tests, outer)
        total += known[key]
    return total


Test = tuple[tuple[int, ...], int]
"""An inequality over the counters: coefficients, and what their sum must be below."""


def _tests(
    adg: Adg, plan: OutputPlan, root: Fu, bounds: Mapping[str, int], shape: Sequence[int]
) -> list[Test]:
    """What must hold for a root to commit: its loops on axes are within their bounds, its element lies
    in the tensor, and an assignment's iteration lies in the domain."""
    flow, tests = adg.dataflow, []
    for axis, loop in enumerate(flow.spatial_loops if plan.injective else ()):
        if loop >= 0 and any(row[loop] for row in adg.op.output.map.rows):
            steps = tuple(d.step if d.loop == loop else 0 for d in flow.temporal)
            tests.append((steps, bounds[adg.op.loops[loop].name] - root[axis]))
    for j in adg.checked_dims:
        first = plan.offset[j] + sum(a * s for a, s in zip(plan.space[j], root, strict=True))
        tests.append((plan.time[j], shape[j] - first))
        tests.append((tuple(-a for a in plan.time[j]), first + 1))
    for guard in adg.guards if adg.guarded_commits else ():
        tests.append((guard.time, guard.register - guard.at(root) - guard.start))
    return tests


def _true_trips(tests: Sequence[Test], outer: Sequence[int]) -> int:
    """Trips of the outer counters at which all tests hold."""
    if any(limit <= 0 for row, limit in tests if not any(row)):
        return 0
    within = [Inequality(row[: len(outer)], limit) for row, limit in tests if any(row)]
    return points(outer, within)
