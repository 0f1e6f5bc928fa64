"""How a dataflow's data nodes use macros of several banks: what they read of a macro in a cycle lies at one
row.

- *Own macros*: nodes whose banks lie in one macro read it together, when control reaches the first of them;
  registers add the skew of the others.
- *In turn*: a macro serves one node at a time, as a bank does.
- *At once*: nodes turn over the banks, and a macro is read at one row unless the nodes' window comes round
  into the macro in which it began.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import islpy as isl

from lego.diag import InternalError
from lego.front.bank_use import Form, Use, User, in_turn, places_of, switched, uses
from lego.ir.costs import COSTS
from lego.ir.words import Lanes, lanes_of, word_keys

__all__ = ["prove_one_row", "wide_uses"]

Vector = tuple[int, ...]


def wide_uses(user: User, form: Form) -> Iterator[Use]:
    """The ways in which a dataflow can use macros of several banks, at its largest bounds."""
    lanes = lanes_of(form, user.time, user.first, user.offsets)
    if lanes is None:  # one bank of each macro is used
        yield from uses(user, form)
        return
    if any(map(any, form.skews)):
        return
    digits, moving = places_of(user, form), user.moving(form)
    if _apart(digits, moving):
        if _own(user, form, lanes, moving):
            yield Use(_own_cost(user, form, lanes, moving), user.nodes.control)
        return
    yield from in_turn(user, form, moving)
    alone = len(set(digits)) == len(digits) and _one_row(user, form, lanes)
    if alone and (cost := switched(user, form, moving, level=False)):
        yield Use(cost, (0,) * len(user.nodes.control))


def _apart(digits: Sequence[Vector], moving: Sequence[int]) -> bool:
    """Whether digits that stand still tell nodes apart: no bank ever serves two of them."""
    still = {tuple(d for j, d in enumerate(each) if j not in moving) for each in digits}
    return len(still) == len(digits)


def _groups(user: User, form: Form, lanes: Lanes) -> list[list[int]]:
    """Numbers of the nodes that read each word."""
    found: dict[Vector, list[int]] = {}
    for k, key in enumerate(word_keys(form, lanes, user.offsets)):
        found.setdefault(key, []).append(k)
    return list(found.values())


def _own(user: User, form: Form, lanes: Lanes, moving: Sequence[int]) -> bool:
    """Whether no macro ever serves nodes of two words, and all of a word's nodes meet one row."""
    j, groups = form.along, _groups(user, form, lanes)
    if (
        not lanes.still
    ):  # every node has macros of its own, and their row is known if it is the least one's
        return user.spans[j] == 0
    count, first, g = form.counts[j], user.first[j] // form.gcds[j], form.gcds[j]
    still = [i for i in range(len(form.counts)) if i != j and i not in moving]
    digits, places = places_of(user, form), user.offsets
    macros = {
        (*(digits[k[0]][i] for i in still), (first + digits[k[0]][j]) % count // form.wide)
        for k in groups
    }
    rows = [
        {(*places[k][:j], *places[k][j + 1 :], (first + places[k][j] // g) // count) for k in group}
        for group in groups
    ]
    return len(macros) == len(groups) and all(len(met) == 1 for met in rows)


def _own_cost(user: User, form: Form, lanes: Lanes, moving: Sequence[int]) -> int:
    """Area of the registers that add the skew, or of what chooses among the lanes of a node's word."""
    bits, skews = user.nodes.bits, user.skews
    late = sum(
        skews[k] - min(skews[n] for n in group)
        for group in _groups(user, form, lanes)
        for k in group
    )
    cost = late * bits * COSTS.register_bit
    if not lanes.still:
        met = math.prod(form.counts[i] for i in moving)
        more = met - met // form.counts[form.along]
        cost += len(user.offsets) * more * bits * COSTS.mux_bit
    return cost


def _one_row(user: User, form: Form, lanes: Lanes) -> bool:
    """Whether the nodes' window never comes round into the macro in which it began."""
    start = form.wide - 1 if lanes.window else lanes.start
    return start + user.spans[form.along] // form.gcds[form.along] < form.counts[form.along]


def prove_one_row(user: User, form: Form) -> None:
    """Prove by isl that nodes which turn over banks at once meet the macros of a form at one row each.

    Whatever the digit of the least element, where its lane stays the same or not, there are no two digits of
    the nodes' window that lie in one macro at two rows. Raises InternalError with an example if there are.
    Where no bank serves two nodes, the nodes themselves were looked at.
    """
    lanes = lanes_of(form, user.time, user.first, user.offsets)
    if lanes is None or _apart(places_of(user, form), user.moving(form)):
        return
    j, wide = form.along, form.wide
    span = user.spans[j] // form.gcds[j]
    lane = "" if lanes.window else f"q mod {wide} = {lanes.start} and "
    macro = "floor(({0} mod " + str(form.counts[j]) + f")/{wide})"
    row = "floor({0}/" + str(form.counts[j]) + ")"
    x, y = "(q + x)", "(q + y)"
    met = isl.Set(
        f"{{ [q, x, y] : 0 <= x < y <= {span} and {lane}{macro.format(x)} = {macro.format(y)} and "
        f"{row.format(x)} != {row.format(y)} }}"
    )
    if not met.is_empty():
        raise InternalError(f"a macro is read at two rows: {met.sample_point()}")
