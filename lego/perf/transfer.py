"""The load and the store engine: requests one per cycle, words one per cycle, starts behind each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lego.ir.engines import RUN_COUNTERS, WORD_COUNTERS
from lego.perf.bus import Burst, Channel, Client
from lego.perf.kernel import Kernel, Line, Process, Waiting
from lego.perf.result import MemoryTiming

__all__ = ["Load", "Store", "Transfer"]

_FIRST_WORD = 2
"""Cycles from a start to the first cycle in which its words can move."""

_EDGE = 6
"""Beats at both ends of a burst that are looked at one by one; between them one follows the other."""

_STORED_RUNS = 32
"""Runs of beats that wait for answers in the store engine."""


def _trips(held: Mapping[str, int], prefix: str, count: int) -> list[int]:
    return [held.get(f"{prefix}{k}", 0) + 1 for k in range(count)]


@dataclass(frozen=True, slots=True)
class _Start:
    """What a start moves: `offsets` of its runs of `beats`, none if it fills; and how many words."""

    offsets: Sequence[int]
    beats: int
    words: int


def _offsets(held: Mapping[str, int], kind: str) -> Iterator[int]:
    """First bytes of the runs of a start in their order."""
    trips = _trips(held, f"{kind}_trip", RUN_COUNTERS)
    steps = [held.get(f"{kind}_step{k}", 0) for k in range(RUN_COUNTERS)]
    first = held.get("offset", 0)
    for point in itertools.product(*map(range, trips)):
        yield first + sum(t * s for t, s in zip(point, steps, strict=True)) & 0xFFFFFFFF


@dataclass
class Transfer:
    """What both engines have: a side that asks for runs of beats, and one that walks over words.

    Attributes
    ----------
    pending : starts that may wait for the words of those before.
    starts, loaded, finished : when each start came, when its words could first move, and its last word did.
    done : cycles of the pulses at the ends of runs.
    free : when the last request of each start that makes any was made.
    """

    kernel: Kernel
    client: Client
    bases: Mapping[int, int]
    kind: str
    words: str
    pending: int
    work: list[_Start] = field(default_factory=list)
    starts: Line = field(default_factory=Line)
    loaded: Line = field(default_factory=Line)
    finished: Line = field(default_factory=Line)
    done: Line = field(default_factory=Line)
    free: Line = field(default_factory=Line)

    def __post_init__(self) -> None:
        self.kernel.start(self._ask())

    def start(self, cycle: int, held: Mapping[str, int]) -> None:
        """A run starts in this cycle, with these values of registers."""
        words = math.prod(_trips(held, f"{self.words}_trip", WORD_COUNTERS))
        base = self.bases.get(held.get("segment", 0), 0)
        fills = bool(held.get("mode", 0) & 1) and self.kind == "fetch"
        offsets = [] if fills else [base + at for at in _offsets(held, self.kind)]
        self.work.append(_Start(offsets, held.get("beats", 0) + 1, words))
        self.starts.put(cycle)

    def ready(self, number: int) -> Waiting:
        """The first cycle in which a start may come, as far as starts before decide."""
        asked = (yield from self.free.at(number - 1)) if number else 0
        if number < self.pending:
            return asked
        return max(asked, (yield from self.loaded.at(number - self.pending)))

    def request_room(self, number: int) -> Waiting:
        """The first cycle in which a request may be made, as far as what is behind the bus decides."""
        return 0
        yield 0

    def _ask(self) -> Process:
        """A request per cycle, of which two wait in the engine."""
        number, last = 0, -1
        for k in itertools.count():
            start = yield from self.starts.at(k)
            work = self.work[k]
            for offset in work.offsets:
                room = yield from self.client.accepted.room(number, 2)
                behind = yield from self.request_room(number)
                last = max(start + 1, last + 1, room, behind)
                self.client.ask(last + 1, k, offset, work.beats)
                number += 1
            self.free.put(last if work.offsets else max(start, last))

    def begins(self, k: int, before: int) -> Waiting:
        """When words of a start may first move; `before`: when those of the one before last did."""
        start = yield from self.starts.at(k)
        first = max(start + _FIRST_WORD, before + 1)
        self.loaded.put(first)
        return first


@dataclass
class Load(Transfer):
    """The load engine: a word is written in the cycle after its beat came."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kernel.start(self._walk())

    def _walk(self) -> Process:
        last = -1
        for k in itertools.count():
            first = yield from self.begins(k, last)
            if self.work[k].offsets:
                last = yield from self.finished.at(k)
            else:
                last = first + self.work[k].words - 1
                self.finished.put(last)
            self.done.put(last + 1)


@dataclass
class Store(Transfer):
    """The store engine, and the data and answers of the write channels behind it."""

    timing: MemoryTiming = field(default_factory=MemoryTiming)
    answered: Line = field(default_factory=Line)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._beats = _Beats(self.timing)
        self.kernel.start(self._send())
        self.kernel.start(self._walk())

    def request_room(self, number: int) -> Waiting:
        """Requests wait for answers in 32 places."""
        return (yield from self.answered.room(number, _STORED_RUNS))

    def _walk(self) -> Process:
        last = -1
        for k in itertools.count():
            yield from self.begins(k, last)
            last = yield from self.finished.at(k)

    def _send(self) -> Process:
        """Beats of bursts, one behind the other, and answers."""
        master, answer, k, requests = self.client.master, -1, -1, 0
        for number in itertools.count():
            yield from master.taken.at(number)
            burst = master.bursts[number]
            if burst.run != k:
                k, requests = burst.run, 0
                begins = yield from self.loaded.at(k)
                self._beats.read = max(begins - 1, self._beats.read)
            answer = max(self._beats.burst(burst) + self.timing.answer, answer + 1)
            master.answered.put(answer)
            if burst.last:
                requests += 1
                self.answered.put(answer)
            if burst.last and requests == len(self.work[k].offsets):
                self.finished.put(self._beats.read)
                self.done.put(answer)


class _Beats:
    """Beats on their way to the bus: two words are read ahead, one waits in the master.

    `read` is the cycle in which the last word was read; in `loads` the last two went to the master.
    """

    def __init__(self, timing: MemoryTiming) -> None:
        self.read, self.loads = -1, (-2, -1)
        self._channel = Channel(timing.rate, ahead=1)

    def burst(self, burst: Burst) -> int:
        """The cycle in which the memory takes the last beat of a burst."""
        edge = min(burst.beats, _EDGE)
        for _ in range(edge - edge // 2):
            self._one(burst.taken)
        self._channel.more(burst.beats - edge)
        for _ in range(edge // 2):
            self._one(burst.taken)
        return self._channel.cycle

    def _one(self, taken: int) -> None:
        self.read = max(self.read, self.loads[0]) + 1
        load = max(self._channel.cycle, taken + 1, self.read + 1)
        self.loads = self.loads[1], load
        self._channel.one(load + 1)
