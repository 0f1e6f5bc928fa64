"""Banks of a tensor's memory: the cheapest that serve all dataflows which use it, proved free of conflicts.

Data node ``s`` touches ``d = u(t) + kappa(s)``; element ``d`` lies in bank digit
``(d_j // g_j + skew_j . d) mod B_j`` per dimension. One choice of ``(g, B, skew)`` serves all dataflows; each
uses it in the way that costs it least (:mod:`lego.front.bank_use`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import islpy as isl

from lego.diag import InternalError
from lego.front.bank_use import Form, Nodes, Use, User, digits_of, user_of, uses
from lego.front.costs import bank_cost
from lego.front.meetings import prove_apart
from lego.ir.banking import Banking
from lego.ir.costs import COSTS

__all__ = [
    "Nodes",
    "bank_function",
    "banking_of",
    "banks_and_area",
    "cheapest_form",
    "least_banks",
    "prove_conflict_free",
    "shared_banks",
]

Vector = tuple[int, ...]
Skews = tuple[Vector, ...]

WIDE_SEARCH = 1 << 16
"""Up to so many count vectors times nodes all counts are tried; beyond, only the nodes' extents."""


def bank_function(nodes: Nodes) -> Banking:
    """The banks of one dataflow's data nodes, whose elements differ pairwise."""
    return shared_banks([nodes])[0]


def least_banks(every: Sequence[Nodes]) -> int:
    """Nodes that act in one cycle: no bank function of elements alone can do with fewer."""
    return max(user_of(nodes).least for nodes in every)


def banks_and_area(every: Sequence[Nodes]) -> tuple[int, int]:
    """Banks of the cheapest function, and their area with what it takes to use them (1e-3 um2)."""
    users = [user_of(nodes) for nodes in every]
    form, chosen = _cheapest(users, max(user.least for user in users))
    cost = users[0].memory_cost(form) + sum(use.cost for use in chosen)
    return math.prod(form.counts), cost


def cheapest_form(every: Sequence[Nodes]) -> Form:
    """The cheapest function with a macro per bank."""
    users = [user_of(nodes) for nodes in every]
    return _cheapest(users, max(user.least for user in users))[0]


def shared_banks(every: Sequence[Nodes]) -> list[Banking]:
    """One bank function for several dataflows, and how each uses it.

    Counts are searched by rising product from the lower bound: the number of nodes that act in one
    cycle, up to where banks alone cost more than what was found (see `WIDE_SEARCH`).
    """
    return list(_shared(tuple(replace(nodes, opening=()) for nodes in every)))


@lru_cache(maxsize=64)
def _shared(every: tuple[Nodes, ...]) -> tuple[Banking, ...]:
    """The same; a tensor that one dataflow uses is asked for alone, and once more with all others. When
    nodes read is no matter where every macro has one bank."""
    users = [user_of(nodes) for nodes in every]
    form, chosen = _cheapest(users, max(user.least for user in users))
    for user, use in zip(users, chosen, strict=True):
        if use.turns is None:
            prove_conflict_free(form.counts, [digits_of(x, form) for x in user.offsets])
        else:
            prove_apart(use.turns, user.trips)
    return tuple(banking_of(user, form, use) for user, use in zip(users, chosen, strict=True))


def banking_of(user: User, form: Form, use: Use) -> Banking:
    """A bank function as one dataflow uses it."""
    return Banking(
        form.counts,
        form.gcds,
        form.skews,
        user.origin,
        not user.moving(form),
        use.lag,
        use.per,
        use.turns is not None,
        use.pause,
        use.apart,
        use.again,
        form.wide,
        form.along,
        form.shift,
        use.skip,
    )


def _cheapest(users: Sequence[User], least: int) -> tuple[Form, list[Use]]:
    """The bank function that costs least, with its switches, and every dataflow's use of it."""
    rank = len(users[0].origin)
    gcds = [math.gcd(*(x[j] for user in users for x in user.offsets)) or 1 for j in range(rank)]
    found: tuple[_Rank, Form, list[Use]] | None = None
    least_each = min(COSTS.bank, bank_cost(users[0].nodes.bits, 2))
    for counts in _counts(users, gcds, least):
        if found is not None and math.prod(counts) * least_each > found[0][0]:
            break
        scales = tuple(g if n > 1 else 1 for g, n in zip(gcds, counts, strict=True))
        for skews in _skews(users, scales, counts):
            form = Form(counts, scales, skews)
            chosen = _chosen(users, form, None if found is None else found[0][0])
            price = chosen and (chosen[0], tuple(use.again > 0 for use in chosen[1]))
            if chosen and price and (found is None or price < found[0]):
                found = price, form, chosen[1]
    if found is None:
        raise InternalError("no bank function was found")
    return found[1], found[2]


_Rank = tuple[int, tuple[bool, ...]]
"""The cost, and whether each dataflow pauses after most passes: of equally dear banks those are taken
under which the first dataflows don't."""


def _chosen(users: Sequence[User], form: Form, at_most: int | None) -> tuple[int, list[Use]] | None:
    """What the banks cost with everyone's cheapest use of them; None if that is more than so much, or
    they don't serve someone."""
    cost, found = users[0].memory_cost(form), []
    for user in users:
        if at_most is not None and cost > at_most:
            return None
        use = min(uses(user, form), default=None)
        if use is None:
            return None
        cost += use.cost
        found.append(use)
    return (cost, found) if at_most is None or cost <= at_most else None


def _counts(users: Sequence[User], gcds: Sequence[int], least: int) -> Iterator[Vector]:
    """Counts per dimension by rising product; the last always serves."""
    extents = [
        sorted({1, *(span // g + 1 for user in users for span in [user.spans[j]])})
        for j, g in enumerate(gcds)
    ]
    full = tuple(values[-1] for values in extents)
    if math.prod(full) * least <= WIDE_SEARCH and math.prod(full) > least:
        extents = [list(range(1, n + 1)) for n in full]
    fitting = [counts for counts in itertools.product(*extents) if math.prod(counts) >= least]
    yield from sorted(fitting, key=lambda counts: (math.prod(counts), counts))


def _skews(users: Sequence[User], gcds: Vector, counts: Vector) -> Iterator[Skews]:
    """No skew, then every way to add an unsplit dimension along which nodes differ to a split one."""
    rank = len(counts)
    split = [j for j in range(rank) if counts[j] > 1 and gcds[j] == 1]
    spread = [i for i in range(rank) if counts[i] == 1 and any(user.spans[i] for user in users)]
    for targets in itertools.product([None, *split], repeat=len(spread)):
        yield tuple(
            tuple(int((i, j) in zip(spread, targets, strict=True)) for i in range(rank))
            for j in range(rank)
        )


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
