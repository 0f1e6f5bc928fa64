"""FIFOs of programmable depth: registers in series, in segments that a register includes or skips.

The last register is always there, so that no value passes in the cycle in which it came. Before it
are segments of 1, 2, 4, ... registers, and one with what is left of the greatest depth. All FIFOs of one
delay reuse are programmed alike; one that is never as deep has only the first segments.
"""

from __future__ import annotations

from lego.diag import InternalError
from lego.ir.adg import InputPlan
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


def setting(cycles: int, depth: int, of: int) -> int:
    """Register value for a delay: bit 0 tells that the FIFO is in use, the others include segments.

    `depth` is the greatest delay of the running dataflow. Raises InternalError if the delay is greater.
    """
    if cycles == 0:
        return 0
    left, mask = cycles - 1, 1
    parts = segments(depth, of)
    for k in sorted(range(1, len(parts)), key=lambda k: (-parts[k], k)):
        if parts[k] <= left:
            left -= parts[k]
            mask |= 1 << k
    if left:
        raise InternalError(f"a FIFO of {depth} can't delay by {cycles} cycles")
    return mask


def capacities(buffer: MemoryPlan) -> dict[int, int]:
    """Greatest programmable delay in cycles, by number of the delay reuse."""
    found: dict[int, int] = {}
    for plan in buffer.plans:
        if isinstance(plan, InputPlan):
            for k, reuse in enumerate(plan.delays):
                if reuse.programmable:
                    found[k] = max(found.get(k, 0), reuse.delay)
    return found
