"""Tiles of an operation for a dataflow and a choice of loops along its axes, by what they need at least."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from lego.bind.linear import told
from lego.bind.placing.room import elements
from lego.bind.result import Bound, Refusal
from lego.bind.search import Binder
from lego.bind.strips import Spread, Table, divisors, fastest, spreads
from lego.ir.array import Access, ArrayOperation
from lego.ir.domain import Inequality

__all__ = ["Along", "summed_loops", "tile_of"]

Vector = tuple[int, ...]
Need = Callable[[Vector], Fraction]
"""What a tile takes of memories."""


@dataclass(frozen=True)
class Along:
    """A dataflow with loops along its axes.

    Attributes
    ----------
    loops : by axis the operation's loop, -1 for none.
    found : tiles that were bound.
    """

    binder: Binder
    table: Table
    loops: Vector
    op: ArrayOperation
    found: dict[object, Bound | Refusal] = field(default_factory=dict)
    _known: dict[object, Fraction] = field(default_factory=dict)

    @cached_property
    def covers(self) -> Vector:
        """FUs per loop, at most."""
        found = [1] * len(self.op.loops)
        for axis, loop in zip(self.binder.site.axes, self.loops, strict=True):
            if loop >= 0:
                found[loop] *= axis.size
        return tuple(found)

    def cycles(self, tile: Vector) -> int:
        """Cycles of all tiles, at least: of their timestamps, and with pauses where FUs hold values for fewer
        than banks need to serve all of them."""
        triples = zip(self.op.extents, tile, self.covers, strict=True)
        steps = [w // n * -(-n // cover) + -(-(w % n) // cover) for w, n, cover in triples]
        runs, found = self.runs(tile), math.prod(steps)
        for apart, still in self._passes:
            held = math.prod(steps[i] for i in still)
            rounds = math.prod(-(-self.op.extents[i] // tile[i]) for i in still)
            if held < rounds * apart:
                found = max(found, math.prod(steps) // held * rounds * apart - runs * (apart - 1))
        return found

    @cached_property
    def _passes(self) -> list[tuple[int, list[int]]]:
        """Of operands that FUs hold: cycles that a pass takes at least, and the loops that it may have."""
        op, found = self.op, []
        for port, access in zip(self.binder.site.ports, self._accesses, strict=True):
            banking, rows = port.plan.banking, access.map.rows
            if 0 < banking.pause <= port.plan.hold and not banking.again:
                still = [i for i in range(len(op.loops)) if not any(row[i] for row in rows)]
                found.append((banking.apart + 1, still))
        return found

    def runs(self, tile: Vector) -> int:
        """How many tiles there are."""
        return math.prod(-(-whole // n) for whole, n in zip(self.op.extents, tile, strict=True))

    def least_runs(self) -> int:
        """Runs that bring all elements into memories, at least."""
        return max(
            -(-elements(access.map, self.op.extents) // (port.plan.banking.n_banks * port.words))
            for port, access in zip(self.binder.site.ports, self._accesses, strict=True)
        )

    def fitting(self, tile: Vector) -> list[Vector]:
        """The tile, cut until its operands may fit their memories, where that can be.

        There are two ways to go: by what cuts leave of the need, and by that for the runs they take.
        """
        found = [self._fitting(tile, thrifty=thrifty) for thrifty in (False, True)]
        return list(dict.fromkeys(each for each in found if each is not None))

    def _fitting(self, tile: Vector, *, thrifty: bool) -> Vector | None:
        """Elements are counted as if all banks were used alike, and then those of the fullest bank."""
        for need in (self._mean, self._worst):
            worst = need(tile)
            while worst > 1:
                found = self._smaller(tile, worst, need, thrifty=thrifty)
                if found is None:
                    return None
                tile, worst = found
        return tile

    def _smaller(
        self, tile: Vector, worst: Fraction, need: Need, *, thrifty: bool
    ) -> tuple[Vector, Fraction] | None:
        """The cut that costs the fewest cycles, and of these the best one."""
        cuts = sorted((self.cycles(one), one) for one in self.cuts(tile))
        for _, same in itertools.groupby(cuts, key=lambda each: each[0]):
            needs = [(need(one), one) for _, one in same]
            better = [(least, one) for least, one in needs if least < worst]
            if better and thrifty:
                runs = [(self.runs(one), least, one) for least, one in better]
                return min((max(n, Fraction(1)) * times, times, one, n) for times, n, one in runs)[
                    2:
                ]
            if better:
                return min(better)[::-1]
        return (cuts[0][1], worst) if cuts else None

    def _mean(self, tile: Vector) -> Fraction:
        """The largest share of its memory that an operand takes, if it lay in all banks alike."""
        return max(self._average(n, tile) for n in range(len(self.binder.site.ports)))

    def _average(self, n: int, tile: Vector) -> Fraction:
        key = n, True, tuple(tile[i] for i in self._moving[n])
        if key not in self._known:
            port = self.binder.site.ports[n]
            room = port.plan.banking.n_banks * port.words
            self._known[key] = Fraction(elements(self._accesses[n].map, tile), room)
        return self._known[key]

    def _worst(self, tile: Vector) -> Fraction:
        """The largest share of its memory that an operand takes, at least; or one that is small enough."""
        return max(self._share(n, tile) for n in range(len(self.binder.site.ports)))

    def _share(self, n: int, tile: Vector) -> Fraction:
        key = n, False, tuple(tile[i] for i in self._moving[n])
        if key not in self._known:
            spread, words = self.spread(tile), self.binder.site.ports[n].words
            least = self.binder.bounds.least
            found = least(self.op, spread, n, words) if spread else 0
            self._known[key] = Fraction(found, words)
        return self._known[key]

    def whole(self, tile: Vector) -> int:
        """Cycles of all tiles, at least, with those at the ends, which may lie worse along axes."""
        sides = [
            [(n, whole // n), *([(whole % n, 1)] if whole % n else [])]
            for n, whole in zip(tile, self.op.extents, strict=True)
        ]
        total = 0
        for shape in itertools.product(*sides):
            spread = self.spread(tuple(n for n, _ in shape))
            if spread is not None:
                total += spread.timestamps * math.prod(times for _, times in shape)
        return max(total, self.cycles(tile))

    @cached_property
    def _told(self) -> tuple[bool, ...]:
        """By loop, whether an element of the output tells its value."""
        return told(tuple(zip(*self.op.output.map.rows, strict=True)), self.op.extents)

    @cached_property
    def _accesses(self) -> list[Access]:
        """Of the operands in the chip's order."""
        return [*(self.op.inputs[k] for k in self.table.order), self.op.output]

    @cached_property
    def _moving(self) -> list[list[int]]:
        """By operand the loops that move it, or lie along axes."""
        return [
            [
                i
                for i in range(len(self.op.loops))
                if i in self.loops or any(row[i] for row in access.map.rows)
            ]
            for access in self._accesses
        ]

    def spread(self, tile: Vector) -> Spread | None:
        """The fastest way to give axes strips of these loops."""
        site, masks = self.binder.site, self.binder.freedom.masks
        used = [i for i in self.loops if i >= 0]
        if len(set(used)) == len(used):
            return fastest(site, self.table, tile, self.loops, masks=masks)
        found = spreads(site, self.table, tile, masks=masks, along=self.loops)
        return min(found, key=lambda each: each.timestamps, default=None)

    def cuts(self, tile: Vector) -> Iterator[Vector]:
        """Smaller tiles: about a half along one loop; along loops that the output's elements tell, as no
        two tiles may write one element."""
        summed = summed_loops(self.op)
        for i, n in enumerate(tile):
            less = None
            if i in summed:
                less = self._part(i, n)
            elif self._told[i]:
                less = self._less(i, n)
            if less is not None:
                yield (*tile[:i], less, *tile[i + 1 :])

    def _part(self, loop: int, extent: int) -> int | None:
        """A part of a reduction: all are equal, and go on from sums in memory."""
        if not self.binder.site.adg.output.resumes:
            return None
        parts = [d for d in divisors(self.op.extents[loop]) if d <= extent // 2]
        cover = self.covers[loop]
        return next((d for d in parts if d % cover == 0), next(iter(parts), None))

    def _less(self, loop: int, extent: int) -> int | None:
        whole, cover = self.op.extents[loop], self.covers[loop]
        if extent == 1:
            return None
        less = -(-whole // (-(-whole // extent) * 2))
        if extent > cover:
            less = -(-less // cover) * cover
            return less if less < extent else (extent - 1) // cover * cover
        return min(extent - 1, less)


def summed_loops(op: ArrayOperation) -> Sequence[int]:
    """Loops that the output's index doesn't tell."""
    rows = op.output.map.rows
    return [i for i in range(len(op.loops)) if not any(row[i] for row in rows)]


def tile_of(op: ArrayOperation, extents: Vector, offset: Vector) -> ArrayOperation:
    """The operation of a tile, from its first point on."""
    loops = (replace(loop, extent=n) for loop, n in zip(op.loops, extents, strict=True))
    domain = (
        Inequality(
            d.coefficients,
            d.limit - sum(a * x for a, x in zip(d.coefficients, offset, strict=True)),
        )
        for d in op.domain
    )
    return replace(op, loops=tuple(loops), domain=tuple(domain))
