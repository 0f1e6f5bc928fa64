"""Affine maps between iteration spaces and tensors, over the integers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.diag import InternalError

__all__ = ["AffineMap"]


@dataclass(frozen=True, slots=True)
class AffineMap:
    """Map ``x -> A x + b``.

    Attributes
    ----------
    rows : ``n_out`` rows of ``n_in`` integer coefficients (elements per loop step).
    offset : ``n_out`` integers (elements).
    """

    rows: tuple[tuple[int, ...], ...]
    offset: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.offset):
            raise InternalError(f"map with {len(self.rows)} rows, {len(self.offset)} offsets")
        if len({len(row) for row in self.rows}) > 1:
            raise InternalError("map whose rows differ in length")

    @property
    def n_out(self) -> int:
        """Number of results."""
        return len(self.rows)

    def __call__(self, point: Sequence[int]) -> tuple[int, ...]:
        """Apply the map to one point of length ``n_in``."""
        return tuple(
            b + sum(a * x for a, x in zip(row, point, strict=True))
            for row, b in zip(self.rows, self.offset, strict=True)
        )

    def columns(self, indices: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """Return the rows restricted to the named columns, in that order."""
        return tuple(tuple(row[i] for i in indices) for row in self.rows)

    def __str__(self) -> str:
        return f"{[list(r) for r in self.rows]} + {list(self.offset)}"
