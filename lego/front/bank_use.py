"""How a dataflow's data nodes use a bank function, and what that costs.

- *Own banks*: no bank ever serves two nodes.
- *In turn*: nodes act in cycles of their own, as control reaches them, and a bank serves one at a time. Where
  control reaches all at once, results that FUs hold wait for their turn in a register each.
- *At once*: all nodes act together, and a switch turns the banks over them; registers add the skew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter

from lego.diag import InternalError
from lego.front.costs import macro_cost
from lego.front.meetings import Turns, pause_level
from lego.front.reuse import Forms
from lego.ir.adg import Adg, OutputPlan
from lego.ir.costs import COSTS
from lego.ir.dag import bits_for, index_bits
from lego.ir.fused import Plan
from lego.ir.hardware import MemoryStyle
from lego.ir.layout import moved
from lego.ir.operation import Reduction
from lego.ir.words import added_steps, digit_column, moving_dims, told_apart, turning_dims
from lego.ir.written import first_of, grouped, written_keys

__all__ = ["Form", "Nodes", "Use", "User", "digits_of", "in_turn", "nodes_of", "places_of"]
__all__ += ["switched", "turns_of", "user_of", "uses", "word_groups"]

Vector = tuple[int, ...]
Skews = tuple[Vector, ...]

PER = (1, 2, 4)
"""Nodes that wait equally long where results wait along an axis."""


@dataclass(frozen=True, slots=True)
class Form:
    """A bank function: banks, divisors and skews per dimension (see :class:`lego.ir.adg.Banking`)."""

    counts: Vector
    gcds: Vector
    skews: Skews
    wide: int = 1
    along: int = -1
    shift: int = 0

    @property
    def macros(self) -> int:
        """Macros, of a bank each unless they are `wide`."""
        return math.prod(self.counts) // (self.wide if self.along >= 0 else 1)

    def moved(self, element: Vector) -> Vector:
        """The index of which an element's digits and row are taken."""
        return moved(element, self.along, self.shift)

    def depth(self, shape: Vector) -> int:
        """Words per bank of a tensor of this shape."""
        rows = zip(self.moved(shape), self.gcds, self.counts, strict=False)
        return math.prod(-(-extent // (g * n)) * g for extent, g, n in rows)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The data nodes of one operand under one dataflow.

    Attributes
    ----------
    control : cycles of skew per axis; empty where nodes act all at once.
    trips : most trips of every counter.
    hold, sums : innermost counters over which a node acts once, and over which FUs accumulate.
    bits, shape : of the tensor.
    output : results.
    style : whether nodes may take turns.
    opening : per FU, the trips of the innermost counter in which it reads, as delay reuse serves it in the
        others, whatever the bounds; 0: in all.
    checked : whether a result is written goes by more than its loops' bounds.
    adds : results are added to what memory holds.
    """

    form: Forms
    fus: tuple[Vector, ...]
    control: Vector = ()
    trips: Vector = ()
    hold: int = 0
    sums: int = 0
    bits: int = 8
    shape: Vector = ()
    output: bool = False
    style: MemoryStyle = MemoryStyle.CHEAPEST
    opening: Vector = ()
    checked: bool = False
    adds: bool = False

    def kappas(self) -> list[Vector]:
        """``kappa`` of every node."""
        return [
            tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in self.form.space)
            for fu in self.fus
        ]


@dataclass(frozen=True)
class User:
    """A dataflow in the search: its nodes' elements from the least on, and the skews of control."""

    nodes: Nodes
    offsets: tuple[Vector, ...]
    origin: Vector
    skews: Vector
    _columns: dict[tuple[int, int, int, Vector], Vector] = field(
        default_factory=dict, compare=False
    )
    _phases: dict[tuple[Vector, int], Vector] = field(default_factory=dict, compare=False)

    @property
    def time(self) -> Skews:
        """Elements per step of each counter, by dimension."""
        return self.nodes.form.time

    @property
    def trips(self) -> Vector:
        """Most trips of every counter."""
        return self.nodes.trips

    @cached_property
    def first(self) -> Vector:
        """The least element at timestamp zero."""
        return tuple(f + o for f, o in zip(self.nodes.form.offset, self.origin, strict=True))

    @cached_property
    def spans(self) -> Vector:
        """Largest offset per dimension."""
        return tuple(map(max, zip(*self.offsets, strict=True)))

    @cached_property
    def least(self) -> int:
        """Nodes that act in one cycle, where they act in cycles of their own if that can be."""
        given = self.nodes
        if not given.hold or pause_level(given.hold, len(self.trips), given.sums) is None:
            return len(self.offsets)
        found = [self.phases(*lag) for lag in self.lags()]
        together = (max(phases.count(phase) for phase in set(phases)) for phases in found)
        return min(together, default=len(self.offsets))

    def lags(self) -> Iterator[tuple[Vector, int]]:
        """`lag` and `per` with which nodes may use banks in turn: as control reaches them; where it
        reaches all at once, results that FUs hold wait along an axis."""
        given = self.nodes
        if given.style is MemoryStyle.AT_ONCE:
            return
        if any(given.control):
            yield given.control, 1
        elif given.output and given.hold:
            for axis in range(len(given.control)):
                if any(fu[axis] for fu in given.fus):
                    lag = tuple(int(k == axis) for k in range(len(given.control)))
                    yield from ((lag, per) for per in PER)

    def phases(self, lag: Vector, per: int) -> Vector:
        """Cycles by which each node uses its bank later than the first."""
        if (lag, per) not in self._phases:
            self._phases[lag, per] = tuple(
                sum(a * s for a, s in zip(lag, fu, strict=True)) // per for fu in self.nodes.fus
            )
        return self._phases[lag, per]

    def column(self, dim: int, form: Form) -> Vector:
        """A bank digit of every node at timestamp zero; kept, as few differ among the forms tried."""
        key = dim, form.gcds[dim], form.counts[dim], form.skews[dim]
        if key not in self._columns:
            self._columns[key] = digit_column(form, dim, self.offsets)
        return self._columns[key]

    def told_apart(self, form: Form, dims: Iterable[int]) -> bool:
        """Whether the digits of some dimensions differ from node to node at timestamp zero."""
        return told_apart(form, dims, lambda j: self.column(j, form), len(self.offsets))

    def apart_in(self, form: Form, phases: Vector) -> bool:
        """Whether no two nodes are at one bank at once, if they act so many cycles after the first."""
        split = [self.column(j, form) for j, n in enumerate(form.counts) if n > 1]
        return len(set(zip(phases, *split, strict=True))) == len(phases)

    def added(self, dim: int, form: Form) -> Vector:
        """What skews add to a digit per step of each counter."""
        return added_steps(form.skews[dim], self.time)

    def turning(self, form: Form) -> list[int]:
        """Dimensions whose own index moves its digit."""
        return list(turning_dims(form, self.time))

    def moving(self, form: Form) -> list[int]:
        """Dimensions whose bank digit changes with the timestamp."""
        return list(moving_dims(form, self.time))

    def memory_cost(self, form: Form) -> int:
        """Area of the banks, with what the host and sums take at each."""
        depth = max(2, form.depth(self.nodes.shape))
        return form.macros * macro_cost(self.nodes.bits * form.wide, depth)


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A way to use banks: its area beside theirs (1e-3 um2), `lag`, `per`, `pause`, `apart` and `again` of
    :class:`lego.ir.adg.Banking`, who takes turns, if nodes do, and `skip`.
    """

    cost: int
    lag: Vector
    per: int = 1
    pause: int = 0
    apart: int = 0
    again: int = 0
    turns: Turns | None = None
    skip: int = 0


def nodes_of(adg: Adg, plan: Plan, style: MemoryStyle = MemoryStyle.CHEAPEST) -> Nodes:
    """The data nodes of an operand."""
    summed = 0 if adg.reduction is Reduction.ASSIGN else adg.output.hold
    return Nodes(
        Forms(plan.time, plan.space, plan.offset),
        adg.data_nodes(plan),
        adg.dataflow.control,
        adg.dataflow.trips(adg.op),
        summed if isinstance(plan, OutputPlan) else plan.hold,
        summed,
        plan.tensor.format.bits,
        plan.tensor.shape,
        isinstance(plan, OutputPlan),
        style,
        () if isinstance(plan, OutputPlan) else tuple(map(plan.opening, adg.data_nodes(plan))),
        bool(adg.checked_dims) or adg.guarded_commits,
        isinstance(plan, OutputPlan) and plan.accumulates,
    )


def user_of(nodes: Nodes) -> User:
    """The user of the search. Raises InternalError if two nodes touch one element at once."""
    kappas = nodes.kappas()
    if len(set(kappas)) != len(kappas):
        raise InternalError("two data nodes of one operand touch the same element")
    origin = tuple(map(min, zip(*kappas, strict=True)))
    offsets = tuple(tuple(k - o for k, o in zip(kappa, origin, strict=True)) for kappa in kappas)
    skews = tuple(sum(c * s for c, s in zip(nodes.control, fu, strict=False)) for fu in nodes.fus)
    return User(nodes, offsets, origin, skews)


def digits_of(offset: Vector, form: Form) -> Vector:
    """Bank digits of an element, not yet modulo the counts."""
    return tuple(
        x // g + sum(a * y for a, y in zip(skew, offset, strict=True))
        for x, g, skew in zip(offset, form.gcds, form.skews, strict=True)
    )


def uses(user: User, form: Form) -> Iterator[Use]:
    """The ways in which a dataflow can use the banks without conflicts at its largest bounds."""
    moving, turning = user.moving(form), user.turning(form)
    every = range(len(form.counts))
    level = not any(user.spans[j] for j in turning)
    skewed = any(any(form.skews[j]) for j in turning)
    known = level or not skewed
    if known and user.told_apart(form, [j for j in every if j not in moving]):
        yield Use(0, user.nodes.control)
        return
    if known:
        yield from in_turn(user, form, moving)
    if user.told_apart(form, every) and (cost := switched(user, form, moving, level)):
        yield Use(cost, (0,) * len(user.nodes.control))


def places_of(user: User, form: Form) -> list[Vector]:
    """The bank digits of every node at timestamp zero."""
    rank = range(len(form.counts))
    return list(zip(*(user.column(j, form) for j in rank), strict=True))


def turns_of(user: User, form: Form, phases: Vector) -> Turns:
    """Who uses which bank, or macro of several, when, if nodes act so many cycles after the first."""
    added = [user.added(j, form) for j in range(len(form.counts))]
    rows = list(zip(user.time, form.gcds, form.counts, added, strict=True))
    steps = tuple(
        tuple((row[k] // g + more[k]) % n for row, g, n, more in rows)
        for k in range(len(user.time[0]))
    )
    nodes = tuple(zip(phases, places_of(user, form), strict=True))
    turns = Turns(nodes, form.counts, steps, user.nodes.hold)
    if form.along < 0 or form.wide == 1:
        return turns
    first = form.moved(user.first)[form.along] // form.gcds[form.along]
    merged = turns.merged(form.along, form.wide, first)
    words = word_groups(user, form, phases) if user.nodes.output else None
    return merged if words is None else merged.of(k for k, *_ in words)


def word_groups(user: User, form: Form, phases: Sequence[int]) -> list[list[int]] | None:
    """Numbers of the nodes that write each word of a macro, if nodes act so many cycles after the first; None
    if no node of a word tells whether the word is written."""
    start = form.moved(user.first)[form.along] // form.gcds[form.along] % form.wide
    words = grouped(written_keys(form, start, user.offsets, phases))
    led = (first_of([user.nodes.fus[k] for k in word]) for word in words if len(word) > 1)
    return words if all(fu is not None and not user.nodes.checked for fu in led) else None


def in_turn(user: User, form: Form, moving: list[int]) -> Iterator[Use]:
    """Ways in which banks serve nodes in turn, without a pause at the largest bounds."""
    given = user.nodes
    level = pause_level(given.hold, len(user.trips), given.sums)
    whole = all(step % form.gcds[j] == 0 for j in moving for step in user.time[j])
    if level is None or not whole or form.along in moving:
        return
    for lag, per in user.lags():
        phases = user.phases(lag, per)
        if not user.apart_in(form, phases):
            continue
        turns = turns_of(user, form, phases)
        apart = _apart(turns, moving)
        again = _again(turns, apart, moving)
        if again is None or not turns.differ or not _seamless(turns, user.trips, apart, again):
            continue
        waits = [phase - skew for phase, skew in zip(phases, user.skews, strict=True)]
        if max(waits) > apart + 1:
            continue  # the next result may come before
        late = sum(wait > 0 for wait in waits)
        kept = late * given.bits * (COSTS.register_bit + COSTS.mux_bit)
        cost = kept + _turns_cost(user, form, moving, len(turns.nodes))
        yield Use(cost, lag, per, level if apart else 0, apart, again, turns)


def _apart(turns: Turns, moving: list[int]) -> int:
    """Most cycles by which two nodes are apart that a bank may serve."""
    still = [j for j, n in enumerate(turns.counts) if j not in moving and n > 1]
    ordered = sorted(turns.nodes)
    phases = [phase for phase, _ in ordered]
    if not still:
        return phases[-1] - phases[0]
    banks = [itemgetter(*still)(digits) for _, digits in ordered]
    last = dict(zip(banks, phases, strict=True))
    first = dict(zip(reversed(banks), reversed(phases), strict=True))
    return max(phase - first[bank] for bank, phase in last.items())


def _again(turns: Turns, apart: int, moving: list[int]) -> int | None:
    """Trips of the innermost counter after which nodes are at the same banks again; 0 if they act once
    in a pass; None if they would meet within it, or another counter moves them."""
    if turns.hold or not apart or not turns.steps:
        return 0
    if any(any(step) for step in turns.steps[:-1]):
        return None
    inner = turns.steps[-1]
    rounds = [turns.counts[j] // math.gcd(inner[j], turns.counts[j]) for j in moving]
    pass_alone = (1,) * (len(turns.steps) - 1) + (apart + 1,)
    return None if turns.meet(pass_alone) else math.lcm(*rounds)


def _seamless(turns: Turns, trips: Vector, apart: int, again: int) -> bool:
    """Whether passes at these trips can follow each other without a pause (see lego.ir.pauses)."""
    if again:
        return trips[-1] % again == 0
    held = math.prod(trips[len(trips) - turns.hold :])
    return turns.hold == len(trips) or held > apart


def _turns_cost(user: User, form: Form, moving: list[int], words: int) -> int:
    """Area of what chooses among the nodes of a bank, which use so many words, and among a node's banks."""
    given, met = user.nodes, math.prod(form.counts[j] for j in moving)
    pairs = met * len(given.fus)
    sharing = -(-met * words // form.macros)
    address = bits_for(0, max(1, form.depth(given.shape) - 1))
    cost = pairs * COSTS.gate + sharing * address * (COSTS.mask_bit + 4 * COSTS.register_bit)
    if given.output or moving:
        cost += pairs * given.bits * COSTS.mask_bit
    return cost


def switched(user: User, form: Form, moving: list[int], level: bool) -> int | None:
    """Area of what turns banks over nodes, and of the registers that add the skew; None if no
    switch serves."""
    within = not any(map(any, form.skews)) and all(
        span // g < n for span, g, n in zip(user.spans, form.gcds, form.counts, strict=True)
    )
    if not within and not level:
        return None
    bits, depth = user.nodes.bits, form.depth(user.nodes.shape)
    address = bits_for(0, max(1, depth - 1))
    stages = sum(index_bits(form.counts[j]) for j in moving)
    turned = stages if not within else 1
    muxes = math.prod(form.counts) * stages * bits + form.macros * (stages + turned * address)
    return muxes * COSTS.mux_bit + sum(user.skews) * bits * COSTS.register_bit + 1
