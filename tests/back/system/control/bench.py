"""The sequencer in surroundings that take their time: memory behind a read master, queues, engines."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from lego.back.system.control.sequencer import build_sequencer
from lego.ir.commands import Engine, ErrorCode, Opcode
from lego.ir.dag import Module
from lego.runtime.sequencer import Shadow, Step, Stop, carried_out
from tests.back.flat import flat
from tests.back.machine import Machine
from tests.back.quick import Quick

CHIP = 0x1234ABCD
REGISTERS = (20, 7, 32, 22)
MODULES = build_sequencer("dev", chip=CHIP, registers=REGISTERS)
OFFSET, SEGMENT = 0x7F0, 5
NEVER = 10**9
QUIET = {"go": 0, "watchdog": 1, "program_offset": 0}


def machine_of(modules: Sequence[Module] = MODULES) -> Quick:
    return Quick(flat(modules[-1], modules[:-1]))


@dataclass
class Pace:
    """How fast the surroundings are: shares of cycles, latencies in cycles."""

    asks: float = 1.0
    beats: float = 1.0
    latency: tuple[int, int] = (5, 5)
    queues: float = 1.0
    runs: tuple[int, int] = (1, 1)


@dataclass
class Seen:
    """What happened in a program's time."""

    items: list[tuple[Engine, bool, int, int]] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    interrupts: int = 0
    error: tuple[ErrorCode, int, int] = (ErrorCode.NONE, 0, 0)
    finished: bool = False
    length: int = 0
    starved: int = 0
    blocked: int = 0
    first_beat: int = 0
    clears: list[int] = field(default_factory=list)


class Bench:
    """A machine and what is around it; plays program after program."""

    def __init__(self, machine: Quick | Machine, seed: int, pace: Pace | None = None) -> None:
        self.machine, self.r, self.pace = machine, random.Random(seed), pace or Pace()
        self.words: Sequence[int] = ()
        self.time = 0
        self.runs: deque[tuple[int, int, bool]] = deque()  # when, beat, whether it is an error
        self.pending: list[list[int]] = [[], [], [], []]
        self.before: dict[str, int] = {}
        self.unread = 0  # what a master says a cycle behind a beat with an error
        self.steps: deque[Step] = deque()

    def play(
        self,
        words: Sequence[int],
        *,
        most: int = 8_000,
        more: dict[int, dict[str, int]] | None = None,
        bad_beat: int = NEVER,
        stuck: int | None = None,
        watchdog: int = 0,
        offset: int = OFFSET,
        steps: Sequence[Step] = (),
    ) -> Seen:
        """Play a program; `more` are inputs of some cycles, an engine that is `stuck` takes nothing.

        With `steps`, barriers among them are seen to hold.
        """
        self.words, seen, start, self.steps = words, Seen(), self.time, deque(steps)
        for cycle in range(most):
            given = self._given(bad_beat, stuck) | {"go": int(cycle == 0), "watchdog": watchdog}
            given |= {"program_offset": offset} | (more or {}).get(cycle, {})
            said = self.machine.cycle(given)
            self._watch(given, said, seen, offset)
            assert said["busy"] or cycle == 0 or seen.finished
            self.time += 1
            if said["finished"] or said["failed"]:
                assert said["finished"] + said["failed"] == 1
                seen.finished = bool(said["finished"])
                code = ErrorCode(said["error_code"])
                seen.error = code, said["error_index"], said["error_address"]
                seen.length = self.time - start
                assert not any(self.pending)
                assert not self.runs
                return seen
        raise AssertionError("the program never ends")

    def rest(self, cycles: int) -> None:
        """Nothing is asked of the machine, and it does nothing."""
        for _ in range(cycles):
            said = self.machine.cycle(self._given(NEVER, None) | QUIET)
            busy = ("busy", "halt", "clear", "finished", "failed", "interrupt", "c_valid")
            assert not any(said[port] for port in (*busy, *(f"q{e}_valid" for e in range(4))))
            self.time += 1

    def _given(self, bad_beat: int, stuck: int | None) -> dict[str, int]:
        """The inputs of a cycle."""
        arrives = self.runs and self.runs[0][0] <= self.time and self.r.random() < self.pace.beats
        beat = self.runs[0][1] if arrives else 0
        data = sum(self._word(2 * beat + k) << 64 * k for k in range(2)) if arrives else 0
        for each in self.pending:
            each[:] = [end for end in each if end > self.time]
        given = {
            "abort": 0,
            "done": 0,
            "program_segment": SEGMENT,
            "c_ready": int(self.r.random() < self.pace.asks),
            "r_valid": int(bool(arrives)),
            "r_data": data if arrives else self.r.getrandbits(128),
            "r_error": int(bool(arrives) and beat == bad_beat),
            "bus_idle": int(not self.runs),
        }
        for e in range(4):
            given[f"q{e}_ready"] = int(self.r.random() < self.pace.queues and e != stuck)
            given[f"e{e}_idle"] = int(not self.pending[e])
        for source in ("read", "write"):
            given |= {f"{source}_fault": 0, f"{source}_fault_code": 9}
            given[f"{source}_fault_address"] = 77
        if self.unread:
            given |= {"read_fault": 1, "read_fault_code": ErrorCode.READ}
            given["read_fault_address"] = self.unread
        self.unread = 16 * beat + 1 if given["r_error"] else 0
        if arrives:
            self.runs.popleft()
        return given

    def _word(self, index: int) -> int:
        return self.words[index] if index < len(self.words) else self.r.getrandbits(64)

    def _watch(self, given: dict[str, int], said: dict[str, int], seen: Seen, offset: int) -> None:
        """What the machine says, and that it keeps to the rules of handshakes."""
        assert said["r_ready"] == 1
        if not said["halt"]:
            for port, payload in self.before.items():
                assert said[port] == payload, port
        self.before = {}
        if said["c_valid"]:
            self._asked(given, said, seen, offset)
        valid = [e for e in range(4) if said[f"q{e}_valid"]]
        assert len(valid) <= 1
        for e in valid:
            item = said[f"q{e}_start"], said[f"q{e}_register"], said[f"q{e}_value"]
            if given[f"q{e}_ready"]:
                self._pass_barriers()
                seen.items.append((Engine(e), bool(item[0]), *item[1:]))
                seen.cycles.append(self.time)
                self.pending[e].append(self.time + 1 + self.r.randint(*self.pace.runs))
            else:
                ports = ("valid", "start", "register", "value")
                self.before |= {f"q{e}_{port}": said[f"q{e}_{port}"] for port in ports}
        seen.clears += [self.time] if said["clear"] else []
        seen.interrupts += said["interrupt"]
        seen.starved += said["starved"]
        seen.blocked += said["blocked"]
        if given["r_valid"] and not seen.first_beat:
            seen.first_beat = self.time

    def _pass_barriers(self) -> None:
        """A write or a start leaves: engines of barriers before it have nothing to do."""
        while self.steps:
            step = self.steps.popleft()
            if step.opcode in (Opcode.WRITE, Opcode.START):
                return
            if step.opcode is Opcode.BARRIER:
                assert not any(self.pending[e] for e in range(4) if step.value >> e & 1)

    def _asked(self, given: dict[str, int], said: dict[str, int], seen: Seen, offset: int) -> None:
        """A run of beats is asked for: within the program's pages, and not too far ahead."""
        first, odd = divmod(said["c_offset"] - offset, 16)
        count = said["c_beats"]
        assert not odd
        assert said["c_segment"] == SEGMENT
        assert 1 <= count <= 16
        assert first + count <= max(32, (len(self.words) + 1) // 2)
        if not given["c_ready"]:
            self.before |= {port: said[port] for port in ("c_valid", "c_offset", "c_beats")}
            return
        seen.asked.append((first, count))
        when = self.time + self.r.randint(*self.pace.latency)
        when = max(when, self.runs[-1][0] if self.runs else 0)
        self.runs.extend((when + k, first + k, False) for k in range(count))


def expected(words: Sequence[int], shadow: Shadow | None = None) -> tuple[list[Step], Stop]:
    """What the interpreter says."""
    *steps, stop = carried_out(words, CHIP, REGISTERS, shadow)
    assert isinstance(stop, Stop)
    return [step for step in steps if isinstance(step, Step)], stop


def items_of(steps: Sequence[Step]) -> list[tuple[Engine, bool, int, int]]:
    """Writes and starts, as a bench sees them."""
    return [
        (s.engine, s.opcode is Opcode.START, s.register, s.value)
        for s in steps
        if s.opcode in (Opcode.WRITE, Opcode.START)
    ]
