"""Commands of stages that begin with sums: operands, runs of the array, and bytes made of their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.bind.tiles import Run
from lego.device.emitter import HALVES, Emitter, Ends
from lego.device.memory_map import CONSTANTS, Located
from lego.device.nests import vector_runs
from lego.device.plan import PlannedStage
from lego.device.post import Chunk, chunks_of
from lego.device.program import ArrayRun
from lego.device.residency import Use
from lego.device.streams import second_beats
from lego.device.tokens import Token, freed, loaded
from lego.device.transfers import Beats, beats_of, sheet_of
from lego.ir.commands import Engine
from lego.ir.engines import BEAT_BYTES
from lego.ir.program import Program

__all__ = ["Task", "load_operands", "make_bytes", "run_array"]

Array = NDArray[np.int64]


@dataclass
class Task:
    """A run of the array: its stage, the number of its tile among all, and what it finds in memories, by
    operand: the number of the memory and its use."""

    stage: int
    tile: int
    run: Run
    uses: list[tuple[int, Use]] = field(default_factory=list)

    def shift(self, rows: Sequence[Sequence[int]]) -> Array:
        """Elements by which its tile is further on than the first one, by the rows of an access."""
        found: Array = np.array(rows, dtype=np.int64) @ np.array(self.run.offset, dtype=np.int64)
        return found


def _program(made: Emitter, task: Task) -> Program:
    """Registers and layouts of a run."""
    bases = [use.base for _, use in task.uses]
    return made.plan.run_program(task.run, bases, task.tile % HALVES)


def load_operands(made: Emitter, task: Task) -> None:
    """Load the tiles of a run that aren't there yet."""
    program = _program(made, task)
    for number, (memory, use) in enumerate(task.uses):
        if use.loads:
            _load_operand(made, task, program, number, memory, use)


def _load_operand(
    made: Emitter, task: Task, program: Program, number: int, memory: int, use: Use
) -> None:
    bound = task.run.bound
    access = bound.op.inputs[bound.assignment.order[number]]
    words = made.plan.words(bound, number, program).at(task.shift(access.map.rows))
    tokens = [freed(memory)] * len(use.freed_by)
    pad = made.plan.tensors[access.tensor].pad or 0
    if access.tensor in made.plan.constants:
        data = sheet_of(words, made.plan.constants[access.tensor], pad)
        offsets = np.arange(len(words.addresses)) * BEAT_BYTES
        beats = Beats(offsets, words.addresses, np.zeros_like(offsets))
        place = CONSTANTS, made.constant(data)
    else:
        located = made.dram.tensors[access.tensor]
        beats, place = beats_of(words, located.layout), (located.segment, located.offset)
        tokens += made.arrivals(access.tensor)
    made.load(beats, memory, place, tokens, loaded(memory), pad)


def run_array(made: Emitter, task: Task, *, first: bool) -> None:
    """Run the array; `first`: it is the first run of its tile."""
    program = _program(made, task)
    wait = {loaded(memory) for memory, use in task.uses if use.loads}
    signal = {freed(memory) for memory, use in task.uses if use.signals}
    if first and task.tile >= HALVES:
        wait.add(int(Token.SUMS_FREE))
    if task.run.whole:
        signal.add(int(Token.SUMS))
    made.commands.run(Engine.ARRAY, program.registers, wait=wait, signal=signal)
    layouts, half = tuple(program.layouts.values()), task.tile % HALVES
    run = ArrayRun(task.run.bound, layouts, half, task.run.resumes, program.cycles)
    made.runs.append(run)


def make_bytes(made: Emitter, stage: PlannedStage, task: Task, *, last: bool) -> None:
    """Make bytes of the sums of a tile, and store them; `last`: of the stage."""
    bound = task.run.bound
    words = made.plan.words(bound, len(bound.op.inputs), _program(made, task))
    words = words.at(task.shift(bound.op.output.map.rows))
    words = words.based(task.tile % HALVES * made.chip.device.memories[-1].half_stride)
    result = made.dram.tensors[stage.stage.result]
    parts = chunks_of(stage.post, words, result.layout, made.store_room)
    for k, part in enumerate(parts):
        ends = Ends(frozenset({int(Token.SUMS)}), frozenset({int(Token.SUMS_FREE)}))
        _chunk(made, stage, part, result, ends.of(k, len(parts)), last=last and k == len(parts) - 1)


def _chunk(
    made: Emitter,
    stage: PlannedStage,
    part: Chunk,
    result: Located,
    tokens: tuple[frozenset[int], frozenset[int]],
    *,
    last: bool,
) -> None:
    """One chunk, which waits for and signals these semaphores."""
    made.hold(stage, part.block)
    target = made.store_base + np.arange(len(part.beats))
    columns = {"a": part.sources, "d": target, "rotate": part.rotations}
    waits, signals = set(tokens[0]), set(tokens[1])
    if stage.post.chain.second:
        columns["b"] = _second(made, stage, part)
        waits.add(int(Token.STREAM))
        signals.add(int(Token.STREAM_FREE))
    runs = list(vector_runs(columns))
    made.make(stage, runs, part.mask, Ends(frozenset(waits), frozenset(signals)))
    made.store(part.beats, result, last=last)


def _second(made: Emitter, stage: PlannedStage, part: Chunk) -> Array:
    """Load stream B of a chunk; returns its words."""
    beats = second_beats(made, stage, stage.post.result_of(part.elements))
    (first,) = made.stream([(beats, stage.post.chain.second)])
    return first + beats.addresses
