"""Which delay reuses of a chip serve a bound operation, and which are off.

A reuse that is on brings an FU what another one used before: both must be at one element. The other FU may
have no iterations of its own; then it reads what the first one needs, if nothing else is wired to that index.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lego.bind.freedom import Freedom
from lego.bind.misfit import Misfit
from lego.bind.placing.access import Access
from lego.bind.site import Port, Site
from lego.ir.adg import InputPlan
from lego.ir.delay_reuse import DelayReuse

__all__ = ["Reuses", "meets_always", "reuses_of"]

Vector = tuple[int, ...]
Found = tuple[tuple[tuple[Vector, Vector], ...], int | None]
"""Index and element of FUs without iterations, from those of FU zero; and a reuse that brings a wrong one, if
there is such."""


@dataclass(frozen=True, slots=True)
class Reuses:
    """The delay reuses of an input as they are set, and what its memory has to hold for them."""

    delays: tuple[DelayReuse, ...]
    access: Access


def reuses_of(
    site: Site,
    freedom: Freedom,
    port: Port,
    access: Access,
    pauses: Sequence[int],
    known: dict[object, Found] | None = None,
) -> Iterator[Reuses | Misfit]:
    """Ways to set the delay reuses: all on that can be, then all off that can be; or why a reuse is wrong and
    can't be off. What `known` has isn't sought again."""
    if not isinstance(port.plan, InputPlan) or not port.plan.delays:
        yield Reuses((), access)
        return
    given = _Setting(
        site, freedom, port, port.plan, access, tuple(pauses), {} if known is None else known
    )
    there = [n for n, reuse in enumerate(port.plan.delays) if _there(reuse, access.trips)]
    wanted = {n for n in there if given.reaches(n) or not given.switched(n)}
    always = {n for n in there if not given.switched(n)}
    for on in dict.fromkeys((frozenset(wanted), frozenset(always))):
        yield given.with_on(set(on), there)


def meets_always(
    site: Site, freedom: Freedom, port: Port, access: Access, inner: Vector, count: int
) -> bool:
    """Whether what the innermost counter moves, in so many trips, agrees with delay reuses that are always
    on; where FUs without iterations are involved, all of an access tells (:func:`reuses_of`)."""
    if not isinstance(port.plan, InputPlan) or (freedom.delays and not port.needs_delays):
        return True
    for reuse in port.plan.delays:
        back = reuse.dt[-1] if reuse.dt else 0
        if reuse.programmable or count <= abs(back) or not _within(reuse, access.covers):
            continue
        steps = [(e, by) for e, by in zip(access.axes, reuse.shift, strict=True) if by]
        if any(e is None for e, _ in steps):
            continue
        for i, step in enumerate(inner):
            if step * back + sum((e or ())[i] * by for e, by in steps):
                return False
    return True


def _within(reuse: DelayReuse, covers: Vector) -> bool:
    """Whether it serves an FU from another, both with iterations."""
    return any(
        all(
            0 <= x < n and 0 <= x - by < n for x, by, n in zip(fu, reuse.shift, covers, strict=True)
        )
        for fu in reuse.fus
    )


def _there(reuse: DelayReuse, trips: Sequence[int]) -> bool:
    """Whether some timestamp has a source."""
    return all(trip > abs(step) for step, trip in zip(reuse.dt, trips, strict=True))


@dataclass(frozen=True, slots=True)
class _Setting:
    site: Site
    freedom: Freedom
    port: Port
    plan: InputPlan
    access: Access
    pauses: Vector
    known: dict[object, Found]

    def switched(self, number: int) -> bool:
        """Whether a reuse can be off."""
        free = self.freedom.delays and not self.port.needs_delays
        return free or self.plan.delays[number].programmable

    def reaches(self, number: int) -> bool:
        """Whether its FIFO can delay by as much as it takes."""
        reuse = self.plan.delays[number]
        skew = self.site.adg.dataflow.skew(reuse.shift)
        return reuse.cycles(self.access.trips, skew, self.pauses) <= reuse.delay

    def with_on(self, on: set[int], there: Sequence[int]) -> Reuses | Misfit:
        """These on, as far as they bring the right elements, the others off."""
        while True:
            back = {k: self._back(self.plan.delays[k]) for k in sorted(on)}
            key = self.plan.name, self.access.axes, self.access.covers, tuple(back.items())
            if key not in self.known:
                self.known[key] = self._others(back)
            others, wrong = self.known[key]
            if wrong is None:
                break
            if not self.switched(wrong):
                return self._always(wrong)
            on = on - {wrong}
        delays = tuple(
            self._off(reuse) if n in there and n not in on else reuse
            for n, reuse in enumerate(self.plan.delays)
        )
        pairs = tuple((self.plan.delays[n].dt, self.plan.delays[n].shift) for n in sorted(on))
        return Reuses(delays, replace(self.access, others=others, reuses=pairs))

    def _others(self, back: dict[int, Vector]) -> Found:
        """What FUs without iterations read, if these reuses are on, each with what the element moves by over
        its timestamps."""
        flow, indices, nodes = self.site.adg.dataflow, self.port.indices, self.port.nodes
        own = list(itertools.product(*map(range, self.access.covers)))
        queue = [flow.rank(s) for s in own]
        known = {indices[n]: self._element(s) for n, s in zip(queue, own, strict=True)}
        inside = set(known)
        seen = set(queue)
        for n in queue:
            there = known[indices[n]]
            for k, source in self.port.served[nodes[n]]:
                if k not in back:
                    continue
                wanted = tuple(map(operator.add, there, back[k]))
                if known.setdefault(indices[source], wanted) != wanted:
                    return (), k
                if source not in seen:
                    seen.add(source)
                    queue.append(source)
        return tuple(sorted((v, e) for v, e in known.items() if v not in inside)), None

    def _element(self, fu: Vector) -> Vector:
        steps = [(step, x) for step, x in zip(self.access.axes, fu, strict=True) if step and x]
        return tuple(sum(step[i] * x for step, x in steps) for i in range(len(self.access.first)))

    def _back(self, reuse: DelayReuse) -> Vector:
        """What the element moves by over the timestamps of a reuse."""
        steps = [(e, by) for e, by in zip(self.access.time, reuse.dt, strict=True) if e and by]
        return tuple(sum(e[i] * by for e, by in steps) for i in range(len(self.access.first)))

    def _off(self, reuse: DelayReuse) -> DelayReuse:
        """The reuse with a source that is in no run: the register says so, and all that follows it."""
        far = max(math.prod(self.site.limits), *map(abs, reuse.dt))
        rest = (0,) * (len(reuse.dt) - 1)
        return replace(reuse, dt=(far, *rest) if reuse.programmable else (*rest, far), fus=())

    def _always(self, number: int) -> Misfit:
        reuse = self.plan.delays[number]
        text = (
            f"{self.plan.name} has delay reuse {number}, which is always on: FUs take what FU s - "
            f"{reuse.shift} used {reuse.delay} cycles before, and that would be another element"
        )
        return Misfit("b", text, 3)
