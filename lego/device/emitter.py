"""Commands put together: what loads, the vector engine and stores are told, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.device.chip import Chip
from lego.device.commands import Commands
from lego.device.memory_map import CONSTANTS, DATA, Dram, Located
from lego.device.plan import Plan, PlannedStage
from lego.device.program import ArrayRun
from lego.device.tokens import Token, rounds
from lego.device.transfers import Beats, joined
from lego.ir.commands import Engine
from lego.ir.engines import BEAT_BYTES, STORE_MEMORY, EngineRegister
from lego.ir.vector.chain import TABLE_ENTRIES
from lego.ir.vector.plan import COUNTERS, OWN_MEMORY
from lego.mapping.copies import PAD, load_commands, store_commands

__all__ = ["HALVES", "Emitter", "Ends", "numbered"]

Array = NDArray[np.int64]

HALVES = 2
"""Parts of a memory, of which one is written while the other is read."""

HELD_SLOTS = 4
"""Sets of held vectors that may lie in the vector engine's memory."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Semaphores that the first run of several waits for, and that the last one signals."""

    waits: frozenset[int] = frozenset()
    signals: frozenset[int] = frozenset()

    def of(self, k: int, count: int) -> tuple[frozenset[int], frozenset[int]]:
        """What run `k` of so many waits for and signals."""
        none = frozenset[int]()
        return self.waits if k == 0 else none, self.signals if k == count - 1 else none


@dataclass
class Emitter:
    """A program that is put together.

    Attributes
    ----------
    read_later : tensors that one stage writes and another reads.
    signalled : those of them whose stores were commanded, in order.
    waited : as many of their signals were waited for.
    chunks, streams, held : of the store's memory, of stream tiles and of held vectors: sets so far.
    holds : the stage and the block of lanes whose operands the vector engine holds; table : what it looks up.
    """

    plan: Plan
    commands: Commands
    read_later: frozenset[str]
    dram: Dram = field(default_factory=Dram)
    runs: list[ArrayRun] = field(default_factory=list)
    signalled: list[str] = field(default_factory=list)
    waited: int = 0
    chunks: int = 0
    streams: int = 0
    held: int = 0
    holds: tuple[str, int] = ("", 0)
    table: bytes = b""
    _known: dict[bytes, int] = field(default_factory=dict)

    @property
    def chip(self) -> Chip:
        """The device."""
        return self.plan.chip

    @property
    def stream_room(self) -> int:
        """Words of a tile of a stream in the vector engine's memory, whose second half has two."""
        return self.chip.vector.words // HALVES // HALVES

    @property
    def second_room(self) -> int:
        """Words of a tile of a second stream, beside held vectors in the first half."""
        half = self.chip.vector.words // HALVES
        return (half - HELD_SLOTS * self.held_room) // HALVES

    @property
    def store_room(self) -> int:
        """Words of the store's memory that are written in one go."""
        return self.chip.store_words // HALVES

    def ready(self, tensor: str) -> bool:
        """Whether a tensor is in DRAM, or will be by commands that were given."""
        return tensor not in self.read_later or tensor in self.signalled

    def constant(self, data: bytes) -> int:
        """Where constants lie; equal ones lie in one place."""
        if data not in self._known:
            self._known[data] = self.dram.constant(data)
        return self._known[data]

    def arrivals(self, tensor: str) -> list[int]:
        """Tokens to wait for until a tensor of an earlier stage is in DRAM."""
        if tensor not in self.signalled:
            return []
        wanted = self.signalled.index(tensor) + 1
        found = [int(Token.DONE)] * max(0, wanted - self.waited)
        self.waited = max(self.waited, wanted)
        return found

    def load(
        self,
        beats: Beats,
        memory: int,
        place: tuple[int, int],
        tokens: Iterable[int],
        signal: int,
        fill: int = 0,
    ) -> None:
        """Load words of a memory from a place in DRAM, a segment and an offset; those that lie nowhere are
        filled with `fill`."""
        segment, offset = place
        moves = load_commands(
            np.where(beats.offsets == PAD, PAD, beats.offsets + offset),
            beats.addresses,
            beats.rotations,
            memory=memory,
            segment=segment,
            fill=fill & 0xFF,
        )
        sets = rounds(tokens)
        for waits in sets[:-1]:
            self._only_wait(waits)
        self._runs(Engine.LOAD, moves, Ends(frozenset(sets[-1]), frozenset({signal})))

    def _runs(self, engine: Engine, runs: Sequence[Mapping[str, int]], ends: Ends) -> None:
        """Runs of an engine one behind the other."""
        for k, registers in enumerate(runs):
            wait, signal = ends.of(k, len(runs))
            self.commands.run(engine, registers, wait=wait, signal=signal)

    def _only_wait(self, tokens: Iterable[int]) -> None:
        """A run that writes nothing, to take semaphores."""
        nothing = {"mode": 1, "mask": 0} | {f"place_trip{k}": 0 for k in range(COUNTERS)}
        self.commands.run(Engine.LOAD, nothing, wait=tokens)

    def stream(self, parts: Sequence[tuple[Beats, str]], fill: int = 0) -> list[int]:
        """Load a tile of each of some streams, beats of tensors, into the vector engine's memory; addresses
        are counted from each one's first word, which are returned. The second lies in the other half."""
        tokens = [int(Token.STREAM_FREE)] if self.streams >= HALVES else []
        tokens += [token for _, name in parts for token in self.arrivals(name)]
        number, half = self.streams % HALVES, self.chip.vector.words // HALVES
        held = HELD_SLOTS * self.held_room
        firsts = [half + number * self.stream_room, held + number * self.second_room]
        moved = [
            Beats(
                np.where(beats.offsets == PAD, PAD, beats.offsets + self.dram.tensors[name].offset),
                beats.addresses + first,
                beats.rotations,
            )
            for (beats, name), first in zip(parts, firsts, strict=False)
        ]
        self.load(joined(moved), OWN_MEMORY, (DATA, 0), tokens, int(Token.STREAM), fill)
        self.streams += 1
        return firsts[: len(parts)]

    def hold(self, stage: PlannedStage, block: int) -> None:
        """Bring a stage's operands for a block of lanes into the registers that hold them."""
        self._look_up(stage)
        vectors = stage.post.held(block)
        if self.holds == (stage.stage.name, block) or not vectors:
            return
        self.holds = stage.stage.name, block
        base = self._held_words(b"".join(content for _, content in vectors))
        self._take_held(list(_holding(vectors, base)))

    def _look_up(self, stage: PlannedStage) -> None:
        """Bring a stage's table to where lanes look it up, if it has one."""
        table = stage.post.table()
        if not table or self.table == table:
            return
        self.table = table
        words = {"mode": 2, "source": 1, "inner": 0, "a_address": self._held_words(table)}
        words |= {f"trip{j}": 0 for j in range(COUNTERS - 2)}
        words |= {f"trip{COUNTERS - 2}": len(table) // BEAT_BYTES - 1, f"a_step{COUNTERS - 2}": 1}
        words |= {f"trip{COUNTERS - 1}": BEAT_BYTES - 1, f"a_step{COUNTERS - 1}": 0}
        self._take_held([words])

    def _held_words(self, data: bytes) -> int:
        """Load what the vector engine holds then; returns its first word."""
        base = self.held % HELD_SLOTS * self.held_room
        steps = np.arange(len(data) // BEAT_BYTES)
        beats = Beats(steps * BEAT_BYTES, base + steps, np.zeros_like(steps))
        tokens = [int(Token.HELD_FREE)] if self.held >= HELD_SLOTS else []
        self.load(beats, OWN_MEMORY, (CONSTANTS, self.constant(data)), tokens, int(Token.HELD))
        self.held += 1
        return base

    def _take_held(self, runs: Sequence[Mapping[str, int]]) -> None:
        """Runs of the vector engine that take what was loaded for them."""
        ends = Ends(frozenset({int(Token.HELD)}), frozenset({int(Token.HELD_FREE)}))
        self._runs(Engine.VECTOR, runs, ends)

    def make(
        self, stage: PlannedStage, runs: Sequence[Mapping[str, int]], mask: int, ends: Ends
    ) -> None:
        """Let the vector engine fill a part of the store's memory."""
        waits, signals = set(ends.waits), {*ends.signals, int(Token.STORED)}
        if self.chunks >= HALVES:
            waits.add(int(Token.STORE_FREE))
        both = Ends(frozenset(waits), frozenset(signals))
        settings = stage.post.registers() | {"memory": STORE_MEMORY, "mask": mask}
        table = self.chip.vector.registers
        found = [numbered({**settings, **registers}, table) for registers in runs]
        self._runs(Engine.VECTOR, found, both)

    @property
    def held_room(self) -> int:
        """Words of the vector engine's memory for operands per lane, or a table."""
        vector = self.chip.vector
        return max(vector.held_words, TABLE_ENTRIES // BEAT_BYTES if vector.has_table else 0)

    @property
    def store_base(self) -> int:
        """First word of the part of the store's memory that is filled next."""
        return self.chunks % HALVES * self.store_room

    def store(self, beats: Array, result: Located, *, last: bool) -> None:
        """Store what the vector engine made: beats of the result, in their order; `last`: of all of it."""
        target = self.store_base + np.arange(len(beats))
        offsets = result.offset + beats * BEAT_BYTES
        moves = store_commands(offsets, target, segment=result.segment)
        name, signals = result.layout.name, {int(Token.STORE_FREE)}
        if last and name in self.read_later:
            signals.add(int(Token.DONE))
            self.signalled.append(name)
        ends = Ends(frozenset({int(Token.STORED)}), frozenset(signals))
        self._runs(Engine.STORE, moves, ends)
        self.chunks += 1


def _holding(vectors: Sequence[tuple[int, bytes]], base: int) -> Iterator[dict[str, int]]:
    """Runs that bring vectors from words of the vector engine's memory to where they are held."""
    for first, content in vectors:
        count = len(content) // BEAT_BYTES
        registers = {f"trip{j}": 0 for j in range(COUNTERS - 1)}
        registers |= {f"trip{COUNTERS - 1}": count - 1, f"a_step{COUNTERS - 1}": 1}
        yield registers | {
            "mode": 1, "source": 1, "inner": 0, "a_address": base, "held": first
        }  # fmt: skip
        base += count


def numbered(values: Mapping[str, int], table: Sequence[EngineRegister]) -> dict[str, int]:
    """Values with the bits that their registers have; of registers that the engine hasn't got, nothing."""
    bits = {register.name: register.bits for register in table}
    return {name: value & (1 << bits[name]) - 1 for name, value in values.items() if name in bits}
