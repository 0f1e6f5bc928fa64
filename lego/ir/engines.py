"""Registers of the engines that move data: one table for hardware, models, programs and documentation.

The number of a register is its place in its table. Trips are written less one, steps in two's complement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "BEAT_BYTES",
    "LOAD_REGISTERS",
    "MOST_BEATS",
    "MOST_TRIPS",
    "RUN_COUNTERS",
    "STORE_MEMORY",
    "STORE_REGISTERS",
    "WORD_COUNTERS",
    "EngineRegister",
    "as_written",
    "documented",
    "register_numbers",
]

BEAT_BYTES = 16
"""Bytes, and lanes, of a beat of the bus and of a word of an operand memory."""

RUN_COUNTERS, WORD_COUNTERS = 4, 5
"""Counters of the nest over runs of beats in DRAM, and of that over words in a memory."""

STORE_MEMORY = 2
"""Number of the store engine's memory; smaller ones are those of the core's operand memories."""

MOST_TRIPS = 4096
"""Most trips of a counter."""

MOST_BEATS = (1 << 16) - 1
"""Most consecutive beats of a run."""

_TRIP_BITS = (MOST_TRIPS - 1).bit_length()


@dataclass(frozen=True, slots=True)
class EngineRegister:
    """A register of an engine.

    Attributes
    ----------
    name : in lower case, unique in its engine.
    bits : its width, 1 to 32; higher bits of what is written are ignored.
    about : what it holds, with its unit.
    """

    name: str
    bits: int
    about: str


def _counters(name: str, count: int, bits: int, about: str) -> tuple[EngineRegister, ...]:
    """A register for every counter, the outermost first."""
    return tuple(EngineRegister(f"{name}{k}", bits, about) for k in range(count))


LOAD_REGISTERS: tuple[EngineRegister, ...] = (
    EngineRegister("mode", 2, "0: copy from DRAM, 1: fill without reading"),
    EngineRegister("memory", 2, "memory that is written; 3: that of the vector engine"),
    EngineRegister("segment", 3, "segment of DRAM"),
    EngineRegister("offset", 32, "first byte in the segment, a multiple of 16"),
    EngineRegister("beats", 16, "consecutive beats of a run, less one; at most 65534"),
    *_counters("fetch_trip", RUN_COUNTERS, _TRIP_BITS, "trips over runs, less one; 0 is outermost"),
    *_counters("fetch_step", RUN_COUNTERS, 32, "bytes from run to run, a multiple of 16"),
    EngineRegister("address", 16, "first word that is written"),
    EngineRegister("rotate", 4, "lanes that the first beat is rotated up"),
    EngineRegister("fill", 8, "value of every byte of a fill"),
    EngineRegister("mask", 16, "lanes of a beat that are written"),
    *_counters("place_trip", WORD_COUNTERS, _TRIP_BITS, "trips over beats, less one"),
    *_counters("place_step", WORD_COUNTERS, 16, "words from beat to beat"),
    *_counters("rotate_step", WORD_COUNTERS, 4, "lanes more from beat to beat"),
)
"""Registers of the load engine."""

STORE_REGISTERS: tuple[EngineRegister, ...] = (
    EngineRegister("segment", 3, "segment of DRAM"),
    EngineRegister("offset", 32, "first byte in the segment, a multiple of 16"),
    EngineRegister("beats", 16, "consecutive beats of a run, less one; at most 65534"),
    *_counters("send_trip", RUN_COUNTERS, _TRIP_BITS, "trips over runs, less one; 0 is outermost"),
    *_counters("send_step", RUN_COUNTERS, 32, "bytes from run to run, a multiple of 16"),
    EngineRegister("address", 16, "first word of the store memory"),
    *_counters("take_trip", WORD_COUNTERS, _TRIP_BITS, "trips over beats, less one"),
    *_counters("take_step", WORD_COUNTERS, 16, "words from beat to beat"),
)
"""Registers of the store engine."""


def register_numbers(table: Sequence[EngineRegister]) -> dict[str, int]:
    """The number of every register, by name."""
    return {register.name: k for k, register in enumerate(table)}


def as_written(table: Sequence[EngineRegister], values: Mapping[str, int]) -> dict[str, int]:
    """Every register of the table with the bits that it holds of its value; 0 where none is given.

    Raises
    ------
    KeyError : a value is for a register that the table doesn't have.
    """
    unknown = sorted(values.keys() - register_numbers(table).keys())
    if unknown:
        raise KeyError(f"no register is called {', '.join(unknown)}")
    return {each.name: values.get(each.name, 0) & (1 << each.bits) - 1 for each in table}


def documented(table: Sequence[EngineRegister]) -> list[str]:
    """Lines of a table of registers in Markdown; those that are alike are one line."""
    lines = ["| number | register | bits | holds |", "|---|---|---|---|"]
    k = 0
    while k < len(table):
        first, last = table[k], k
        while last + 1 < len(table) and table[last + 1].about == first.about:
            last += 1
        numbers, names = str(k), f"`{first.name}`"
        if last > k:
            numbers, names = f"{k} to {last}", f"{names} to `{table[last].name}`"
        lines.append(f"| {numbers} | {names} | {first.bits} | {first.about} |")
        k = last + 1
    return lines
