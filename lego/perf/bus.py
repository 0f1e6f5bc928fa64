"""The masters of the bus and the memory behind it: bursts in the order in which they are chosen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lego.ir.engines import BEAT_BYTES
from lego.perf.kernel import Kernel, Line, Process

__all__ = ["BURST_BEATS", "Burst", "Channel", "Client", "Master", "cut"]

BURST_BEATS = 4096 // BEAT_BYTES
"""Beats between the boundaries at which bursts end."""

OUTSTANDING = 16
"""Bursts that a master has under way."""

_WHOLE = 16
"""What a beat costs, of which a memory gets its rate per cycle."""

_ASKED = 2
"""Requests of a client that wait in front of its master."""


@dataclass(slots=True)
class Burst:
    """A burst.

    Attributes
    ----------
    run : number of the start that it belongs to.
    last : it is the last one of the request.
    taken : the cycle in which the master chose it.
    """

    client: int
    run: int
    beats: int
    last: bool
    eligible: int = 0
    taken: int = 0


def cut(offset: int, beats: int) -> Sequence[int]:
    """Beats of the bursts of so many beats from a byte on."""
    found, at = [], offset // BEAT_BYTES
    while beats:
        count = min(beats, BURST_BEATS - at % BURST_BEATS)
        found.append(count)
        at, beats = at + count, beats - count
    return found


@dataclass(slots=True)
class Channel:
    """Cycles of beats on a channel of a memory that gives or takes so many beats in 16 cycles.

    It saves up to two beats while nothing moves. `ahead`: cycles before a beat in which it must have one.
    """

    rate: int
    ahead: int = 0
    cycle: int = 0
    saved: int = 2 * _WHOLE

    def one(self, earliest: int) -> int:
        """The cycle of the next beat, which can't come earlier than this."""
        there = min(2 * _WHOLE, self.saved + self.rate * (earliest - self.ahead - self.cycle))
        cycle = earliest + max(0, -((there - _WHOLE) // self.rate))
        grown = self.saved + self.rate * (cycle - self.cycle)
        self.saved, self.cycle = min(2 * _WHOLE, grown) - _WHOLE, cycle
        return cycle

    def more(self, beats: int) -> int:
        """The cycle of the last of some beats that follow at once, or of the one before if there are none."""
        if (
            self.ahead and _WHOLE // 2 < self.rate < _WHOLE
        ):  # what it gets while it has one may be too much
            for _ in range(beats):
                self.one(self.cycle + 1)
        elif beats > 0:
            lacking = _WHOLE * beats - self.saved
            steps = max(beats, self.ahead - (-lacking // self.rate))
            self.saved += self.rate * steps - _WHOLE * beats
            self.cycle += steps
        return self.cycle


class Master:
    """Chooses a burst per cycle, of the first client that has one, while fewer than 16 are under way."""

    def __init__(self, kernel: Kernel, clients: int) -> None:
        self._kernel = kernel
        self.waiting: list[deque[Burst]] = [deque() for _ in range(clients)]
        self.answered, self.taken = Line(), Line()
        self.bursts: list[Burst] = []
        self._taken_by: list[Callable[[Burst], None]] = [lambda _: None] * clients

    def serve(self, client: int, taken: Callable[[Burst], None]) -> None:
        """Whom to tell that a burst of a client was taken."""
        self._taken_by[client] = taken

    def ask(self, burst: Burst) -> None:
        """A burst that may be taken from its cycle on."""
        self.waiting[burst.client].append(burst)
        self._check_later()

    def _check_later(self) -> None:
        """Look again when a burst may be taken."""
        first = [queue[0].eligible for queue in self.waiting if queue]
        if not first:
            return
        count = len(self.bursts)
        free = 0
        if count >= OUTSTANDING:
            if len(self.answered) <= count - OUTSTANDING:
                self.answered.wake(self._check_later)
                return
            free = self.answered.cycles[count - OUTSTANDING] + 1
        before = self.bursts[-1].taken + 1 if count else 0
        cycle = max(min(first), free, before)
        self._kernel.at(cycle, lambda: self._take(count), late=True)

    def _take(self, count: int) -> None:
        """Take a burst, unless it was done."""
        if count != len(self.bursts):
            return
        now = self._kernel.now
        for queue in self.waiting:
            if queue and queue[0].eligible <= now:
                burst = queue.popleft()
                burst.taken = now
                self.bursts.append(burst)
                self.taken.put(now)
                self._taken_by[burst.client](burst)
                break
        self._check_later()


@dataclass
class Client:
    """A client's way to its master: requests wait in two places, then give a burst per cycle.

    Attributes
    ----------
    asked : from when on each request is offered; `requests` are its start, its first byte and its beats.
    accepted, begun, ended : when its master takes it, cuts it first, and has taken its last burst.
    """

    kernel: Kernel
    master: Master
    number: int
    requests: list[tuple[int, int, int]] = field(default_factory=list)
    asked: Line = field(default_factory=Line)
    accepted: Line = field(default_factory=Line)
    begun: Line = field(default_factory=Line)
    ended: Line = field(default_factory=Line)

    def __post_init__(self) -> None:
        self.master.serve(self.number, self._taken)
        self.kernel.start(self._accept())
        self.kernel.start(self._cut())

    def ask(self, cycle: int, run: int, offset: int, beats: int) -> None:
        """Offer a request from a cycle on."""
        self.requests.append((run, offset, beats))
        self.asked.put(cycle)

    def _accept(self) -> Process:
        number, last = 0, -1
        while True:
            offered = yield from self.asked.at(number)
            room = yield from self.begun.room(number, _ASKED)
            last = max(offered, room, last + 1)
            self.accepted.put(last)
            number += 1

    def _cut(self) -> Process:
        number, free = 0, 0
        while True:
            accepted = yield from self.accepted.at(number)
            begins = max(accepted + 1, free)
            self.begun.put(begins)
            run, offset, beats = self.requests[number]
            parts = cut(offset, beats)
            for k, part in enumerate(parts):
                last = k + 1 == len(parts)
                self.master.ask(Burst(self.number, run, part, last, begins + 1 + k))
            free = yield from self.ended.at(number)
            number += 1

    def _taken(self, burst: Burst) -> None:
        if burst.last:
            self.ended.put(burst.taken)
