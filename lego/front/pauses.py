"""The pauses of a run: as few idle cycles as keep data nodes apart that use banks in turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache

from lego.diag import InternalError
from lego.front.bank_use import Form, Nodes, turns_of, user_of
from lego.front.meetings import Turns
from lego.front.reuse import Forms
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.cycles import issue_cycles
from lego.ir.hardware import MemoryStyle
from lego.ir.operation import Reduction

__all__ = ["least_pauses", "nodes_of"]

Plan = InputPlan | OutputPlan
Pauses = tuple[int, ...]


def nodes_of(adg: Adg, plan: Plan, style: MemoryStyle = MemoryStyle.CHEAPEST) -> Nodes:
    """The data nodes of an operand."""
    summed = 0 if adg.reduction is Reduction.ASSIGN else adg.output.hold
    return Nodes(
        Forms(plan.time, plan.space, plan.offset),
        adg.data_nodes(plan),
        adg.dataflow.control,
        adg.dataflow.trips(adg.op),
        summed if isinstance(plan, OutputPlan) else plan.hold,
        summed,
        plan.tensor.format.bits,
        plan.tensor.shape,
        isinstance(plan, OutputPlan),
        style,
    )


def least_pauses(adg: Adg, trips: Sequence[int]) -> Pauses:
    """Idle cycles after the round of each counter and those inside it, at these trip counts.

    The run is as short as it can be without two data nodes that use one bank in one cycle. Of equally
    short ones that with the least pauses outside.
    """
    turns = _taking_turns(adg)
    most = adg.longest_pauses
    if not turns or not any(each.meet(trips) for each in turns):
        return (0,) * len(trips)
    for pauses in _rising(most, trips):
        if not any(each.meet(trips, pauses) for each in turns):
            return pauses
    raise InternalError(f"no pause keeps the data nodes of {adg.name} apart")


def _rising(most: Pauses, trips: Sequence[int]) -> Iterator[Pauses]:
    """All pauses up to these, by the cycles that a run takes."""
    every = itertools.product(*(range(n + 1) for n in most))
    yield from sorted(every, key=lambda pauses: (issue_cycles(trips, pauses), pauses))


def _taking_turns(adg: Adg) -> list[Turns]:
    return list(_turns(adg)) if any(plan.banking.pause for plan in adg.operands()) else []


@lru_cache(maxsize=64)
def _turns(adg: Adg) -> tuple[Turns, ...]:
    found = []
    for plan in adg.operands():
        if plan.banking.pause:
            b = plan.banking
            user = user_of(nodes_of(adg, plan))
            phases = user.phases(b.lag, b.per)
            found.append(turns_of(user, Form(b.counts, b.gcds, b.skews), phases))
    return tuple(found)
