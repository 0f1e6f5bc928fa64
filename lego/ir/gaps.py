"""The gaps of a run, in closed form: idle cycles that keep it apart from the runs just before and after it.

Runs of one dataflow can follow each other while the results of the first are still on their way. Where data
nodes take turns at banks, those of the last pass of a run may not meet those of the first pass of the next
(:mod:`lego.ir.pauses` has the same between the passes of a run). Nor may a result be overwritten that waits
for its turn. What a run demands goes by its own passes only:

- An operand that is held is read when a pass begins, so the gap goes by the pass of the run before.
- A result is committed when a pass ends, so the gap goes by the pass of the run after.
- Nodes whose bank moves with the innermost counter meet none if that counter seems to go on over the gap, or
  if the gap is as long as two of them are apart; by the run before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lego.ir.adg import Adg
from lego.ir.banking import Banking
from lego.ir.closed import Number, maximum, minimum, modulo
from lego.ir.cycles import issue_cycles

__all__ = ["gap_after", "gap_before", "longest_after", "longest_before", "moves_on", "safe_gap"]


def gap_after(adg: Adg, trips: Sequence[Number], pauses: Sequence[Number | int]) -> Number | int:
    """Idle cycles that a run asks for after it, at these trip counts and pauses."""
    needed = maximum(0, *(b.apart + 1 - _pass(_level(b, trips), trips, pauses) for b in _held(adg)))
    if not moves_on(adg):
        return needed
    until, most = modulo(-trips[-1], _rounds(adg)), safe_gap(adg)
    return minimum(most, until + most * maximum(0, needed - until))


def gap_before(adg: Adg, trips: Sequence[Number], pauses: Sequence[Number | int]) -> Number | int:
    """Idle cycles that a run asks for before it; where nodes move on, none or as many as are always safe."""
    needed: Number | int = 0
    banking = adg.output.banking
    if _takes_turns(banking) and not banking.again:
        needed = banking.apart + 1 - _pass(_level(banking, trips), trips, pauses)
    if wait := _longest_wait(adg):
        needed = maximum(needed, wait - _pass(adg.output.hold, trips, pauses))
    needed, most = maximum(0, needed), safe_gap(adg)
    return minimum(most, most * needed) if moves_on(adg) else needed


def safe_gap(adg: Adg) -> int:
    """A gap that is long enough after and before any run."""
    return max([_longest_wait(adg), *(banking.apart for banking in _sharing(adg))])


def longest_after(adg: Adg) -> int:
    """What no run asks for more than after it."""
    return safe_gap(adg) if moves_on(adg) else max((b.apart for b in _held(adg)), default=0)


def longest_before(adg: Adg) -> int:
    """What no run asks for more than before it."""
    banking = adg.output.banking
    held = _takes_turns(banking) and not banking.again
    return safe_gap(adg) if held or _longest_wait(adg) else 0


def moves_on(adg: Adg) -> bool:
    """Whether some nodes' bank moves with the innermost counter, so that a longer gap may be worse."""
    return any(banking.again for banking in _sharing(adg))


def _takes_turns(banking: Banking) -> bool:
    return banking.shared and banking.apart > 0


def _sharing(adg: Adg) -> list[Banking]:
    return [plan.banking for plan in adg.operands() if _takes_turns(plan.banking)]


def _held(adg: Adg) -> list[Banking]:
    """The banks of operands that are read once in a pass."""
    every = [plan.banking for plan in adg.inputs]
    return [banking for banking in every if _takes_turns(banking) and not banking.again]


def _rounds(adg: Adg) -> int:
    """Cycles after which all nodes that move on are at the same banks again."""
    return math.lcm(*(banking.again for banking in _sharing(adg) if banking.again))


def _level(banking: Banking, trips: Sequence[Number]) -> int:
    """The innermost counters of a pass; all, where nodes act once in a run."""
    return banking.pause or len(trips)


def _pass(level: int, trips: Sequence[Number], pauses: Sequence[Number | int]) -> Number | int:
    """Cycles of the round of so many innermost counters."""
    at = len(trips) - level
    return issue_cycles(trips[at:], pauses[at:])


def _longest_wait(adg: Adg) -> int:
    """Most cycles that a result waits for its turn."""
    nodes, banking = adg.data_nodes(adg.output), adg.output.banking
    if not banking.shared:
        return 0
    return max(banking.phase(fu) - adg.dataflow.skew(fu) for fu in nodes)
