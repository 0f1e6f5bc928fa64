"""Which data nodes read one word together, where banks lie side by side in macros.

A macro has `wide` banks, the lanes of its words, along one dimension of the tensor. Whenever a word is read,
all of its lanes are read, at one row; a data node takes the lane that it needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.fused import Plan

__all__ = ["Form", "Lanes", "Word", "lanes_of", "moving_dims", "turning_dims", "word_keys"]
__all__ += ["added_steps", "digit_column", "told_apart", "words_of"]

Vector = tuple[int, ...]

Levels = tuple[int, ...]
"""Numbers of delay reuses, rising."""


class Form(Protocol):
    """What tells the bank of an element (see :class:`lego.ir.banking.Banking`)."""

    @property
    def counts(self) -> Vector:
        """Banks per dimension."""

    @property
    def gcds(self) -> Vector:
        """Divisors per dimension."""

    @property
    def skews(self) -> tuple[Vector, ...]:
        """Skews per dimension."""

    @property
    def wide(self) -> int:
        """Banks of a macro."""

    @property
    def along(self) -> int:
        """Dimension along which a macro's banks lie."""

    @property
    def shift(self) -> int:
        """What is added to an index along that dimension."""


@dataclass(frozen=True, slots=True)
class Word:
    """Data nodes that always read one word together.

    Attributes
    ----------
    levels : sets of delay reuses: the word isn't read where of each set some reuse holds, as then all nodes
        are served. None of them is in another.
    macros : words that are read at once, whichever of them they need.
    """

    nodes: tuple[Fu, ...]
    levels: tuple[Levels, ...]
    macros: int = 1

    @property
    def served(self) -> tuple[Levels, ...]:
        """The least sets of reuses that serve all nodes where all of a set hold."""
        picks = {frozenset(pick) for pick in product(*self.levels)}
        return tuple(sorted(tuple(sorted(p)) for p in picks if not any(q < p for q in picks)))


@dataclass(frozen=True, slots=True)
class Lanes:
    """How data nodes meet the lanes of macros under one dataflow.

    Attributes
    ----------
    still : no timestamp moves the digit along which the lanes lie.
    aligned : it moves by whole macros, if at all: nodes keep their lanes.
    window : it moves by parts of a macro, and nodes turn over the banks: all macros along the dimension are
        read that may hold a part of the nodes' window. If it is neither that nor aligned, no two nodes ever
        meet one bank, and each reads a word of its own.
    start : lane of the least element, where nodes keep theirs.
    """

    still: bool
    aligned: bool
    window: bool
    start: int


def turning_dims(form: Form, time: Sequence[Vector]) -> tuple[int, ...]:
    """Dimensions whose own index, without skews, moves its digit and so carries into the row."""
    return tuple(
        j
        for j, (row, g, count) in enumerate(zip(time, form.gcds, form.counts, strict=True))
        if count > 1 and any(step % (g * count) for step in row)
    )


def moving_dims(form: Form, time: Sequence[Vector]) -> tuple[int, ...]:
    """Dimensions whose bank digit changes with the timestamp; `time` has elements per counter's step."""
    turning = turning_dims(form, time)
    return tuple(
        j
        for j, count in enumerate(form.counts)
        if count > 1
        and (j in turning or any(step % count for step in added_steps(form.skews[j], time)))
    )


def added_steps(skew: Vector, time: Sequence[Vector]) -> Vector:
    """What a skew adds to a digit per step of each counter."""
    found = (0,) * len(time[0])
    for a, row in zip(skew, time, strict=True):
        if a:
            found = tuple(x + a * step for x, step in zip(found, row, strict=True))
    return found


def lanes_of(
    form: Form, time: Sequence[Vector], least: Vector, places: Sequence[Vector]
) -> Lanes | None:
    """How nodes at these places, elements ahead of the least one, meet lanes; None where each macro has one
    bank that is used. `least` is the least element at timestamp zero, as it is, without the form's shift."""
    j = form.along
    if form.wide == 1 or j < 0:
        return None
    macro, moving = form.gcds[j] * form.wide, moving_dims(form, time)
    aligned = j not in moving or not any(step % macro for step in time[j])
    still = [i for i in range(len(form.counts)) if i not in moving]
    window = not aligned and not told_apart(
        form, still, lambda i: digit_column(form, i, places), len(places)
    )
    start = (least[j] + form.shift) // form.gcds[j] % form.wide
    return Lanes(j not in moving, aligned, window, start)


def word_keys(form: Form, lanes: Lanes, places: Sequence[Vector]) -> list[tuple[int, ...]]:
    """What nodes at these places have in common if they read one word."""
    j, count = form.along, form.counts[form.along] // form.wide
    found = []
    for k, (place, digits) in enumerate(zip(places, _digits(form, places), strict=True)):
        ahead = (lanes.start + place[j] // form.gcds[j]) // form.wide % count
        own = ahead if lanes.aligned else 0 if lanes.window else k
        found.append((*digits[:j], *digits[j + 1 :], own))
    return found


def words_of(adg: Adg, plan: Plan) -> tuple[Word, ...]:
    """The words that the data nodes of an operand read, in the order of their first nodes."""
    nodes, form = adg.data_nodes(plan), plan.banking
    least = tuple(f + o for f, o in zip(plan.offset, form.origin, strict=True))
    places = [_place(plan, fu) for fu in nodes]
    lanes = None if form.shared else lanes_of(form, plan.time, least, places)
    keys: Sequence[object] = nodes if lanes is None else word_keys(form, lanes, places)
    groups: dict[object, list[Fu]] = {}
    for fu, key in zip(nodes, keys, strict=True):
        groups.setdefault(key, []).append(fu)
    macros = form.counts[form.along] // form.wide if lanes and lanes.window else 1
    return tuple(Word(tuple(fus), _levels(plan, fus), macros) for fus in groups.values())


def digit_column(form: Form, dim: int, places: Sequence[Vector]) -> Vector:
    """A bank digit of each place, elements ahead of the least one."""
    g, n, skew = form.gcds[dim], form.counts[dim], form.skews[dim]
    if n == 1:
        return (0,) * len(places)
    added = [(i, a) for i, a in enumerate(skew) if a]
    if not added:
        return tuple(x[dim] // g % n for x in places)
    return tuple((x[dim] // g + sum(a * x[i] for i, a in added)) % n for x in places)


def _digits(form: Form, places: Sequence[Vector]) -> list[Vector]:
    """Bank digits by which places are ahead of the least element."""
    columns = [digit_column(form, j, places) for j in range(len(form.counts))]
    return list(zip(*columns, strict=True))


def told_apart(
    form: Form, dims: Iterable[int], column: Callable[[int], Vector], places: int
) -> bool:
    """Whether the digits of some dimensions, of which `column` gives each, differ from place to place."""
    split = [j for j in dims if form.counts[j] > 1]
    if math.prod(form.counts[j] for j in split) < places or not split:
        return places == 1
    return len(set(zip(*map(column, split), strict=True))) == places


def _place(plan: Plan, fu: Fu) -> Vector:
    """Elements by which the node of an FU is ahead of the least one."""
    return tuple(
        sum(a * s for a, s in zip(row, fu, strict=True)) - origin
        for row, origin in zip(plan.space, plan.banking.origin, strict=True)
    )


def _levels(plan: Plan, fus: Sequence[Fu]) -> tuple[Levels, ...]:
    """The delay reuses that serve these nodes, without sets that hold another: nodes that these serve read
    only where others do."""
    if not isinstance(plan, InputPlan):
        return ((),)
    found = {frozenset(plan.levels(fu)) for fu in fus}
    return tuple(sorted(tuple(sorted(s)) for s in found if not any(other < s for other in found)))
