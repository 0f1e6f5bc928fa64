"""The pauses of a run, in closed form: idle cycles that keep data nodes apart which share banks.

After a pass, the round of some innermost counters, nodes may still be taking their turns when the first of
them act again. Two kinds of operands need that they don't meet:

- A node that acts once per pass meets no other if passes follow each other in more cycles than two nodes of a
  bank are apart.
- Nodes whose bank moves with the innermost counter meet no other within a pass. They don't between passes
  either if a pass takes a multiple of the cycles after which they are at the same bank again, as if the
  counter had just gone on; or if the pause is as long as two of them are apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lego.ir.adg import Adg
from lego.ir.banking import Banking
from lego.ir.closed import Number, maximum, minimum, modulo
from lego.ir.cycles import issue_cycles

__all__ = ["pauses_of"]


def pauses_of(adg: Adg, trips: Sequence[Number]) -> tuple[Number | int, ...]:
    """Idle cycles after the round of each counter and those inside it, at these trip counts."""
    sharing = [plan.banking for plan in adg.operands() if plan.banking.pause]
    pauses: list[Number | int] = [0] * len(trips)
    for level in sorted({banking.pause for banking in sharing}):
        within = [banking for banking in sharing if banking.pause <= level]
        at = len(trips) - level
        cycles = issue_cycles(trips[at:], pauses[at:])
        pauses[at] = _pause(within, level, trips[-1], cycles)
    return tuple(pauses)


def _pause(
    sharing: Sequence[Banking], level: int, inner: Number, cycles: Number | int
) -> Number | int:
    """The pause after a pass of so many cycles, whose innermost counter has so many trips."""
    apart = max(banking.apart for banking in sharing)
    held = max((b.apart for b in sharing if b.pause == level and not b.again), default=0)
    rounds = math.lcm(*(b.again for b in sharing if b.again))
    if rounds == 1:
        return maximum(0, held + 1 - cycles)
    if level > 1:  # a pause here shifts what the innermost counter moves
        return minimum(apart, apart * maximum(0, held + 1 - cycles))
    rounds *= -(-(held + 1) // rounds)
    until = modulo(-inner, rounds)
    return until if rounds - 1 <= apart else minimum(until, apart)
