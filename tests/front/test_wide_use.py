"""Macros of several banks: a walk through all cycles of random nodes, and where the conditions end."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from lego.diag import InternalError
from lego.front.bank_use import Form, Nodes, Use, User, digits_of, user_of
from lego.front.reuse import Forms
from lego.front.wide_use import prove_one_row, wide_uses
from lego.ir.cycles import weights
from lego.ir.words import lanes_of, word_keys
from tests.front.test_bank_use import random_user

Vector = tuple[int, ...]


def random_form(r: random.Random, user: User) -> Form:
    """Random banks, with macros along one dimension, most of them wide enough for its nodes."""
    rank = len(user.origin)
    counts = [r.choice([1, 1, 2, 3, 4, 8]) for _ in range(rank)]
    along, wide = r.randrange(rank), r.choice([2, 2, 3, 4])
    least = r.choice([1, user.spans[along] + 1, user.spans[along] + wide])
    counts[along] = -(-least // wide) * wide
    shift = r.choice([0, 0, *range(wide)])
    return Form(tuple(counts), (1,) * rank, ((0,) * rank,) * rank, wide, along, shift)


def opened(r: random.Random, user: User, along: int) -> User:
    """The user, most of whose nodes read in the first trips of the innermost counter only: in half of the
    cases those at the ends along a dimension read in all."""
    opening, ends = r.choice([1, 1, 2]), r.choice([(), (0,), (user.spans[along],)])
    each = tuple(0 if x[along] in ends else opening for x in user.offsets)
    held = user.nodes.hold or r.random() < 0.3
    return user if held else replace(user, nodes=replace(user.nodes, opening=each))


def reading(user: User) -> User:
    """The same nodes of an operand."""
    return user_of(replace(user.nodes, output=False))


def read_rows(user: User, form: Form, use: Use) -> list[tuple[int, Vector, Vector, int]]:
    """The cycle, the macro, the row and the node of every read, by plain loops: nodes that meet a macro at a
    timestamp read it when the first of them does, unless they take turns."""
    acting, opens = len(user.trips) - user.nodes.hold, user.nodes.opening
    found = []
    for t in itertools.product(*(range(n) for n in user.trips[:acting])):
        cycle = sum(a * b for a, b in zip(weights(user.trips), t, strict=False))
        moved = [sum(a * b for a, b in zip(row, t, strict=False)) for row in user.time]
        met: dict[Vector, list[tuple[int, Vector, int, bool]]] = {}
        for k, (fu, offset) in enumerate(zip(user.nodes.fus, user.offsets, strict=True)):
            element = form.moved(tuple(map(sum, zip(moved, user.first, offset, strict=True))))
            digits = [d % n for d, n in zip(digits_of(element, form), form.counts, strict=True)]
            digits[form.along] //= form.wide
            row = tuple(d // n for d, n in zip(element, form.counts, strict=True))
            late = sum(a * s for a, s in zip(use.lag, fu, strict=True)) // use.per
            reads = not opens or not opens[k] or t[-1] < opens[k]
            met.setdefault(tuple(digits), []).append((cycle + late, row, k, reads))
        for macro, each in met.items():
            first = min(late for late, *_ in each)
            found += [
                (late if use.turns else first, macro, row, k if use.turns else 0)
                for late, row, k, reads in each
                if reads
            ]
    return found


@pytest.mark.parametrize("block", range(4))
def test_no_macro_is_asked_for_two_words_in_a_cycle(block: int) -> None:
    r, kinds = random.Random(f"wide {block}"), set()
    for _ in range(500):
        user = reading(random_user(r))
        form = random_form(r, user)
        user = opened(r, user, form.along)
        for use in wide_uses(user, form):
            lanes = lanes_of(form, user.time, user.first, user.offsets)
            assert lanes is not None
            kinds.add((use.turns is not None, bool(user.moving(form)), lanes.window))
            if use.turns is None:
                prove_one_row(user, form, use.skip)
            reads = read_rows(user, form, use)
            asked = {(cycle, macro) for cycle, macro, _, _ in reads}
            assert len(asked) == len(set(reads)), (user.nodes, form, use)
    assert {turns for turns, _, _ in kinds} == {False, True}
    assert {window for _, moves, window in kinds if moves} == {False, True}


def moving_row(r: random.Random, count: int, wide: int) -> User:
    """Nodes in a row, whose window moves by a few elements, and outside that by as many as there are, or by
    whole macros."""
    outer, inner = r.choice([count, wide, 2 * wide]), r.choice([1, 1, -1, 2])
    form = Forms(((outer, inner), (0, 0)), ((1,), (0,)), (r.randint(-3, 3), 0))
    nodes = tuple((k,) for k in range(count))
    return user_of(Nodes(form, nodes, (0,), (3, r.choice([1, 2, 3, 5])), 0, 0, 8, (64, 1)))


def test_windows_move_while_few_nodes_read() -> None:
    """A walk through all cycles shows what is proved, and hardly anything else is so."""
    r, shifted, alike = random.Random(5), set(), [0, 0]
    for _ in range(800):
        wide = r.choice([2, 3, 4, 8])
        user = opened(r, moving_row(r, r.randint(2, 8), wide), 0)
        count = -(-len(user.offsets) // wide) * wide
        form = along_first(count, wide, r.randrange(wide))
        found = [use for use in wide_uses(user, form) if not use.turns]
        for use in found:
            shifted.add((use.skip > 0, form.shift > 0))
            prove_one_row(user, form, use.skip)
        reads = read_rows(user, form, *(found or [Use(0, (0,))]))
        legal = len({read[:2] for read in reads}) == len(set(reads))
        assert legal or not found
        alike[legal] += bool(found) == legal
    assert len(shifted) == 4
    assert alike[False] > 50 < alike[True]


def test_nodes_that_read_one_word_are_those_that_meet_one_macro() -> None:
    """At every timestamp, where nodes keep their lanes."""
    r, several = random.Random(3), 0
    for _ in range(600):
        user = reading(random_user(r))
        form = random_form(r, user)
        lanes = lanes_of(form, user.time, user.first, user.offsets)
        if (
            lanes is None
            or not lanes.aligned
            or not any(u.turns is None for u in wide_uses(user, form))
        ):
            continue
        keys = word_keys(form, lanes, user.offsets)
        for t in itertools.product(*(range(n) for n in user.trips)):
            macros = []
            for offset in user.offsets:
                moved = [sum(a * b for a, b in zip(row, t, strict=True)) for row in user.time]
                element = form.moved(tuple(map(sum, zip(moved, user.first, offset, strict=True))))
                digits = [d % n for d, n in zip(digits_of(element, form), form.counts, strict=True)]
                digits[form.along] //= form.wide
                macros.append(tuple(digits))
            pairs = set(zip(keys, macros, strict=True))
            assert len(pairs) == len(set(keys)) == len(set(macros))
        several += len(set(keys)) < len(keys)
    assert several > 20


def row_of_nodes(step: int, first: int, control: Vector = (0,), opening: Vector = ()) -> User:
    """Eight nodes in a row, whose window moves by `step`."""
    form = Forms(((step,), (1,)), ((1,), (0,)), (first, 0))
    fus = tuple((k,) for k in range(8))
    return user_of(Nodes(form, fus, control, (16,), 0, 0, 8, (64, 16), opening=opening))


def along_first(count: int, wide: int, shift: int = 0) -> Form:
    return Form((count, 1), (1, 1), ((0, 0), (0, 0)), wide, 0, shift)


@pytest.mark.parametrize(
    ("step", "first", "count", "legal"),
    [
        (1, 0, 8, False),  # the window comes round into the macro in which it began
        (1, 0, 12, True),  # 8 + 4 - 1, in whole macros
        (4, 0, 8, True),  # it moves by whole macros
        (4, 1, 8, False),  # and begins within one
        (4, 1, 12, True),
        (2, 0, 8, False),
    ],
)
def test_windows_have_room(step: int, first: int, count: int, *, legal: bool) -> None:
    user, form = row_of_nodes(step, first), along_first(count, 4)
    assert bool(list(wide_uses(user, form))) == legal
    if legal:
        prove_one_row(user, form)
    else:
        with pytest.raises(InternalError, match="a macro is read at two rows"):
            prove_one_row(user, form)


def test_the_skew_of_control_costs_registers_within_macros() -> None:
    """Nodes of one macro are up to `wide - 1` cycles apart."""
    skewed, level = row_of_nodes(0, 0, (1,)), row_of_nodes(0, 0)
    costs = []
    for wide in (2, 4, 8):
        (use,) = wide_uses(skewed, along_first(8, wide))
        (other,) = wide_uses(level, along_first(8, wide))
        assert other.cost == 0
        costs.append(use.cost)
    assert [cost // costs[0] for cost in costs] == [1, 3, 7]


def test_a_macro_across_two_rows_is_refused() -> None:
    """Banks that stand still, the first in the middle of a macro: the last node is there, too, one row on."""
    user = row_of_nodes(0, 2)
    assert not list(wide_uses(user, along_first(8, 4)))
    assert list(wide_uses(replace(user), along_first(12, 4)))


LAST, FIRST = (1,) * 7 + (0,), (0,) + (1,) * 7
"""All nodes read at the first timestamp, and then the last, or the first, of them."""


@pytest.mark.parametrize(
    ("step", "first", "opening", "wide", "shift", "skip"),
    [
        (
            1,
            0,
            LAST,
            4,
            0,
            3,
        ),  # as one reads beyond the macro where the others began, that is left out
        (1, 0, LAST, 8, 0, 7),
        (-1, 0, FIRST, 8, 0, 0),  # one before it: the window begins with its macro
        (1, -1, LAST, 8, 1, 7),
        (1, 6, LAST, 8, 2, 7),
        (1, -1, LAST, 8, 0, None),  # all nodes read across the end of a macro
        (1, -1, LAST, 8, 2, None),
        (1, 0, (2,) * 7 + (0,), 8, 0, None),  # and so at the second timestamp
        (1, 0, (1,) * 6 + (0, 0), 8, 0, None),  # the last two nodes are in two macros at some
        (1, 0, FIRST, 8, 0, 0),  # the first node alone is in one, wherever
        (-1, 0, LAST, 8, 0, 7),
    ],
)
def test_only_nodes_that_read_are_in_the_window(
    step: int, first: int, opening: Vector, wide: int, shift: int, skip: int | None
) -> None:
    """In as many banks as there are nodes."""
    user, form = row_of_nodes(step, first, opening=opening), along_first(8, wide, shift)
    assert [use.skip for use in wide_uses(user, form)] == [skip] * (skip is not None)
    for other in range(wide):
        if skip is not None and other == skip:
            prove_one_row(user, form, other)
        elif skip is None or other < skip:
            with pytest.raises(InternalError, match="a macro is read at two rows"):
                prove_one_row(user, form, other)


def test_fewer_trips_than_a_macro_has_lanes() -> None:
    """Six nodes that begin with a macro of eight banks, and move by one twice, are never in two."""
    form = Forms(((8, 1), (0, 0)), ((1,), (0,)), (0, 0))
    nodes = Nodes(form, tuple((k,) for k in range(6)), (0,), (4, 3), 0, 0, 8, (40, 1))
    found = [
        list(wide_uses(user_of(replace(nodes, trips=(4, n))), along_first(8, 8))) for n in (3, 4)
    ]
    assert [len(uses) for uses in found] == [1, 0]
