"""The sequencer: reads a program ahead and gives engines a command per cycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lego.back.system.control.fetch import AHEAD_BEATS, BLOCK_BEATS, RING_BEATS
from lego.ir.command_program import HEADER_WORDS, PAGE_WORDS
from lego.ir.commands import Command, Engine, Mode, Opcode
from lego.ir.engines import BEAT_BYTES
from lego.perf.bus import Client
from lego.perf.gate import Gate
from lego.perf.kernel import Kernel, Line, Process, Waiting

__all__ = ["Fetch", "Sequencer", "Turn", "turns"]

_BEAT_WORDS = 2
_SETTLED = 2
"""Cycles from a beat's arrival to that in which it is known that no other is awaited."""

_MASK = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Turn:
    """A word's turn.

    Attributes
    ----------
    index : of the word in the program, header included.
    command : None for the header's.
    acts : it does something in this trip.
    target : the word that it goes back to, or -1.
    """

    index: int
    command: Command | None
    acts: bool = True
    target: int = -1


def turns(commands: Sequence[Command]) -> Iterator[Turn]:
    """Words in the order of their turns, loops gone through."""
    for index in range(HEADER_WORDS):
        yield Turn(index, None)
    loops: list[list[int]] = []  # body, trips, trips so far
    at = 0
    while at < len(commands):
        command, target = commands[at], -1
        _, trips, trip = loops[-1] if loops else (0, 1, 0)
        acts = command.when.holds(first=trip == 0, last=trip == trips - 1)
        if command.opcode is Opcode.LOOP:
            loops.append([at + 1, command.value, 0])
        elif command.opcode is Opcode.NEXT and trip < trips - 1:
            loops[-1][2] += 1
            target = loops[-1][0]
        elif command.opcode is Opcode.NEXT:
            loops.pop()
        yield Turn(HEADER_WORDS + at, command, acts, target + HEADER_WORDS * (target >= 0))
        at = at + 1 if target < 0 else target


@dataclass
class _Ring:
    """Beats that arrived, from number `base` on, where the program began or went far back."""

    base: int = 0
    arrived: Line = field(default_factory=Line)


class Fetch:
    """Reads blocks ahead of the word that is handed out.

    A program goes on in its ring, until it goes back to what the ring doesn't hold any more.
    """

    def __init__(self, kernel: Kernel, client: Client, words: int, offset: int) -> None:
        self._kernel, self._client = kernel, client
        self._offset, self._known = offset, -1
        self._end = -(-words // (BLOCK_BEATS * _BEAT_WORDS)) * BLOCK_BEATS
        self._asked, self._again = 0, 0
        self._rings, self._ring_of = [_Ring()], list[_Ring]()
        self._beats, self._moved = [(0, 0)], Line()
        self._arrivals = 0
        kernel.start(self._read())

    def known(self, cycle: int) -> None:
        """The program's length is known from this cycle on."""
        self._known = cycle
        self._moved.put(cycle)

    def move(self, cycle: int, index: int) -> None:
        """From this cycle on the word of this number is handed out next."""
        beat = index // _BEAT_WORDS
        if beat != self._beats[-1][1]:
            self._beats.append((cycle, beat))
            self._moved.put(cycle)

    def jump(self, cycle: int, index: int) -> None:
        """Go back in this cycle, which is now."""
        beat = index // _BEAT_WORDS
        if beat + RING_BEATS < self._asked or beat < self._rings[-1].base:
            self._rings.append(_Ring(beat))
            self._asked, self._again = beat, cycle + 1
        self.move(cycle + 1, index)

    def arrived(self, cycle: int) -> None:
        """The next beat arrives."""
        self._ring_of[self._arrivals].arrived.put(cycle)
        self._arrivals += 1

    def word(self, index: int) -> Waiting:
        """The first cycle in which a word can be taken."""
        ring = self._rings[-1]
        return (yield from ring.arrived.at(index // _BEAT_WORDS - ring.base))

    def settled(self, cycle: int) -> Waiting:
        """The first cycle, from this one on, in which all that was asked for has arrived for a while."""
        while True:
            yield cycle
            ring, asked = self._rings[-1], self._asked
            last = yield from ring.arrived.at(asked - ring.base - 1)
            if asked == self._asked and last + _SETTLED <= cycle:
                return cycle
            cycle = max(cycle, last + _SETTLED)

    def _read(self) -> Process:
        """A block whenever there is room for it."""
        cycle, seen = 0, 0
        while True:
            yield cycle
            while seen + 1 < len(self._beats) and self._beats[seen + 1][0] <= cycle:
                seen += 1
            if self._wants(cycle, self._beats[seen][1]):
                self._ask(cycle)
                accepted = yield from self._client.accepted.at(len(self._client.requests) - 1)
                cycle = max(cycle + 1, accepted)
                continue
            while seen + 1 == len(self._beats) and self._known <= cycle:
                cycle = max(cycle, (yield from self._moved.at(len(self._moved))))
            later = [each[0] for each in self._beats[seen + 1 :][:1]]
            cycle = min([*later, *[self._known] * (self._known > cycle)])

    def _wants(self, cycle: int, beat: int) -> bool:
        """Whether a block is asked for, where the word that is handed out next is in this beat."""
        known = 0 <= self._known <= cycle
        end = self._end if known else PAGE_WORDS // _BEAT_WORDS
        near = self._asked - beat <= AHEAD_BEATS - BLOCK_BEATS
        return near and self._asked < end and cycle >= self._again

    def _ask(self, cycle: int) -> None:
        beats = BLOCK_BEATS - self._asked % BLOCK_BEATS
        self._ring_of += [self._rings[-1]] * beats
        self._client.ask(cycle + 1, 0, self._offset + BEAT_BYTES * self._asked, beats)
        self._asked += beats


class Sequencer:
    """Carries out words and fills gates; `ended` is the cycle in which the last word leaves."""

    def __init__(
        self,
        kernel: Kernel,
        fetch: Fetch,
        gates: Mapping[Engine, Gate],
        commands: Sequence[Command],
    ) -> None:
        self.ended = -1
        self._fetch, self._gates = fetch, gates
        self._values: dict[tuple[Engine, int], int] = {}
        self._given = 0
        self._leaving: list[tuple[int, Command]] = []
        kernel.start(self._carry_out(commands))

    def _carry_out(self, commands: Sequence[Command]) -> Process:
        left, back = -1, False
        for turn in turns(commands):
            taken = max((yield from self._fetch.word(turn.index)), left + back)
            self._fetch.move(taken + 1, turn.index + 1)
            if turn.index == 1:
                self._fetch.known(taken + 2)
            yield from self._give()
            left = max(taken + 1, left + 1, self._given)
            back = turn.target >= 0
            if turn.command is not None:
                left = max(left, (yield from self._does(turn, turn.command, left)))
            if back:
                yield left
                self._fetch.jump(left, turn.target)
        self.ended = left

    def _give(self) -> Waiting:
        """The cycle in which the last command for an engine reached its gate, after the next word came."""
        if self._leaving:
            cycle, command = self._leaving.pop()
            gate = self._gates[command.engine]
            self._given = max(cycle + 1, (yield from gate.room()))
            gate.enter(self._given, command, self._value(command))
        return self._given

    def _does(self, turn: Turn, command: Command, cycle: int) -> Waiting:
        """The first cycle in which a command may leave, as far as others decide; it leaves then."""
        if command.opcode in (Opcode.WRITE, Opcode.START) and turn.acts:
            self._leaving.append((cycle, command))
        if command.opcode is Opcode.BARRIER and turn.acts:
            return max(self._given + 1, (yield from self._quiet(command.value)))
        if command.opcode is Opcode.END:
            quiet = yield from self._quiet((1 << len(Engine)) - 1)
            return (yield from self._fetch.settled(max(self._given + 1, quiet, cycle)))
        return cycle

    def _quiet(self, engines: int) -> Waiting:
        """The first cycle in which engines of a mask have nothing to do."""
        found = 0
        for engine, gate in self._gates.items():
            if engines >> engine & 1:
                found = max(found, (yield from gate.quiet()))
        return found

    def _value(self, command: Command) -> int:
        """What a register gets; of a start, its masks."""
        key, value = (command.engine, command.register), command.value
        if command.opcode is Opcode.WRITE:
            before = self._values.get(key, 0)
            if command.mode is Mode.ADD:
                value = before + value & _MASK
            elif command.mode is Mode.XOR:
                value = before ^ value
            self._values[key] = value
        return value
