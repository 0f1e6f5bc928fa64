"""Small systems of linear equations over the rationals, and affine forms over boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import islpy as isl

__all__ = ["dot", "independent", "injective", "least_residue", "reach", "solve", "told"]

Vector = tuple[int, ...]


def dot(left: Sequence[int], right: Sequence[int]) -> int:
    """The sum of products."""
    return sum(a * b for a, b in zip(left, right, strict=True) if a and b)


def least_residue(value: int, modulus: int) -> int:
    """What is congruent to the value and nearest to 0."""
    rest = value % modulus
    return rest - modulus if 2 * rest > modulus else rest


def reach(steps: Sequence[int], counts: Sequence[int]) -> tuple[int, int]:
    """Least and largest value of ``steps . x`` for ``0 <= x < counts``."""
    moves = [a * (n - 1) for a, n in zip(steps, counts, strict=True) if a]
    return sum(m for m in moves if m < 0), sum(m for m in moves if m > 0)


def solve(
    columns: Sequence[Sequence[int]], right: Sequence[int], free: Sequence[int] | None = None
) -> list[Fraction] | None:
    """Numbers by which the columns sum to `right`; None if there are none.

    Where several do, those that may be anything are as in `free`, zero if that isn't given.
    """
    rows, pivots = _reduced([[*(c[i] for c in columns), r] for i, r in enumerate(right)])
    if any(row[-1] for row in rows[len(pivots) :]):
        return None
    values = [Fraction(x) for x in free or [0] * len(columns)]
    others = [k for k in range(len(columns)) if k not in pivots]
    for row, column in zip(rows, pivots, strict=False):
        rest = row[-1] - sum(row[k] * values[k] for k in others if row[k])
        values[column] = Fraction(rest) / row[column]
    return values


def _reduced(rows: list[list[int]]) -> tuple[list[list[int]], list[int]]:
    """Rows in which every pivot column has one entry, and the pivots; the last column is the right side."""
    pivots: list[int] = []
    for column in range(len(rows[0]) - 1 if rows else 0):
        top = len(pivots)
        found = next((i for i in range(top, len(rows)) if rows[i][column]), None)
        if found is None:
            continue
        rows[top], rows[found] = rows[found], rows[top]
        lead = rows[top]
        for i, row in enumerate(rows):
            if i != top and row[column]:
                factor = math.gcd(lead[column], row[column])
                a, b = lead[column] // factor, row[column] // factor
                rows[i] = [a * x - b * y for x, y in zip(row, lead, strict=True)]
        pivots.append(column)
    return rows, pivots


def independent(columns: Sequence[Vector]) -> bool:
    """Whether no column is a sum of multiples of others."""
    if not columns:
        return True
    rows = [[*(c[i] for c in columns), 0] for i in range(len(columns[0]))]
    return len(_reduced(rows)[1]) == len(columns)


def injective(columns: Sequence[Vector], counts: Sequence[int]) -> bool:
    """Whether different points ``0 <= x < counts`` have different sums of columns times x."""
    moving = [(c, n) for c, n in zip(columns, counts, strict=True) if n > 1]
    if any(not any(column) for column, _ in moving):
        return False
    return _radix(moving) or _no_clash(moving)


@lru_cache(maxsize=256)
def told(columns: tuple[Vector, ...], counts: Vector) -> tuple[bool, ...]:
    """Which coordinates of points ``0 <= x < counts`` the sum of columns times x tells."""
    moving = [k for k, (c, n) in enumerate(zip(columns, counts, strict=True)) if any(c) and n > 1]
    known = set(moving)
    if not injective([columns[k] for k in moving], [counts[k] for k in moving]):
        found = _alike([(columns[k], counts[k]) for k in moving])
        known = {k for at, k in enumerate(moving) if found.dim_max_val(at).is_zero()}
    return tuple(n == 1 or k in known for k, n in enumerate(counts))


def _radix(moving: Sequence[tuple[Vector, int]]) -> bool:
    """Whether a row can be read like the digits of a number, then another one without these columns, ..."""
    left = list(moving)
    while left:
        for row in range(len(left[0][0])):
            mine = sorted((abs(c[row]), n) for c, n in left if c[row])
            span = 1
            for step, count in mine:
                if step < span:
                    break
                span += step * (count - 1)
            else:
                if mine:
                    left = [(c, n) for c, n in left if not c[row]]
                    break
        else:
            return False
    return True


def _no_clash(moving: Sequence[tuple[Vector, int]]) -> bool:
    """The same by integer sets: no difference of two points but zero has the sum zero."""
    return math.prod(n for _, n in moving) == 1 or bool(_alike(moving).is_singleton())


def _alike(moving: Sequence[tuple[Vector, int]]) -> isl.Set:
    """Differences of two points with one sum."""
    names = [f"x{k}" for k in range(len(moving))]
    tests = [f"{1 - n} <= {x} < {n}" for x, (_, n) in zip(names, moving, strict=True)]
    for row in range(len(moving[0][0])):
        terms = [f"{c[row]} {x}" for x, (c, _) in zip(names, moving, strict=True) if c[row]]
        if terms:
            tests.append(f"{' + '.join(terms)} = 0")
    return isl.Set(f"{{ [{', '.join(names)}] : {' and '.join(tests)} }}")
