"""Loops of an operation: a number, or bounds that are affine in the loops before.

    {i: 64, j: i+1, k: "min(i+4, 64)", l: ["max(i-3, 0)", 64]}

make a box, and the inequalities ``j < i + 1``, ``k < i + 4``, ``l >= i - 3`` over it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from frontends.yaml.indices import IndexParser
from frontends.yaml.positions import Path, Positions
from frontends.yaml.schema import OperationForm
from lego.diag import LegoError
from lego.ir.domain import Inequality, index_range, inside_box, reached
from lego.ir.operation import Loop

__all__ = ["Ranges", "loops_of"]

MAX_EXTENT = 1 << 31
_STRANGE = re.compile(r"[^A-Za-z0-9_+\-*(), ]")
Term = tuple[tuple[int, ...], int]
"""Coefficients of the loops before, and a constant."""
End = tuple[object, Path]
"""A number or text, with its place in the file."""


class _Bound(IndexParser):
    """Reads one end of a loop's range."""

    article, what = "a", "bound"

    def terms(self, function: str) -> list[Term]:
        """The terms of which the least (`min`) or largest (`max`) counts."""
        strange = _STRANGE.search(self.text)
        if strange:
            message = f"character {strange.group()!a} can't stand in a bound"
            raise self.error("E110", message, strange.start(), "write, for example, i+1")
        node, base = self.parse(0, len(self.text))
        match node:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name == function:
                nodes = args
            case ast.Call(func=ast.Name(id="min" | "max" as name)):
                raise self._wrong_end(name, base + node.col_offset)
            case _:
                nodes = [node]
        found = [self.affine(each, base) for each in nodes]
        return [(tuple(row), offset) for row, offset in found]

    def _wrong_end(self, name: str, at: int) -> LegoError:
        if name == "max":
            message, hint = (
                "a bound is the least of several, min(a, b)",
                "max(a, b) is a first value",
            )
        else:
            message, hint = (
                "a first value is the largest of several, max(a, b)",
                "min(a, b) is a bound",
            )
        return self.error("E111", f"{message}: it can't be their {name}", at, hint)

    def known(self, name: str, at: int) -> list[str]:
        if name not in self.loops:
            hint = f"loops before it: {', '.join(self.loops) or 'none'}"
            message = f"{name[:40]!r} is not a loop before this one"
            raise self.error("E112", message, at, hint)
        return self.loops


class Ranges:
    """The loops read so far, and the inequalities among them."""

    def __init__(self, k: int, form: OperationForm, at: Positions) -> None:
        self.path: Path = ("operations", k, "loops")
        self.form, self.at = form, at
        self.names: list[str] = []
        self.extents: list[int] = []
        self.domain: list[Inequality] = []

    def add(self, name: str) -> None:
        """Read one loop. Raises E110 to E114 for its text, E126 if it is empty or starts below 0."""
        value = self.form.loops[name]
        if isinstance(value, int):
            self._append(name, value, [])
            return
        first, bound = self._ends(name, value)
        width = len(self.names)
        lower, upper = self._terms(*first, "max"), self._terms(*bound, "min")
        if (low := self._least(lower)) is not None and low < 0:
            hint = f"write max({first[0]}, 0) if it is to start at 0 there"
            message = f"loop {name!r} starts at {low} in some iteration"
            raise LegoError("E126", message, loc=self.at(*first[1]), hint=hint)
        cuts = [Inequality((*(-a for a in row), 1), offset) for row, offset in upper]
        cuts += [Inequality((*row, -1), 1 - offset) for row, offset in lower]
        cuts = [cut for cut in cuts if any(cut.coefficients[:width]) or cut.coefficients[-1] < 0]
        extent = self._extent(upper, cuts)
        if extent <= 0:
            message = f"loop {name!r} never runs: its bound is at most its first value"
            hint = "a loop i runs from 0 to its bound less 1"
            raise LegoError("E126", message, loc=self.at(*bound[1]), hint=hint)
        if extent > MAX_EXTENT:
            message = f"loop {name!r} reaches {extent}, at most {MAX_EXTENT} is allowed"
            raise LegoError("E102", message, loc=self.at(*bound[1]), hint="use smaller bounds")
        self._append(name, extent, cuts)

    def _ends(self, name: str, value: object) -> tuple[End, End]:
        """First value and bound of a loop, each with its place in the file."""
        path = (*self.path, name)
        if not isinstance(value, list):
            return (0, path), (value, path)
        if len(value) != 2:
            hint = "write [first, bound], such as [i, 64]"
            message = f"the range of {name!r} has {len(value)} entries, not 2"
            raise LegoError("E102", message, loc=self.at(*path), hint=hint)
        return (value[0], (*path, 0)), (value[1], (*path, 1))

    def _extent(self, upper: Sequence[Term], cuts: Sequence[Inequality]) -> int:
        """One more than the largest value that the next loop reaches."""
        width = len(self.names)
        extent: int = min(inside_box(row, offset, self.extents)[1] for row, offset in upper)
        if extent <= 0 or not any(any(row) for row, _ in upper):
            return extent
        joined = [*self.domain, *cuts]
        padded = [Inequality(_wide(c.coefficients, width + 1), c.limit) for c in joined]
        return reached(width, [*self.extents, extent], padded)

    def _append(self, name: str, extent: int, cuts: Sequence[Inequality]) -> None:
        self.names.append(name)
        self.extents.append(extent)
        self.domain += cuts

    def _least(self, terms: Sequence[Term]) -> int | None:
        """Least value over the domain of the largest of some terms, by its sound bound: some term
        is never negative."""
        width = len(self.names)
        padded = [Inequality(_wide(c.coefficients, width), c.limit) for c in self.domain]
        lows = [
            found[0]
            for row, offset in terms
            if (found := index_range(row, offset, self.extents, padded)) is not None
        ]
        return max(lows, default=None)

    def _terms(self, value: object, path: Path, function: str) -> list[Term]:
        loc = self.at(*path)
        if isinstance(value, int):
            return [((0,) * len(self.names), value)]
        if not isinstance(value, str):
            hint = "write, for example, [i, 64]"
            raise LegoError("E102", "an end of a range is a number or text", loc=loc, hint=hint)
        return _Bound(value.rstrip(), self.names, self.at.spot(*path)).terms(function)

    def result(self) -> tuple[tuple[Loop, ...], tuple[Inequality, ...]]:
        """The box and the inequalities that don't hold in all of it."""
        loops = tuple(Loop(n, extent) for n, extent in zip(self.names, self.extents, strict=True))
        domain = []
        for cut in self.domain:
            each = Inequality.of(_wide(cut.coefficients, len(loops)), cut.limit)
            if inside_box(each.coefficients, 0, self.extents)[1] >= each.limit:
                domain.append(each)
        return loops, tuple(dict.fromkeys(domain))


def _wide(row: Sequence[int], width: int) -> tuple[int, ...]:
    return (*row, *[0] * (width - len(row)))


def loops_of(
    k: int, form: OperationForm, at: Positions
) -> tuple[tuple[Loop, ...], tuple[Inequality, ...]]:
    """Loops of operation `k`, and its domain. Raises what :meth:`Ranges.add` does, and E126 if nothing
    is left."""
    ranges = Ranges(k, form, at)
    for name in form.loops:
        ranges.add(name)
    return ranges.result()
