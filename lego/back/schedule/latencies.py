"""Cycles that a register takes to reach the design, and a word from its address to its FUs."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.graph.limits import BUFFERED, MAX_FANOUT
from lego.back.plan.design import DesignPlan
from lego.back.schedule.stages import Stages
from lego.ir.fused import MemoryPlan

__all__ = ["QUEUED", "Latencies", "latencies_of", "settling", "starting"]

QUEUED = 3
"""Cycles that a start takes through the queue, and the registers from there to the running set."""


def settling(design: DesignPlan) -> int:
    """Cycles that a register which the whole design looks at takes to reach all of it, by a tree:
    the dataflow id, the half of the memories, and the delay of FIFOs."""
    fused = design.fused
    several = len(fused.layers) > 1 or (fused.halves > 1 and not fused.travels)
    return 3 if several or design.programmed * BUFFERED > MAX_FANOUT else 0


def starting(design: DesignPlan) -> int:
    """Cycles from the start of a run while nothing is under way to its first timestamp, less one."""
    return settling(design) + (QUEUED if design.fused.queue else 0)


def is_staged(design: DesignPlan, buffer: MemoryPlan) -> bool:
    """Whether addresses go through registers before the banks: where several nodes' banks turn, one
    address reaches many banks, too many for the cycle in which it is computed."""
    return not buffer.output and not all(view.timed for view in design.views_of(buffer))


def read_latency(design: DesignPlan, buffer: MemoryPlan) -> int:
    """Cycles from the address to the data nodes' values, alike in all dataflows."""
    if is_staged(design, buffer):
        return 3
    if any(view.moving or view.plan.tensor.pad is not None for view in design.views_of(buffer)):
        return 2
    return 1 if len({plan.tensor.format for plan in buffer.used()}) == 1 else 2


@dataclass(frozen=True, slots=True)
class Latencies:
    """Per operand port: whether its addresses pass a register, the cycles from an address to the data
    nodes' values, and to those of the FUs.
    """

    staged: tuple[bool, ...]
    reads: tuple[int, ...]
    operand: tuple[int, ...]


def latencies_of(design: DesignPlan, stages: Stages) -> Latencies:
    """The latencies of all operands."""
    own = [is_staged(design, buffer) for buffer in design.operands]
    staged = tuple(mine or stages.banks for mine in own)
    reads = tuple(
        read_latency(design, buffer) + (now and not mine)
        for buffer, now, mine in zip(design.operands, staged, own, strict=True)
    )
    levels = design.spread[:-1]
    if stages.read:
        reads = tuple(read + max(1, level) for read, level in zip(reads, levels, strict=True))
        levels = (0,) * len(levels)
    operand = tuple(read + level for read, level in zip(reads, levels, strict=True))
    return Latencies(staged, reads, operand)
