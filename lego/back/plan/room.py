"""Registers of a chip with room: what depends on the operation, and is built in without it.

- which counters an operand is held over, and which revisit an element of the result (a bit per counter);
- steps and first values of bank digits;
- how many FUs of an axis count, in all trips and in the last ones of some counters;
- whether a delay reuse is in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.back.plan.memory.bank_view import BankView, Views
from lego.back.plan.memory.nests import DigitNest, digit_nests
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.closed import Number
from lego.ir.fused import MemoryPlan, Plan

__all__ = [
    "REVISIT",
    "digit_first",
    "digit_step",
    "digit_values",
    "edge_register",
    "edge_values",
    "first_port",
    "free_reuses",
    "held",
    "hold_register",
    "last_port",
    "mask_values",
    "ragged_register",
    "reuse_values",
]

REVISIT = "revisit"
"""Register with the counters over which an element of the result is accumulated in memory."""


def hold_register(buffer: MemoryPlan) -> str:
    """Register with the counters that an operand is held over, a bit each."""
    return f"{buffer.name}_hold"


def held(buffer: MemoryPlan) -> bool:
    """Whether some dataflow holds the operand."""
    return any(plan.hold for plan in buffer.used())


def ragged_register(axis: int) -> str:
    """Register with the FUs along an axis that count in the last trips."""
    return f"ragged{axis}"


def edge_register(axis: int) -> str:
    """Register with the counters in whose last trips `ragged` FUs of an axis count, a bit each."""
    return f"edge{axis}"


def digit_step(memory: str, nest: DigitNest, counter: int) -> str:
    """Register with what a step of a counter adds to a digit."""
    return f"{memory}_{nest.name}_step{counter}"


def digit_first(memory: str, nest: DigitNest) -> str:
    """Register with a digit at the first timestamp."""
    return f"{memory}_{nest.name}_first"


def first_port(buffer: MemoryPlan, plan: Plan) -> str:
    """Signal that tells whether the counters that an operand is held over are in their first trips."""
    return f"zero{plan.hold}" if buffer.room is None else f"zero_{buffer.name}"


def last_port(buffer: MemoryPlan, plan: Plan) -> str:
    """Signal that tells whether the counters that results are held over are in their last trips."""
    return f"last{plan.hold}" if buffer.room is None else "last_held"


def free_reuses(buffer: MemoryPlan) -> tuple[int, ...]:
    """Delay reuses of fixed length; with room a register tells whether each is in use."""
    if buffer.output:
        return ()
    each = [plan.delays for plan in buffer.used() if isinstance(plan, InputPlan)]
    programmed = {k for delays in each for k, reuse in enumerate(delays) if reuse.programmable}
    every = range(max((len(delays) for delays in each), default=0))
    return tuple(k for k in every if k not in programmed)


def innermost(counters: int, number: int) -> int:
    """The mask of so many innermost counters; bit k is counter k."""
    return sum(1 << k for k in range(counters - number, counters))


def mask_values(adg: Adg, buffer: MemoryPlan, plan: Plan) -> Iterator[tuple[str, int]]:
    """Values of the registers that tell what an operand is held over, and what revisits results."""
    counters = len(adg.dataflow.temporal)
    yield hold_register(buffer), innermost(counters, plan.hold)
    if isinstance(plan, OutputPlan):
        yield REVISIT, sum(1 << k for k in plan.revisit)


def edge_values(
    adg: Adg, axis: int, bound: Number, trips: Sequence[Number]
) -> Iterator[tuple[str, Number | int]]:
    """Values of the registers that tell which FUs along an axis count, for its loop's bound."""
    flow, loop = adg.dataflow, adg.dataflow.spatial_loops[axis]
    size = flow.sizes[axis]
    yield f"bound{axis}", size
    counters = [k for k, dim in enumerate(flow.temporal) if dim.loop == loop]
    rounds = trips[counters[0]] if counters else 1
    yield ragged_register(axis), bound - size * (rounds - 1)
    yield edge_register(axis), sum(1 << k for k in counters)


def digit_values(memory: str, view: BankView, views: Views) -> Iterator[tuple[str, int]]:
    """Values of the registers of a memory's digits under a dataflow."""
    for nest in digit_nests(views, free=True):
        yield digit_first(memory, nest), nest.first(view)
        for k, step in enumerate(nest.steps(view, len(view.plan.time[0]))):
            yield digit_step(memory, nest, k), step


def reuse_values(buffer: MemoryPlan, plan: Plan) -> Iterator[tuple[int, int]]:
    """Whether each delay reuse that has a fixed length under a dataflow is in use, by its number."""
    if isinstance(plan, InputPlan):
        fixed = {k for k, reuse in enumerate(plan.delays) if not reuse.programmable}
        for k in sorted(fixed.union(free_reuses(buffer))):
            yield k, int(k < len(plan.delays) and bool(plan.delays[k].fus))
