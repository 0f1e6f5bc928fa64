"""FIFOs of programmable depth: registers in series, in segments that a register includes or skips.

The last register is always there, so that no value passes in the cycle in which it came. Before it
are segments of 1, 2, 4, ... registers, and one with what is left of the greatest depth. All FIFOs of one
delay reuse are programmed alike; one that is never as deep has only the first segments.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.diag import InternalError
from lego.ir.adg import InputPlan
from lego.ir.closed import Number, each, floor_div, minimum, select, symbolic
from lego.ir.fused import MemoryPlan

__all__ = ["capacities", "segments", "setting"]


def segments(depth: int, of: int) -> tuple[int, ...]:
    """Registers per segment of a FIFO of at least `depth` in a family of up to `of` entries.

    The first is the register that is always there.
    """
    found, reach = [1], 1
    while reach < depth:
        found.append(min(1 << (len(found) - 1), of - reach))
        reach += found[-1]
    return tuple(found)


def setting(cycles: Number, depth: int, of: int) -> Number:
    """Register value for a delay: bit 0 tells that the FIFO is in use, the others include segments.

    `depth` is the greatest delay of the running dataflow. Raises InternalError if the delay is greater.
    """
    parts = segments(depth, of)
    if not symbolic(cycles) and cycles > sum(parts):
        raise InternalError(f"a FIFO of {depth} can't delay by {cycles} cycles")
    return each(cycles, lambda one: select(one > 0, _mask(one, parts), 0))


def _mask(cycles: Number, parts: Sequence[int]) -> Number:
    """The mask for at least one cycle.

    All segments but the last have powers of two of registers, so that they are the bits of what they delay
    by. The last is taken wherever what is left after the longer ones is as long.
    """
    left, last, at = cycles - 1, parts[-1], len(parts) - 1
    longer = [part for part in parts[1:-1] if part >= last]
    reach = minimum(floor_div(left, longer[0]) * longer[0], sum(longer)) if longer else 0
    taken = select(left - reach >= last, 1, 0) if at else 0
    return 1 + 2 * (left - taken * last) + taken * (1 << at)


def capacities(buffer: MemoryPlan) -> dict[int, int]:
    """Greatest programmable delay in cycles, by number of the delay reuse."""
    found: dict[int, int] = {}
    for plan in buffer.plans:
        if isinstance(plan, InputPlan):
            for k, reuse in enumerate(plan.delays):
                if reuse.programmable:
                    found[k] = max(found.get(k, 0), reuse.delay)
    return found
