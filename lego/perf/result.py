"""What the model of a device's cycles takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lego.ir.commands import Engine

__all__ = ["Cause", "EngineRun", "Limit", "MemoryTiming", "Played"]


@dataclass(frozen=True, slots=True)
class MemoryTiming:
    """How the memory behind the bus answers.

    Attributes
    ----------
    latency : cycles from the address of a read to its first beat, if no other is under way.
    answer : cycles from the last beat of a write to its answer.
    rate : beats per 16 cycles each way, 1 to 16.
    """

    latency: int = 40
    answer: int = 40
    rate: int = 16

    def __post_init__(self) -> None:
        if min(self.latency, self.answer) < 1 or not 1 <= self.rate <= 16:
            raise ValueError(
                "a memory answers after at least a cycle, with 1 to 16 beats in 16 cycles"
            )


class Cause(StrEnum):
    """Why a run didn't start earlier."""

    COMMANDS = "commands"
    ENGINE = "engine"
    SEMAPHORE = "semaphore"


@dataclass(frozen=True, slots=True)
class EngineRun:
    """A run of an engine.

    Attributes
    ----------
    start, end : the cycle of its start, and of the pulse at its end, after that of the doorbell.
    cause : why it didn't start earlier: its commands weren't there, the engine wasn't free, or a semaphore
        was 0.
    semaphore : which one, or -1.
    waited : cycles that the cause took beyond all other reasons.
    """

    start: int
    end: int
    cause: Cause
    semaphore: int = -1
    waited: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """Cycles that no order of the same work goes below, by what needs them.

    Attributes
    ----------
    array : multiplications per functional unit.
    reads, writes : beats of the bus each way, over its rate.
    latency : of the first read and the last answer, which nothing hides.
    """

    array: int
    reads: int
    writes: int
    latency: int

    @property
    def cycles(self) -> int:
        """The largest of them with the latency."""
        return max(self.array, self.reads, self.writes) + self.latency


@dataclass(frozen=True, slots=True)
class Played:
    """A program in cycles.

    Attributes
    ----------
    cycles : from the doorbell to the end, as the control register `CYCLES` counts.
    runs : of every engine, in order.
    """

    cycles: int
    runs: Mapping[Engine, tuple[EngineRun, ...]]
    limit: Limit
