"""The lexicographic minimum of a set of integers."""

from __future__ import annotations

import islpy as isl

__all__ = ["least_point"]


def least_point(found: isl.Set) -> tuple[int, ...] | None:
    """The lexicographically least point of a bounded set without parameters; None of an empty one.

    isl 0.27 refuses some sets ("affine expression involves some of the domain dimensions"); those
    are minimised a dimension after the other.
    """
    if found.is_empty():
        return None
    try:
        point = found.lexmin().sample_point()
    except isl.Error:
        return _by_dimension(found)
    return tuple(_coordinate(point, k) for k in range(found.dim(isl.dim_type.set)))


def _by_dimension(found: isl.Set) -> tuple[int, ...]:
    for k in range(found.dim(isl.dim_type.set)):
        found = found.fix_val(isl.dim_type.set, k, found.dim_min_val(k))
    point = found.sample_point()
    return tuple(_coordinate(point, k) for k in range(found.dim(isl.dim_type.set)))


def _coordinate(point: isl.Point, k: int) -> int:
    return int(point.get_coordinate_val(isl.dim_type.set, k).to_python())
