"""Ways to use banks: what each array needs, and a walk through all cycles of random nodes."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest

from frontends.yaml import load_text
from lego.designs import designs_of
from lego.front.bank_use import Form, Nodes, Use, User, digits_of, user_of, uses
from lego.front.reuse import Forms
from lego.ir.cycles import weights
from lego.ir.hardware import MemoryStyle

PRODUCT = """
name: g
operations:
  - name: mm
    loops: {{m: 32, n: 32, k: 32}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflows:
{flows}
architecture: {{array: [8, 8]}}
"""
FLOWS = {
    "os": "spatial: {m: 8, n: 8}, temporal: [m, n, k]",
    "ws": "spatial: {k: 8, n: 8}, temporal: [n, k, m]",
    "is": "spatial: {m: 8, k: 8}, temporal: [m, k, n]",
}


def banks_of(control: str, *flows: str, style: str = "cheapest") -> list[int]:
    """Banks of X, W and Y."""
    lines = (f"      - {{name: {name}, {FLOWS[name]}, control: {control}}}" for name in flows)
    text = PRODUCT.format(flows="\n".join(lines)).replace(
        "[8, 8]}", f"[8, 8], memory_style: {style}}}"
    )
    (fused,) = designs_of(load_text(text))
    return [buffer.n_banks for buffer in fused.buffers()]


def test_as_many_banks_as_nodes_act_in_a_cycle() -> None:
    assert banks_of("systolic", "os") == [8, 8, 8]
    assert banks_of("systolic", "ws") == [8, 8, 8]
    assert banks_of("systolic", "os", "ws", "is") == [8, 8, 8]
    assert banks_of("broadcast", "os", style="narrow") == [8, 8, 8]  # results wait for their turn
    assert banks_of("broadcast", "ws") == [8, 64, 8]  # all FUs take their weight at once


def test_without_turns_every_node_has_a_bank() -> None:
    assert banks_of("systolic", "os", style="at-once") == [8, 8, 64]
    assert banks_of("systolic", "os", "ws", "is", style="at-once") == [64, 64, 64]


def random_user(r: random.Random) -> User:
    """Random nodes on an array of two axes under random counters."""
    rank, counters = r.randint(0, 1), r.randint(1, 3)
    hold = r.choice([0, 0, 1, counters])
    sides = r.randint(1, 4), r.randint(1, 4)
    axes = range(2)
    space = [[int(k == axis) for k in axes] for axis in axes]  # nodes differ
    space += [[r.choice([0, 1, 2]) for _ in axes] for _ in range(rank)]
    r.shuffle(space)
    time = tuple(
        tuple(
            0 if k >= counters - hold else r.choice([0, 1, 1, sides[0], 4]) for k in range(counters)
        )
        for _ in space
    )
    nodes = Nodes(
        Forms(time, tuple(map(tuple, space)), (0,) * len(space)),
        tuple(itertools.product(*map(range, sides))),
        r.choice([(1, 1), (1, 0), (0, 0), (0, 1)]),
        tuple(r.choice([1, 2, 4, 5, 8]) for _ in range(counters)),
        hold,
        0,
        8,
        (9,) * len(space),
        r.choice([False, True]),
    )
    return user_of(nodes)


def random_form(r: random.Random, user: User) -> Form:
    rank = len(user.origin)
    counts = tuple(r.choice([1, 1, 2, 3, 4, 8]) for _ in range(rank))
    split = [j for j in range(rank) if counts[j] > 1]
    skews = [[0] * rank for _ in range(rank)]
    for i in range(rank):
        if counts[i] == 1 and split and r.random() < 0.4:
            skews[r.choice(split)][i] = 1
    return Form(counts, (1,) * rank, tuple(map(tuple, skews)))


def conflicts(user: User, form: Form, use: Use) -> bool:
    """Whether a bank is used twice in a cycle at the largest trips, walking through all of them."""
    acting = len(user.trips) - user.nodes.hold
    per_step = weights(user.trips)
    used, count = set(), 0
    for t in itertools.product(*(range(n) for n in user.trips[:acting])):
        cycle = sum(a * b for a, b in zip(per_step, t, strict=False))
        moved = [sum(a * b for a, b in zip(row, t, strict=False)) for row in user.time]
        for fu, offset in zip(user.nodes.fus, user.offsets, strict=True):
            element = tuple(map(sum, zip(moved, offset, strict=True)))
            bank = tuple(d % n for d, n in zip(digits_of(element, form), form.counts, strict=True))
            late = sum(a * s for a, s in zip(use.lag, fu, strict=True)) // use.per
            used.add((cycle + late, bank))
            count += 1
    return len(used) < count


@pytest.mark.parametrize("block", range(4))
def test_no_way_to_use_banks_has_conflicts(block: int) -> None:
    r, kinds = random.Random(block), set()
    for _ in range(400):
        user = random_user(r)
        form = random_form(r, user)
        for use in uses(user, form):
            kinds.add((use.turns is not None, use.again > 0, any(use.lag)))
            assert not conflicts(user, form, use), (user.nodes, form, use)
    assert {turns for turns, _, _ in kinds} == {False, True}


def test_at_once_no_bank_serves_nodes_in_turn() -> None:
    r = random.Random(5)
    for _ in range(200):
        user = random_user(r)
        style = replace(user.nodes, style=MemoryStyle.AT_ONCE)
        form = random_form(r, user)
        assert all(use.turns is None for use in uses(user_of(style), form))


def test_results_that_wait_cost_a_register_each() -> None:
    nodes = Nodes(
        Forms(((4, 0), (0, 0)), ((1, 0), (0, 1)), (0, 0)),
        tuple(itertools.product(range(4), range(4))),
        (0, 0),
        (3, 9),
        1,
        1,
        32,
        (12, 4),
        True,
    )
    form = Form((4, 1), (1, 1), ((0, 0), (0, 0)))
    found = {(use.lag, use.per): use for use in uses(user_of(nodes), form)}
    assert set(found) == {((0, 1), 1)}  # nodes of a column act together, in banks of their own
    assert found[(0, 1), 1].apart == 3
    assert math.prod(form.counts) == 4
