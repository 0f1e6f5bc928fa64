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
    moving = user.moving(form)
    yield from in_turn(user, form, moving)
    if _apart(user, form, moving):
        if _own(user, form, lanes, moving):
            yield Use(_own_cost(user, form, lanes, moving), user.nodes.control)
        return
    alone = user.told_apart(form, range(len(form.counts)))
    if alone and (skip := _skip(user, form)) is not None:
        cost = switched(user, form, moving, level=False)
        if cost is not None:
            yield Use(cost, (0,) * len(user.nodes.control), skip=skip)


def _apart(user: User, form: Form, moving: Sequence[int]) -> bool:
    """Whether digits that stand still tell nodes apart: no bank ever serves two of them."""
    return user.told_apart(form, [j for j in range(len(form.counts)) if j not in moving])


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
    count, g = form.counts[j], form.gcds[j]
    first = form.moved(user.first)[j] // g
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


def _skip(user: User, form: Form) -> int | None:
    """The fewest banks after the least element's with whose macro a window of all banks may begin that holds
    whatever nodes read, at every timestamp; None if there are none."""
    windows = [
        (lane + least, lane + most, lane)
        for opening, (least, most) in _sides(user, form).items()
        for lane in _lanes(user, form, opening)
    ]
    wide, count = form.wide, form.counts[form.along]
    for skip in range(wide):
        begins = [(lane + skip) // wide * wide for _, _, lane in windows]
        if all(
            begin <= low and high < begin + count
            for begin, (low, high, _) in zip(begins, windows, strict=True)
        ):
            return skip
    return None


def _sides(user: User, form: Form) -> dict[int, tuple[int, int]]:
    """The least and the largest digit along the lanes of nodes that read in so many trips of the innermost
    counter; 0: in all."""
    found: dict[int, tuple[int, int]] = {}
    openings = user.nodes.opening or (0,) * len(user.offsets)
    for opening, offset in zip(openings, user.offsets, strict=True):
        digit = offset[form.along] // form.gcds[form.along]
        least, most = found.get(opening, (digit, digit))
        found[opening] = min(least, digit), max(most, digit)
    return found


def _lanes(user: User, form: Form, opening: int) -> list[int]:
    """Lanes of the least element in the first trips of the innermost counter; 0: in all."""
    j, g = form.along, form.gcds[form.along]
    holds = g * form.wide
    met = {form.moved(user.first)[j] % holds}
    for step, trip in zip(user.time[j], _trips(user, opening), strict=True):
        moves = {step * k % holds for k in range(min(trip, holds))}
        met = {(at + move) % holds for at in met for move in moves}
    return sorted({at // g for at in met})


def _trips(user: User, opening: int) -> Vector:
    """Trips of every counter, of the innermost no more than so many, unless that is 0."""
    return (*user.trips[:-1], *(min(n, opening or n) for n in user.trips[-1:]))


def prove_one_row(user: User, form: Form, skip: int = 0) -> None:
    """Prove by isl that nodes which turn over banks at once meet the macros of a form at one row each.

    At every timestamp at which they read, within the largest bounds, and so within smaller ones, nodes lie in
    the window of all banks that begins with the macro of the bank `skip` after the least element's. Raises
    InternalError with an example if they don't. Where no bank serves two nodes, the nodes themselves were
    looked at.
    """
    lanes = lanes_of(form, user.time, user.first, user.offsets)
    if lanes is None or _apart(user, form, user.moving(form)):
        return
    for opening, ends in _sides(user, form).items():
        met = isl.Set(_outside(user, form, skip, opening, ends))
        if not met.is_empty():
            raise InternalError(f"a macro is read at two rows: {met.sample_point()}")


def _outside(user: User, form: Form, skip: int, opening: int, ends: tuple[int, int]) -> str:
    """Timestamps, the least element's digit and where the window begins, at which one of two nodes that read
    in so many trips of the innermost counter isn't in the window, as isl writes a set."""
    j, wide, steps = form.along, form.wide, user.time[form.along]
    moves = {f"t{k}": (step, _trips(user, opening)[k]) for k, step in enumerate(steps) if step}
    index = [str(form.moved(user.first)[j]), *(f"{step}*{t}" for t, (step, _) in moves.items())]
    conditions = [
        *(f"0 <= {t} < {trip}" for t, (_, trip) in moves.items()),
        f"q = floor(({' + '.join(index)})/{form.gcds[j]})",
        f"w = {wide}*floor((q + {skip})/{wide})",
        f"(x = {ends[0]} or x = {ends[1]})",
        f"(q + x < w or q + x >= w + {form.counts[j]})",
    ]
    return f"{{ [{', '.join([*moves, 'q', 'w', 'x'])}] : {' and '.join(conditions)} }}"
