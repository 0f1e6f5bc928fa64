"""What the load and the store engine move in a run, from the values of their registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.diag import InternalError
from lego.ir.engines import (
    BEAT_BYTES,
    LOAD_REGISTERS,
    RUN_COUNTERS,
    STORE_REGISTERS,
    WORD_COUNTERS,
    as_written,
)

__all__ = ["LoadWrites", "StoreWrites", "load_writes", "nest_values", "run_offsets", "store_writes"]

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

_LANES = np.arange(BEAT_BYTES)


@dataclass(frozen=True, slots=True, eq=False)
class LoadWrites:
    """Words that a run of the load engine writes, in their order.

    Attributes
    ----------
    memory : number of the memory.
    addresses : (beats,) words.
    data : (beats, 16) bytes as they are written, lane by lane.
    masks : (beats, 16) whether a lane is written.
    """

    memory: int
    addresses: Integers
    data: Bytes
    masks: NDArray[np.bool_]

    def apply(self, words: Bytes) -> None:
        """Write into a memory of (depth, 16) bytes; of two writes of a byte the later counts."""
        beat, lane = np.nonzero(self.masks)
        words[self.addresses[beat], lane] = self.data[beat, lane]


@dataclass(frozen=True, slots=True, eq=False)
class StoreWrites:
    """Beats that a run of the store engine writes into DRAM, in their order.

    Attributes
    ----------
    segment : number of the segment.
    offsets : (beats,) first bytes in the segment.
    addresses : (beats,) words of the store memory that they come from.
    data : (beats, 16) bytes.
    """

    segment: int
    offsets: Integers
    addresses: Integers
    data: Bytes

    def apply(self, segment: Bytes) -> None:
        """Write into the bytes of the segment; of two writes of a byte the later counts."""
        segment[self.offsets[:, None] + _LANES] = self.data


def nest_values(first: int, trips: Sequence[int], steps: Sequence[int], bits: int) -> Integers:
    """Values of a sum modulo `2**bits` at all points of a nest, in their order.

    `trips` are less one and `steps` per counter, the outermost first, as registers have them.
    """
    values = np.array([first], np.int64)
    for trip, step in zip(trips, steps, strict=True):
        values = (values[:, None] + step * np.arange(trip + 1)).ravel()
    return values & (1 << bits) - 1


def run_offsets(held: Mapping[str, int], kind: str) -> Integers:
    """(beats,) offsets in the segment of the beats of all runs; `kind` is fetch or send.

    Raises
    ------
    InternalError : an offset or a step isn't a multiple of a beat.
    """
    trips, steps = (_values(held, f"{kind}_{what}", RUN_COUNTERS) for what in ("trip", "step"))
    if any(each % BEAT_BYTES for each in (held["offset"], *steps)):
        raise InternalError(f"{kind}: an offset or a step isn't a multiple of {BEAT_BYTES} bytes")
    runs = nest_values(held["offset"], trips, steps, 32)
    return (runs[:, None] + BEAT_BYTES * np.arange(held["beats"] + 1)).ravel()


def load_writes(registers: Mapping[str, int], dram: Mapping[int, Bytes]) -> LoadWrites:
    """What a run of the load engine writes; `dram` has the bytes of every segment that is read.

    Registers that aren't given are 0.

    Raises
    ------
    InternalError : the nests have different numbers of beats, or a beat isn't in its segment.
    """
    held = as_written(LOAD_REGISTERS, registers)
    trips = _values(held, "place_trip", WORD_COUNTERS)
    addresses = nest_values(held["address"], trips, _values(held, "place_step", WORD_COUNTERS), 16)
    turns = nest_values(held["rotate"], trips, _values(held, "rotate_step", WORD_COUNTERS), 4)
    beats = _arriving(held, len(addresses), dram)
    lanes = (_LANES - turns[:, None]) % BEAT_BYTES
    mask = (held["mask"] >> _LANES & 1).astype(bool)
    return LoadWrites(held["memory"], addresses, np.take_along_axis(beats, lanes, 1), mask[lanes])


def store_writes(registers: Mapping[str, int], words: Bytes) -> StoreWrites:
    """What a run of the store engine writes, from the (depth, 16) bytes of its memory.

    Registers that aren't given are 0.

    Raises
    ------
    InternalError : the nests have different numbers of beats, or a word isn't in the memory.
    """
    held = as_written(STORE_REGISTERS, registers)
    trips, steps = (_values(held, f"take_{what}", WORD_COUNTERS) for what in ("trip", "step"))
    addresses = nest_values(held["address"], trips, steps, 16)
    offsets = run_offsets(held, "send")
    _same(len(offsets), len(addresses))
    if addresses.max() >= len(words):
        raise InternalError(f"store: word {addresses.max()} of a memory of {len(words)}")
    return StoreWrites(held["segment"], offsets, addresses, words[addresses])


def _values(held: Mapping[str, int], prefix: str, count: int) -> list[int]:
    return [held[f"{prefix}{k}"] for k in range(count)]


def _arriving(held: Mapping[str, int], count: int, dram: Mapping[int, Bytes]) -> Bytes:
    """The beats of a load, read or made."""
    if held["mode"] & 1:
        return np.full((count, BEAT_BYTES), held["fill"], np.uint8)
    offsets = run_offsets(held, "fetch")
    _same(len(offsets), count)
    return _beats(dram[held["segment"]], offsets)


def _same(runs: int, words: int) -> None:
    if runs != words:
        raise InternalError(f"runs have {runs} beats, words {words}")


def _beats(segment: Bytes, offsets: Integers) -> Bytes:
    """The beats at offsets in a segment."""
    if offsets.max() + BEAT_BYTES > len(segment):
        raise InternalError(f"no beat at byte {offsets.max()} of a segment of {len(segment)}")
    whole = len(segment) // BEAT_BYTES
    return segment[: whole * BEAT_BYTES].reshape(whole, BEAT_BYTES)[offsets // BEAT_BYTES]
