"""Which macros make an SRAM: bands of words, each of macros side by side, of least area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.diag import LegoError
from lego.ir.costs import COSTS
from lego.ir.sram import Band, SramCell

__all__ = ["MOST", "arranged", "height_of", "held_bits"]

MOST = 1024
"""Macros in one SRAM, at most."""

Row = tuple[int, int, tuple[int, ...]]
"""Area of macros side by side, how many they are, and their places in the list of macros."""


def arranged(words: int, bits: int, cells: Sequence[SramCell], lanes: int = 1) -> tuple[Band, ...]:
    """The macros of least area that hold so many words; of equals the fewest, then the first listed.

    Where `lanes` of the words are written apart, a macro without a mask, or whose mask doesn't tell lanes
    apart, holds bits of one lane only (see :func:`held_bits`).

    A macro that is too large has address bits or data bits that stay unused. Where one band doesn't
    hold all words, bands decode powers of two of them, the tallest first, so that each starts at a
    multiple of its height. Raises E132 if there are too many macros.
    """
    shape = bits, lanes
    rows = {h: _row(shape, h, cells) for h in sorted({height_of(cell) for cell in cells})}
    whole = _row(shape, words, cells) if any(cell.words >= words for cell in cells) else None
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


def held_bits(cell: SramCell, start: int, bits: int, lanes: int) -> int:
    """Bits that a macro holds of words of so many, from bit `start` on: whole lanes if its mask tells them
    apart, or of one lane."""
    lane = bits // lanes
    if lanes > 1 and not (_tells(cell, lane) and start % lane == 0):
        return min(cell.bits, lane - start % lane)
    return min(cell.bits // lane * lane if lanes > 1 else cell.bits, bits - start)


def _tells(cell: SramCell, lane: int) -> bool:
    """Whether a macro's mask tells lanes of so many bits apart, and it holds one."""
    return bool(cell.mask) and lane % cell.mask_bits == 0 and cell.bits >= lane


def _row(shape: tuple[int, int], height: int, cells: Sequence[SramCell]) -> Row:
    """The macros of at least so many words whose bits, side by side, reach those of the shape."""
    bits, lanes = shape
    fitting = [(k, cell) for k, cell in enumerate(cells) if cell.words >= height]
    if lanes == 1:
        return _filled(bits, [(cell.bits, k, cell) for k, cell in fitting])
    lane = bits // lanes
    several = [(cell.bits // lane, k, cell) for k, cell in fitting if _tells(cell, lane)]
    single = [(cell.bits, k, cell) for k, cell in fitting if not _tells(cell, lane)]
    return _filled(lanes, several, _filled(lane, single) if single else None)


def _filled(
    parts: int, fitting: Sequence[tuple[int, int, SramCell]], one: Row | None = None
) -> Row:
    """The macros of least area that hold so many parts, where each holds some; `one` row holds one part."""
    best: list[Row] = [(0, 0, ())]
    for n in range(1, parts + 1):
        found = [_with(best[max(0, n - held)], (_area(cell), 1, (k,))) for held, k, cell in fitting]
        if one is None:
            found = [(area, count, tuple(sorted(places))) for area, count, places in found]
        else:
            found.append(_with(best[n - 1], one))
        best.append(min(found))
    return best[parts]


def _with(row: Row, more: Row) -> Row:
    return row[0] + more[0], row[1] + more[1], (*row[2], *more[2])


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
