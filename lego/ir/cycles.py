"""In which cycle timestamps are issued: in lexicographic order, with pauses between passes.

A pass is a round of some innermost counters. After it the sequencer may pause, so that data nodes which
use one bank in turn have done so before the next pass begins.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["issue_cycles", "weights"]


def weights(trips: Sequence[int], pauses: Sequence[int] = ()) -> tuple[int, ...]:
    """Cycles per step of each counter: ``w_k = T_{k+1} w_{k+1} + pause_{k+1}``, innermost 1.

    `pauses` has the idle cycles after every round of counter k and those inside it; empty: none.
    """
    found = [1] * len(trips)
    for k in range(len(trips) - 2, -1, -1):
        found[k] = found[k + 1] * trips[k + 1] + (pauses[k + 1] if pauses else 0)
    return tuple(found)


def issue_cycles(trips: Sequence[int], pauses: Sequence[int] = ()) -> int:
    """Cycles from the first issue up to the last, both included; after it there is no pause."""
    steps = zip(trips, weights(trips, pauses), strict=True)
    return 1 + sum((trip - 1) * weight for trip, weight in steps)
