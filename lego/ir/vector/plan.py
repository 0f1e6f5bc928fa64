"""What a vector engine is made of: its slots, what they hold, and its registers."""

from __future__ import annotations

from dataclasses import dataclass

from lego.ir.dag import bits_for, index_bits
from lego.ir.engines import WORD_COUNTERS, EngineRegister, register_numbers
from lego.ir.intervals import Interval
from lego.ir.operation import Reduction
from lego.ir.vector.chain import SlotFn, Source

__all__ = [
    "ADDRESS_BITS",
    "COUNTERS",
    "MODES",
    "OWN_MEMORY",
    "TRIP_BITS",
    "VALUE_BITS",
    "Held",
    "Slot",
    "VectorPlan",
]

COUNTERS, TRIP_BITS, ADDRESS_BITS, VALUE_BITS = WORD_COUNTERS, 12, 16, 32
"""Counters of the nest, bits of their trips, of addresses, and of what a register holds at most."""

MODES = ("compute", "held", "table")
"""Values of the register `mode`: a run computes, or loads held vectors or the table."""

OWN_MEMORY = 3
"""Value of the register `memory` for the engine's own."""

WITHOUT_OPERAND = (SlotFn.TABLE,)
CAN_BE_OFF = (SlotFn.MAX, SlotFn.MIN, SlotFn.TABLE)
"""Slots that no operand makes change nothing."""


@dataclass(frozen=True, slots=True)
class Held:
    """A vector with an operand per lane, held in registers.

    Attributes
    ----------
    span : interval of its elements, a whole word's.
    at : its first word among the held words.
    """

    span: Interval
    at: int

    @property
    def bytes(self) -> int:
        """Of an element in memory, little endian: as many words of the operand memory hold the vector."""
        return next(size for size in (1, 2, 4) if 8 * size >= bits_for(*self.span))


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot.

    Attributes
    ----------
    before, after : intervals of what comes in and what goes out, whole words.
    operand : interval of operands, a whole word; (0, 0) for tables.
    sources : what its operand can be; `choice` of the registers is an index here.
    held : number of its held vector; -1: it has none.
    """

    fn: SlotFn
    before: Interval
    operand: Interval
    after: Interval
    sources: tuple[Source, ...]
    held: int = -1


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """What a vector engine is made of.

    Attributes
    ----------
    lanes : elements side by side, which are the bytes of a word of the operand memory.
    words : of the operand memory, two halves of as many words each; even.
    first, reduced : intervals of elements of stream A, and of what reaches the slots.
    combined : interval of what is reduced, and of what comes of it.
    reductions : those that there are; none if elements aren't reduced.
    stream : whether there is a second stream.
    scale : interval of what the second stream is multiplied by; None: it isn't.
    scale_held : number of the held vector that it may be multiplied by, or -1.
    """

    lanes: int
    words: int
    first: Interval
    reduced: Interval
    combined: Interval
    reductions: tuple[Reduction, ...]
    slots: tuple[Slot, ...]
    held: tuple[Held, ...]
    stream: bool
    scale: Interval | None
    scale_held: int

    @property
    def held_words(self) -> int:
        """Words of the operand memory that all held vectors take."""
        return sum(vector.bytes for vector in self.held)

    @property
    def has_table(self) -> bool:
        """Whether a slot looks up a table."""
        return any(slot.fn is SlotFn.TABLE for slot in self.slots)

    @property
    def registers(self) -> tuple[EngineRegister, ...]:
        """The registers; their number is their place."""
        return (*_run_registers(self), *_slot_registers(self))

    @property
    def register_numbers(self) -> dict[str, int]:
        """The number of every register, by name."""
        return register_numbers(self.registers)


def _counters(name: str, bits: int, about: str) -> tuple[EngineRegister, ...]:
    """A register for every counter, the outermost first."""
    return tuple(EngineRegister(f"{name}{k}", bits, about) for k in range(COUNTERS))


def _stream_registers(name: str, words: str) -> tuple[EngineRegister, ...]:
    """Of an address that moves with the counters."""
    return (
        EngineRegister(f"{name}_address", ADDRESS_BITS, f"first {words}"),
        *_counters(f"{name}_step", ADDRESS_BITS, "words from element to element"),
    )


def _run_registers(plan: VectorPlan) -> tuple[EngineRegister, ...]:
    """Of the nest, the streams and the destination."""
    lane_bits = max(1, (plan.lanes - 1).bit_length())
    found = [
        EngineRegister("mode", 2, "0: compute, 1: load held vectors, 2: load the table"),
        EngineRegister("source", 1, "stream A: 0 from the result memory, 1 from the engine's own"),
        EngineRegister("inner", 3, "innermost counters that are reduced over"),
        *_counters("trip", TRIP_BITS, "trips, less one; 0 is outermost"),
        *_stream_registers("a", "word of stream A"),
        *(_stream_registers("b", "word of stream B") if plan.stream else ()),
        EngineRegister(
            "memory", 2, "written: 0, 1 of the core, 2 of the store, 3 the engine's own"
        ),
        *_stream_registers("d", "word that is written"),
        EngineRegister("rotate", lane_bits, "lanes that the first word is rotated up"),
        *_counters("rotate_step", lane_bits, "lanes more from element to element"),
        EngineRegister("mask", plan.lanes, "lanes that are written, before the rotation"),
        EngineRegister("held", 8, "first held word that a run of mode 1 loads"),
    ]
    if len(plan.reductions) > 1:
        about = ", ".join(f"{k}: {each}" for k, each in enumerate(plan.reductions))
        found.append(EngineRegister("reduction", index_bits(len(plan.reductions)), about))
    return tuple(found)


def _slot_registers(plan: VectorPlan) -> tuple[EngineRegister, ...]:
    """Of operands, which every slot has registers for."""
    found: list[EngineRegister] = []
    if plan.scale is not None:
        found += _values("scale", plan.scale, "what stream B is multiplied by")
        if plan.scale_held >= 0:
            found.append(EngineRegister("scale_choice", 1, "0: the value, 1: the held vector"))
    for k, slot in enumerate(plan.slots):
        name = f"slot{k}"
        if slot.fn in CAN_BE_OFF:
            found.append(EngineRegister(f"{name}_on", 1, f"0: {slot.fn} is passed by"))
        if slot.fn in WITHOUT_OPERAND:
            continue
        found += _values(name, slot.operand, f"operand of {slot.fn}")
        if len(slot.sources) > 1:
            about = ", ".join(f"{n}: {source}" for n, source in enumerate(slot.sources))
            found.append(
                EngineRegister(
                    f"{name}_choice",
                    index_bits(len(slot.sources)),
                    f"operand of {slot.fn}: {about}",
                )
            )
    return tuple(found)


def _values(name: str, span: Interval, about: str) -> list[EngineRegister]:
    """Registers for a value: low bits, and those above if it has more than a register."""
    bits = bits_for(*span)
    found = [EngineRegister(f"{name}_value", min(bits, VALUE_BITS), about)]
    if bits > VALUE_BITS:
        found.append(EngineRegister(f"{name}_high", bits - VALUE_BITS, f"{about}, upper bits"))
    return found
