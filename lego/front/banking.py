"""Banks of one tensor's memory: as few as all dataflows that use it need, proved free of conflicts.

Data node ``s`` touches ``d = u(t) + kappa(s)``; element ``d`` lies in bank digit
``(d_j // g_j + skew_j . d) mod B_j`` per dimension. The data nodes of one dataflow are active together, so
their digit vectors must differ at every timestamp; one choice of ``(g, B, skew)`` serves all
dataflows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import islpy as isl

from lego.diag import InternalError
from lego.front.reuse import Forms
from lego.ir.adg import Banking

__all__ = ["Nodes", "bank_function", "least_banks", "prove_conflict_free", "shared_banks"]

Vector = tuple[int, ...]
Skews = tuple[Vector, ...]

WIDE_SEARCH = 1 << 16
"""Up to so many count vectors times nodes all counts are tried; beyond, only the nodes' extents."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The data nodes of one operand under one dataflow."""

    form: Forms
    fus: tuple[Vector, ...]

    def kappas(self) -> list[Vector]:
        """``kappa`` of every node."""
        return [
            tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in self.form.space)
            for fu in self.fus
        ]


@dataclass(frozen=True, slots=True)
class _User:
    """One dataflow in the search: counters' steps, and its nodes' elements from the least on."""

    time: Skews
    offsets: tuple[Vector, ...]
    origin: Vector

    def spans(self) -> Vector:
        return tuple(map(max, zip(*self.offsets, strict=True)))


def bank_function(form: Forms, nodes: Sequence[Vector]) -> Banking:
    """The banks of one dataflow's data nodes, whose elements differ pairwise."""
    return shared_banks([Nodes(form, tuple(nodes))])[0]


def least_banks(every: Sequence[Nodes]) -> int:
    """Nodes that act at one timestamp: no bank function of elements alone can do with fewer."""
    return max(len(nodes.fus) for nodes in every)


def shared_banks(every: Sequence[Nodes]) -> list[Banking]:
    """One bank function for several dataflows; the list differs in `origin` and `fixed` only.

    Counts are searched by rising product from the lower bound: the number of nodes that act at one
    timestamp. The first that serve are the least of those tried (see `WIDE_SEARCH`). Among equals
    the one is taken whose switches move fewest words.
    """
    users = [_user(nodes) for nodes in every]
    counts, scales, skews = _cheapest(users, least_banks(every))
    for user in users:
        prove_conflict_free(counts, [_digits(x, scales, skews) for x in user.offsets])
    return [
        Banking(counts, scales, skews, user.origin, not _moving(user, scales, counts, skews))
        for user in users
    ]


def _cheapest(users: Sequence[_User], least: int) -> tuple[Vector, Vector, Skews]:
    """Counts, divisors and skews of the fewest banks that serve, and of these of the cheapest switches."""
    rank = len(users[0].origin)
    gcds = [math.gcd(*(x[j] for user in users for x in user.offsets)) or 1 for j in range(rank)]
    found: tuple[int, Vector, Vector, Skews] | None = None
    for counts in _counts(users, gcds, least):
        if found is not None and math.prod(counts) > math.prod(found[1]):
            break
        scales = tuple(g if n > 1 else 1 for g, n in zip(gcds, counts, strict=True))
        for skews in _skews(users, scales, counts):
            prices = [_price(user, scales, counts, skews) for user in users]
            cost = sum(price for price in prices if price is not None)
            if None not in prices and (found is None or cost < found[0]):
                found = cost, counts, scales, skews
    if found is None:
        raise InternalError("no bank function was found")
    return found[1:]


def _user(nodes: Nodes) -> _User:
    kappas = nodes.kappas()
    if len(set(kappas)) != len(kappas):
        raise InternalError("two data nodes of one operand touch the same element")
    origin = tuple(map(min, zip(*kappas, strict=True)))
    offsets = tuple(tuple(k - o for k, o in zip(kappa, origin, strict=True)) for kappa in kappas)
    return _User(nodes.form.time, offsets, origin)


def _counts(users: Sequence[_User], gcds: Sequence[int], least: int) -> Iterator[Vector]:
    """Counts per dimension by rising product; the last always serves."""
    extents = [
        sorted({1, *(span // g + 1 for user in users for span in [user.spans()[j]])})
        for j, g in enumerate(gcds)
    ]
    full = tuple(values[-1] for values in extents)
    if math.prod(full) * least <= WIDE_SEARCH and math.prod(full) > least:
        extents = [list(range(1, n + 1)) for n in full]
    fitting = [counts for counts in itertools.product(*extents) if math.prod(counts) >= least]
    yield from sorted(fitting, key=lambda counts: (math.prod(counts), counts))


def _skews(users: Sequence[_User], gcds: Vector, counts: Vector) -> Iterator[Skews]:
    """No skew, then every way to add an unsplit dimension along which nodes differ to a split one."""
    rank = len(counts)
    split = [j for j in range(rank) if counts[j] > 1 and gcds[j] == 1]
    spread = [i for i in range(rank) if counts[i] == 1 and any(user.spans()[i] for user in users)]
    for targets in itertools.product([None, *split], repeat=len(spread)):
        yield tuple(
            tuple(int((i, j) in zip(spread, targets, strict=True)) for i in range(rank))
            for j in range(rank)
        )


def _digits(offset: Vector, gcds: Vector, skews: Skews) -> Vector:
    return tuple(
        x // g + sum(a * y for a, y in zip(skew, offset, strict=True))
        for x, g, skew in zip(offset, gcds, skews, strict=True)
    )


def _moving(user: _User, gcds: Vector, counts: Vector, skews: Skews) -> list[int]:
    """Dimensions whose bank digit changes with the timestamp."""
    moving = []
    for j, count in enumerate(counts):
        own = any(step % (gcds[j] * count) for step in user.time[j])
        added = [
            sum(a * row[k] for a, row in zip(skews[j], user.time, strict=True))
            for k in range(len(user.time[j]))
        ]
        if count > 1 and (own or any(step % count for step in added)):
            moving.append(j)
    return moving


def _price(user: _User, gcds: Vector, counts: Vector, skews: Skews) -> int | None:
    """Words that the switch moves for a dataflow, 0 if every bank belongs to one node; None if the
    counts don't serve it."""
    digits = [
        tuple(d % n for d, n in zip(_digits(x, gcds, skews), counts, strict=True))
        for x in user.offsets
    ]
    if len(set(digits)) != len(digits):
        return None
    moving = _moving(user, gcds, counts, skews)
    still = [j for j in range(len(counts)) if j not in moving]
    turning = [j for j in moving if any(step % (gcds[j] * counts[j]) for step in user.time[j])]
    level = all(x[j] == 0 for x in user.offsets for j in turning)
    private = len({tuple(d[j] for j in still) for d in digits}) == len(digits)
    skewed = any(any(skews[j]) for j in turning)
    if private and (level or not skewed):
        return 0
    words = math.prod(counts) * len(moving)
    if not any(map(any, skews)):
        within = all(
            x // g < n for o in user.offsets for x, g, n in zip(o, gcds, counts, strict=True)
        )
        if within:
            return words
    return 2 * words if level else None


def prove_conflict_free(counts: Sequence[int], digits: Sequence[Vector]) -> None:
    """Prove that nodes at these digit offsets never meet in one bank, whatever the timestamp.

    All nodes of a dataflow add the same digits, those of ``u(t)``, to their offsets. isl proves, per
    dimension and over all integers ``q``, that ``q + x`` and ``q + y`` are equal modulo the count only
    if ``x`` and ``y`` are: the conflict set is empty. That the nodes' offsets differ modulo the counts
    in some dimension is then checked on the nodes themselves.
    """
    for j, count in enumerate(counts):
        values = [digit[j] for digit in digits]
        _lemma(count, min(values), max(values))
    met = {tuple(x % n for x, n in zip(digit, counts, strict=True)) for digit in digits}
    if len(met) != len(digits):
        raise InternalError(f"bank conflict: {len(digits)} nodes meet {len(met)} banks")


_PROVED: set[tuple[int, int, int]] = set()


def _lemma(count: int, low: int, high: int) -> None:
    if count == 1 or (count, low, high) in _PROVED:
        return
    conflicts = isl.Set(
        f"{{ [q, x, y] : {low} <= x < y <= {high} and (y - x) mod {count} > 0 and "
        f"(q + x) mod {count} = (q + y) mod {count} }}"
    )
    if not conflicts.is_empty():
        raise InternalError(f"bank conflict: {conflicts.sample_point()}")
    _PROVED.add((count, low, high))
