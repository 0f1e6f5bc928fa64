"""Operations in tiles: runs of a chip, one after the other, each of a part that fits it.

A simple greedy choice: the loop is cut that makes what doesn't fit smallest, until a dataflow runs a tile.
Reductions are cut into equal parts, so that all of them leave their sums in one place.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from lego.bind.freedom import Freedom
from lego.bind.result import Bound, Refusal
from lego.bind.search import bind_any
from lego.bind.site import Site
from lego.bind.strips import divisors
from lego.ir.array import Access, ArrayOperation, Tensor
from lego.ir.domain import Inequality, inside_box
from lego.ir.fused import Plan

__all__ = ["Run", "Tiling", "tiled"]

Vector = tuple[int, ...]
CUTS = 64
"""Cuts after which an operation counts as one that doesn't fit."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the chip.

    Attributes
    ----------
    offset : the tile's first point, per loop.
    resumes : it goes on from the sums that the run before left.
    whole : its results are whole.
    """

    offset: Vector
    bound: Bound
    resumes: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Tiling:
    """An operation as runs in their order; `tile` has the largest extents per loop."""

    op: ArrayOperation
    tile: Vector
    runs: tuple[Run, ...]

    @property
    def dataflows(self) -> Vector:
        """Ids of the dataflows that run it."""
        return tuple(sorted({run.bound.dataflow for run in self.runs}))

    @property
    def cycles(self) -> int:
        """From the first timestamp of every run to its last, in all."""
        return sum(run.bound.cycles for run in self.runs)

    def utilisation(self, fus: int) -> Fraction:
        """Iterations per FU and cycle."""
        return Fraction(self.op.iterations, fus * self.cycles)


def tiled(
    sites: Sequence[Site],
    op: ArrayOperation,
    tensors: Mapping[str, Tensor],
    freedom: Freedom | None = None,
) -> Tiling | list[Refusal]:
    """The operation on the chip, or what each of its dataflows says to the smallest tile that was tried."""
    return _Tiler(sites, op, tensors, freedom).made()


@dataclass(frozen=True)
class _Tiler:
    sites: Sequence[Site]
    op: ArrayOperation
    tensors: Mapping[str, Tensor]
    freedom: Freedom | None
    _known: dict[object, list[Bound | Refusal]] = field(default_factory=dict)

    def made(self) -> Tiling | list[Refusal]:
        """All runs, with the largest tile that cutting finds."""
        extents, said = self._fitting(), list[Refusal]()
        for _ in range(CUTS):
            found = self._at(extents, (0,) * len(extents))
            if isinstance(found[0], Bound):
                return Tiling(self.op, extents, tuple(self._runs(extents)))
            said = said or [each for each in found if isinstance(each, Refusal)]
            smaller = self._cut(extents)
            if smaller is None:
                break
            extents = smaller
        return said

    def _fitting(self) -> Vector:
        """The operation's extents, cut until its operands aren't larger than some dataflow's memories."""
        extents = self.op.extents
        while self._excess(extents) > 1 and (smaller := self._cut(extents)) is not None:
            extents = smaller
        return extents

    def _at(self, extents: Vector, offset: Vector) -> list[Bound | Refusal]:
        """What the dataflows say to a tile; only those count that can go on where reductions are cut."""
        op = _tile_of(self.op, extents, offset)
        key = extents, tuple(each.limit for each in op.domain)
        if key not in self._known:
            cut = any(extents[i] < self.op.extents[i] for i in self._summed)
            found = bind_any(self.sites, op, self.tensors, self.freedom)
            self._known[key] = sorted(
                (self._going_on(each) if cut else each for each in found),
                key=lambda each: not isinstance(each, Bound),
            )
        return self._known[key]

    def _going_on(self, found: Bound | Refusal) -> Bound | Refusal:
        """The bound tile, if its dataflow can go on from sums in memory."""
        if isinstance(found, Refusal) or found.adg.output.resumes:
            return found
        reason = (
            "a longer reduction goes on from sums in memory: compile the chip with `resume: yes`"
        )
        return Refusal(found.dataflow, "d", reason)

    @property
    def _summed(self) -> list[int]:
        """Loops that the output's index doesn't tell."""
        rows = self.op.output.map.rows
        return [i for i in range(len(self.op.loops)) if not any(row[i] for row in rows)]

    def _runs(self, tile: Vector) -> Iterator[Run]:
        """Tiles of the output, and for each its parts of the reduction."""
        summed = self._summed
        kept = [i for i in range(len(tile)) if i not in summed]
        for outer in self._offsets(tile, kept):
            inner = list(self._offsets(tile, summed))
            for k, part in enumerate(inner):
                offset = tuple(a + b for a, b in zip(outer, part, strict=True))
                extents = tuple(
                    min(n, whole - at)
                    for n, whole, at in zip(tile, self.op.extents, offset, strict=True)
                )
                bound = next(f for f in self._at(extents, offset) if isinstance(f, Bound))
                yield Run(offset, bound, k > 0, k == len(inner) - 1)

    def _offsets(self, tile: Vector, loops: Sequence[int]) -> Iterator[Vector]:
        """First points of the tiles along some loops; zero along the others."""
        every = [
            range(0, whole, n) if i in loops else range(1)
            for i, (n, whole) in enumerate(zip(tile, self.op.extents, strict=True))
        ]
        return itertools.product(*every)

    def _cut(self, extents: Vector) -> Vector | None:
        """A smaller tile; None if there is none."""
        options = [
            replace_at(extents, i, less)
            for i, n in enumerate(extents)
            if (less := self._less(i, n)) is not None
        ]
        if not options:
            return None
        if self._excess(extents) > 1:
            return min(options, key=lambda one: (self._excess(one), -math.prod(one), one))
        return self._first_bound(options) or min(
            options, key=lambda one: (max(one), -math.prod(one), one)
        )

    def _first_bound(self, options: Sequence[Vector]) -> Vector | None:
        """Of tiles that some dataflow runs, that which takes the fewest cycles in all."""
        found = []
        for one in options:
            best = self._at(one, (0,) * len(one))[0]
            if isinstance(best, Bound):
                pairs = zip(self.op.extents, one, strict=True)
                found.append((math.prod(-(-n // m) for n, m in pairs) * best.cycles, one))
        return min(found)[1] if found else None

    def _less(self, loop: int, extent: int) -> int | None:
        """About half of an extent; of a reduction a part of the whole."""
        if extent == 1:
            return None
        if loop in self._summed:
            parts = [d for d in divisors(self.op.extents[loop]) if d <= extent // 2]
            return parts[0] if parts else None
        pieces = -(-self.op.extents[loop] // extent) * 2
        return min(extent - 1, -(-self.op.extents[loop] // pieces))

    def _excess(self, extents: Vector) -> Fraction:
        """How many times larger than its memory the worst operand of a tile is, at the best dataflow."""
        sizes = [_box(access, extents) for access in (*self.op.inputs, self.op.output)]
        worst = []
        for site in self.sites:
            held = [_room_of(port.plan, port.words) for port in site.ports]
            if len(held) == len(sizes):
                inputs = zip(sorted(sizes[:-1]), sorted(held[:-1]), strict=True)
                pairs = [*inputs, (sizes[-1], held[-1])]
                worst.append(max(Fraction(size, most) for size, most in pairs))
        return min(worst, default=Fraction(0))


def replace_at(values: Vector, index: int, value: int) -> Vector:
    """The values with another one in one place."""
    return (*values[:index], value, *values[index + 1 :])


def _room_of(plan: Plan, words: int) -> int:
    """Elements that an operand's memory holds."""
    return plan.banking.n_banks * words


def _box(access: Access, extents: Vector) -> int:
    """Elements of the box that a tile reaches."""
    spans = (inside_box(row, 0, extents) for row in access.map.rows)
    return math.prod(int(high - low) + 1 for low, high in spans)


def _tile_of(op: ArrayOperation, extents: Vector, offset: Vector) -> ArrayOperation:
    """The operation of a tile, from its first point on."""
    loops = (replace(loop, extent=n) for loop, n in zip(op.loops, extents, strict=True))
    domain = (
        Inequality(d.coefficients, d.limit - sum(map(_times, d.coefficients, offset)))
        for d in op.domain
    )
    return replace(op, loops=tuple(loops), domain=tuple(domain))


def _times(a: int, b: int) -> int:
    return a * b
