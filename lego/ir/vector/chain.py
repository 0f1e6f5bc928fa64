"""Chains: what the vector engine does to every element between a memory and a memory.

An element of stream A, or what a reduction makes of several, goes through steps `v = fn(v, operand)`.
All values are integers, and every step says in which interval its result lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lego.ir.intervals import Interval
from lego.ir.operation import Reduction

__all__ = [
    "BYTE",
    "TABLE_ENTRIES",
    "Chain",
    "NotAChain",
    "Operand",
    "SlotFn",
    "Source",
    "Step",
    "is_inside",
    "table_bytes",
]

BYTE: Interval = (-128, 127)
"""Elements of operand memories, and entries of tables."""

TABLE_ENTRIES = 256


class NotAChain(Exception):
    """The engine can't compute it; the message says why, without a full stop."""


class SlotFn(StrEnum):
    """What a slot computes of `v`, the comment says of what operand."""

    MUL = "mul"  # (v, operand)
    ADD = "add"  # (v, operand)
    SHIFT = "shift"  # (v, operand) -> v / 2^operand, rounded down
    MAX = "max"  # (v, operand)
    MIN = "min"  # (v, operand)
    TABLE = "table"  # (v) -> the entry at the low byte of v


class Source(StrEnum):
    """Where an operand comes from."""

    IMMEDIATE = "immediate"  # a register: the same in all lanes
    HELD = "held"  # a held vector: each lane has its own, the same throughout a run
    STREAM = "stream"  # stream B: another one for every element


@dataclass(frozen=True, slots=True)
class Operand:
    """The operand of a step.

    Attributes
    ----------
    span : interval of what the slot is given, negated and scaled.
    value : a constant, where there is no buffer.
    buffer : what holds it: a number, a number per lane, or a stream of bytes.
    negated : whether the buffer's values are negated; not for streams.
    scale : what a stream is multiplied by before: no stream; None: by one.
    """

    source: Source
    span: Interval
    value: int = 0
    buffer: str = ""
    negated: bool = False
    scale: Operand | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One slot's work.

    Attributes
    ----------
    operand : None for tables only.
    span : interval of the result.
    table : entries by the low byte of what is looked up, where they are known; else
    buffer, base : value `v` finds element `base + v` of this buffer.
    """

    fn: SlotFn
    operand: Operand | None
    span: Interval
    table: tuple[int, ...] = ()
    buffer: str = ""
    base: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """Stream A, its reduction, and the steps.

    Attributes
    ----------
    name : of the operation, the last of several.
    first, span : the buffer of stream A, and the interval of its elements.
    reduction : how elements of the innermost counters meet; `=`: each is one by itself.
    reduced : interval of what they make.
    """

    name: str
    first: str
    span: Interval
    reduction: Reduction
    reduced: Interval
    steps: tuple[Step, ...]

    @property
    def second(self) -> str:
        """The buffer of stream B; nothing if there is none."""
        for step in self.steps:
            if step.operand is not None and step.operand.source is Source.STREAM:
                return step.operand.buffer
        return ""

    @property
    def is_wide(self) -> bool:
        """Whether elements of stream A have more than a byte: they come from the result memory."""
        return not is_inside(self.span, BYTE)

    def spans(self) -> tuple[Interval, ...]:
        """The interval of `v` before the first step, and after each."""
        return (self.reduced, *(step.span for step in self.steps))


def is_inside(inner: Interval, outer: Interval) -> bool:
    """Whether all values of an interval are in another."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def table_bytes(step: Step, values: Sequence[int] = (), before: Interval = BYTE) -> bytes:
    """The 256 bytes of a step's table, the entry of low byte 0 first.

    `values` are the elements of its buffer, `before` the interval of what is looked up. Entries that it
    doesn't reach are 0.
    """
    if step.table:
        return bytes(entry & 255 for entry in step.table)
    found = bytearray(TABLE_ENTRIES)
    for v in range(before[0], before[1] + 1):
        found[v & 255] = values[step.base + v] & 255
    return bytes(found)
