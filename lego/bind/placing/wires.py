"""What indices tell of elements at one timestamp: along the axes, indices are wired.

FUs with one index read one element. Where the element is an affine function of the index, a matrix tells it;
else a table does, an entry per index.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

from lego.bind.linear import least_residue, solve
from lego.bind.placing.access import Access
from lego.bind.site import Port

__all__ = ["Rational", "Table", "matrices", "table_of", "tells"]

Vector = tuple[int, ...]
Rational = tuple[tuple[Fraction, ...], ...]
Table = tuple[tuple[Vector, Vector], ...]

MOST_WIDENED = 16
"""Ways to use dimensions that no axis moves, at most."""


def table_of(port: Port, access: Access) -> Table | None:
    """By index, the element of an FU, both from those of FU zero; None where FUs with one index need several
    elements."""
    found: dict[Vector, Vector] = {}
    used = [a for a, step in enumerate(access.axes) if step is not None]
    for at in itertools.product(*(range(access.covers[a]) for a in used)):
        index = tuple(
            sum(row[a] * x for a, x in zip(used, at, strict=True)) for row in port.plan.space
        )
        steps = [access.axes[a] or () for a in used]
        element = tuple(
            sum(step[i] * x for step, x in zip(steps, at, strict=True))
            for i in range(len(access.first))
        )
        if found.setdefault(index, element) != element:
            return None
    for index, element in access.others:
        if found.setdefault(index, element) != element:
            return None
    return tuple(sorted(found.items()))


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
