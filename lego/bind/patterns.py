"""Which loops may go to which axes and counters, by what moves there and what doesn't.

These are conditions (b), (c) and (d) as far as zeros decide them: FUs that share a value by a link need one
element, FUs whose results are summed write one element and others different ones, and a value that is held
doesn't move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lego.bind.freedom import Freedom
from lego.bind.site import Port, Site
from lego.bind.strips import Table
from lego.ir.array import ArrayOperation
from lego.ir.operation import Reduction

__all__ = ["table_of"]


def table_of(site: Site, freedom: Freedom, op: ArrayOperation, order: Sequence[int]) -> Table:
    """What may go where if inputs are taken in this order."""
    loops = range(len(op.loops))
    reads = [[any(row[i] for row in op.inputs[k].map.rows) for i in loops] for k in order]
    writes = [any(row[i] for row in op.output.map.rows) for i in loops]
    pattern = _Pattern(site, freedom)
    columns = [([moves[i] for moves in reads], writes[i]) for i in loops]
    return Table(
        tuple(order),
        tuple(
            tuple(next(pattern.axis(a, *column), "") for column in columns)
            for a in range(len(site.axes))
        ),
        tuple(
            tuple(next(pattern.counter(k, *column), "") for column in columns)
            for k in range(len(site.limits))
        ),
        tuple(not moves for moves in writes),
    )


@dataclass(frozen=True, slots=True)
class _Pattern:
    site: Site
    freedom: Freedom

    def axis(self, axis: int, reads: Sequence[bool], writes: bool) -> Iterator[str]:
        """Reasons against a loop along an axis, with whether it moves each input and the output."""
        for port, moves in zip(self.site.inputs, reads, strict=True):
            if moves and not _spread(port, axis):
                yield f"the FUs along it share what they read of {port.name}"
        if writes and not _spread(self.site.output, axis):
            yield "the results of the FUs along it are summed"
        if not writes and _spread(self.site.output, axis):
            yield "the FUs along it have results of their own"

    def counter(self, counter: int, reads: Sequence[bool], writes: bool) -> Iterator[str]:
        """Reasons against a loop on a counter."""
        for port, moves in zip(self.site.inputs, reads, strict=True):
            if moves and counter in port.held and not self._holds(port):
                yield f"{port.name} is held over it"
            elif moves and counter not in port.stepped and not self.freedom.steps:
                yield f"{port.name} has no address step for it"
        yield from self._results(counter, writes=writes)

    def _results(self, counter: int, *, writes: bool) -> Iterator[str]:
        port, plan = self.site.output, self.site.adg.output
        held = counter in port.held and not self._holds(port)
        added = counter in plan.revisit and not self.freedom.holds
        if self.site.adg.reduction is Reduction.ASSIGN and not writes:
            yield "nothing is summed"
        elif writes and held:
            yield "results are held over it"
        elif writes and counter not in port.stepped and not self.freedom.steps:
            yield "results have no address step for it"
        elif plan.injective and writes and added:
            yield "results are summed over it"
        elif plan.injective and not writes and not self._sums(counter):
            yield "results aren't summed over it"

    def _sums(self, counter: int) -> bool:
        """Whether results can be summed over a counter."""
        port, plan = self.site.output, self.site.adg.output
        free = self._holds(port) or (self.freedom.holds and plan.accumulates)
        return free or counter in port.held or counter in plan.revisit

    def _holds(self, port: Port) -> bool:
        """Whether the counters over which a value is held are a register's."""
        return self.freedom.holds and port.holds_freely


def _spread(port: Port, axis: int) -> bool:
    """Whether FUs along an axis have different elements."""
    return any(row[axis] for row in port.plan.space)
