"""Lower bounds of the words that operands take, for all ways to give counters what is left of the loops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lego.bind.freedom import Freedom
from lego.bind.placing.access import Access
from lego.bind.placing.room import Move, Need, Room
from lego.bind.site import Port, Site
from lego.bind.strips import Spread, Strip, Table, divisors
from lego.ir.affine import AffineMap
from lego.ir.array import ArrayOperation

__all__ = ["Bounds", "steps_of"]

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Bounds:
    """Of a dataflow; what was found is kept, for operations of all extents."""

    site: Site
    freedom: Freedom
    _rooms: list[Room] = field(default_factory=list)
    _turns: list[tuple[Vector, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for port in self.site.ports:
            self._rooms.append(Room(port))
            columns = list(zip(*port.plan.time, strict=True)) or [()] * len(self.site.limits)
            self._turns.append(
                tuple(
                    tuple(a % m for a, m in zip(column, port.moduli, strict=True))
                    for column in columns
                )
            )

    def _known(self, port: Port) -> bool:
        """Whether it is wired what turns its banks."""
        return not port.compared and not (self.freedom.steps and port.loose != port.moduli)

    def reached(self, n: int, access: Access) -> int:
        """Words of operand n, at least, that an access takes."""
        if not self._known(self.site.ports[n]):
            return 0
        turns = self._turns[n]
        ragged = {counter: (axis, bound) for axis, counter, bound in access.ragged}
        moves = [
            Move(step, access.trips[k], turns[k])
            for k, step in enumerate(access.time)
            if step is not None and k not in ragged and (any(step) or any(turns[k]))
        ]
        last = ((axis, bound, turns[k]) for k, (axis, bound) in ragged.items())
        return self._least(n, access.axes, access.covers, moves, tuple(last))

    def crowds(self, op: ArrayOperation, given: Spread) -> bool:
        """Whether an operand is larger than its memory, however counters share what is left of the loops."""
        return any(
            self.least(op, given, n, port.words) > port.words
            for n, port in enumerate(self.site.ports)
        )

    def least(self, op: ArrayOperation, given: Spread, n: int, enough: int) -> int:
        """Words of operand n, at least, however counters share what is left of the loops; or what some way
        takes that is not above `enough`."""
        port, ragged = self.site.ports[n], self._ragged(n, given)
        turning = [k for k, turn in enumerate(self._turns[n]) if any(turn)]
        if not self._known(port) or len(turning) > 1 or ragged is None:
            return 0
        access = _access(op, given.table.order, n)
        axes = steps_of(access, given.axes)
        covers = tuple(strip.count if strip else 1 for strip in given.axes)
        found = -1
        for moves in self._options(n, access, given, turning):
            words = self._least(n, axes, covers, moves, ragged)
            found = words if found < 0 else min(found, words)
            if found <= enough:
                break
        return found

    def _options(
        self, n: int, access: AffineMap, given: Spread, turning: Sequence[int]
    ) -> Iterator[list[Move]]:
        """What counters may do, as far as banks feel it."""
        columns = [tuple(row[i] for row in access.rows) for i in range(len(given.left))]
        still = {
            i: Move(tuple(given.factors[i] * x for x in column), given.left[i])
            for i, column in enumerate(columns)
            if given.left[i] > 1 and any(column)
        }
        yield list(still.values())
        for k in turning:
            yield from self._turned(given.table, still, k, self._turns[n][k])

    def _turned(
        self, table: Table, still: dict[int, Move], counter: int, turn: Vector
    ) -> Iterator[list[Move]]:
        """Ways to give a part of a loop to the counter that turns the banks."""
        last = counter == len(self.site.limits) - 1
        for i, move in still.items():
            if table.counters[counter][i]:
                continue
            others = [each for j, each in still.items() if j != i]
            for count in divisors(move.trips):
                for inner in (1,) if last else divisors(move.trips // count):
                    parts = (inner, 1, ()), (count, inner, turn), (0, inner * count, ())
                    if 1 < count <= self.site.limits[counter]:
                        yield others + _parts(move, parts)

    def _ragged(self, n: int, given: Spread) -> tuple[tuple[int, int, Vector], ...] | None:
        """Ragged loops; None if a counter that turns banks may have one."""
        found = []
        for axis, strip in enumerate(given.axes):
            if not strip or not strip.ragged:
                continue
            if strip.counter >= 0:
                found.append((axis, strip.ragged, self._turns[n][strip.counter]))
                continue
            wired = zip(self._turns[n], given.table.counters, strict=True)
            if any(any(turn) and not why[strip.loop] for turn, why in wired):
                return None
            found.append((axis, strip.ragged, ()))
        return tuple(found)

    def _least(
        self,
        n: int,
        axes: tuple[Vector | None, ...],
        covers: Vector,
        moves: Iterable[Move],
        ragged: tuple[tuple[int, int, Vector], ...],
    ) -> int:
        key = tuple(sorted(moves, key=lambda move: (move.step, move.trips, move.turn)))
        return self._rooms[n].least(Need(axes, covers, key, ragged))


def _parts(move: Move, parts: Sequence[tuple[int, int, Vector]]) -> list[Move]:
    """A loop in parts, each with trips (0: what is left), factor and turn."""
    found = []
    for count, factor, turn in parts:
        trips = count or move.trips // factor
        if trips > 1:
            found.append(Move(tuple(factor * x for x in move.step), trips, turn))
    return found


def _access(op: ArrayOperation, order: Vector, n: int) -> AffineMap:
    return (op.inputs[order[n]] if n < len(order) else op.output).map


def steps_of(access: AffineMap, strips: Sequence[Strip | None]) -> tuple[Vector | None, ...]:
    """The element per step of each strip."""
    return tuple(
        None if strip is None else tuple(row[strip.loop] * strip.factor for row in access.rows)
        for strip in strips
    )
