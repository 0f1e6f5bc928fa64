"""The cycle of every timestamp: counting cycles one by one, with idle ones after rounds of counters."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lego.ir.cycles import issue_cycles, weights

COUNTERS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=4)


def counted(trips: list[int], pauses: list[int]) -> list[int]:
    """Cycle of every timestamp, by a walk through the loops."""
    found, cycle, before = [], -1, None
    for t in itertools.product(*map(range, trips)):
        cycle += 1
        if before is not None:
            moved = next(k for k, (a, b) in enumerate(zip(before, t, strict=True)) if a != b)
            cycle += sum(pauses[moved + 1 :])  # all rounds inside the counter that moved ended
        found.append(cycle)
        before = t
    return found


@given(COUNTERS)
def test_weights_tell_the_cycle(counters: list[tuple[int, int]]) -> None:
    trips, pauses = [n for n, _ in counters], [0, *(p for _, p in counters[1:])]
    cycles = counted(trips, pauses)
    times = itertools.product(*map(range, trips))
    per_step = weights(trips, pauses)
    assert [sum(a * b for a, b in zip(per_step, t, strict=True)) for t in times] == cycles
    assert issue_cycles(trips, pauses) == cycles[-1] + 1


def test_without_pauses_a_timestamp_takes_a_cycle() -> None:
    assert weights((2, 3, 4)) == (12, 4, 1)
    assert issue_cycles((2, 3, 4)) == 24
    assert issue_cycles(()) == 1
