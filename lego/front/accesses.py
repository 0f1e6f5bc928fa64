"""Words that the banks of each operand read and write in one run, counted exactly.

Counts follow from the plan alone: timestamps at which a data node fetches, and commits that are
enabled. They equal what a simulation of the RTL counts at the SRAMs. With symbols as bounds they are
closed forms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from lego.diag import InternalError
from lego.front.counting import Test, count
from lego.front.delays import covered
from lego.ir.adg import Adg, Fu, InputPlan, OutputPlan
from lego.ir.closed import Number, maximum, minimum
from lego.ir.operation import Reduction
from lego.ir.words import words_of
from lego.ir.written import first_of, written_words

__all__ = ["access_counts"]

Box = tuple[tuple[Number | int, Number | int], ...]


def access_counts(
    adg: Adg,
    bounds: Mapping[str, Number],
    shapes: Mapping[str, Sequence[Number]],
    pauses: Sequence[Number | int] = (),
) -> dict[str, Number | int]:
    """Reads and writes per operand at these loop bounds and pauses; `shapes` are the operands' at run
    time."""
    trips = adg.dataflow.trips(adg.op, bounds)
    counts: dict[str, Number | int] = {p.name: _reads(adg, p, trips, pauses) for p in adg.inputs}
    commits = _commits(adg, adg.output, trips, bounds, shapes[adg.output.name])
    counts[adg.output.name] = commits * (2 if adg.output.accumulates else 1)
    return counts


def _reads(
    adg: Adg, plan: InputPlan, trips: Sequence[Number], pauses: Sequence[Number | int]
) -> Number | int:
    """A word is read once per trip of its nodes' held counters, or where delay reuse doesn't reach."""
    fetches = math.prod(trips[: len(trips) - plan.hold])
    served: Counter[tuple[tuple[int, ...], ...]] = Counter()
    for word in words_of(adg, plan):
        served[word.served] += word.macros
    skew = adg.dataflow.skew
    boxes = [each.domain(trips, skew(each.shift), pauses) for each in plan.delays]
    return sum(
        count * (fetches - covered([_common([boxes[k] for k in each], trips) for each in together]))
        for together, count in served.items()
    )


def _common(boxes: Sequence[Box[Number]], trips: Sequence[Number]) -> Box[Number]:
    """The timestamps that lie in all of these boxes."""
    found = []
    for trip, *sides in zip(trips, *boxes, strict=True):
        cut = list(dict.fromkeys(side for side in sides if side != (0, trip))) or [(0, trip)]
        low, high = [at for at, _ in cut], [end for _, end in cut]
        found.append(cut[0] if len(cut) == 1 else (maximum(*low), minimum(*high)))
    return tuple(found)


def _commits(
    adg: Adg,
    plan: OutputPlan,
    trips: Sequence[Number],
    bounds: Mapping[str, Number],
    shape: Sequence[Number],
) -> Number | int:
    """Timestamps at which a root's element exists, over all roots; of roots that write one word together,
    over the one that commits if any does."""
    held = 0 if adg.reduction is Reduction.ASSIGN else plan.hold
    outer = trips[: len(trips) - held]
    if plan.banking.wide == 1:
        roots = [c.root for c in plan.classes]
    else:
        roots = [_first(word) for word in written_words(adg, plan)]
    return count(_tests(adg, plan, bounds, shape), outer, roots)


def _first(word: Sequence[Fu]) -> Fu:
    fu = first_of(word)
    if fu is None:
        raise InternalError(f"none of {word} tells whether a word is written")
    return fu


def _tests(
    adg: Adg, plan: OutputPlan, bounds: Mapping[str, Number], shape: Sequence[Number]
) -> list[Test[Number]]:
    """What must hold for a root to commit: its loops on axes are within their bounds, its element lies
    in the tensor, and an assignment's iteration lies in the domain."""
    flow, tests = adg.dataflow, []
    for axis, loop in enumerate(flow.spatial_loops if plan.injective else ()):
        if loop >= 0 and any(row[loop] for row in adg.op.output.map.rows):
            steps = tuple(d.step if d.loop == loop else 0 for d in flow.temporal)
            place = tuple(int(a == axis) for a in range(len(flow.sizes)))
            tests.append(Test(steps, place, bounds[adg.op.loops[loop].name]))
    for j in adg.checked_dims:
        test = Test(plan.time[j], plan.space[j], shape[j] - plan.offset[j])
        tests += [test, Test(_less(test.time), _less(test.space), plan.offset[j] + 1)]
    for guard in adg.guards if adg.guarded_commits else ():
        limit = guard.register - guard.start + guard.nearest
        tests.append(Test(guard.time, guard.space, limit))
    return tests


def _less(row: Sequence[int]) -> tuple[int, ...]:
    return tuple(-a for a in row)
