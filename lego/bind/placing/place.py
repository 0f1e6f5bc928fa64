"""The search for a placement: address steps of an operand, and the element that is at each index.

The chip reaches index ``v = A t + F_S s + b``. ``F_S`` is wired, and so is ``A`` modulo what moves a bank
digit. An element ``E_T t + E_S s + e_0`` must be a function of the index. Along the axes it mostly is by a
matrix ``M`` with ``M F_S = E_S``. A counter whose ``A`` has ``M A = E_T`` moves the index as it moves the
element; what others leave, ``(E_T - M A) t``, is counted in digits that are packed into one dimension, above
what moves the index there. So nothing is lost: any ``A`` that is right modulo the banks will do, and it is
only a matter of room.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from functools import cached_property

from lego.bind.linear import dot, independent, least_residue, reach, solve
from lego.bind.placing.access import Access
from lego.bind.placing.packing import Moves, Packing, by_counter, by_row, nested
from lego.bind.placing.placement import Placement
from lego.bind.placing.wires import Rational, Table, matrices, table_of, table_with_counters
from lego.bind.site import Port

__all__ = ["place"]

Vector = tuple[int, ...]


def place(port: Port, access: Access, *, output: bool = False) -> Placement | str:
    """A placement that fits the memory; or why there is none, with what the best one takes.

    Indices must tell the elements of all FUs (:func:`lego.bind.placing.wires.tells`). `output`: indices are a
    function of elements, too.
    """
    best: Placement | None = None
    for found in _every(port, access, output=output):
        if best is None or found.words < best.words:
            best = found
        if best.words <= port.words:
            return best
    if best is None:
        return f"{port.name} has no dimension for what its wired bank digits don't tell"
    return (
        f"{port.name} needs banks of {best.words} words, they have {port.words}: "
        f"a larger memory, or a smaller tile"
    )


@dataclass(frozen=True, slots=True)
class _Wired:
    """What tells elements by indices: a matrix or a table, and the counters that are in the table."""

    matrix: Rational
    table: Table = ()
    told: Vector = ()


def _every(port: Port, access: Access, *, output: bool) -> Iterator[Placement]:
    """Placements, those with what is told most simply first."""
    nothing = ((Fraction(0),) * len(port.plan.offset),) * len(access.first)
    wired = [_Wired(matrix) for matrix in matrices(port, access)]
    if not wired and (table := table_of(port, access)) is not None:
        wired = [_Wired(nothing, table)]
    for way in Way:
        yield from _placements(port, access, wired, way, output=output)
    if not access.windows:
        table, told = table_with_counters(port, access, output=output)
        wired = [_Wired(nothing, table, told)] if told else []
        yield from _placements(port, access, wired, Way.NESTED, output=output)


def _placements(
    port: Port,
    access: Access,
    wired: Sequence[_Wired],
    way: Way,
    *,
    output: bool,
) -> Iterator[Placement]:
    """One per way to tell elements and per dimension that may have the digits; those that need fewer indices
    since values travel to where they are used come first."""
    for each in wired:
        for packed in _storage(port, access):
            for wide in (False, True) if access.reuses else (False,):
                builder = _Builder(port, access, each, packed, output, wide, way)
                found = builder.placement()
                if found is not None and (wide or builder.meets(found)):
                    yield found
                    break


def _storage(port: Port, access: Access) -> list[int]:
    """Dimensions in which digits may be packed: first those that have one bank, and that no axis moves."""
    windows = {j for j, _, _ in access.windows}
    rank = range(len(port.plan.offset))
    used = [a for a, step in enumerate(access.axes) if step is not None]
    found = [
        (
            (port.loose if access.free else port.moduli)[j] > 1,
            any(port.plan.space[j][a] for a in used),
            j,
        )
        for j in rank
        if j not in windows
    ]
    return [j for _, _, j in sorted(found)] or [0]


class Way(Enum):
    """Which digits a placement has.

    WHOLE : above whole turns of the banks; counters that would leave holes have one.
    NESTED : each above what is below it, as far as the wires of bank digits allow.
    FEWEST : so, but only those of counters that can't move the index as they move the element.
    """

    WHOLE = auto()
    NESTED = auto()
    FEWEST = auto()


@dataclass(frozen=True)
class _Builder:
    """One placement: `wired` has ``M``, or a table; `packed` is the dimension with the digits;
    `wide` if it holds what FUs without iterations read; `way`: which digits."""

    port: Port
    access: Access
    wired: _Wired
    packed: int
    output: bool
    wide: bool
    way: Way

    def placement(self) -> Placement | None:
        """The placement; None if outputs would be in several places."""
        steps = self._steps()
        left = {k: self._left(k, step) for k, step in steps.items()}
        if self.output and not self._one_place(steps, left):
            return None
        moved = [
            k
            for k in steps
            if k not in self.wired.told and (any(left[k]) or (self.wired.table and any(steps[k])))
        ]
        if moved and not self._moduli[self.packed]:
            return None
        return self._built(steps, self._packing(steps, left, moved))

    def _packing(
        self, steps: dict[int, Vector], left: dict[int, Vector], moved: Sequence[int]
    ) -> Packing:
        """The digits of these counters; where they are nested, their steps in the packed dimension are their
        weights only."""
        whole, modulus = self.way is Way.WHOLE, self._moduli[self.packed] or 1
        for k in () if whole else moved:
            steps[k] = tuple(a * (j != self.packed) for j, a in enumerate(steps[k]))
        kept = {k: left[k] if whole else self._left(k, steps[k]) for k in moved}
        told = {k: steps[k] for k in moved} if self.wired.table else {}
        moves = Moves(len(self.access.first), self.access.trips, kept, told)
        low, high = self._range(self.packed, steps)
        if not whole:
            return nested(moves, high - low + 1, self.port.plan.time[self.packed], modulus)
        span = -(-(high - low + 1) // modulus) * modulus
        rows, counters = by_row(moves, span), by_counter(moves, span)
        return rows if rows.values <= counters.values and not self.wired.table else counters

    def meets(self, found: Placement) -> bool:
        """Whether values travel between FUs that have one index."""
        return all(
            dot(time, back) + dot(space, shift) == 0
            for back, shift in self.access.reuses
            for time, space in zip(found.time, found.space, strict=True)
        )

    @cached_property
    def _scale(self) -> int:
        """By what the matrix is integers."""
        return math.lcm(*(x.denominator for row in self.wired.matrix for x in row), 1)

    @cached_property
    def _scaled(self) -> tuple[Vector, ...]:
        """The matrix times the scale."""
        return tuple(
            tuple(int(x * self._scale) if x else 0 for x in row) for row in self.wired.matrix
        )

    @cached_property
    def _moduli(self) -> Vector:
        """Per dimension, address steps are wired modulo this; 0: they are wired."""
        moduli = self.port.loose if self.access.free else self.port.moduli
        windows = {j for j, _, _ in self.access.windows}
        return tuple(0 if j in windows else m for j, m in enumerate(moduli))

    def _wired(self, counter: int) -> Vector:
        """The nearest to 0 that the wires of digits allow, per dimension."""
        return tuple(
            least_residue(row[counter], m) if m else row[counter]
            for m, row in zip(self._moduli, self.port.plan.time, strict=True)
        )

    def _allowed(self, counter: int, step: Vector) -> bool:
        return all(
            (a - row[counter]) % m == 0 if m else a == row[counter]
            for m, a, row in zip(self._moduli, step, self.port.plan.time, strict=True)
        )

    @cached_property
    def _columns(self) -> tuple[list[int], tuple[Vector, ...]]:
        """Dimensions that tell elements, each with its column."""
        dims = [j for j in range(len(self._moduli)) if any(row[j] for row in self._scaled)]
        return dims, tuple(tuple(row[j] for row in self._scaled) for j in dims)

    def _direct(self, counter: int) -> Vector | None:
        """Steps under which the index moves as the element does, if there are any."""
        if self.wired.table:
            return None
        wired, scale = self._wired(counter), self._scale
        dims, columns = self._columns
        wanted = tuple(scale * e for e in self.access.time[counter] or ())
        found = solve(columns, wanted, tuple(wired[j] for j in dims))
        if found is None or any(x.denominator > 1 for x in found):
            return None
        step = list(wired)
        for j, value in zip(dims, found, strict=True):
            step[j] = int(value)
        return tuple(step) if self._allowed(counter, tuple(step)) else None

    def _steps(self) -> dict[int, Vector]:
        """``A`` of every counter that moves, before digits: direct where that leaves few holes."""
        live = (k for k, step in enumerate(self.access.time) if step is not None)
        steps = {k: self._wired(k) for k in live}
        direct = {k: d for k in steps if (d := self._direct(k)) is not None}
        sides = (reach(row, self.access.covers) for row in self.port.plan.space)
        spans = [1 + high - low for low, high in sides]
        for k in sorted(direct, key=lambda k: (max(map(abs, direct[k])), -k)):
            trips = self.access.trips[k]
            grown = [n + abs(a) * (trips - 1) for a, n in zip(direct[k], spans, strict=True)]
            whole = all(abs(a) <= n for a, n in zip(direct[k], spans, strict=True))
            fewer = math.prod(grown) <= trips * math.prod(spans)
            if self.way is Way.FEWEST or whole or fewer or self.access.merges:
                steps[k], spans = direct[k], grown
        return steps

    def _left(self, counter: int, step: Vector) -> Vector:
        """``E_T - M A`` of a counter, times the scale."""
        wanted = self.access.time[counter] or ()
        return tuple(
            self._scale * e - sum(m * a for m, a in zip(row, step, strict=True) if m and a)
            for e, row in zip(wanted, self._scaled, strict=True)
        )

    def _one_place(self, steps: dict[int, Vector], left: dict[int, Vector]) -> bool:
        """Whether counters that don't move the element don't move the index."""
        if self.access.merges and not self._unique(steps, left):
            return False
        return not any(
            any(steps[k]) or any(left[k]) for k in steps if not any(self.access.time[k] or ())
        )

    def _unique(self, steps: dict[int, Vector], left: dict[int, Vector]) -> bool:
        """Whether the matrix tells elements alone, and different indices have different ones."""
        moved = [
            j
            for j, row in enumerate(self.port.plan.space)
            if any(a and n > 1 for a, n in zip(row, self.access.covers, strict=True))
            or any(step[j] for step in steps.values())
        ]
        columns = [tuple(row[j] for row in self._scaled) for j in moved]
        whole = not any(any(v) for v in left.values())
        return whole and independent(columns)

    def _built(self, steps: dict[int, Vector], packing: Packing) -> Placement:
        ranges = [self._range(j, steps) for j in range(len(self.port.plan.offset))]
        base = self._base(ranges, packing.first)
        shape = self._shape(ranges, base, packing.extra)
        own = list(base)
        own[self.packed] += packing.first
        return Placement(
            self._time(steps, packing.added),
            self.port.plan.space,
            tuple(own),
            shape,
            self.port.depth(shape),
            self.packed,
            base[self.packed] + ranges[self.packed][0],
            packing.digits,
            self._scaled,
            self._constant(base, packing.constant),
            self._scale,
            table=self.wired.table,
            origin=self._origin(base, steps, packing),
            padded=bool(self.access.windows),
        )

    def _origin(self, base: Vector, steps: dict[int, Vector], packing: Packing) -> Vector:
        """Where the table begins: beside the packed dimension, digits that count down begin at their ends."""
        found = list(base)
        for k, weight in packing.added.items():
            if weight < 0 and self.wired.table:
                last = self.access.trips[k] - 1
                found = [v + last * a for v, a in zip(found, steps[k], strict=True)]
        return tuple(found)

    def _time(self, steps: dict[int, Vector], added: dict[int, int]) -> tuple[Vector, ...]:
        """``A``, with the digits; counters that don't move keep the chip's."""
        time = [list(row) for row in self.port.plan.time]
        for k, step in steps.items():
            for j, a in enumerate(step):
                time[j][k] = a + (added.get(k, 0) if j == self.packed else 0)
        return tuple(map(tuple, time))

    def _range(self, dim: int, steps: dict[int, Vector]) -> tuple[int, int]:
        """Least and largest ``A t + F_S s`` without digits; ragged loops end at their bounds."""
        space = list(self.port.plan.space[dim])
        time = {k: step[dim] for k, step in steps.items()}
        moves, counts = [], []
        for axis, counter, bound in () if self.wide else self.access.ragged:
            if time.get(counter, 0) == self.access.covers[axis] * space[axis]:
                moves.append(space[axis])
                counts.append(bound)
                space[axis] = time[counter] = 0
        moves += [*time.values(), *space]
        counts += [*(self.access.trips[k] for k in time), *self.access.covers]
        low, high = reach(moves, counts)
        if not self.wide:
            return low, high
        wired = [index[dim] for index, _ in self.access.others]
        below, above = reach(space, self.access.covers)
        return low + min([0, *(x - below for x in wired)]), high + max(
            [0, *(x - above for x in wired)]
        )

    def _base(self, ranges: Sequence[tuple[int, int]], first: int) -> Vector:
        """``b`` without what digits begin with: no index is negative, all are in the banks that are wired."""
        found = []
        for j, (low, _) in enumerate(ranges):
            modulus, offset = self._moduli[j], self.port.plan.offset[j]
            if not modulus:
                found.append(offset)
                continue
            offset -= first * (j == self.packed)
            found.append(-low + (offset + low) % modulus)
        return tuple(found)

    def _shape(self, ranges: Sequence[tuple[int, int]], base: Vector, extra: int) -> Vector:
        windows = {j: extent for j, _, extent in self.access.windows}
        return tuple(
            windows.get(j, b + high + 1 + extra * (j == self.packed))
            for j, (b, (_, high)) in enumerate(zip(base, ranges, strict=True))
        )

    def _constant(self, base: Vector, digits: Vector) -> Vector:
        """What is added to the element at index and digits zero."""
        total = []
        for row, first, start in zip(self._scaled, self.access.first, digits, strict=True):
            at = sum(x * b for x, b in zip(row, base, strict=True))
            total.append(first * self._scale - at + start)
        return tuple(total)
