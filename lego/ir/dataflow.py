"""Dataflows: how the iterations of one operation are laid out in time and over the FUs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lego.ir.array import ArrayOperation
from lego.ir.closed import Number, ceil_div

__all__ = ["Dataflow", "TemporalDim"]


@dataclass(frozen=True, slots=True)
class TemporalDim:
    """One counter of the sequencer: it steps loop number `loop` by `step` iterations.

    Its trip count at run time is `ceil(bound / step)`, where `bound` is the loop's bound. A counter
    that belongs to no loop has loop -1 and one trip.
    """

    name: str
    loop: int
    step: int

    def trips(self, bound: Number) -> Number:
        """Trip count for a loop bound >= 1."""
        return ceil_div(bound, self.step)


@dataclass(frozen=True, slots=True)
class Dataflow:
    """The map ``i = M_T t + M_S s`` with its control vector ``c``.

    FU ``s`` executes timestamp ``t`` in cycle ``lin(t) + c . s``, where ``lin`` numbers the
    timestamps in lexicographic order.

    Attributes
    ----------
    temporal : counters from the outermost to the innermost.
    spatial_loops : loop number per array axis; each loop on at most one axis; -1 for an axis of
        one FU that no loop runs over.
    sizes : FUs per axis.
    control : cycles of skew per step along each axis, >= 0.
    """

    name: str
    temporal: tuple[TemporalDim, ...]
    spatial_loops: tuple[int, ...]
    sizes: tuple[int, ...]
    control: tuple[int, ...]

    def temporal_matrix(self, n_loops: int) -> tuple[tuple[int, ...], ...]:
        """``M_T``: one row per loop, one column per counter."""
        return tuple(
            tuple(dim.step if dim.loop == loop else 0 for dim in self.temporal)
            for loop in range(n_loops)
        )

    def spatial_matrix(self, n_loops: int) -> tuple[tuple[int, ...], ...]:
        """``M_S``: one row per loop, one column per array axis."""
        return tuple(
            tuple(int(mapped == loop) for mapped in self.spatial_loops) for loop in range(n_loops)
        )

    def trips(self, op: ArrayOperation, bounds: Mapping[str, int] | None = None) -> tuple[int, ...]:
        """Trip count of every counter; at the maximum bounds if none are given."""
        return tuple(
            dim.trips((bounds or {}).get(op.loops[dim.loop].name, op.loops[dim.loop].extent))
            if dim.loop >= 0
            else 1
            for dim in self.temporal
        )

    def timestamps(self, op: ArrayOperation, bounds: Mapping[str, int] | None = None) -> int:
        """Number of timestamps that the sequencer issues."""
        return math.prod(self.trips(op, bounds))

    def aligned(self, counters: int, axes: int) -> Dataflow:
        """The same dataflow with so many counters and axes: idle ones outermost, and last."""
        idle = (TemporalDim("idle", -1, 1),) * (counters - len(self.temporal))
        more = axes - len(self.sizes)
        return replace(
            self,
            temporal=idle + self.temporal,
            spatial_loops=self.spatial_loops + (-1,) * more,
            sizes=self.sizes + (1,) * more,
            control=self.control + (0,) * more,
        )

    @property
    def n_fus(self) -> int:
        """Number of FUs."""
        return math.prod(self.sizes)

    def fus(self) -> Iterator[tuple[int, ...]]:
        """Coordinates of the FUs in lexicographic order."""
        return itertools.product(*(range(size) for size in self.sizes))

    def rank(self, fu: tuple[int, ...]) -> int:
        """Number of an FU in lexicographic order."""
        number = 0
        for at, size in zip(fu, self.sizes, strict=True):
            number = number * size + at
        return number

    def skew(self, fu: tuple[int, ...]) -> int:
        """``c . s`` in cycles."""
        return sum(c * s for c, s in zip(self.control, fu, strict=True))

    def describe(self, op: ArrayOperation) -> str:
        """One line for people: `spatial m:16 n:16, temporal m/16 n/16 k, control (1, 1)`."""
        axes = sum(loop >= 0 for loop in self.spatial_loops)
        space = " ".join(
            f"{op.loops[loop].name}:{size}"
            for loop, size in zip(self.spatial_loops, self.sizes, strict=True)
            if loop >= 0
        )
        time = " ".join(
            op.loops[dim.loop].name + (f"/{dim.step}" if dim.step > 1 else "")
            for dim in self.temporal
            if dim.loop >= 0
        )
        return f"spatial {space}, temporal {time or '-'}, control {self.control[:axes]}"
