"""Which macros make an SRAM: bands of words, each of macros side by side, of least area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.diag import LegoError
from lego.ir.costs import COSTS
from lego.ir.sram import Band, SramCell

__all__ = ["MOST", "arranged", "height_of"]

MOST = 1024
"""Macros in one SRAM, at most."""

Row = tuple[int, int, tuple[int, ...]]
"""Area of macros side by side, how many they are, and their places in the list of macros."""


def arranged(words: int, bits: int, cells: Sequence[SramCell]) -> tuple[Band, ...]:
    """The macros of least area that hold so many words; of equals the fewest, then the first listed.

    A macro that is too large has address bits or data bits that stay unused. Where one band doesn't
    hold all words, bands decode powers of two of them, the tallest first, so that each starts at a
    multiple of its height. Raises E132 if there are too many macros.
    """
    rows = {h: _row(bits, h, cells) for h in sorted({height_of(cell) for cell in cells})}
    whole = _row(bits, words, cells) if any(cell.words >= words for cell in cells) else None
    heights = _heights(words, bits, rows)
    split = sum(rows[h][0] + _joint(bits) for h in heights)
    if whole is not None and whole[0] <= split:
        heights, rows = (words,), {words: whole}
    count = sum(rows[h][1] for h in heights)
    if count > MOST:
        message = (
            f"a memory of {words} words of {bits} bits takes {count} macros, {MOST} are allowed"
        )
        raise LegoError("E132", message, hint="add larger macros to the map")
    starts = [sum(heights[:k]) for k in range(len(heights))]
    return tuple(
        Band(start, h, tuple(cells[k].module for k in rows[h][2]))
        for start, h in zip(starts, heights, strict=True)
    )


def height_of(cell: SramCell) -> int:
    """The largest power of two of words that a macro holds."""
    return 1 << (cell.words.bit_length() - 1)


def _area(cell: SramCell) -> int:
    return cell.area or COSTS.bank + cell.words * cell.bits * COSTS.sram_bit


def _joint(bits: int) -> int:
    """Area of what chooses the word of one band more."""
    return bits * COSTS.mux_bit + COSTS.register_bit


def _row(bits: int, height: int, cells: Sequence[SramCell]) -> Row:
    """The macros of at least so many words whose bits, side by side, reach `bits`."""
    fitting = [(k, cell) for k, cell in enumerate(cells) if cell.words >= height]
    best: list[Row] = [(0, 0, ())]
    for b in range(1, bits + 1):
        found = [_with(best[max(0, b - cell.bits)], k, cell) for k, cell in fitting]
        best.append(min(found))
    return best[bits]


def _with(row: Row, place: int, cell: SramCell) -> Row:
    return row[0] + _area(cell), row[1] + 1, tuple(sorted((*row[2], place)))


def _heights(words: int, bits: int, rows: Mapping[int, Row]) -> tuple[int, ...]:
    """Heights of the bands of least area that reach `words`, the tallest first."""
    unit = min(rows)
    price = {h: (rows[h][0] + _joint(bits), rows[h][1]) for h in rows}
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for n in range(1, -(-words // unit) + 1):
        below = {h: best[max(0, n - h // unit)] for h in rows}
        best.append(min((p + below[h][0], c + below[h][1], -h) for h, (p, c) in price.items()))
    found, n = [], len(best) - 1
    while n > 0:
        found.append(-best[n][2])
        n -= found[-1] // unit
    return tuple(sorted(found, reverse=True))
