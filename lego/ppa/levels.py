"""Levels of a directed graph: every edge goes up. Edges that close a loop are taken out first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["levels"]

Longs = NDArray[np.int64]
Ints = NDArray[np.integer]


def levels(n: int, begin: Ints, end: Ints) -> tuple[Longs, Longs]:
    """Per vertex the number of edges on the longest way to it, and the edges taken out, as ``begin
    * n + end``, in order."""
    codes = np.unique(begin.astype(np.int64) * n + end)
    level = _waves(n, codes)
    stuck = (level[codes // n] < 0) & (level[codes % n] < 0)
    if not stuck.any():
        return level, np.zeros(0, dtype=np.int64)
    core = codes[stuck]
    back = _waves(n, np.sort(core % n * n + core // n))  # what loops only lead to isn't in one
    core = core[(back[core // n] < 0) & (back[core % n] < 0)]
    cut = np.array(sorted(_closing(core // n, core % n)), dtype=np.int64)
    cut = cut[:, 0] * n + cut[:, 1]
    return _waves(n, codes[~np.isin(codes, cut)]), cut


def _waves(n: int, codes: Longs) -> Longs:
    """Levels, -1 for what is in a loop or behind one; codes in order."""
    begin, end = codes // n, codes % n
    first = np.searchsorted(begin, np.arange(n + 1))
    waiting = np.bincount(end, minlength=n)
    level = np.full(n, -1, dtype=np.int64)
    wave, depth = np.flatnonzero(waiting == 0), 0
    while len(wave):
        level[wave] = depth
        reached, times = np.unique(end[_ranges(first[wave], first[wave + 1])], return_counts=True)
        waiting[reached] -= times
        wave, depth = reached[waiting[reached] == 0], depth + 1
    return level


def _ranges(begin: Longs, end: Longs) -> Longs:
    """All numbers of several ranges, one after the other."""
    sizes = end - begin
    offset = np.repeat(begin - np.cumsum(sizes) + sizes, sizes)
    return offset + np.arange(sizes.sum())


def _closing(begin: Longs, end: Longs) -> list[tuple[int, int]]:
    """Edges that lead back to a vertex on the way, in a depth-first walk in the order of the vertices."""
    follow: dict[int, list[int]] = {}
    for a, b in zip(begin.tolist(), end.tolist(), strict=True):
        follow.setdefault(a, []).append(b)
    found: list[tuple[int, int]] = []
    done: set[int] = set()
    on_way: set[int] = set()
    for root in sorted(follow):
        if root in done:
            continue
        way = [(root, iter(follow[root]))]
        on_way.add(root)
        while way:
            at, rest = way[-1]
            after = next(rest, None)
            if after is None:
                way.pop()
                on_way.discard(at)
                done.add(at)
            elif after in on_way:
                found.append((at, after))
            elif after not in done:
                on_way.add(after)
                way.append((after, iter(follow.get(after, ()))))
    return found
