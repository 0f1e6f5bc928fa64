"""What binding gives: how a dataflow runs an operation, or why it doesn't."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from lego.bind.placing.placement import Placement
from lego.bind.strips import Assignment
from lego.ir.adg import Adg
from lego.ir.array import ArrayOperation

__all__ = ["Bound", "Refusal"]

Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a dataflow doesn't run an operation.

    Attributes
    ----------
    condition : `a` to `e`: what it computes, links, reduction classes, holds and sums over time, or memory.
    reason : for people: what in the chip would have to be larger, or different.
    complete : every way was tried; else there may be one.
    """

    dataflow: int
    condition: str
    reason: str
    complete: bool = True

    def __str__(self) -> str:
        return f"dataflow {self.dataflow}: ({self.condition}) {self.reason}"


@dataclass(frozen=True, slots=True)
class Bound:
    """How a dataflow runs an operation.

    Attributes
    ----------
    adg : the chip's architecture with the operation's address steps, first elements and delay reuses; it
        computes registers, cycles and layouts as ever.
    bounds : of the chip's loops, by name.
    placements : of the inputs in the chip's order, then of the output.
    cycles : from the first timestamp to the last.
    """

    dataflow: int
    op: ArrayOperation
    assignment: Assignment
    adg: Adg
    bounds: dict[str, int]
    placements: tuple[Placement, ...]
    cycles: int

    @property
    def trips(self) -> Vector:
        """Of the counters."""
        return self.assignment.trips

    @property
    def utilisation(self) -> Fraction:
        """Iterations per FU and cycle."""
        return Fraction(self.op.iterations, self.adg.dataflow.n_fus * self.cycles)

    @property
    def shapes(self) -> dict[str, Vector]:
        """Of the operands as the chip has them, by name."""
        plans = self.adg.operands()
        return {plan.name: p.shape for plan, p in zip(plans, self.placements, strict=True)}

    def iterations(self) -> Iterator[tuple[Vector, Vector, Vector]]:
        """Every timestamp and FU that counts, with the point of the operation's loops; without its domain."""
        axes, counters = self.assignment.axes, self.assignment.counters
        used = [range(strip.count if strip else 1) for strip in axes]
        for t in itertools.product(*map(range, self.trips)):
            for s in itertools.product(*used):
                point = [0] * len(self.op.loops)
                for strip, at in (*zip(counters, t, strict=True), *zip(axes, s, strict=True)):
                    if strip:
                        point[strip.loop] += strip.factor * at
                if self._counts(t, s):
                    yield t, s, tuple(point)

    def _counts(self, t: Vector, s: Vector) -> bool:
        """Whether ragged loops are below their bounds."""
        for strip, at in zip(self.assignment.axes, s, strict=True):
            if strip and strip.ragged and t[strip.counter] * strip.count + at >= strip.ragged:
                return False
        return True

    def results(self) -> dict[Vector, Vector]:
        """By element of the output, the index where the chip leaves it."""
        placed, access = self.placements[-1], self.op.output.map
        return {access(point): placed.index(t, s) for t, s, point in self.iterations()}
