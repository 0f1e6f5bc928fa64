"""Gates of engines: commands pass one per cycle, starts when engine and semaphores let them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Protocol

from lego.ir.commands import SEMAPHORES, Command, Engine, Opcode
from lego.perf.kernel import Kernel, Line, Process, Waiting
from lego.perf.result import Cause, EngineRun

__all__ = ["DEPTH", "Gate", "Semaphores", "Worker"]

DEPTH, UNDER_WAY = 16, 8
"""Commands that wait in a gate, and runs that an engine has under way."""


class Worker(Protocol):
    """An engine behind its gate."""

    done: Line

    def write(self, cycle: int, register: int, value: int) -> None:
        """A register gets a value at the end of a cycle."""

    def accepts(self) -> Waiting:
        """The first cycle in which it takes a command."""

    def ready(self) -> Waiting:
        """The first cycle in which it takes a start."""

    def start(self, cycle: int) -> None:
        """A run starts."""


@dataclass
class Semaphores:
    """When each semaphore went up, and how often it was taken."""

    raised: list[Line] = field(default_factory=lambda: [Line() for _ in range(SEMAPHORES)])
    taken: list[int] = field(default_factory=lambda: [0] * SEMAPHORES)

    def take(self, number: int) -> Waiting:
        """The first cycle in which a semaphore can be taken from, once more."""
        count = self.taken[number]
        self.taken[number] += 1
        return (yield from self.raised[number].at(count)) + 1


@dataclass
class Gate:
    """Commands of an engine.

    Attributes
    ----------
    commands, entered : what the sequencer gave it, with the value of a write, and when.
    passed : when commands went on to the engine.
    runs : what became of starts; `signals` are their masks.
    """

    kernel: Kernel
    engine: Engine
    worker: Worker
    semaphores: Semaphores
    commands: list[tuple[Command, int]] = field(default_factory=list)
    entered: Line = field(default_factory=Line)
    passed: Line = field(default_factory=Line)
    runs: list[EngineRun] = field(default_factory=list)
    starts: int = 0

    def __post_init__(self) -> None:
        self.kernel.start(self._pass())

    def enter(self, cycle: int, command: Command, value: int) -> None:
        """A command comes."""
        self.commands.append((command, value))
        self.starts += command.opcode is Opcode.START
        self.entered.put(cycle)

    def room(self) -> Waiting:
        """The first cycle in which another command may come."""
        return (yield from self.passed.room(len(self.commands), DEPTH))

    def _pass(self) -> Process:
        last = -1
        for number in itertools.count():
            entered = yield from self.entered.at(number)
            command, value = self.commands[number]
            accepts = yield from self.worker.accepts()
            came = max(entered + 1, last + 1)
            if command.opcode is Opcode.WRITE:
                last = max(came, accepts)
                self.worker.write(last, command.register, value)
            else:
                last = yield from self._start(command, came, accepts)
            self.passed.put(last)

    def _start(self, command: Command, came: int, accepts: int) -> Waiting:
        """The cycle in which a start passes, with what it waited for."""
        number = len(self.runs)
        free = yield from self.worker.done.room(number, UNDER_WAY)
        free = max(free, accepts, (yield from self.worker.ready()))
        reasons = [(came, Cause.COMMANDS, -1), (free, Cause.ENGINE, -1)]
        for k in command.wait:
            raised = yield from self.semaphores.take(k)
            reasons.append((raised, Cause.SEMAPHORE, k))
        reasons.sort(key=lambda each: each[0])
        cycle, cause, semaphore = reasons[-1]
        run = EngineRun(cycle, cycle, cause, semaphore, cycle - reasons[-2][0])
        self.runs.append(run)
        self.worker.start(cycle)
        self.kernel.start(self._end(number, command))
        return cycle

    def _end(self, number: int, command: Command) -> Process:
        """The end of a run raises semaphores, in the order of cycles."""
        done = yield from self.worker.done.at(number)
        run = self.runs[number]
        self.runs[number] = EngineRun(run.start, done, run.cause, run.semaphore, run.waited)
        yield done
        for k in command.signal:
            self.semaphores.raised[k].put(done)

    def quiet(self) -> Waiting:
        """The first cycle in which nothing of what was given waits or is under way."""
        passed = (yield from self.passed.at(len(self.commands) - 1)) if self.commands else -1
        done = (yield from self.worker.done.at(self.starts - 1)) if self.starts else -1
        return max(passed, done) + 1
