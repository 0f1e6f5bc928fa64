"""Streams in which the host works while the array does: it loads the next run, and reads the last results.

What it may read and write meanwhile is in other halves, or in other words of memories that have no halves;
the rest it does between runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lego.ir.clients import When
from lego.ir.layout import Layout
from lego.ir.parts import apart, in_part
from sim.jobs import Run
from sim.streams import Stream

__all__ = ["overlapped"]


def overlapped(stream: Stream, runs: Sequence[Run], rng: np.random.Generator) -> None:
    """Runs by turns in the halves, or parts, of memories; one that is too large for a part isn't moved. Words
    that none of them uses must stay as they are."""
    for k, run in enumerate(runs):
        run.place(in_part(stream.device, run.program, k % 2, strict=False))
    _Overlapped(stream, runs, rng).play()


@dataclass(frozen=True, slots=True)
class _Overlapped:
    stream: Stream
    runs: Sequence[Run]
    rng: np.random.Generator

    def play(self) -> None:
        """All runs."""
        kept = self._mark()
        self._load(0, meanwhile=False)
        for k, run in enumerate(self.runs):
            self._start(k)
            if k > 0:
                self._check(k - 1, meanwhile=True)
            if k + 1 < len(self.runs):
                self._load(k + 1, meanwhile=True)
            self.stream.wait(run.program.cycles)
            self._check(k, meanwhile=False)
            if k + 1 < len(self.runs):
                self._load(k + 1, meanwhile=False)
        for layout, words in kept:
            self.stream.read_spare(layout, words)

    def _mark(self) -> list[tuple[Layout, list[tuple[int, int]]]]:
        """Write words that no run uses, where the host may write at any time."""
        found = []
        for memory in self.stream.device.memories:
            used = [each for run in self.runs for each in run.inputs if each.memory == memory.name]
            if used and memory.host.writes is When.ALWAYS:
                found.append((used[0], self.stream.mark_spare(used[0], self.rng, used[1:])))
        return found

    def _start(self, k: int) -> None:
        """Start a run; until it ends the host reads and writes in vain what it may not."""
        stream, program = self.stream, self.runs[k].program
        stream.program(program)
        stream.read_registers(program)
        stream.go()
        stream.half = program.half
        waits = stream.device.queue.start if stream.device.queue else 0
        stream.idle(waits)  # halves of a run that waits in the queue nobody guards
        stream.attack(program.cycles - waits, self.rng)

    def _load(self, k: int, *, meanwhile: bool) -> None:
        """What of a run is loaded during the one before, or else what is left of it then."""
        run = self.runs[k]
        self.stream.half = run.program.half
        for layout in run.inputs:
            if self._free(layout, k - 1, "writes") is meanwhile:
                run.load_operand(self.stream, layout)
        if self._free(run.output, k - 1, "writes") is meanwhile:
            one_half = self.stream.device.memory(run.output.memory).halves == 1
            unread = [self.runs[k - 1].output] if k and one_half else []
            run.load_results(self.stream, self.rng, unread)

    def _check(self, k: int, *, meanwhile: bool) -> None:
        """What of a run is read during the next, or else what must be before."""
        run, stream = self.runs[k], self.stream
        stream.half = run.program.half
        spared = stream.device.memory(run.output.memory).halves > 1
        free = self._free(run.output, k + 1, "reads")
        if free is meanwhile:
            run.check_results(stream)
        if (free and spared) is meanwhile:
            run.check_spare(stream)
        for layout in run.inputs:
            if self._free(layout, k + 1, "reads") is meanwhile:
                run.check_operand(stream, layout)

    def _free(self, layout: Layout, other: int, way: str) -> bool:
        """Whether the host reaches a tensor during another run."""
        if not 0 <= other < len(self.runs):
            return False
        host = self.stream.device.memory(layout.memory).host
        when = host.reads if way == "reads" else host.writes
        used = self.runs[other].program.layouts.values()
        beside = all(apart(layout, each) for each in used)
        return when is When.OTHER_HALF or (when is When.ALWAYS and beside)
