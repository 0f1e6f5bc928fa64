"""Which data nodes use memory in one cycle.

Data node ``s`` uses its bank in cycle ``lin(t) + phase(s)``, ``phase(s) = c . s``: with skewed control,
nodes that act at one timestamp do so in different cycles and can share a bank. Two of them meet if their
cycles and their bank digits are equal at some timestamps ``t`` and ``t + dt``; then
``lin(dt) = phase(s) - phase(s')``, which few ``dt`` solve. Between passes, rounds of some innermost
counters, the sequencer can pause until they don't.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import islpy as isl

from lego.diag import InternalError
from lego.ir.cycles import weights

__all__ = ["Turns", "pause_level", "pauses_at", "prove_apart"]

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Turns:
    """Data nodes of one operand under one dataflow, and the banks that they use in turn.

    Attributes
    ----------
    nodes : per node its phase, and its bank digits at timestamp zero.
    counts : banks per dimension; digits are modulo these.
    steps : per counter, the digits that its step adds.
    hold : innermost counters over which a node acts once.
    """

    nodes: tuple[tuple[int, Vector], ...]
    counts: Vector
    steps: tuple[Vector, ...]
    hold: int

    @cached_property
    def by_phase(self) -> Mapping[int, frozenset[Vector]]:
        """The digits of the nodes of each phase."""
        found: dict[int, set[Vector]] = {}
        for phase, digits in self.nodes:
            found.setdefault(phase, set()).add(digits)
        return {phase: frozenset(digits) for phase, digits in sorted(found.items())}

    @cached_property
    def apart(self) -> Vector:
        """Differences between phases, rising."""
        phases = list(self.by_phase)
        return tuple(sorted({b - a for a in phases for b in phases if a < b}))

    @cached_property
    def differ(self) -> bool:
        """Whether nodes of one phase are in different banks."""
        return len(set(self.nodes)) == len(self.nodes)

    def merged(self, dim: int, wide: int, first: int) -> Turns:
        """The same for macros of so many banks along a dimension whose digit stands still, `first` being that
        of the digits' zero."""
        count = self.counts[dim]
        nodes = tuple(
            (phase, (*at[:dim], (first + at[dim]) % count // wide, *at[dim + 1 :]))
            for phase, at in self.nodes
        )
        counts = (*self.counts[:dim], count // wide, *self.counts[dim + 1 :])
        steps = tuple((*step[:dim], 0, *step[dim + 1 :]) for step in self.steps)
        return Turns(nodes, counts, steps, self.hold)

    def of(self, numbers: Iterable[int]) -> Turns:
        """The same of some of the nodes."""
        return replace(self, nodes=tuple(self.nodes[k] for k in numbers))

    def meet(self, trips: Sequence[int], pauses: Sequence[int] = ()) -> bool:
        """Whether two nodes use one bank in one cycle, at these trip counts and pauses."""
        if not self.differ:
            return True
        return any(
            self._share(delta, dt)
            for delta in self.apart
            for dt in _solutions(delta, trips, pauses, self.hold)
        )

    def _share(self, delta: int, dt: Vector) -> bool:
        """Whether some nodes, the later one at a timestamp `dt` before, have equal digits."""
        moved = tuple(
            sum(step[j] * d for step, d in zip(self.steps, dt, strict=True))
            for j in range(len(self.counts))
        )
        for phase, digits in self.by_phase.items():
            late = self.by_phase.get(phase + delta)
            if late and any(
                tuple((x + m) % n for x, m, n in zip(at, moved, self.counts, strict=True)) in late
                for at in digits
            ):
                return True
        return False


def _solutions(
    delta: int, trips: Sequence[int], pauses: Sequence[int], hold: int
) -> Iterator[Vector]:
    """All ``dt`` between timestamps at which nodes act with ``lin(dt) = delta``."""
    per_step = weights(trips, pauses)
    acting = len(trips) - hold
    reach = [0] * (acting + 1)
    for k in range(acting - 1, -1, -1):
        reach[k] = reach[k + 1] + (trips[k] - 1) * per_step[k]

    def walk(k: int, left: int, head: Vector) -> Iterator[Vector]:
        if k == acting:
            yield from [head + (0,) * hold] * (not left)
            return
        low = -((reach[k + 1] - left) // per_step[k])
        high = (left + reach[k + 1]) // per_step[k]
        for step in range(max(low, 1 - trips[k]), min(high, trips[k] - 1) + 1):
            yield from walk(k + 1, left - step * per_step[k], (*head, step))

    return walk(0, delta, ())


def pause_level(hold: int, counters: int, sums: int) -> int | None:
    """Innermost counters after whose round a pause keeps nodes apart; 0 if none is ever needed.

    A pause within the `sums` counters over which FUs accumulate would add to their sums: None.
    """
    if hold == counters:
        return 0
    level = max(1, hold)
    return level if level >= sums else None


def pauses_at(level: int, cycles: int, counters: int) -> Vector:
    """A pause after the round of so many innermost counters, as :func:`lego.ir.cycles.weights` takes it."""
    return tuple(cycles if k == counters - level else 0 for k in range(counters))


def prove_apart(turns: Turns, trips: Sequence[int], pauses: Sequence[int] = ()) -> None:
    """Prove by isl that no two nodes ever use one bank in one cycle, at these trip counts and pauses.

    Per difference of phases and of digits, the set of pairs of timestamps in which such nodes meet is
    empty. Raises InternalError with a pair if not.
    """
    names = [f"t{k}" for k in range(len(trips))], [f"u{k}" for k in range(len(trips))]
    acting = len(trips) - turns.hold
    box = [
        f"0 <= {name} < {trips[k] if k < acting else 1}"
        for each in names
        for k, name in enumerate(each)
    ]
    later = _sum([f"{w}*({b}-{a})" for w, a, b in zip(weights(trips, pauses), *names, strict=True)])
    every = ",".join(names[0] + names[1])
    for delta in turns.apart:
        same = [f"{later} = {delta}", *box]
        if isl.Set(f"{{ [{every}] : {' and '.join(same)} }}").is_empty():
            continue  # no two timestamps are so many cycles apart
        moved = [
            _sum([f"{step[j]}*({b}-{a})" for step, a, b in zip(turns.steps, *names, strict=True)])
            for j in range(len(turns.counts))
        ]
        met = " or ".join(
            "(" + " and ".join(f"({m} - {d}) mod {n} = 0" for m, d, n in each) + ")"
            for digits in sorted(_ahead(turns, delta))
            for each in [list(zip(moved, digits, turns.counts, strict=True))]
        )
        conflicts = isl.Set(f"{{ [{every}] : {' and '.join(same)} and ({met}) }}")
        if not conflicts.is_empty():
            raise InternalError(f"bank conflict {delta} cycles apart: {conflicts.sample_point()}")


def _ahead(turns: Turns, delta: int) -> set[Vector]:
    """The digits by which nodes are ahead of those that act so many cycles before."""
    found: set[Vector] = set()
    for phase, digits in turns.by_phase.items():
        for late in turns.by_phase.get(phase + delta, ()):
            for at in digits:
                ahead = zip(late, at, turns.counts, strict=True)
                found.add(tuple((b - a) % n for b, a, n in ahead))
    return found


def _sum(terms: Sequence[str]) -> str:
    return "(" + (" + ".join(terms) or "0") + ")"
