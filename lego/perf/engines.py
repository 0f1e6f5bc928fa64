"""Engines behind their gates: the array with its queue, the vector engine, load and store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from lego.back.system.vector.issue import is_behind
from lego.back.system.vector.timing import FETCH, timing_of
from lego.device.program import ArrayRun
from lego.diag import InternalError
from lego.ir.device import CommandQueue, Device
from lego.ir.engines import EngineRegister
from lego.ir.queued import QueuedRun, first_issue
from lego.ir.vector.plan import COUNTERS, VectorPlan
from lego.perf.kernel import Line, Waiting
from lego.perf.transfer import Transfer

__all__ = ["ArrayEngine", "Mover", "VectorEngine"]

_NEVER = -(1 << 20)
_COMMITTED = 1
"""Cycles from the end of the last commit of a run to the pulse that tells it."""


def _now() -> Waiting:
    """Nothing to wait for."""
    return 0
    yield 0


class Mover:
    """The load or the store engine."""

    def __init__(self, engine: Transfer, table: Sequence[EngineRegister]) -> None:
        self.engine, self.done = engine, engine.done
        self._table = table
        self._held: dict[str, int] = {}

    def write(self, cycle: int, register: int, value: int) -> None:
        """A register gets a value."""
        each = self._table[register]
        self._held[each.name] = value & (1 << each.bits) - 1

    def accepts(self) -> Waiting:
        """It takes writes in any cycle."""
        return _now()

    def ready(self) -> Waiting:
        """The first cycle in which it takes a start."""
        return self.engine.ready(len(self.engine.work))

    def start(self, cycle: int) -> None:
        """A run starts."""
        self.engine.start(cycle, dict(self._held))


class VectorEngine:
    """The vector engine, in which nothing waits: an element per cycle, and then its way through the lanes."""

    def __init__(self, plan: VectorPlan) -> None:
        self.done = Line()
        times = timing_of(plan)
        self._written, self._result = times.written, times.result
        self._names = [register.name for register in plan.registers]
        self._held: dict[str, int] = {}
        self._dirty = True
        self._last, self._computed = _NEVER, _NEVER

    def write(self, cycle: int, register: int, value: int) -> None:
        """A register gets a value."""
        name = self._names[register]
        self._held[name] = value
        self._dirty |= is_behind(name)

    def accepts(self) -> Waiting:
        """It takes writes in any cycle."""
        return _now()

    def ready(self) -> Waiting:
        """From the last element on, if registers that lanes read stay; else when the lanes are empty."""
        if not (self._held.get("mode", 0) or self._dirty):
            return self._at(self._last)
        return self._at(max(self._last + 1, self._computed + self._result))

    def _at(self, cycle: int) -> Waiting:
        return cycle
        yield 0

    def start(self, cycle: int) -> None:
        """A run starts."""
        count = math.prod(self._held.get(f"trip{k}", 0) + 1 for k in range(COUNTERS))
        computes = not self._held.get("mode", 0)
        self._dirty, self._last = False, cycle + count
        self._computed = self._last if computes else self._computed
        self.done.put(self._last + (self._written if computes else FETCH))


@dataclass
class ArrayEngine:
    """The array: writes and starts wait in its queue, and runs follow each other as in
    :mod:`lego.ir.queued`."""

    device: Device
    runs: Sequence[ArrayRun]
    done: Line = field(default_factory=Line)
    _left: list[int] = field(default_factory=lambda: [-1])
    _held: dict[str, int] = field(default_factory=dict)
    _before: QueuedRun | None = None
    _first: int = _NEVER
    _last: int = _NEVER
    _same: bool = False
    _count: int = 0

    def __post_init__(self) -> None:
        self._registers = {each.address: each for each in self.device.registers}

    @property
    def _queue(self) -> CommandQueue:
        if self.device.queue is None:
            raise InternalError(f"{self.device.top} has no queue")
        return self.device.queue

    def accepts(self) -> Waiting:
        """The first cycle in which its queue has room."""
        words = self._queue.words
        return self._at(self._left[-words] + 1 if len(self._left) > words else 0)

    def ready(self) -> Waiting:
        """The same, as a start is a word like any other."""
        return self.accepts()

    def _at(self, cycle: int) -> Waiting:
        return cycle
        yield 0

    def write(self, cycle: int, register: int, value: int) -> None:
        """A register gets a value."""
        self._leave(cycle)
        found = self._registers[register]
        self._held[found.name] = value
        self._same &= not found.behind

    def _leave(self, taken: int) -> None:
        """A word leaves the queue, at the earliest when the run before has begun."""
        self._left.append(max(taken + 1, self._left[-1] + 1, self._first))

    def start(self, cycle: int) -> None:
        """A run starts."""
        self._leave(cycle)
        run = self._run()
        waits = self._left[-1] + 1
        self._first = first_issue(run, self._before or run, self._last, waits, self._queue)
        self._last = self._first + run.issue - 1
        self._before, self._same = run, True
        self.done.put(self._last + run.tail + _COMMITTED)

    def _run(self) -> QueuedRun:
        """The run that starts now."""
        number = len(self.done)
        bound = self.runs[number].bound
        flow = self.device.dataflows[bound.dataflow]
        after, before = (self._held.get(name, 0) for name in ("gap_after", "gap_before"))
        issue = self.runs[number].cycles - self._queue.start - flow.tail
        return QueuedRun(0, issue, flow.tail, after, before, flow.apart, self._same)
