"""Copies between DRAM and memories as runs of the load and the store engine.

Who places a tile says for every beat where it lies and where it goes; here the beats become nests of
counters, as few as a greedy finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from lego.diag import InternalError
from lego.ir.engines import BEAT_BYTES, MOST_BEATS, MOST_TRIPS, RUN_COUNTERS, WORD_COUNTERS
from lego.mapping.nests import Counter, Integers, Nest, joined, nests_of

__all__ = ["PAD", "Runs", "load_commands", "runs_of", "store_commands"]

PAD = -1
"""Offset of a beat that doesn't lie in DRAM."""

_COMMAND_COST = 8
"""Cycles that a command takes."""

_RUN_COST = 3
"""Cycles that a run of beats takes at least, as only so many are under way."""

_MOST_COUNTERS = RUN_COUNTERS + WORD_COUNTERS + 1
"""Counters that runs and words have between them."""

_MODULI = (0, 0, BEAT_BYTES)
"""Of offsets, words and rotations."""


@dataclass(frozen=True, slots=True)
class Runs:
    """A nest over runs of consecutive beats.

    Attributes
    ----------
    offset : of the first run, in bytes.
    beats : of each run.
    counters : trips and bytes from run to run, the outermost first.
    """

    offset: int
    beats: int
    counters: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        """How many runs there are."""
        return prod(trips for trips, _ in self.counters)

    def offsets(self) -> Integers:
        """(beats,) the offset of every beat, in bytes."""
        inner = (self.beats, (BEAT_BYTES,))
        outer = [(trips, (step,)) for trips, step in self.counters]
        return Nest((self.offset,), (*outer, inner)).rows()[:, 0]


def runs_of(offsets: Integers) -> list[Runs]:
    """Runs of consecutive beats with at most 4 counters over them that have these offsets, in their order."""
    nests = nests_of(offsets, _MOST_COUNTERS, fits=lambda all_: _runs(all_) is not None)
    return [_placed(nest) for nest in nests]


def load_commands(
    offsets: Integers,
    addresses: Integers,
    rotations: Integers,
    *,
    memory: int,
    segment: int = 0,
    mask: int = (1 << BEAT_BYTES) - 1,
    fill: int = 0,
) -> list[dict[str, int]]:
    """Values of registers of the load engine, per start, that write each beat where it goes.

    What a dictionary lacks doesn't matter in its run. Beats come in the order that takes fewest commands
    and runs of those tried: as given, by word, by offset, by rotation and word, each with nests that are
    alike brought together. No two beats may write one byte.

    Parameters
    ----------
    offsets : (beats,) in the segment, in bytes; -1 for a beat of `fill`.
    addresses : (beats,) words of the memory.
    rotations : (beats,) lanes that a beat is rotated up.

    Raises
    ------
    InternalError : an offset isn't a multiple of a beat.
    """
    rows = np.stack([offsets, addresses, rotations], axis=1).astype(np.int64)
    pads = rows[:, 0] == PAD
    shared = {"memory": memory, "mask": mask}
    found = []
    if not pads.all():
        _aligned(rows[~pads, 0])
        for nest in _best(rows[~pads]):
            run = {"mode": 0, **shared, "segment": segment}
            found.append(run | _run_registers("fetch", _placed(nest)) | _words("place", nest))
    if pads.any():
        filled = rows[pads]
        if mask == (1 << BEAT_BYTES) - 1:
            filled[:, 2] = 0
        filled[:, 0] = 0
        for nest in _best(filled):
            found.append({"mode": 1, **shared, "fill": fill, **_words("place", nest)})
    return found


def store_commands(
    offsets: Integers, addresses: Integers, *, segment: int = 0
) -> list[dict[str, int]]:
    """Values of registers of the store engine, per start, that send each word to its offset.

    What a dictionary lacks doesn't matter in its run. Orders are tried as by :func:`load_commands`.

    Raises
    ------
    InternalError : an offset isn't a multiple of a beat.
    """
    _aligned(offsets)
    rows = np.stack([offsets, addresses, np.zeros_like(offsets)], axis=1).astype(np.int64)
    found = []
    for nest in _best(rows):
        run = {"segment": segment, **_run_registers("send", _placed(nest))}
        found.append(run | _words("take", nest))
    return found


def _aligned(offsets: Integers) -> None:
    if (offsets % BEAT_BYTES).any() or (offsets < 0).any():
        raise InternalError(f"an offset isn't a multiple of {BEAT_BYTES} bytes")


def _best(rows: Integers) -> list[Nest]:
    """Nests of (offset, word, rotation), in the order of rows that costs least."""
    best = _nests(rows)
    offset, word, turn = rows.T
    for keys in ((word,), (word, offset), (word, turn), (word, offset, _copy(offset, word))):
        if _cost(best) > _COMMAND_COST + len(rows):
            best = min(best, _nests(rows[np.lexsort(keys)]), key=_cost)
    return best


def _nests(rows: Integers) -> list[Nest]:
    return nests_of(rows, _MOST_COUNTERS, moduli=_MODULI, fits=_fits, ordered=False)


def _copy(offset: Integers, word: Integers) -> Integers:
    """Of beats with one offset the number of each, by word."""
    order = np.lexsort((word, offset))
    starts = np.r_[True, np.diff(offset[order]) != 0]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    found = np.empty_like(offset)
    found[order] = np.arange(len(order)) - first
    return found


def _cost(nests: Sequence[Nest]) -> int:
    """In cycles, roughly: a run takes as long as its beats, or as it takes to ask for it."""
    placed = [_placed(nest) for nest in nests]
    return sum(_COMMAND_COST + run.count * max(run.beats, _RUN_COST) for run in placed)


def _fits(counters: tuple[Counter, ...]) -> bool:
    """Whether both nests of an engine have enough counters for what these do to their columns."""
    words = joined(counters, (1, 2), _MODULI[1:], MOST_TRIPS)
    return len(words) <= WORD_COUNTERS and _runs(counters) is not None


def _runs(counters: Sequence[Counter]) -> Runs | None:
    """What counters do to the first column, from 0, as runs; None where runs have too few counters."""
    beats, left = 1, list(counters)
    while left and left[-1][1][0] == BEAT_BYTES * beats and beats * left[-1][0] <= MOST_BEATS:
        beats *= left.pop()[0]
    over = joined(left, (0,), (0,), MOST_TRIPS)
    if len(over) > RUN_COUNTERS:
        return None
    return Runs(0, beats, tuple((trips, steps[0]) for trips, steps in over))


def _placed(nest: Nest) -> Runs:
    """The runs of a nest's first column."""
    runs = _runs(nest.counters)
    if runs is None:
        raise InternalError("a nest has more counters over runs than an engine")
    return Runs(nest.base[0], runs.beats, runs.counters)


def _counters(
    count: int, used: Sequence[Counter]
) -> tuple[list[tuple[int, int]], list[tuple[int, tuple[int, ...]]]]:
    """Of `count` counters the inner ones are used: trips less one, and steps of those, by number."""
    first = count - len(used)
    trips = [(k, used[k - first][0] - 1 if k >= first else 0) for k in range(count)]
    return trips, [(first + k, steps) for k, (_, steps) in enumerate(used)]


def _run_registers(kind: str, runs: Runs) -> dict[str, int]:
    """Registers of the side that asks for runs."""
    trips, steps = _counters(RUN_COUNTERS, [(count, (by,)) for count, by in runs.counters])
    found = {"offset": runs.offset, "beats": runs.beats - 1}
    found |= {f"{kind}_trip{k}": trip for k, trip in trips}
    return found | {f"{kind}_step{k}": step[0] & 0xFFFFFFFF for k, step in steps}


def _words(kind: str, nest: Nest) -> dict[str, int]:
    """Registers of the side that walks over words; only words that are placed have rotations."""
    inner = joined(nest.counters, (1, 2), _MODULI[1:], MOST_TRIPS)
    trips, steps = _counters(WORD_COUNTERS, inner)
    found = {"address": nest.base[1]}
    found |= {f"{kind}_trip{k}": trip for k, trip in trips}
    found |= {f"{kind}_step{k}": word & 0xFFFF for k, (word, _) in steps}
    if kind == "place":
        found["rotate"] = nest.base[2]
        found |= {f"rotate_step{k}": turn % BEAT_BYTES for k, (_, turn) in steps}
    return found
