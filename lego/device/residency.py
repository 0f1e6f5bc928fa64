"""Which tiles lie where in operand memories, and which of them are loaded for which run.

A memory has room for two tiles, so that one is loaded while the array uses the other. A tile that is still
there isn't loaded again. Tiles are replaced in the order of their last uses, so that the array's signals
that it has done with tiles come in the order in which loads wait for them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["SLOTS", "Need", "Use", "residency"]

SLOTS = 2
"""Tiles that find room in a memory."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a run needs in a memory.

    Attributes
    ----------
    key : of the tile's contents: equal ones needn't be loaded again.
    room : words that each tile of its kind may take.
    """

    key: Hashable
    room: int


@dataclass(slots=True)
class Use:
    """What a run finds in a memory.

    Attributes
    ----------
    base : first word of the tile.
    loads : whether it is loaded for this run.
    freed_by : numbers of runs that use tiles last that lie where it is loaded to; each gives one signal.
    signals : this is the tile's last use, and something is loaded over it.
    """

    base: int
    loads: bool
    freed_by: tuple[int, ...] = ()
    signals: bool = False


@dataclass(slots=True)
class _Slot:
    """A tile in memory: its contents, and the use that was the last so far."""

    need: Need
    base: int
    last: int


def residency(needs: Sequence[Need | None]) -> list[Use | None]:
    """What every run finds in one memory; None where it doesn't use it."""
    slots: list[_Slot] = []
    uses: list[Use | None] = []
    for number, need in enumerate(needs):
        uses.append(None if need is None else _use(slots, uses, number, need))
    return uses


def _use(slots: list[_Slot], uses: Sequence[Use | None], number: int, need: Need) -> Use:
    for slot in slots:
        if slot.need == need:
            slot.last = number
            return Use(slot.base, loads=False)
    gone = _replaced(slots, need)
    for slot in gone:
        before = uses[slot.last]
        if before is not None:
            before.signals = True
        slots.remove(slot)
    taken = {slot.base for slot in slots}
    base = next(k * need.room for k in range(SLOTS) if k * need.room not in taken)
    slots.append(_Slot(need, base, number))
    return Use(base, loads=True, freed_by=tuple(slot.last for slot in gone))


def _replaced(slots: Iterable[_Slot], need: Need) -> list[_Slot]:
    """The tiles that a new one replaces, the one that was used last comes last."""
    order = sorted(slots, key=lambda slot: slot.last)
    if any(slot.need.room != need.room for slot in order):
        return order
    return order[:1] if len(order) == SLOTS else []
