"""The functional model of a device: programs run engine by engine, bit-true, on arrays.

A run takes place as a whole, as soon as its semaphores allow. Where they allow several engines to go on, any
may be first: a program that is right leaves the same in DRAM.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.device.chip import Chip
from lego.device.memory_map import CONSTANTS, DATA
from lego.device.program import ArrayRun, DeviceProgram
from lego.device.words import Touched
from lego.diag import LegoError
from lego.ir.command_program import encode
from lego.ir.commands import SEMAPHORES, Engine, Opcode
from lego.ir.engines import (
    BEAT_BYTES,
    LOAD_REGISTERS,
    STORE_MEMORY,
    STORE_REGISTERS,
    as_written,
)
from lego.ir.vector.plan import ADDRESS_BITS, COUNTERS, OWN_MEMORY
from lego.runtime.array import run_array
from lego.runtime.images import Image, UnwrittenRead
from lego.runtime.sequencer import Stop, carried_out
from lego.runtime.transfer import load_writes, nest_values, run_offsets, store_writes
from lego.runtime.vector import VectorModel, VectorWrites

__all__ = ["FunctionalDevice"]

Bytes = NDArray[np.uint8]
_SEMAPHORE_MOST = 15


@dataclass
class _Queue:
    """What an engine has to do: register values as they are when each run starts, and its start."""

    held: dict[int, int] = field(default_factory=dict)
    waiting: deque[tuple[dict[int, int], int]] = field(default_factory=deque)
    runs: int = 0


@dataclass
class FunctionalDevice:
    """A device, its memories, and DRAM.

    Attributes
    ----------
    seed : which engine goes on where several may; None: in the order of their numbers.
    segments : bytes of DRAM by number of the segment.
    """

    chip: Chip
    seed: int | None = None
    segments: dict[int, Bytes] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for memory in self.chip.device.memories:
            words = memory.halves * memory.half_stride
            self.images[memory.name] = Image.empty(memory.name, words, memory.lanes)
        own, store = "the vector engine's memory", "the store engine's memory"
        self._own = Image.empty(own, self.chip.vector.words, BEAT_BYTES)
        self._store = Image.empty(store, self.chip.store_words, BEAT_BYTES)
        self._vector_model = VectorModel(self.chip.vector)
        self._touched = Touched()
        self._order = None if self.seed is None else np.random.default_rng(self.seed)
        self._dram = Image.empty("DRAM", 0, 1)

    def run(
        self, program: DeviceProgram, inputs: Mapping[str, NDArray[np.integer]]
    ) -> dict[str, NDArray[np.int8]]:
        """Run a program on inputs; returns its outputs.

        Raises E309 for a program that can't end, and one that reads what nobody wrote.
        """
        self._place(program, inputs)
        self._engines(program)
        found = {}
        for name in program.outputs:
            located = program.tensors[name]
            end = located.offset + located.layout.size
            data = self.segments[DATA][located.offset : end]
            found[name] = located.layout.unpacked(data.tobytes())
        return found

    def _place(self, program: DeviceProgram, inputs: Mapping[str, NDArray[np.integer]]) -> None:
        """Put constants and inputs into DRAM."""
        self.segments[CONSTANTS] = np.frombuffer(program.constants, dtype=np.uint8)
        self.segments[DATA] = np.zeros(program.data_bytes, dtype=np.uint8)
        self._dram = Image.empty("DRAM", program.data_bytes // BEAT_BYTES, 1)
        for name in program.inputs:
            located = program.tensors[name]
            data = np.frombuffer(located.layout.packed(inputs[name]), dtype=np.uint8)
            first, end = located.offset, located.offset + len(data)
            self.segments[DATA][first:end] = data
            self._dram.written[first // BEAT_BYTES : end // BEAT_BYTES] = True

    def _engines(self, program: DeviceProgram) -> None:
        """Run whatever can run, until nothing is left."""
        queues = _queues(program)
        semaphores = [0] * SEMAPHORES
        while any(queue.waiting for queue in queues.values()):
            engine = self._next(queues, semaphores)
            if engine is None:
                stuck = ", ".join(e.name.lower() for e, q in queues.items() if q.waiting)
                message = (
                    f"{program.name} doesn't end: {stuck} wait for semaphores that nobody signals"
                )
                raise LegoError("E309", message, hint="this is a fault of the compiler")
            self._step(program, engine, queues[engine], semaphores)

    def _next(self, queues: Mapping[Engine, _Queue], semaphores: Sequence[int]) -> Engine | None:
        """An engine whose next run may begin."""
        able = [
            engine
            for engine, queue in queues.items()
            if queue.waiting
            and all(semaphores[k] for k in range(SEMAPHORES) if queue.waiting[0][1] >> k & 1)
        ]
        if not able:
            return None
        return able[0] if self._order is None else able[int(self._order.integers(len(able)))]

    def _step(
        self, program: DeviceProgram, engine: Engine, queue: _Queue, semaphores: list[int]
    ) -> None:
        """One run of an engine, whose semaphores allow it."""
        registers, masks = queue.waiting.popleft()
        for k in range(SEMAPHORES):
            semaphores[k] -= masks >> k & 1
        try:
            self._run(program, engine, registers, queue.runs)
        except UnwrittenRead as error:
            message = f"{program.name}, run {queue.runs} of {engine.name.lower()}: {error}"
            raise LegoError("E309", message, hint="this is a fault of the compiler") from error
        queue.runs += 1
        for k in range(SEMAPHORES):
            semaphores[k] += masks >> SEMAPHORES + k & 1
            if semaphores[k] > _SEMAPHORE_MOST:
                message = f"{program.name}: semaphore {k} goes beyond {_SEMAPHORE_MOST}"
                raise LegoError("E309", message, hint="this is a fault of the compiler")

    def _run(
        self, program: DeviceProgram, engine: Engine, registers: Mapping[int, int], number: int
    ) -> None:
        match engine:
            case Engine.ARRAY:
                self._array(program.runs[number])
            case Engine.LOAD:
                self._load(_named(registers, [r.name for r in LOAD_REGISTERS]))
            case Engine.STORE:
                self._stored(_named(registers, [r.name for r in STORE_REGISTERS]))
            case Engine.VECTOR:
                self._vector(_named(registers, [r.name for r in self.chip.vector.registers]))

    def _array(self, run: ArrayRun) -> None:
        run_array(
            run.bound,
            run.layouts,
            self.chip.device,
            self.images,
            self._touched,
            half=run.half,
            resume=run.resume,
        )

    def _load(self, registers: Mapping[str, int]) -> None:
        if not registers.get("mode", 0) and registers.get("segment", 0) == DATA:
            held = as_written(LOAD_REGISTERS, registers)
            beats = run_offsets(held, "fetch") // BEAT_BYTES
            self._dram.read(beats, np.ones((len(beats), 1), dtype=np.bool_))
        writes = load_writes(registers, self.segments)
        data = writes.data.view(np.int8).astype(np.int64)
        if writes.memory == OWN_MEMORY:
            self._own.write(writes.addresses, data, writes.masks)
            writes.apply(self._vector_model.operands)
            return
        name = self.chip.device.memories[writes.memory].name
        self.images[name].write(writes.addresses, data, writes.masks)

    def _stored(self, registers: Mapping[str, int]) -> None:
        writes = store_writes(registers, self._store.data.astype(np.uint8))
        self._store.read(writes.addresses, np.ones((len(writes.addresses), BEAT_BYTES), dtype=bool))
        writes.apply(self.segments[writes.segment])
        self._dram.written[writes.offsets // BEAT_BYTES] = True

    def _vector(self, registers: Mapping[str, int]) -> None:
        results = self.images[self.chip.device.memories[-1].name]
        self._check_streams(as_written(self.chip.vector.registers, registers), results)
        writes = self._vector_model.run(registers, results.data)
        if len(writes.addresses):
            self._keep(writes)

    def _check_streams(self, held: Mapping[str, int], results: Image) -> None:
        """Demand that what a run reads was written. Raises UnwrittenRead."""
        trips = [held[f"trip{k}"] for k in range(COUNTERS)]
        lanes = np.arange(BEAT_BYTES)
        wanted = (held["mask"] >> lanes & 1).astype(bool) | bool(held["mode"])
        streams = [("a", self._own if held["source"] or held["mode"] else results)]
        if not held["mode"] and self._vector_model.reads_second(held):
            streams.append(("b", self._own))
        for name, image in streams:
            steps = [held[f"{name}_step{k}"] for k in range(COUNTERS)]
            words = nest_values(held[f"{name}_address"], trips, steps, ADDRESS_BITS)
            image.read(words, np.broadcast_to(wanted, (len(words), BEAT_BYTES)))

    def _keep(self, writes: VectorWrites) -> None:
        """Write what the vector engine made; the store's memory gets whole words, 0 in other lanes."""
        data = writes.data.view(np.int8).astype(np.int64)
        if writes.memory == STORE_MEMORY:
            every = np.ones_like(writes.lanes)
            self._store.write(writes.addresses, np.where(writes.lanes, data, 0), every)
        elif writes.memory == OWN_MEMORY:
            self._own.write(writes.addresses, data, writes.lanes)
        else:
            name = self.chip.device.memories[writes.memory].name
            self.images[name].write(writes.addresses, data, writes.lanes)


def _named(registers: Mapping[int, int], names: Sequence[str]) -> dict[str, int]:
    return {names[number]: value for number, value in registers.items()}


def _queues(program: DeviceProgram) -> dict[Engine, _Queue]:
    """What every engine is given, in the order of the program."""
    queues = {engine: _Queue() for engine in Engine}
    words = np.frombuffer(encode(program.commands, program.chip), dtype="<u8")
    for step in carried_out([int(w) for w in words], program.chip):
        if isinstance(step, Stop):
            break
        queue = queues[step.engine]
        if step.opcode is Opcode.WRITE:
            queue.held[step.register] = step.value
        elif step.opcode is Opcode.START:
            queue.waiting.append((dict(queue.held), step.value))
    return queues
