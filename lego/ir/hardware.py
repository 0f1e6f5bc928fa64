"""The hardware that a workload is mapped to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Architecture", "Buffering", "MemoryStyle", "Room"]


class Buffering(StrEnum):
    """How the host reaches memories while the array works: not at all; in the half of each that the array
    doesn't use; or in other words of each, with halves only where the array reads and writes."""

    NO = "no"
    HALVES = "yes"
    PARTS = "parts"


class MemoryStyle(StrEnum):
    """How data nodes may use banks: as is cheapest, or, for comparison, all of a timestamp at once and a
    macro per bank, a macro per bank, or with macros of several banks wherever that is possible."""

    CHEAPEST = "cheapest"
    AT_ONCE = "at-once"
    NARROW = "narrow"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class Room:
    """What a chip is built for beyond the operations that it is compiled from.

    Attributes
    ----------
    counters : of the sequencer, at least.
    trips : most trips of every counter, at least.
    reduction : terms that a sum can have without leaving its format before the result's does.
    """

    counters: int = 7
    trips: int = 4096
    reduction: int = 65536


@dataclass(frozen=True, slots=True)
class Architecture:
    """Limits of the hardware.

    Attributes
    ----------
    array : FUs per axis.
    memory_bits : largest memory per operand in bits, by tensor name; with parts or room, what it has.
    fused : all operations and dataflows share one array; otherwise each gets its own.
    dma_bits : width of the host's data port: 32, or more to move several words in one cycle.
    double_buffer : how the host reaches memories while the array works.
    read_cost : energy of a memory read, in that of a register as wide, per cycle; 0: by the SRAM model.
    memory_style : how data nodes may use banks.
    resume : reductions can go on from what the memory of results holds.
    room : what depends on the operation is in registers; None: it is built in.
    queue : words of the queue in which the host's writes of registers and starts wait; 0: there is none.
    engines : the array is part of a device with engines that move data and run programs (its interface is
        AXI), not a design with a host port.
    """

    array: tuple[int, ...] = (16, 16)
    memory_bits: tuple[tuple[str, int], ...] = ()
    fused: bool = True
    double_buffer: Buffering = Buffering.NO
    dma_bits: int = 0
    read_cost: int = 0
    memory_style: MemoryStyle = MemoryStyle.CHEAPEST
    resume: bool = False
    room: Room | None = None
    queue: int = 0
    engines: bool = False
