"""Binding an operation to a dataflow: the best way that all conditions let pass, or what fails."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lego.bind.bodies import orders_of, too_long, unlike
from lego.bind.domains import limits_of
from lego.bind.freedom import Freedom
from lego.bind.kinds import kinds_of
from lego.bind.linear import injective
from lego.bind.misfit import Misfit
from lego.bind.patterns import table_of
from lego.bind.placing.bounds import Bounds
from lego.bind.placing.operands import Operands
from lego.bind.result import Bound, Refusal
from lego.bind.site import Site
from lego.bind.strips import Allowed, Assignment, Spread, Table, counters_of, spreads
from lego.bind.virtual import virtual_adg
from lego.ir.adg import InputPlan
from lego.ir.array import ArrayOperation, Tensor
from lego.ir.cycles import issue_cycles
from lego.ir.pauses import pauses_of

__all__ = ["Binder", "bind", "bind_any"]

Vector = tuple[int, ...]

MOST_FASTER = 100
"""Ways that are tried beyond the first that fits, where it pauses, to find one with fewer cycles."""
MOST_TRIED, MOST_EACH = 2000, 64
"""Ways that are tried, and those with the same strips along axes; refusals tell whether these were all."""


def bind_any(
    sites: Sequence[Site],
    op: ArrayOperation,
    tensors: Mapping[str, Tensor],
    freedom: Freedom | None = None,
) -> list[Bound | Refusal]:
    """What each dataflow says: ways to run the operation first, the fastest first."""
    found = [bind(site, op, tensors, freedom) for site in sites]
    return sorted(
        found,
        key=lambda one: (0, one.cycles, one.dataflow) if isinstance(one, Bound) else (1, 0, 0),
    )


def bind(
    site: Site, op: ArrayOperation, tensors: Mapping[str, Tensor], freedom: Freedom | None = None
) -> Bound | Refusal:
    """The way with the fewest cycles in which a dataflow runs an operation, or why there is none.

    `tensors` are the operation's, by name.
    """
    return Binder.of(site, freedom).bind(op, tensors)


@dataclass(frozen=True)
class Binder:
    """What binds operations to a dataflow; bounds that were found are kept for the next one."""

    site: Site
    freedom: Freedom
    bounds: Bounds

    @staticmethod
    def of(site: Site, freedom: Freedom | None = None) -> Binder:
        """That of a dataflow, by default with the freedom that its chip has."""
        given = freedom or Freedom.of(site.design.fused)
        return Binder(site, given, Bounds(site, given))

    def orders(self, op: ArrayOperation, tensors: Mapping[str, Tensor]) -> list[Vector] | Refusal:
        """Orders of the inputs in which FUs compute an operation, or why they don't."""
        orders = orders_of(self.site, op)
        fitting = [order for order in orders if unlike(self.site, op, tensors, order) is None]
        if not orders:
            text = f"the FUs compute the body of {self.site.adg.op.name}, not of {op.name}"
            return Refusal(self.site.index, "a", text)
        if not fitting:
            return Refusal(self.site.index, "a", unlike(self.site, op, tensors, orders[0]) or "")
        return fitting

    def table(self, op: ArrayOperation, order: Vector) -> Table:
        """Which loops may go where if inputs are taken in this order."""
        return table_of(self.site, self.freedom, op, order)

    def bind(
        self,
        op: ArrayOperation,
        tensors: Mapping[str, Tensor],
        along: tuple[Vector, Vector] | None = None,
        most: int | None = None,
    ) -> Bound | Refusal:
        """The operation on the dataflow (:func:`bind`), with so many ways tried at `most`; with one order of
        its inputs and these loops along axes only (-1: none), if `along` has them."""
        orders = self.orders(op, tensors) if along is None else [along[0]]
        if isinstance(orders, Refusal):
            return orders
        distinct = _distinct(op)
        if self.site.adg.output.injective and not distinct:
            text = (
                f"several iterations of {op.name} write one element, not over loops that are summed"
            )
            return Refusal(self.site.index, "d", text)
        operands = Operands(self.site, self.freedom, op, tensors, distinct, self.bounds)
        search = _Search(self.site, self.freedom, op, tensors, operands, self.bounds)
        masks, axes = self.freedom.masks, along[1] if along else None
        tables = [self.table(op, order) for order in orders]
        every = (spreads(self.site, t, op.extents, masks=masks, along=axes) for t in tables)
        return search.best(list(itertools.chain.from_iterable(every)), most or MOST_TRIED)


def _distinct(op: ArrayOperation) -> bool:
    """Whether iterations that differ in a loop of the output's indices write different elements."""
    columns = list(zip(*op.output.map.rows, strict=True))
    moving = [(c, n) for c, n in zip(columns, op.extents, strict=True) if any(c)]
    return injective([c for c, _ in moving], [n for _, n in moving])


@dataclass(frozen=True)
class _Search:
    site: Site
    freedom: Freedom
    op: ArrayOperation
    tensors: Mapping[str, Tensor]
    operands: Operands
    bounds: Bounds
    _kinds: dict[Vector, Vector] = field(default_factory=dict)
    _all: list[bool] = field(default_factory=list)

    def best(self, every: Sequence[Spread], most: int) -> Bound | Refusal:
        """The way with the fewest cycles; of several the first, by timestamps and then as they are tried."""
        found: Bound | None = None
        far = Misfit("d", "", -1)
        left = most
        for each in sorted(every, key=lambda each: each.timestamps):
            if left <= 0 or (found is not None and each.timestamps >= found.cycles):
                break
            for one in self._ways(each, found, far.reached):
                left -= 1
                if isinstance(one, Bound):
                    left, found = min(left, MOST_FASTER), one
                elif one.reached > far.reached:
                    far = one
                if left <= 0 or (found is not None and found.cycles == each.timestamps):
                    break
        self._all.append(left > 0)
        return found or Refusal(self.site.index, far.condition, far.reason, all(self._all))

    def _ways(self, each: Spread, best: Bound | None, far: int) -> Iterator[Bound | Misfit]:
        """The ways to give counters what is left, each with fewer cycles than those before; or why not."""
        reason = self._no_counter(each)
        if reason is not None:
            yield Misfit("d", reason)
            return
        most, tried = best.cycles if best else None, 0
        allowed = self.operands.allowed(each.table.order, each.axes)
        for assignment in self._assigned(each, allowed):
            if not tried and self.bounds.crowds(self.op, each):
                if far < 4:
                    yield self._bound(assignment, (0,) * len(self.site.limits), 0)
                return
            pauses = tuple(map(int, pauses_of(self.site.adg, assignment.trips)))
            cycles = int(issue_cycles(assignment.trips, pauses))
            if most is None or cycles < most:
                found = self._bound(assignment, pauses, cycles)
                most = cycles if isinstance(found, Bound) else most
                yield found
            tried += 1
            if tried == MOST_EACH:
                self._all.append(False)
                return
        if not tried and far < (3 if self._waits else 1):
            yield self._untried(each)

    def _assigned(self, each: Spread, allowed: Allowed) -> Iterator[Assignment]:
        order = each.table.order
        if order not in self._kinds:
            self._kinds[order] = kinds_of(self.site, self.freedom, each.table)
        kinds = self._kinds[order]
        return counters_of(self.site, each, allowed, kinds, masks=self.freedom.masks)

    def _untried(self, each: Spread) -> Misfit:
        """Why there is no way to give counters what is left: there are too few, or the one that could be has
        delay reuses that are always on."""
        free = self._assigned(each, lambda _, __: True)
        first = next(free, None) if self._waits else None
        if first is None:
            return Misfit("d", self._too_few(each), 1)
        found = self._bound(first, (0,) * len(self.site.limits), 0)
        return found if isinstance(found, Misfit) else Misfit("b", "", 0)

    @property
    def _waits(self) -> bool:
        """Whether delay reuses are always on."""
        return any(
            not (d.programmable or (self.freedom.delays and not port.needs_delays))
            for port in self.site.inputs
            if isinstance(port.plan, InputPlan)
            for d in port.plan.delays
        )

    def _no_counter(self, each: Spread) -> str | None:
        """A loop that can go nowhere."""
        for i, left in enumerate(each.left):
            if left > 1 and all(row[i] for row in each.table.counters):
                return f"loop {self.op.loops[i].name} has no place: {self._against(each.table, i)}"
        return None

    def _against(self, table: Table, loop: int) -> str:
        """Why a loop goes to no axis and no counter."""
        parts = [
            f"{self.site.axis_name(a)}: {row[loop]}"
            for a, row in enumerate(table.axes)
            if row[loop]
        ]
        parts += [
            f"{self.site.counter_name(k)}: {row[loop]}"
            for k, row in enumerate(table.counters)
            if row[loop]
        ]
        return "; ".join(parts) or "there are no counters"

    def _too_few(self, each: Spread) -> str:
        """What is left of the loops, and what counters there are."""
        left = [
            f"{self.op.loops[i].name} ({n} trips) on "
            f"{' or '.join(self._counters(each.table, i)) or 'no counter'}"
            for i, n in enumerate(each.left)
            if n > 1
        ]
        return f"too few counters, or trips: {', '.join(left)}"

    def _counters(self, table: Table, loop: int) -> list[str]:
        limits = enumerate(self.site.limits)
        return [
            f"{self.site.counter_name(k)} of up to {most}"
            for k, most in limits
            if not table.counters[k][loop]
        ]

    def _bound(self, given: Assignment, pauses: Vector, cycles: int) -> Bound | Misfit:
        """The operation under an assignment, or the condition that fails and why."""
        site, op = self.site, self.op
        limits = limits_of(site.adg, op, given)
        if isinstance(limits, str):
            return Misfit("a", limits, 2)
        if (reason := too_long(site, op, self.tensors, self._terms(given))) is not None:
            return Misfit("a", reason, 2)
        if (k := self._unsummed(given)) is not None:
            text = f"results aren't summed over {site.counter_name(k)}: FUs sum over innermost counters only"
            return Misfit("d", text, 2)
        placed = self.operands.placed(given, pauses)
        if isinstance(placed, Misfit):
            return placed
        placements = tuple(placement for placement, _ in placed)
        delays = [reuses for _, reuses in placed[:-1]]
        adg, bounds = virtual_adg(site, self.freedom, given, placements, delays, limits)
        return Bound(site.index, op, given, adg, bounds, placements, cycles)

    def _unsummed(self, given: Assignment) -> int | None:
        """A counter that moves no result, outside of one that does, on a chip that doesn't sum in memory."""
        plan, rows = self.site.adg.output, self.op.output.map.rows
        if not self.freedom.holds or plan.accumulates:
            return None
        last = None
        for k, strip in reversed(list(enumerate(given.counters))):
            moves = strip is not None and any(row[strip.loop] for row in rows)
            if moves and last is None:
                last = k
            elif last is not None and strip is not None and not moves:
                return k
        return None

    def _terms(self, given: Assignment) -> int:
        """Most terms that an FU sums before it hands a result on, if the chip says over which counters it
        does; else its accumulators are as wide as what memory holds."""
        if self.freedom.holds:
            return 1
        rows, held = self.op.output.map.rows, self.site.output.held
        strips = (*given.axes, *(given.counters[k] for k in held))
        return math.prod(s.count for s in strips if s and not any(row[s.loop] for row in rows))
