"""Reuse analysis of one operand under one dataflow, exact over the integers.

FU ``s`` at ``t`` and FU ``s + ds`` at ``t + dt`` touch the same element for every ``t`` iff
``F_T dt + F_S ds = 0`` with ``F_T = A M_T`` and ``F_S = A M_S``. The value arrives
``lin(dt) + c . ds`` cycles later; it can be passed on if that is not negative.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import islpy as isl

from lego.front.lexmin import least_point
from lego.ir.affine import AffineMap
from lego.ir.array import ArrayOperation
from lego.ir.cycles import weights
from lego.ir.dataflow import Dataflow

__all__ = ["Forms", "Reuse", "ReuseKind", "forms", "held_counters", "reuse_vectors", "validity"]

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Forms:
    """Element touched by FU ``s`` at ``t``: ``d = time t + space s + offset``."""

    time: Matrix
    space: Matrix
    offset: tuple[int, ...]


class ReuseKind(StrEnum):
    """Classes of reuse, by displacement and delay."""

    STATIONARY = "stationary"  # ds = 0
    DIRECT = "direct"  # ds != 0, no delay in cycles
    DELAY = "delay"  # ds != 0, delay >= 1


@dataclass(frozen=True, slots=True)
class Reuse:
    """One reuse solution: what FU ``s`` used, FU ``s + ds`` uses `delay` cycles later."""

    dt: tuple[int, ...]
    ds: tuple[int, ...]
    delay: int

    @property
    def kind(self) -> ReuseKind:
        """Class of the solution; by the delay, since skew can cancel ``dt``."""
        if not any(self.ds):
            return ReuseKind.STATIONARY
        return ReuseKind.DELAY if self.delay else ReuseKind.DIRECT


def forms(access: AffineMap, op: ArrayOperation, dataflow: Dataflow) -> Forms:
    """``F_T``, ``F_S`` and the offset of an access."""
    n = len(op.loops)
    return Forms(
        _product(access.rows, dataflow.temporal_matrix(n), len(dataflow.temporal)),
        _product(access.rows, dataflow.spatial_matrix(n), len(dataflow.sizes)),
        access.offset,
    )


def _product(rows: Matrix, matrix: Matrix, width: int) -> Matrix:
    return tuple(
        tuple(sum(a * matrix[k][j] for k, a in enumerate(row)) for j in range(width))
        for row in rows
    )


def held_counters(form: Forms) -> int:
    """Number of innermost counters that the element doesn't depend on (stationary reuse)."""
    count = 0
    width = len(form.time[0]) if form.time else 0
    while count < width and not any(row[width - 1 - count] for row in form.time):
        count += 1
    return count


def reuse_vectors(form: Forms, dataflow: Dataflow, trips: Sequence[int]) -> tuple[Reuse, ...]:
    """Least-delay reuse for every displacement to the FU itself or a neighbour.

    Displacements have components in {-1, 0, 1}. The solutions are found by integer programming
    on the exact set ``{dt : F_T dt = -F_S ds, |dt_k| < trips_k, delay >= 0}`` (>= 1 for the FU
    itself), so none is missed and none is invented.
    """
    return tuple(
        reuse
        for ds in itertools.product((-1, 0, 1), repeat=len(dataflow.sizes))
        if (reuse := _least_delay(form, dataflow, trips, ds)) is not None
    )


def _least_delay(
    form: Forms, dataflow: Dataflow, trips: Sequence[int], ds: tuple[int, ...]
) -> Reuse | None:
    n = len(trips)
    space = isl.Space.create_from_names(
        isl.DEFAULT_CONTEXT, set=["delay", *(f"t{k}" for k in range(n))]
    )
    solutions = isl.BasicSet.universe(space)
    for row_t, row_s in zip(form.time, form.space, strict=True):
        shift = sum(a * b for a, b in zip(row_s, ds, strict=True))
        solutions = solutions.add_constraint(_equal(space, (0, *row_t), shift))
    per_step = weights(trips)
    skew = dataflow.skew(ds)
    solutions = solutions.add_constraint(_equal(space, (-1, *per_step), skew))
    least = 0 if any(ds) else 1
    solutions = solutions.add_constraint(_at_least(space, (1, *[0] * n), -least))
    for k, trip in enumerate(trips):
        unit = [0] * (n + 1)
        unit[k + 1] = 1
        solutions = solutions.add_constraint(_at_least(space, unit, trip - 1))
        solutions = solutions.add_constraint(_at_least(space, [-u for u in unit], trip - 1))
    values = least_point(isl.Set.from_basic_set(solutions))
    return None if values is None else Reuse(values[1:], ds, values[0])


def _terms(coefficients: Sequence[int], constant: int) -> dict[object, int]:
    terms: dict[object, int] = {1: constant}
    for k, value in enumerate(coefficients):
        terms["delay" if k == 0 else f"t{k - 1}"] = value
    return terms


def _equal(space: isl.Space, coefficients: Sequence[int], constant: int) -> isl.Constraint:
    return isl.Constraint.eq_from_names(space, _terms(coefficients, constant))


def _at_least(space: isl.Space, coefficients: Sequence[int], constant: int) -> isl.Constraint:
    return isl.Constraint.ineq_from_names(space, _terms(coefficients, constant))


def validity(reuse: Reuse, trips: Sequence[int], sizes: Sequence[int]) -> isl.Set:
    """Exact set of ``(t, s)`` whose source ``(t - dt, s - ds)`` lies in the box.

    Outside it the operand must come from a data node; the cardinality of the complement is the
    number of memory accesses of the operand.
    """
    bounds = [*_ranges("t", trips, reuse.dt), *_ranges("s", sizes, reuse.ds)]
    names = ",".join([*(f"t{k}" for k in range(len(trips))), *(f"s{k}" for k in range(len(sizes)))])
    return isl.Set(f"{{ [{names}] : {' and '.join(bounds) or 'true'} }}")


def _ranges(letter: str, extents: Sequence[int], shift: Sequence[int]) -> Iterator[str]:
    for k, (extent, delta) in enumerate(zip(extents, shift, strict=True)):
        yield f"{max(0, delta)} <= {letter}{k} < {extent + min(0, delta)}"
