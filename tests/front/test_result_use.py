"""Results in macros of several banks: a walk through the cycles of random nodes, and where conditions end."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lego.diag import InternalError
from lego.front.bank_use import Form, Nodes, Use, User, digits_of, user_of
from lego.front.result_use import adders_area, prove_results, prove_words, result_uses
from lego.front.reuse import Forms
from lego.ir.cycles import weights
from lego.ir.words import lanes_of
from lego.ir.written import first_of, grouped, written_keys
from tests.front.test_bank_use import random_user
from tests.front.test_wide_use import random_form

Vector = tuple[int, ...]


def results(user: User) -> User:
    """The same nodes, writing."""
    return user_of(replace(user.nodes, output=True))


def written(user: User, form: Form, use: Use) -> Iterator[tuple[int, Vector, Vector, int]]:
    """The cycle, the macro, the row and the lane of every write, by plain loops."""
    acting = len(user.trips) - user.nodes.hold
    for t in itertools.product(*(range(n) for n in user.trips[:acting])):
        cycle = sum(a * b for a, b in zip(weights(user.trips), t, strict=False))
        moved = [sum(a * b for a, b in zip(row, t, strict=False)) for row in user.time]
        for fu, offset in zip(user.nodes.fus, user.offsets, strict=True):
            element = form.moved(tuple(map(sum, zip(moved, user.first, offset, strict=True))))
            digits = [d % n for d, n in zip(digits_of(element, form), form.counts, strict=True)]
            digits[form.along], lane = divmod(digits[form.along], form.wide)
            row = tuple(d // n for d, n in zip(element, form.counts, strict=True))
            late = sum(a * s for a, s in zip(use.lag, fu, strict=True)) // use.per
            yield cycle + late, tuple(digits), row, lane


def joint(user: User, form: Form, use: Use) -> int:
    """The most nodes that write one word together."""
    lanes = lanes_of(form, user.time, user.first, user.offsets)
    if lanes is None or not lanes.aligned:
        return 1
    phases = [
        sum(a * s for a, s in zip(use.lag, fu, strict=True)) // use.per for fu in user.nodes.fus
    ]
    keys = written_keys(form, lanes.start, user.offsets, phases)
    return max(map(len, grouped(keys)))


@pytest.mark.parametrize("block", range(4))
def test_no_macro_is_asked_for_two_words_in_a_cycle(block: int) -> None:
    """Nor one of its lanes twice, and nodes that write one word do so always."""
    r, kinds = random.Random(f"results {block}"), set()
    for _ in range(500):
        user = results(random_user(r))
        form = random_form(r, user)
        for use in result_uses(user, form):
            prove_results(user, form, use)
            together = joint(user, form, use) > 1
            kinds.add((use.turns is not None, bool(user.moving(form)), together))
            every = list(written(user, form, use))
            rows = {(cycle, macro): row for cycle, macro, row, _ in every}
            assert all(rows[cycle, macro] == row for cycle, macro, row, _ in every), (user, form)
            lanes = {(cycle, macro, lane) for cycle, macro, _, lane in every}
            assert len(lanes) == len(every), (user, form, use)
            assert together or len(rows) == len(every)
    turns = {(turns, together) for turns, _, together in kinds}
    assert turns == set(itertools.product((False, True), repeat=2))
    assert {moves for _, moves, _ in kinds} == {False, True}


def square(control: Vector, hold: int = 1, bits: int = 32) -> User:
    """4x4 nodes of a product: `d0` goes along one axis, `d1` along the other; tiles and 8 trips inside."""
    form = Forms(((4, 0, 0), (0, 4, 0)), ((1, 0), (0, 1)), (0, 0))
    fus = tuple(itertools.product(range(4), range(4)))
    return user_of(Nodes(form, fus, control, (2, 2, 8), hold, hold, bits, (8, 8), output=True))


def along(counts: Vector, wide: int, dim: int) -> Form:
    return Form(counts, (1,) * len(counts), ((0,) * len(counts),) * len(counts), wide, dim)


def test_words_along_a_wave_take_one_node_at_a_time() -> None:
    """With skewed control the nodes of a cycle lie on a diagonal, so none of them share a row."""
    user = square((1, 1))
    assert [use.turns is not None for use in result_uses(user, along((2, 4), 2, 0))] == [True]
    assert not list(result_uses(user, along((1, 4), 2, 1)))
    assert not list(result_uses(user, along((1, 4), 4, 1)))


def test_nodes_that_wait_equally_long_write_one_word() -> None:
    user = square((0, 0))
    one = min(result_uses(user, along((1, 4), 4, 1)))
    assert (one.lag, one.per, joint(user, along((1, 4), 4, 1), one)) == ((1, 0), 1, 4)
    two = along((2, 4), 2, 0)
    assert any(joint(user, two, use) == 2 and use.per == 2 for use in result_uses(user, two))


def test_a_word_needs_a_node_that_tells_whether_it_is_written() -> None:
    """If commits go by more than loops' bounds, nodes of one word may commit in any combination."""
    user, form = square((0, 0)), along((1, 4), 4, 1)
    assert list(result_uses(user, form))
    checked = user_of(replace(user.nodes, checked=True))
    assert not list(result_uses(checked, form))
    assert list(result_uses(checked, along((2, 4), 2, 0)))  # one at a time
    assert first_of([(0, 1), (0, 0), (1, 0)]) == (0, 0)
    assert first_of([(0, 1), (1, 0)]) is None


def test_nodes_that_act_all_the_time_share_macros_if_they_act_together() -> None:
    form = along((4, 4), 4, 1)
    (use,) = result_uses(square((0, 0), hold=0), form)
    assert (use.turns, use.cost) == (None, 0)
    assert not list(result_uses(square((1, 1), hold=0), form))
    assert not list(result_uses(square((0, 1), hold=0), form))
    assert list(result_uses(square((1, 0), hold=0), form))


def test_a_lane_that_moves_is_of_one_node() -> None:
    """`d1` goes with the innermost counter; nodes that differ in it may not have macros that move."""
    form = Forms(((4, 0), (0, 1)), ((1,), (0,)), (0, 0))
    nodes = Nodes(form, tuple((k,) for k in range(4)), (1,), (2, 9), 0, 0, 32, (8, 9), output=True)
    (use,) = result_uses(user_of(nodes), along((4, 2), 2, 1))
    assert (use.turns, use.cost) == (None, 0)
    beside = replace(nodes, form=replace(form, space=((1,), (1,))))
    assert not list(result_uses(user_of(beside), along((4, 2), 2, 1)))


def test_the_proof_fails_where_words_meet() -> None:
    """Two words at one macro in one cycle; nodes of two rows."""
    user, right = square((0, 0)), along((1, 4), 4, 1)
    use = min(result_uses(user, right))
    prove_results(user, right, use)
    assert use.turns is not None
    met = replace(use, turns=replace(use.turns, nodes=((0, (0, 0)), (8, (0, 0)))))
    with pytest.raises(InternalError, match="bank conflict 8 cycles apart"):
        prove_results(user, right, met)
    with pytest.raises(InternalError, match="bank conflict"):
        prove_results(user, right, replace(use, turns=None))


def test_the_proof_fails_where_a_word_has_two_rows() -> None:
    """Macros of four banks whose count isn't a multiple of four, or a lane that isn't the first node's."""
    user = square((0, 0))
    prove_words(user, along((1, 8), 4, 1), 0)
    prove_words(user, along((1, 8), 4, 1), 3)
    with pytest.raises(InternalError, match="a word is written at two rows"):
        prove_words(user, along((1, 6), 4, 1), 0)
    window = square((0, 0), hold=0)
    with pytest.raises(InternalError, match="two rows by nodes that keep their banks"):
        prove_results(
            user_of(replace(window.nodes, form=replace(window.nodes.form, offset=(0, 2)))),
            along((4, 4), 4, 1),
            Use(0, (0, 0)),
        )


def test_adders_are_counted_at_every_lane_or_at_nodes() -> None:
    user, form, large = square((0, 0), hold=0), along((4, 4), 4, 1), along((4, 16), 4, 1)
    assert adders_area([(user, form)], 32) == 0
    adding = replace(user.nodes, adds=True)
    sixteen = adders_area([(user_of(adding), form)], 32)
    assert adders_area([(user_of(adding), form), (user, large)], 32) == sixteen
    assert adders_area([(user_of(adding), large)], 32) == 4 * sixteen  # nodes turn over banks
    still = replace(adding, form=replace(adding.form, time=((0, 0, 0), (0, 0, 0))))
    assert adders_area([(user_of(still), large)], 32) == 2 * sixteen  # 16 units
