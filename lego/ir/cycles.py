"""In which cycle timestamps are issued: in lexicographic order, with pauses between passes.

A pass is a round of some innermost counters. After it the sequencer may pause, so that data nodes which
use one bank in turn have done so before the next pass begins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lego.ir.closed import Number

__all__ = ["issue_cycles", "weights"]


def weights(
    trips: Sequence[Number], pauses: Sequence[Number | int] = ()
) -> tuple[Number | int, ...]:
    """Cycles per step of each counter: ``w_k = T_{k+1} w_{k+1} + pause_{k+1}``, innermost 1.

    `pauses` has the idle cycles after every round of counter k and those inside it; empty: none.
    """
    found: list[Number | int] = [1] * len(trips)
    for k in range(len(trips) - 2, -1, -1):
        found[k] = found[k + 1] * trips[k + 1] + (pauses[k + 1] if pauses else 0)
    return tuple(found)


def issue_cycles(trips: Sequence[Number], pauses: Sequence[Number | int] = ()) -> Number | int:
    """Cycles from the first issue up to the last, both included; after it there is no pause."""
    if not any(pause != 0 for pause in pauses):
        return math.prod(trips)
    steps = zip(trips, weights(trips, pauses), strict=True)
    total: Number | int = 1 + sum((trip - 1) * weight for trip, weight in steps)
    return total
