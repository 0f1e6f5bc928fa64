"""Operations in tiles: runs of a chip, one after the other, each of a part that fits it.

Every dataflow with every choice of loops along its axes has a least number of cycles. The best one first,
the operation is cut until its operands may fit the memories; then the tile is bound. What takes the fewest
cycles, and of these the fewest runs, is taken. Reductions are cut into equal parts, so that all of them
leave their sums in one place.
"""

from __future__ import annotations

import heapq
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from lego.bind.cuts import Along, summed_loops, tile_of
from lego.bind.freedom import Freedom
from lego.bind.result import Bound, Refusal
from lego.bind.search import Binder
from lego.bind.site import Site
from lego.ir.array import ArrayOperation, Tensor

__all__ = ["Run", "Tiling", "tiled"]

Vector = tuple[int, ...]
MOST_WAYS = 12
"""Ways to run a tile that are tried, at most; else a smaller one is."""
TRIES = 64
"""Tiles that are bound in vain after which an operation counts as one that doesn't fit."""


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
    """The operation on the chip, or what each of its dataflows says."""
    return _Tiler([Binder.of(site, freedom) for site in sites], op, tensors).made()


@dataclass(order=True)
class _Choice:
    """Loops along the axes of a dataflow: cycles and runs at least, or exactly once there is a tiling, which
    comes before what is `unbound`."""

    cycles: int
    runs: int
    unbound: bool
    rank: int
    along: Along = field(compare=False)
    tile: Vector = field(compare=False, default=())
    tiling: Tiling | None = field(compare=False, default=None)


def _done(choice: _Choice, tiling: Tiling) -> _Choice:
    """The choice with its tiling."""
    cycles, runs = tiling.cycles, len(tiling.runs)
    return replace(choice, cycles=cycles, runs=runs, unbound=False, tiling=tiling)


@dataclass(frozen=True)
class _Tiler:
    binders: Sequence[Binder]
    op: ArrayOperation
    tensors: Mapping[str, Tensor]
    _said: dict[int, Refusal] = field(default_factory=dict)

    def made(self) -> Tiling | list[Refusal]:
        """The runs with the fewest cycles that are found."""
        queue = list(self._choices())
        heapq.heapify(queue)
        tries = 0
        while queue and tries < TRIES:
            best = heapq.heappop(queue)
            if best.tiling is not None:
                return best.tiling
            further = self._bound(best) if best.tile else self._cut(best)
            tries += bool(best.tile) and not any(each.tiling for each in further)
            for each in further:
                heapq.heappush(queue, each)
        return [self._said.get(b.site.index) or self._refused(b) for b in self.binders]

    def _choices(self) -> Iterator[_Choice]:
        """Every dataflow with every loop that may go to each axis."""
        rank = itertools.count()
        for binder in self.binders:
            orders = binder.orders(self.op, self.tensors)
            if isinstance(orders, Refusal):
                self._said[binder.site.index] = orders
                continue
            for table in (binder.table(self.op, order) for order in orders):
                for loops in itertools.product(*map(self._fitting, table.axes)):
                    along = Along(binder, table, loops, self.op)
                    cycles = along.cycles(self.op.extents)
                    yield _Choice(cycles, along.least_runs(), True, next(rank), along)

    def _fitting(self, reasons: Sequence[str]) -> list[int]:
        """Loops that may go to an axis."""
        return [-1, *(i for i, n in enumerate(self.op.extents) if n > 1 and not reasons[i])]

    def _cut(self, choice: _Choice) -> list[_Choice]:
        """The choice with tiles that may fit."""
        along, found = choice.along, list[_Choice]()
        for tile in along.fitting(choice.tile or self.op.extents):
            cycles, runs = along.whole(tile), along.runs(tile)
            found.append(replace(choice, cycles=cycles, runs=runs, tile=tile))
        return found

    def _bound(self, choice: _Choice) -> list[_Choice]:
        """The choice with runs; where its tile is refused, with a smaller one."""
        found = self._at(choice.along, choice.tile, (0,) * len(choice.tile))
        if isinstance(found, Bound):
            runs = self._runs(choice.along, choice.tile)
            if runs is not None:
                tiling = Tiling(self.op, choice.tile, runs)
                return [_done(choice, tiling)]
        elif choice.tile == self.op.extents or choice.along.binder.site.index not in self._said:
            self._said.setdefault(found.dataflow, found)
        smaller = min(
            choice.along.cuts(choice.tile),
            key=lambda one: (choice.along.cycles(one), max(one), one),
            default=None,
        )
        return [] if smaller is None else self._cut(replace(choice, tile=smaller))

    def _refused(self, binder: Binder) -> Refusal:
        """What a dataflow says to the operation whole, where none of its tiles may fit."""
        found = binder.bind(self.op, self.tensors)
        if isinstance(found, Refusal):
            return found
        return Refusal(binder.site.index, "e", "no tile of it was found that fits the memories")

    def _at(
        self, along: Along, extents: Vector, offset: Vector, *, last: bool = False
    ) -> Bound | Refusal:
        """What the dataflow says to a tile, with these loops along axes; or any, if it is one at the end."""
        op = tile_of(self.op, extents, offset) if self.op.domain else None
        key = extents, last, tuple(each.limit for each in op.domain) if op else ()
        if key not in along.found:
            given, op = (along.table.order, along.loops), op or tile_of(self.op, extents, offset)
            found = along.binder.bind(op, self.tensors, given, MOST_WAYS)
            if isinstance(found, Refusal) and last:  # one at the end may lie in another way
                found = along.binder.bind(op, self.tensors)
            along.found[key] = found
        return along.found[key]

    def _runs(self, along: Along, tile: Vector) -> tuple[Run, ...] | None:
        """Tiles of the output, and for each its parts of the reduction; None if one isn't run."""
        summed = summed_loops(self.op)
        kept = [i for i in range(len(tile)) if i not in summed]
        inner, runs = list(self._offsets(tile, summed)), list[Run]()
        for outer in self._offsets(tile, kept):
            for k, part in enumerate(inner):
                offset = tuple(map(operator.add, outer, part))
                extents = tuple(map(min, tile, map(operator.sub, self.op.extents, offset)))
                bound = self._at(along, extents, offset, last=extents != tile)
                if isinstance(bound, Refusal):
                    return None
                runs.append(Run(offset, bound, k > 0, k == len(inner) - 1))
        return tuple(runs)

    def _offsets(self, tile: Vector, loops: Sequence[int]) -> Iterator[Vector]:
        """First points of the tiles along some loops; zero along the others."""
        every = [
            range(0, whole, n) if i in loops else range(1)
            for i, (n, whole) in enumerate(zip(tile, self.op.extents, strict=True))
        ]
        return itertools.product(*every)
