"""Whether a dataflow can run an operation at all, by trying every way, whatever memory that takes.

Nothing of what binding computes is used but limits of registers. Memories are large enough here that every
counter may move an operand apart from every other, by address steps that no bank digit feels; so an index is
told by the counters that have a step, and by what is wired for the FU.

With `memory`, ways are left out under which some bank is asked for more elements than it has words: which
bank an FU uses at a timestamp is wired. With `steps` as well, also those for which no address steps fit the
memory (:mod:`tests.bind.steps`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lego.bind.site import Port, Site
from lego.ir.adg import InputPlan
from lego.ir.array import ArrayOperation, Tensor
from lego.ir.expr import evaluate
from tests.bind.steps import Steps

Vector = tuple[int, ...]
Point = tuple[int, ...]
Places = dict[tuple[Vector, Vector], Point]
Known = dict[object, bool]
"""Whether address steps exist, by operand and what is read where."""


def can_run(
    site: Site,
    op: ArrayOperation,
    tensors: Mapping[str, Tensor],
    *,
    memory: bool = False,
    steps: bool = False,
) -> bool:
    """Whether some trips, bounds, strips of loops, order of inputs and delays do."""
    orders = list(_orders(site, op, tensors))
    room = _Room(memory, steps, {})
    return any(
        _fits(site, op, order, trips, places, room)
        for trips, bounds in _sizes(site, op)
        for places in _bijections(site, op, trips, bounds)
        for order in orders
    )


def _orders(site: Site, op: ArrayOperation, tensors: Mapping[str, Tensor]) -> Iterator[Vector]:
    """Orders of inputs for which words hold the values, and the bodies agree on many values."""
    values = [[(7 * k * k + 13 * n * n + 5 * k * n) % 31 - 15 for k in range(3)] for n in range(40)]
    for order in itertools.permutations(range(len(op.inputs))):
        formats = [
            (port.plan.tensor.format, tensors[op.inputs[k].tensor].format)
            for port, k in zip(site.inputs, order, strict=True)
        ]
        if any(mine.low > its.low or mine.high < its.high for mine, its in formats):
            continue
        given = [[row[order.index(k)] for k in range(len(op.inputs))] for row in values]
        if all(
            evaluate(site.adg.op.body, row) == evaluate(op.body, other)
            for row, other in zip(values, given, strict=True)
        ):
            yield order


def valid(site: Site, t: Vector, s: Vector, bounds: Vector, *, results: bool = False) -> bool:
    """Whether an FU counts, by the wires of masks."""
    flow = site.adg.dataflow
    for axis, loop in enumerate(flow.spatial_loops):
        if loop < 0 or (results and not any(x[loop] for x in site.adg.op.output.map.rows)):
            continue
        at = s[axis] + sum(
            d.step * x for d, x in zip(flow.temporal, t, strict=True) if d.loop == loop
        )
        if at >= bounds[axis]:
            return False
    return True


def _sizes(site: Site, op: ArrayOperation) -> Iterator[tuple[Vector, Vector]]:
    """Trips and bounds under which as many FUs count, over all timestamps, as there are iterations."""
    points, fus = math.prod(op.extents), list(site.adg.dataflow.fus())
    sides = [range(1, most + 1) for most in site.limits]
    bounds = [range(1, axis.most + 1) if axis.most else (0,) for axis in site.axes]
    for trips in itertools.product(*sides):
        if math.prod(trips) > points or math.prod(trips) * len(fus) < points:
            continue
        times = list(itertools.product(*map(range, trips)))
        for bound in itertools.product(*bounds):
            count = sum(valid(site, t, s, bound) for t in times for s in fus)
            if count == points:
                yield trips, bound


def _bijections(site: Site, op: ArrayOperation, trips: Vector, bounds: Vector) -> Iterator[Places]:
    """Every way to number the iterations by what counters and axes say."""
    times = itertools.product(*map(range, trips))
    active = [(t, s) for t in times for s in site.adg.dataflow.fus() if valid(site, t, s, bounds)]
    flat = [(*t, *s) for t, s in active]
    counts = [1 + max(x[k] for x in flat) for k in range(len(flat[0]))]
    moving = [k for k, n in enumerate(counts) if n > 1]
    for loops in itertools.product(range(len(op.loops)), repeat=len(moving)):
        for order in itertools.permutations(range(len(moving))):
            factors = [1] * len(op.loops)
            steps: list[tuple[int, int, int]] = []
            for n in order:
                steps.append((moving[n], loops[n], factors[loops[n]]))
                factors[loops[n]] *= counts[moving[n]]
            if any(f < n for f, n in zip(factors, op.extents, strict=True)):
                continue
            if _same_order(order, loops):
                continue
            found = _numbered(op, active, flat, steps)
            if found is not None:
                yield found


def _same_order(order: Sequence[int], loops: Sequence[int]) -> bool:
    """Whether another permutation gives the same: only the order within a loop counts."""
    return any(
        order[k] > order[k + 1] and loops[order[k]] != loops[order[k + 1]]
        for k in range(len(order) - 1)
    )


def _numbered(
    op: ArrayOperation,
    active: list[tuple[Vector, Vector]],
    flat: list[Vector],
    steps: list[tuple[int, int, int]],
) -> Places | None:
    places: Places = {}
    seen = set()
    for at, x in zip(active, flat, strict=True):
        point = [0] * len(op.loops)
        for k, loop, factor in steps:
            point[loop] += factor * x[k]
        if any(p >= n for p, n in zip(point, op.extents, strict=True)):
            return None
        places[at] = tuple(point)
        seen.add(tuple(point))
    return places if len(seen) == len(active) else None


def _fits(
    site: Site,
    op: ArrayOperation,
    order: Vector,
    trips: Vector,
    places: Places,
    room: _Room,
) -> bool:
    run = _Run(site, trips, places, room)
    return run.results(op) and all(
        run.input(port, op.inputs[k].map) for port, k in zip(site.inputs, order, strict=True)
    )


@dataclass(frozen=True)
class _Room:
    """What counts of memory: elements per bank, and whether there are address steps, as far as known."""

    memory: bool
    steps: bool
    known: Known


@dataclass
class _Run:
    site: Site
    trips: Vector
    places: Places
    room: _Room

    def __post_init__(self) -> None:
        times = itertools.product(*map(range, self.trips))
        self.times = list(times)
        self.number = {t: n for n, t in enumerate(self.times)}

    def input(self, port: Port, access: object) -> bool:
        """Whether each place that is read can have one element, with some of the delays on."""
        plan = port.plan
        assert isinstance(plan, InputPlan)
        switched = [k for k, reuse in enumerate(plan.delays) if reuse.programmable]
        for off in itertools.product((False, True), repeat=len(switched)):
            without = {k for k, yes in zip(switched, off, strict=True) if yes}
            if self._reads(port, plan, access, without):
                return True
        return False

    def _reads(self, port: Port, plan: InputPlan, access: object, without: set[int]) -> bool:
        elements: dict[object, Point] = {}
        reads: dict[tuple[Vector, Vector], Point] = {}
        for (t, s), point in self.places.items():
            read = self._origin(plan, t, s, without)
            if read is None:
                return False
            place, element = self._place(port, *read), access(point)  # type: ignore[operator]
            if elements.setdefault(place, element) != element:
                return False
            reads[read] = element
        return self._has_words(port, reads, output=False)

    def _has_words(
        self, port: Port, reads: dict[tuple[Vector, Vector], Point], *, output: bool
    ) -> bool:
        """Whether the memory has room for what is at its places, under some address steps."""
        if not self.room.memory:
            return True
        banks: dict[Vector, set[Point]] = {}
        for read, element in reads.items():
            banks.setdefault(self._bank(port, *read), set()).add(element)
        if any(len(held) > port.words for held in banks.values()):
            return False
        known, key = self.room.known, (port.name, output, self.trips, tuple(reads.items()))
        if self.room.steps and key not in known:
            known[key] = Steps(port, self.trips, output, list(reads.items())).exist()
        return known[key] if self.room.steps else True

    def _bank(self, port: Port, t: Vector, s: Vector) -> Vector:
        """The bank digits that are wired for an FU at a timestamp."""
        plan = port.plan
        index = tuple(
            b + sum(a * x for a, x in zip((*row, *line), (*t, *s), strict=True))
            for b, row, line in zip(plan.offset, plan.time, plan.space, strict=True)
        )
        digits, counts = plan.banking.digits(plan.banking.moved(index)), plan.banking.counts
        return tuple(d % n for d, n in zip(digits, counts, strict=True))

    def _place(self, port: Port, t: Vector, s: Vector) -> object:
        moved = tuple(t[k] for k in port.stepped if k not in port.held)
        wired = tuple(sum(a * x for a, x in zip(row, s, strict=True)) for row in port.plan.space)
        return moved, wired

    def _origin(
        self, plan: InputPlan, t: Vector, s: Vector, without: set[int]
    ) -> tuple[Vector, Vector] | None:
        """The data node that a value comes from, and when it was read."""
        flow = self.site.adg.dataflow
        while True:
            source = plan.sources[flow.rank(s)]
            if source.link is not None:
                assert source.delay == flow.skew(s) - flow.skew(source.link)
                s = source.link
                continue
            for k in plan.levels(s):
                reuse = plan.delays[k]
                before = tuple(x - d for x, d in zip(t, reuse.dt, strict=True))
                if k not in without and before in self.number:
                    apart = self.number[t] - self.number[before] + flow.skew(reuse.shift)
                    if not reuse.programmable and apart != reuse.delay:
                        return None
                    if apart > reuse.delay or apart < reuse.programmable:
                        return None
                    t, s = before, tuple(a - b for a, b in zip(s, reuse.shift, strict=True))
                    break
            else:
                held = len(t) - plan.hold
                return (*t[:held], *(0 for _ in t[held:])), s

    def results(self, op: ArrayOperation) -> bool:
        """Whether every element's iterations, and no others, end in one place."""
        out, port = self.site.adg.output, self.site.output
        still = self._unmoved(op)
        if still is None:
            return False
        held = len(self.trips) - out.hold
        root = {s: c.root for c in out.classes for level in c.levels for s in level}
        sums: dict[Vector, list[Point]] = {}
        memory: dict[object, list[Point] | None] = {}
        reads: dict[tuple[Vector, Vector], Point] = {}
        for t in self.times:
            for s in self.site.adg.dataflow.fus():
                if not any(t[held:]) and root[s] == s:
                    sums[s] = []
            for s in self.site.adg.dataflow.fus():
                if (t, s) in self.places:
                    sums[root[s]].append(self.places[t, s])
            if any(x != n - 1 for x, n in zip(t[held:], self.trips[held:], strict=True)):
                continue
            for s, mine in sums.items():
                if not self._commits(t, s):
                    continue
                moved = tuple(t[k] for k in port.stepped if k not in port.held and k not in still)
                wired = tuple(
                    sum(a * x for a, x in zip(row, s, strict=True)) for row in port.plan.space
                )
                place = moved, wired
                at = tuple(0 if k in port.held or k in still else x for k, x in enumerate(t))
                for element in {op.output.map(point) for point in mine}:
                    if reads.setdefault((at, s), element) != element:
                        return False
                if any(t[k] for k in out.revisit):
                    before = memory.get(place)
                    memory[place] = None if before is None else before + mine
                else:
                    memory[place] = list(mine)
        if not self._has_words(port, reads, output=True):
            return False
        wanted: dict[Point, set[Point]] = {}
        for point in self.places.values():
            wanted.setdefault(op.output.map(point), set()).add(point)
        found = [set(points) for points in memory.values() if points]
        return all(points in found for points in wanted.values())

    def _commits(self, t: Vector, s: Vector) -> bool:
        """Whether a root's masks, of the loops that move results, let it commit."""
        return valid(self.site, t, s, self.bounds(), results=True)

    def bounds(self) -> Vector:
        """The least bounds under which the FUs in use count."""
        flow = self.site.adg.dataflow
        found = []
        for axis, loop in enumerate(flow.spatial_loops):
            at = [
                s[axis]
                + sum(d.step * x for d, x in zip(flow.temporal, t, strict=True) if d.loop == loop)
                for t, s in self.places
            ]
            found.append(max(at) + 1)
        return tuple(found)

    def _unmoved(self, op: ArrayOperation) -> set[int] | None:
        """Counters that don't move results; None where a bank digit moves with one of them."""
        still = set()
        for k, trips in enumerate(self.trips):
            if trips > 1 and self._fixed(op, k):
                still.add(k)
                for row, modulus in zip(
                    self.site.output.plan.time, self.site.output.moduli, strict=True
                ):
                    if row[k] % modulus:
                        return None
        return still

    def _fixed(self, op: ArrayOperation, counter: int) -> bool:
        """Whether an element doesn't change with a counter."""
        elements: dict[object, Point] = {}
        for (t, s), point in self.places.items():
            rest = (*t[:counter], *t[counter + 1 :], *s)
            element = op.output.map(point)
            if elements.setdefault(rest, element) != element:
                return False
        return True


def small(site: Site, op: ArrayOperation) -> bool:
    """Whether trying everything takes a second or so."""
    sides: Mapping[int, int] = dict(enumerate(site.limits))
    ways = math.prod(sides.values()) * math.prod(max(1, axis.most) for axis in site.axes)
    return ways <= 3000 and math.prod(op.extents) <= 24 and len(op.loops) <= 4
