"""Data nodes that use banks in turn: who meets whom, against a walk through all cycles."""

from __future__ import annotations

import itertools
import random

import pytest

from lego.diag import InternalError
from lego.front.meetings import Turns, pause_level, pauses_at, prove_apart
from lego.ir.cycles import weights


def turns_of(r: random.Random) -> tuple[Turns, tuple[int, ...], tuple[int, ...]]:
    """Random nodes, trips and pauses."""
    counters, rank = r.randint(1, 3), r.randint(1, 2)
    counts = tuple(r.randint(1, 4) for _ in range(rank))
    hold = r.randint(0, counters)
    steps = tuple(
        tuple(0 if k >= counters - hold else r.randrange(n) for n in counts)
        for k in range(counters)
    )
    nodes = tuple(
        (r.randint(0, 5), tuple(r.randrange(n) for n in counts)) for _ in range(r.randint(1, 5))
    )
    trips = tuple(r.randint(1, 5) for _ in range(counters))
    pauses = pauses_at(r.randint(1, counters), r.choice([0, 0, 1, 3]), counters)
    return Turns(nodes, counts, steps, hold), trips, pauses


def meets(turns: Turns, trips: tuple[int, ...], pauses: tuple[int, ...]) -> bool:
    """Whether a bank is used twice in a cycle, by brute force."""
    acting = len(trips) - turns.hold
    per_step = weights(trips, pauses)
    used = set()
    uses = 0
    for t in itertools.product(*(range(n) for n in trips[:acting])):
        cycle = sum(a * b for a, b in zip(per_step, t, strict=False))
        for phase, digits in turns.nodes:
            bank = tuple(
                (d + sum(x * step[j] for x, step in zip(t, turns.steps, strict=False))) % n
                for j, (d, n) in enumerate(zip(digits, turns.counts, strict=True))
            )
            used.add((cycle + phase, bank))
            uses += 1
    return len(used) < uses


@pytest.mark.parametrize("block", range(4))
def test_nodes_meet_where_a_walk_finds_them(block: int) -> None:
    r, seen = random.Random(block), set()
    for _ in range(250):
        turns, trips, pauses = turns_of(r)
        truth = meets(turns, trips, pauses)
        seen.add(truth)
        assert turns.meet(trips, pauses) == truth, (turns, trips, pauses)
    assert seen == {False, True}


def test_isl_proves_what_a_walk_finds() -> None:
    r = random.Random(9)
    for _ in range(150):
        turns, trips, pauses = turns_of(r)
        if not turns.differ:
            continue
        if meets(turns, trips, pauses):
            with pytest.raises(InternalError, match="bank conflict"):
                prove_apart(turns, trips, pauses)
        else:
            prove_apart(turns, trips, pauses)


def test_a_pause_as_long_as_phases_differ_keeps_passes_apart() -> None:
    """Whatever the trips, if nodes don't meet within a pass; nodes hold over it, or the innermost
    counter is it."""
    r, tried = random.Random(3), 0
    while tried < 60:
        turns, trips, _ = turns_of(r)
        level = pause_level(turns.hold, len(trips), 0)
        assert level is not None
        inner = (1,) * (len(trips) - level) + trips[len(trips) - level :]
        if turns.meet(inner) or not turns.differ:
            continue
        tried += 1
        longest = max(turns.apart, default=0)
        pauses = pauses_at(level, longest, len(trips)) if level else (0,) * len(trips)
        assert not turns.meet(trips, pauses)


def test_no_pause_within_sums() -> None:
    assert pause_level(0, 3, 0) == 1
    assert pause_level(2, 3, 2) == 2
    assert pause_level(1, 3, 2) is None  # idle cycles would add to sums over two counters
    assert pause_level(3, 3, 3) == 0  # it acts once in the run
