"""Processes that tell each other in which cycles things happen.

A process is a generator. It waits for a fact that another process will tell, or until a cycle has come. What
happens is a largest or smallest of cycles of earlier facts, so most processes run ahead of time; only where
somebody chooses who comes first does time pass event by event.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator

__all__ = ["Kernel", "Line", "Process", "Waiting"]

Process = Generator["Line | int", None, None]
Waiting = Generator["Line | int", None, int]
"""A part of a process that gives a cycle."""

_Action = Callable[[], None]


class Kernel:
    """The present cycle and what is to happen later."""

    def __init__(self) -> None:
        self.now = 0
        self._count = 0
        self._heap: list[tuple[int, int, int, _Action]] = []

    def at(self, cycle: int, action: _Action, *, late: bool = False) -> None:
        """Do something in a cycle, which may not be past; `late` actions follow all others of the cycle."""
        self._count += 1
        heapq.heappush(self._heap, (max(cycle, self.now), int(late), self._count, action))

    def start(self, process: Process) -> None:
        """Let a process run."""
        self.at(self.now, lambda: self._resume(process))

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self._heap:
            self.now, _, _, action = heapq.heappop(self._heap)
            action()

    def _resume(self, process: Process) -> None:
        waits = next(process, None)
        if isinstance(waits, Line):
            waits.wake(lambda: self.start(process))
        elif waits is not None:
            self.at(waits, lambda: self._resume(process))


class Line:
    """Cycles in which something happens for the first, second, ... time, in their order."""

    def __init__(self) -> None:
        self.cycles: list[int] = []
        self._waiting: list[_Action] = []

    def __len__(self) -> int:
        return len(self.cycles)

    def put(self, cycle: int) -> None:
        """Tell the next one."""
        self.cycles.append(cycle)
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def wake(self, action: _Action) -> None:
        """Call back when the next one is told."""
        self._waiting.append(action)

    def at(self, number: int) -> Waiting:
        """Wait for one of them, the first is 0."""
        while len(self.cycles) <= number:
            yield self
        return self.cycles[number]

    def room(self, number: int, places: int) -> Waiting:
        """The first cycle in which `number` finds room in so many places that this line frees: 0, or the
        cycle behind that in which an earlier one left."""
        if number < places:
            return 0
        left = yield from self.at(number - places)
        return left + 1
