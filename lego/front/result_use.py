"""How a dataflow's results use macros of several banks: what is written of a macro in a cycle lies at one
row.

- *Own macros*: a macro serves one node, whose lane may change; or nodes that act together, at one row.
- *In turn*: a macro serves one node at a time, or nodes that act together, at one row.
- *At once*: nodes turn over the macros, keep their lanes, and their window never comes round into the macro
  in which it began.

Nodes write one *word* if they act in one cycle and their elements lie in one macro at one row, whatever the
timestamp. Of a word's nodes one is the least along all axes of the array: it commits if any of them does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import islpy as isl

from lego.diag import InternalError
from lego.front.bank_use import (
    Form,
    Use,
    User,
    digits_of,
    in_turn,
    places_of,
    switched,
    uses,
    word_groups,
)
from lego.front.banking import prove_conflict_free
from lego.front.meetings import prove_apart
from lego.front.wide_use import prove_one_row
from lego.ir.costs import COSTS, UNIT
from lego.ir.words import Lanes, lanes_of

__all__ = ["BEAT_BITS", "adders_area", "prove_results", "prove_words", "result_uses"]
__all__ += ["written_together"]

Vector = tuple[int, ...]

BEAT_BITS = 128
"""Most bits of a word of several results: those of a wide bus."""


def adders_area(users: Sequence[tuple[User, Form]], bits: int) -> int:
    """Area of what adds to words of so many bits in memory: at every bank, or at nodes with several."""
    adding = [(user, form) for user, form in users if user.nodes.adds]
    at_banks = max((form.macros * form.wide for _, form in adding), default=0)
    private = all(_private(places_of(user, form), user.moving(form)) for user, form in adding)
    at_nodes = UNIT * max((len(user.offsets) for user, _ in adding), default=0)
    one = COSTS.adder_bit + 2 * (COSTS.register_bit + COSTS.mux_bit)
    return (min(at_banks, at_nodes) if private else at_banks) * bits * one


def result_uses(user: User, form: Form) -> Iterator[Use]:
    """The ways in which a dataflow's results can use macros of several banks, at its largest bounds."""
    lanes = _lanes(user, form)
    if lanes is None:  # one bank of each macro is used
        yield from uses(user, form)
        return
    if any(map(any, form.skews)):
        return
    digits, moving = places_of(user, form), user.moving(form)
    private = _private(digits, moving)
    if private and _own(user, form, lanes, moving):
        yield Use(0, user.nodes.control)
        return
    yield from in_turn(user, form, moving)
    alone = not private and len(set(digits)) == len(digits) and _level(user, form, lanes)
    if alone and (cost := switched(user, form, moving, level=False)):
        yield Use(cost, (0,) * len(user.nodes.control))


def written_together(user: User, form: Form, use: Use) -> bool:
    """Whether results that are written in one cycle lie in one word."""
    lanes = _lanes(user, form)
    if not user.nodes.output or lanes is None or not lanes.aligned:
        return False
    phases = user.phases(use.lag, use.per) if use.turns else (0,) * len(user.offsets)
    words = word_groups(user, form, phases)
    return words is not None and len(words) < len(user.offsets)


def _lanes(user: User, form: Form) -> Lanes | None:
    return lanes_of(form, user.time, user.first, user.offsets)


def _private(digits: Sequence[Vector], moving: Sequence[int]) -> bool:
    """Whether digits that stand still tell nodes apart: no bank ever serves two of them."""
    still = {tuple(d for j, d in enumerate(each) if j not in moving) for each in digits}
    return len(still) == len(digits)


def _own(user: User, form: Form, lanes: Lanes, moving: Sequence[int]) -> bool:
    """Whether no macro ever serves nodes of two words."""
    if not lanes.still:  # nodes are told apart by other digits, and so in macros of their own
        return user.spans[form.along] == 0
    words = word_groups(user, form, user.skews)
    return words is not None and len(set(_macros(user, form, words, moving))) == len(words)


def _macros(
    user: User, form: Form, words: Sequence[Sequence[int]], moving: Sequence[int]
) -> list[Vector]:
    """What stands still of the macro of each word."""
    j, digits = form.along, places_of(user, form)
    first = form.moved(user.first)[j] // form.gcds[j]
    still = [i for i in range(len(form.counts)) if i != j and i not in moving]
    return [
        (*(digits[k][i] for i in still), (first + digits[k][j]) % form.counts[j] // form.wide)
        for k, *_ in words
    ]


def _level(user: User, form: Form, lanes: Lanes) -> bool:
    """Whether nodes that turn over the macros at once keep their lanes, and their window fits the banks."""
    window = lanes.start + user.spans[form.along] // form.gcds[form.along]
    words = word_groups(user, form, (0,) * len(user.offsets))
    return lanes.aligned and words is not None and window < form.counts[form.along]


def prove_results(user: User, form: Form, use: Use) -> None:
    """Prove by isl that in every cycle all that is written of a macro has one row, and lanes of their own.

    Raises InternalError with an example if not.
    """
    lanes, moving = _lanes(user, form), user.moving(form)
    if use.turns is not None:
        prove_apart(use.turns, user.trips)
    else:
        prove_conflict_free(form.counts, [digits_of(x, form) for x in user.offsets])
        prove_one_row(user, form)
    if lanes is None:
        return
    private = use.turns is None and _private(places_of(user, form), moving)
    if private and not _own(user, form, lanes, moving):
        raise InternalError("a macro is written at two rows by nodes that keep their banks")
    if lanes.aligned:
        prove_words(user, form, lanes.start)


def prove_words(user: User, form: Form, start: int) -> None:
    """Prove by isl that two nodes whose digits, counted from the lane `start` of the least one, lie in one
    block of `wide` are in one macro at one row, in two lanes, whatever the timestamp.

    All nodes add the same digit ``q``, which has that lane. Raises InternalError with an example if not.
    """
    j, wide, count = form.along, form.wide, form.counts[form.along]
    span = user.spans[j] // form.gcds[j]
    block, row = f"floor(({start} + {{0}})/{wide})", f"floor((q + {{0}})/{count})"
    macro = f"floor(((q + {{0}}) mod {count})/{wide})"
    alike = block.format("x") + " = " + block.format("y")
    differ = [f"{one.format('x')} != {one.format('y')}" for one in (row, macro)]
    met = isl.Set(
        f"{{ [q, x, y] : 0 <= x < y <= {span} and q mod {wide} = {start} and {alike} and "
        f"({' or '.join([*differ, f'(y - x) mod {wide} = 0'])}) }}"
    )
    if not met.is_empty():
        raise InternalError(f"a word is written at two rows: {met.sample_point()}")
