"""A program played on a device: in which cycles its engines run, and when it ends."""

from __future__ import annotations

from collections.abc import Mapping

from lego.device.chip import Chip
from lego.device.memory_map import PROGRAM
from lego.device.program import DeviceProgram
from lego.ir.command_program import HEADER_WORDS
from lego.ir.commands import Engine
from lego.ir.engines import LOAD_REGISTERS, STORE_REGISTERS
from lego.perf.bus import Client, Master
from lego.perf.engines import ArrayEngine, Mover, VectorEngine
from lego.perf.gate import Gate, Semaphores, Worker
from lego.perf.kernel import Kernel
from lego.perf.reads import FETCH, LOAD, read_channel
from lego.perf.result import Limit, MemoryTiming, Played
from lego.perf.sequencer import Fetch, Sequencer
from lego.perf.transfer import Load, Store

__all__ = ["play"]

_FIRST_BEAT, _LAST_ANSWER = 4, 2
"""Cycles from the doorbell to the first address, and from a store's answer to the end of the program."""


def play(
    chip: Chip,
    program: DeviceProgram,
    timing: MemoryTiming | None = None,
    bases: Mapping[int, int] | None = None,
) -> Played:
    """Play a program; `bases` are first bytes of segments by number, multiples of 4 KiB if not given."""
    return _Device(chip, program, timing or MemoryTiming(), bases or {}).played()


class _Device:
    """All that acts."""

    def __init__(
        self, chip: Chip, program: DeviceProgram, timing: MemoryTiming, bases: Mapping[int, int]
    ) -> None:
        self.chip, self.program, self.timing = chip, program, timing
        kernel = self.kernel = Kernel()
        self.reads, self.writes = Master(kernel, 2), Master(kernel, 1)
        fetcher = Client(kernel, self.reads, FETCH)
        self.load = Load(kernel, Client(kernel, self.reads, LOAD), bases, "fetch", "place", 4)
        self.store = Store(
            kernel, Client(kernel, self.writes, 0), bases, "send", "take", 2, timing=timing
        )
        words = HEADER_WORDS + len(program.commands)
        fetch = Fetch(kernel, fetcher, words, bases.get(PROGRAM, 0))
        kernel.start(read_channel(self.reads, self.load, fetch.arrived, timing))
        semaphores = Semaphores()
        self.gates = {
            engine: Gate(kernel, engine, worker, semaphores)
            for engine, worker in self._workers().items()
        }
        self.sequencer = Sequencer(kernel, fetch, self.gates, program.commands)

    def _workers(self) -> dict[Engine, Worker]:
        return {
            Engine.ARRAY: ArrayEngine(self.chip.device, self.program.runs),
            Engine.VECTOR: VectorEngine(self.chip.vector),
            Engine.LOAD: Mover(self.load, LOAD_REGISTERS),
            Engine.STORE: Mover(self.store, STORE_REGISTERS),
        }

    def played(self) -> Played:
        """Let everything happen."""
        self.kernel.run()
        runs = {engine: tuple(gate.runs) for engine, gate in self.gates.items()}
        return Played(self.sequencer.ended, runs, self._limit())

    def _limit(self) -> Limit:
        """What the work takes at least."""
        macs = sum(run.bound.op.iterations for run in self.program.runs)
        moved = (sum(burst.beats for burst in m.bursts) for m in (self.reads, self.writes))
        reads, writes = (-(-16 * beats // self.timing.rate) for beats in moved)
        latency = _FIRST_BEAT + self.timing.latency + self.timing.answer + _LAST_ANSWER
        return Limit(-(-macs // self.chip.device.fus), reads, writes, latency)
