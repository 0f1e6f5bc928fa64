"""Command streams for the bench, made for a device, of operand arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lego.ir.clients import When
from lego.ir.device import Device, Memory
from lego.ir.layout import Layout
from lego.ir.program import Program

__all__ = ["Stream", "addresses", "places_of"]

Array = NDArray[np.int64]
WRITE, READ, RUN, IDLE, RESET, CUT, GO, WAIT, PUSH, ENDED = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
RECORDED = 1 << 4
"""Added to RUN: a model that records switching does so during this run."""

UNUSED = (1 << 32) - 1
"""What a READ asks for whose answer is any word."""

STARTED = 1 << 4
"""Added to PUSH: a start, and no write."""

WATCHDOG_CYCLES = 64
SPARE = 2048
ATTACKS = 64


def addresses(memory: Memory, layout: Layout, half: int) -> Array:
    """Place of every element in one half of a memory, if it has two, in the shape of the tensor.

    A place is the host's address times the memory's lanes, plus the lane.
    """
    index = np.meshgrid(*map(np.arange, layout.shape), indexing="ij", sparse=True)
    bank, word = (np.asarray(each) for each in (layout.bank(index), layout.word(index)))
    half = min(half, memory.halves - 1)
    group = bank // memory.lanes * memory.bank_stride + half * memory.half_stride
    found = (group + word + memory.base_address) * memory.lanes + bank % memory.lanes
    return np.broadcast_to(found, layout.shape)


def places_of(memory: Memory, halves: Sequence[int]) -> list[int]:
    """Places of all words of these halves of a memory; of all of it, if it has none."""
    lanes = memory.lanes
    return [
        (
            memory.base_address
            + min(half, memory.halves - 1) * memory.half_stride
            + bank // lanes * memory.bank_stride
            + word
        )
        * lanes
        + bank % lanes
        for half in halves
        for bank, depth in enumerate(memory.bank_depths())
        for word in range(depth)
    ]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that the host reaches: its place, the lanes of an access there, and its bits."""

    place: int
    lanes: int
    bits: int


@dataclass
class Stream:
    """Commands for one bench, and what its answers must be; `vain`: which of them must have no effect."""

    device: Device
    commands: list[str] = field(default_factory=list)
    expected: list[dict[str, Any]] = field(default_factory=list)
    half: int = 0
    vain: set[int] = field(default_factory=set)

    def _add(self, op: int, address: int = 0, data: int = 0) -> None:
        self.commands.append(f"{op:x} {address:x} {data:x}")

    def reset(self, cycles: int = 3) -> None:
        """Hold the reset for some cycles."""
        self._add(RESET, 0, cycles)

    def idle(self, cycles: int) -> None:
        """Do nothing for some cycles."""
        if cycles:
            self._add(IDLE, 0, cycles)

    def program(self, program: Program) -> None:
        """Write every register."""
        place = {register.name: register.address for register in self.device.registers}
        for name, value in program.registers.items():
            self._add(WRITE, place[name], value)

    def read_registers(self, program: Program) -> None:
        """Read every register back and expect what was written."""
        names = [register.name for register in self.device.registers]
        self.commands += [f"2 {register.address:x} 0" for register in self.device.registers]
        self.expected.append(
            {
                "kind": "beside",
                "operand": "register",
                "words": [program.registers[name] for name in names],
                "index": [[name] for name in names],
            }
        )

    def _poke(self, memory: Memory | _Word, words: Mapping[int, int]) -> None:
        """Write words at their places; those of one address together."""
        lanes, bits = memory.lanes, memory.bits
        groups: dict[int, tuple[int, int]] = {}
        for place, word in words.items():
            mask, data = groups.get(place // lanes, (0, 0))
            lane = place % lanes
            groups[place // lanes] = mask | 1 << lane, data | word << lane * bits
        for address, (mask, data) in groups.items():
            head = mask << 4 | WRITE if lanes > 1 else WRITE
            self.commands.append(f"{head:x} {address:x} {data:x}")

    def _peek(self, memory: Memory | _Word, place: int, bits: int) -> None:
        """Read the low bits of the word at a place."""
        lanes = memory.lanes
        field = bits << 16 | place % lanes * memory.bits
        self.commands.append(f"{READ:x} {place // lanes:x} {field:x}")

    def mark_spare(
        self, layout: Layout, rng: np.random.Generator, but: Sequence[Layout] = ()
    ) -> list[tuple[int, int]]:
        """Write random words beside a tensor in its half, at most `SPARE`, `but` those of others; returns
        (address, word)."""
        memory = self.device.memory(layout.memory)
        spare = np.array(places_of(memory, [self.half]), dtype=np.int64)
        for each in (layout, *but):
            spare = np.setdiff1d(spare, addresses(memory, each, self.half).ravel())
        if spare.size > SPARE:
            spare = np.sort(rng.choice(spare, SPARE, replace=False))
        words = rng.integers(0, 1 << memory.bits, spare.size)
        pairs = list(zip(spare.tolist(), words.tolist(), strict=True))
        self._poke(memory, dict(pairs))
        return pairs

    def read_spare(self, layout: Layout, pairs: Sequence[tuple[int, int]]) -> None:
        """Expect the words that `mark_spare` wrote."""
        memory = self.device.memory(layout.memory)
        for at, _ in pairs:
            self._peek(memory, at, memory.bits)
        self.expected.append(
            {
                "kind": "beside",
                "operand": f"{layout.tensor} spare word ",
                "words": [word for _, word in pairs],
                "index": [[at] for at, _ in pairs],
            }
        )

    def scramble(self, rng: np.random.Generator) -> None:
        """Write random words to all registers and to random places of memory, then read them twice.

        An access must reach its own word only, and reading must change nothing.
        """
        found = self._some_words(rng)
        words = [int(rng.integers(0, 1 << word.bits)) for word in found]
        for k in rng.permutation(len(found)).tolist():
            self._poke(found[k], {found[k].place: words[k]})
        for _ in range(2):
            order = rng.permutation(len(found)).tolist()
            self.idle(int(rng.integers(1, 5)))
            for k in order:
                self._peek(found[k], found[k].place, found[k].bits)
            index = [[found[k].place] for k in order]
            self._expect("beside", "word ", [words[k] for k in order], index)

    def _some_words(self, rng: np.random.Generator) -> list[_Word]:
        """At most `SPARE` words of memory, and all registers."""
        found = [
            _Word(at, memory.lanes, memory.bits)
            for memory in self.device.memories
            for at in places_of(memory, range(memory.halves))
        ]
        if len(found) > SPARE:
            found = [found[k] for k in rng.choice(len(found), SPARE, replace=False)]
        return found + [_Word(r.address, 1, r.bits) for r in self.device.registers]

    def write(self, layout: Layout, values: Array, where: NDArray[np.bool_] | None = None) -> None:
        """Write a tensor, or its elements `where` that is set, to its memory, each as wide as the
        memory's words."""
        memory = self.device.memory(layout.memory)
        mask = (1 << memory.bits) - 1
        chosen = np.ones(values.shape, dtype=np.bool_) if where is None else where
        places = addresses(memory, layout, self.half)[chosen].tolist()
        flat = values[chosen].tolist()
        self._poke(memory, {at: v & mask for at, v in zip(places, flat, strict=True)})

    def run(self, cycles: int, *, recorded: bool = False) -> None:
        """Start, wait, and expect exactly so many busy cycles.

        The host writes and reads meanwhile in vain, except in memories of two halves or parts, where it
        would not be in vain, and except where switching is `recorded`.
        """
        vain = not (self.device.double or self.device.split or recorded)
        attacks = max(0, min(ATTACKS, cycles - 3)) if vain else 0
        self._add(RUN | RECORDED if recorded else RUN, attacks, cycles + WATCHDOG_CYCLES)
        self.expected.append({"kind": "cycles", "cycles": cycles, "again": recorded})

    def go(self) -> None:
        """Start, and go on with the commands that follow while the design is busy."""
        self._add(GO)

    def push(self, registers: Mapping[str, int]) -> None:
        """Write registers and start, as soon as the queue takes it; in a queue of a device that is busy."""
        place = {register.name: register.address for register in self.device.registers}
        for name, value in registers.items():
            self._add(PUSH, place[name], value)
        self._add(PUSH | STARTED)

    def ended(self, runs: int) -> None:
        """Expect that so many runs have ended since the reset, modulo 256."""
        self._add(ENDED)
        self.expected.append({"kind": "ended", "runs": runs % 256})

    def fill(self, memory: Memory, words: Mapping[int, int]) -> None:
        """Write words at their places."""
        self._poke(memory, words)

    def expect(self, memory: Memory, words: Sequence[tuple[int, int, int]]) -> None:
        """Expect (place, word, bits), the low bits of a word at a place."""
        for at, _, bits in words:
            self._peek(memory, at, bits)
        found = [word & ((1 << bits) - 1) for _, word, bits in words]
        self._expect("words", f"{memory.name} word ", found, [[at] for at, _, _ in words])

    def attack(self, cycles: int, rng: np.random.Generator) -> None:
        """Write and read at random what a run of so many cycles keeps the host off: in vain."""
        writes, reads = (
            [
                (memory, at)
                for memory in self.device.memories
                if (memory.host.reads if way else memory.host.writes) is not When.ALWAYS
                for at in places_of(memory, [self.half])
            ]
            for way in (0, 1)
        )
        for way in rng.integers(0, 2, max(0, min(ATTACKS, cycles - 3))).tolist():
            places = reads if way and reads else writes
            memory, at = places[int(rng.integers(len(places)))]
            self.vain.add(len(self.commands))
            if places is reads:
                self.commands.append(f"{READ:x} {at // memory.lanes:x} {UNUSED:x}")
            else:
                self._poke(memory, {at: int(rng.integers(0, 1 << memory.bits))})

    def wait(self, cycles: int) -> None:
        """Wait for the run that `go` started, and expect exactly so many busy cycles."""
        self.idle(4)  # reads under way answer first
        self._add(WAIT, 0, cycles + WATCHDOG_CYCLES)
        self.expected.append({"kind": "cycles", "cycles": cycles, "again": False})

    def cut(self, cycles: int) -> None:
        """Start, and reset after so many cycles."""
        self._add(CUT, 0, cycles)

    def read(
        self,
        layout: Layout,
        values: Array,
        mask: NDArray[np.bool_],
        *,
        result: bool = True,
        named: tuple[str, Array] | None = None,
    ) -> None:
        """Read a tensor back and expect these values where `mask` is set.

        Only results count as elements compared, and of these the bits of the tensor's format. Messages call
        the elements as `named` does: a tensor, and an index of it per element.
        """
        memory = self.device.memory(layout.memory)
        bits = layout.bits if result else memory.bits
        word = (1 << bits) - 1
        place = addresses(memory, layout, self.half).ravel()[mask.ravel()].tolist()
        wanted = values.ravel()[mask.ravel()].tolist()
        for at in place:
            self._peek(memory, at, bits)
        kind, words = "words" if result else "beside", [value & word for value in wanted]
        tensor, index = (
            (layout.tensor, np.argwhere(mask)) if named is None else (named[0], named[1][mask])
        )
        self._expect(kind, tensor, words, index.tolist())

    def _expect(self, kind: str, operand: str, words: list[int], index: list[list[int]]) -> None:
        """What the reads just added must answer; `index` names each word in messages."""
        self.expected.append({"kind": kind, "operand": operand, "words": words, "index": index})

    @property
    def cycles(self) -> int:
        """About how many cycles the stream takes: one per command, and the runs."""
        runs: int = sum(part["cycles"] for part in self.expected if part["kind"] == "cycles")
        return len(self.commands) + runs

    def text(self) -> str:
        """The commands as the bench reads them."""
        return "\n".join([*self.commands, "0 0 0", ""])

    def save(self, folder: Path, name: str) -> None:
        """Write the stream and its expectations into a run folder."""
        (folder / f"{name}.commands").write_text(self.text())
        document = {"top": self.device.top, "expected": self.expected}
        (folder / f"{name}.expected").write_text(json.dumps(document))
