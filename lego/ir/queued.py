"""Runs out of a queue: which words the host writes for them, and in which cycles they run.

Registers keep their values from run to run, so a run's words are what it changes, and its start. The cycles
are what the hardware takes, if the host offers a word per cycle from the first start on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from lego.ir.device import CommandQueue, Device
from lego.ir.program import Program

__all__ = ["QueuedRun", "QueuedRuns", "Span", "busy_cycles", "changes"]
__all__ += ["first_issue", "runs_of", "spans"]


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run as the queue sees it, all in cycles but for `words`, the writes in front of its start.

    Attributes
    ----------
    issue : from the first timestamp to the last, both included.
    tail : from the last timestamp to the end of the last commit.
    after, before : the gaps that it asks for.
    apart : from how many idle cycles on any number will do; 0 if no number beyond the gaps is worse.
    same : it changes no register that is read behind the first timestamp.
    """

    words: int
    issue: int
    tail: int
    after: int
    before: int
    apart: int
    same: bool

    def follows(self, last: QueuedRun, gap: int) -> bool:
        """Whether it may begin after so many idle cycles."""
        exact = gap == last.after or gap >= last.apart
        return gap >= self.before and (exact if last.apart else gap >= last.after)


@dataclass(frozen=True, slots=True)
class Span:
    """When a run takes place, in cycles after that of the first start: the queue takes its start, its first
    and last timestamp are issued, and its last commit ends."""

    start: int
    first: int
    last: int
    end: int


def changes(
    programs: Sequence[Program], known: Mapping[str, int] | None = None
) -> list[dict[str, int]]:
    """Per run the registers that it changes, by name; `known` are values before the first."""
    values, found = dict(known or {}), []
    for program in programs:
        new = program.registers
        found.append({name: word for name, word in new.items() if values.get(name) != word})
        values |= new
    return found


def runs_of(device: Device, programs: Sequence[Program]) -> list[QueuedRun]:
    """Runs of a device with a queue, one after the other. Raises ValueError if it has none."""
    if device.queue is None:
        raise ValueError(f"{device.top} has no queue")
    behind = {register.name for register in device.registers if register.behind}
    found = []
    for program, changed in zip(programs, changes(programs), strict=True):
        flow = device.dataflows[program.dataflow]
        issue = program.cycles - device.queue.start - flow.tail
        after, before = (program.registers.get(name, 0) for name in ("gap_after", "gap_before"))
        same = behind.isdisjoint(changed)
        run = QueuedRun(len(changed), issue, flow.tail, after, before, flow.apart, same)
        found.append(run)
    return found


def spans(device: Device, runs: Sequence[QueuedRun]) -> Iterator[Span]:
    """When each run takes place. The registers of the first are there when it is started."""
    queue, left, taken = device.queue, [1], [0]
    if queue is None:
        raise ValueError(f"{device.top} has no queue")
    span = Span(0, queue.start + 1, queue.start + runs[0].issue, 0)
    for k, run in enumerate(runs):
        if k:
            freed = span.first
            for _ in range(run.words + 1):
                room = left[-queue.words] + 1 if len(left) >= queue.words else 0
                taken.append(max(taken[-1] + 1, room))
                left.append(max(taken[-1] + 1, left[-1] + 1, freed))
            first = first_issue(run, runs[k - 1], span.last, left[-1] + 1, queue)
            span = Span(taken[-1], first, first + run.issue - 1, 0)
        span = Span(span.start, span.first, span.last, span.last + run.tail)
        yield span


def first_issue(run: QueuedRun, last: QueuedRun, end: int, waits: int, queue: CommandQueue) -> int:
    """The first issue of a run whose start has left the queue, where the run before ended its issues."""
    if run.same:
        for at in (end, *range(end + 1, end + queue.drain)):
            if at >= waits and run.follows(last, at - end):
                return at + 1
    return max(waits, end + queue.drain) + queue.change + 1


def busy_cycles(device: Device, programs: Sequence[Program]) -> int:
    """Cycles in which the device is busy with these runs."""
    total, until = 0, 0
    for span in spans(device, runs_of(device, programs)):
        total += span.end - max(span.start, until)
        until = span.end
    return total


@dataclass(frozen=True, slots=True)
class QueuedRuns:
    """Runs one behind the other.

    Attributes
    ----------
    runs : their programs.
    writes : the registers that the host writes before each start, by name: what the run changes.
    cycles : in which the device is busy, if the host offers a word per cycle.
    """

    runs: tuple[Program, ...]
    writes: tuple[dict[str, int], ...]
    cycles: int

    @staticmethod
    def of(device: Device, programs: Sequence[Program]) -> QueuedRuns:
        """These programs on a device with a queue. Raises ValueError if it has none."""
        cycles = busy_cycles(device, programs)
        return QueuedRuns(tuple(programs), tuple(changes(programs)), cycles)

    def to_json(self) -> dict[str, object]:
        """JSON value, as `lego program` prints it."""
        return asdict(self)
