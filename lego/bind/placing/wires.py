"""What indices tell of elements at one timestamp: along the axes, indices are wired.

FUs with one index read one element. Where the element is an affine function of the index, a matrix tells it;
else a table does, an entry per index.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from lego.bind.linear import dot, least_residue, solve
from lego.bind.placing.access import Access
from lego.bind.site import Port

__all__ = ["Rational", "Table", "matrices", "table_of", "table_with_counters", "tells"]

Vector = tuple[int, ...]
Rational = tuple[tuple[Fraction, ...], ...]
Table = tuple[tuple[Vector, Vector], ...]

MOST_LISTED = 512
"""FUs and trips of counters in a table, at most."""

MOST_WIDENED = 16
"""Ways to use dimensions that no axis moves, at most."""


def table_of(port: Port, access: Access, counters: Sequence[int] = ()) -> Table | None:
    """By index, the element of an FU, both from those of FU zero; None where FUs with one index need several
    elements. `counters`: under the nearest steps to 0 that are wired, these tell elements, too."""
    found: dict[Vector, Vector] = {}
    used = [a for a, step in enumerate(access.axes) if step is not None]
    steps = [access.axes[a] or () for a in used] + [access.time[k] or () for k in counters]
    sides = [access.covers[a] for a in used] + [access.trips[k] for k in counters]
    rows = _wires(port, access, used, counters)
    for at in itertools.product(*map(range, sides)):
        index = tuple(dot(row, at) for row in rows)
        element = tuple(dot([step[i] for step in steps], at) for i in range(len(access.first)))
        if found.setdefault(index, element) != element:
            return None
    for index, element in access.others:
        if found.setdefault(index, element) != element:
            return None
    return tuple(sorted(found.items()))


def _wires(
    port: Port, access: Access, axes: Sequence[int], counters: Sequence[int]
) -> list[Vector]:
    """Per dimension, what axes and counters are wired to add to the index."""
    moduli = port.loose if access.free else port.moduli
    return [
        (
            *(space[a] for a in axes),
            *(least_residue(time[k], m) if m else time[k] for k in counters),
        )
        for space, time, m in zip(port.plan.space, port.plan.time, moduli, strict=True)
    ]


def table_with_counters(port: Port, access: Access, *, output: bool) -> tuple[Table, Vector]:
    """A table with as many counters as indices tell elements by, and these; `output`: elements tell indices,
    too. Without any the table is empty."""
    table: Table = ()
    told: Vector = ()
    size = math.prod(access.covers)
    for k in (k for k, step in enumerate(access.time) if step is not None):
        if size * access.trips[k] > MOST_LISTED:
            continue
        longer = table_of(port, access, (*told, k))
        if longer and not (output and len({element for _, element in longer}) < len(longer)):
            table, told, size = longer, (*told, k), size * access.trips[k]
    return table, told


def tells(port: Port, access: Access) -> bool:
    """Whether FUs that are wired to one index at a timestamp need one element there."""
    return next(matrices(port, access), None) is not None or table_of(port, access) is not None


def matrices(port: Port, access: Access) -> Iterator[Rational]:
    """Matrices ``M`` with ``M F_S = E_S``, integers first, each with as few dimensions as that takes; then
    these with dimensions that no axis moves, where wired steps of counters tell elements."""
    used = [a for a, step in enumerate(access.axes) if step is not None]
    columns = [
        (*(row[a] for a in used), *(index[j] for index, _ in access.others))
        for j, row in enumerate(port.plan.space)
    ]
    moved = [j for j, column in enumerate(columns) if any(column)]
    found = _fewest(access, used, columns, moved)
    found.sort(key=lambda m: any(x.denominator > 1 for row in m for x in row))
    yield from found
    still = [j for j in range(len(columns)) if j not in moved]
    for matrix in found:
        yield from _widened(port, access, matrix, still)


def _fewest(
    access: Access, used: Sequence[int], columns: Sequence[Vector], moved: Sequence[int]
) -> list[Rational]:
    """The matrices with as few dimensions as there are."""
    found: list[Rational] = []
    for size in range(min(len(moved), len(used) + len(access.others)) + 1):
        for dims in itertools.combinations(moved, size):
            matrix = _matrix(access, used, columns, dims)
            if matrix is not None and matrix not in found:
                found.append(matrix)
        if found:
            break
    return found


def _widened(
    port: Port, access: Access, matrix: Rational, still: Sequence[int]
) -> Iterator[Rational]:
    """The matrix with columns for dimensions that no axis moves: under them, a counter that is wired to move
    the index moves the element by what it does."""
    options = [[(), *_columns(port, access, matrix, j)] for j in still]
    for chosen in itertools.islice(itertools.product(*options), 1, MOST_WIDENED):
        rows = [list(row) for row in matrix]
        for j, column in zip(still, chosen, strict=True):
            for row, value in zip(rows, column, strict=False):
                row[j] = value
        yield tuple(map(tuple, rows))


def _columns(
    port: Port, access: Access, matrix: Rational, dim: int
) -> Iterator[tuple[Fraction, ...]]:
    """What a dimension's index has to tell, for each counter that is wired to move it."""
    found, moduli = [], port.loose if access.free else port.moduli
    for k, step in enumerate(access.time):
        wired = [least_residue(row[k], m) for row, m in zip(port.plan.time, moduli, strict=True)]
        if step is None or not wired[dim] or any(row[dim] for row in matrix):
            continue
        left = [
            e - sum(m * a for m, a in zip(row, wired, strict=True) if m and a)
            for e, row in zip(step, matrix, strict=True)
        ]
        column = tuple(Fraction(e) / wired[dim] for e in left)
        if any(column) and column not in found:
            found.append(column)
            yield column


def _matrix(
    access: Access, used: Sequence[int], columns: Sequence[Vector], dims: Sequence[int]
) -> Rational | None:
    """The matrix that has these dimensions; windows keep theirs."""
    windows, rows = {i: j for j, i, _ in access.windows}, []
    for i in range(len(access.first)):
        row = [Fraction(0)] * len(columns)
        if i in windows:
            row[windows[i]] = Fraction(1)
        else:
            steps = [(access.axes[a] or ())[i] for a in used]
            steps += [element[i] for _, element in access.others]
            found = solve([columns[j] for j in dims], steps)
            if found is None:
                return None
            for j, value in zip(dims, found, strict=True):
                row[j] = value
        rows.append(tuple(row))
    return tuple(rows)
