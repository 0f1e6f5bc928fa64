"""Commands of a planned workload.

Engines work side by side: while the array runs, the next tiles are loaded, the vector engine makes bytes of
the sums before, and those before them are stored. Commands are in an order in which each waits only for what
earlier ones signal, so that no engine's queue can block what another waits for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.device.chip import Chip
from lego.device.commands import Commands
from lego.device.emitter import Emitter
from lego.device.plan import Plan
from lego.device.program import DeviceProgram
from lego.device.residency import Need, residency
from lego.device.streams import run_stream
from lego.device.sums import Task, load_operands, make_bytes, run_array
from lego.ir.commands import Engine
from lego.ir.engines import LOAD_REGISTERS, STORE_REGISTERS, register_numbers

__all__ = ["emitted"]


def emitted(plan: Plan, name: str) -> DeviceProgram:
    """The program of a plan."""
    made = Emitter(plan, Commands(_numbers(plan.chip)), _read_later(plan))
    for layout in plan.layouts.values():
        made.dram.tensor(layout)
    _Order(made, _tasks(plan)).emit()
    return DeviceProgram(
        name,
        plan.chip.hash,
        made.commands.ended(),
        bytes(made.dram.constants),
        made.dram.size,
        made.dram.tensors,
        tuple(n for n in plan.network.inputs if n in made.dram.tensors),
        tuple(n for n in plan.network.outputs if n in made.dram.tensors),
        tuple(made.runs),
    )


def _numbers(chip: Chip) -> dict[Engine, dict[str, int]]:
    """Registers of every engine, by name."""
    return {
        Engine.ARRAY: {register.name: register.address for register in chip.device.registers},
        Engine.VECTOR: chip.vector.register_numbers,
        Engine.LOAD: register_numbers(LOAD_REGISTERS),
        Engine.STORE: register_numbers(STORE_REGISTERS),
    }


def _read_later(plan: Plan) -> frozenset[str]:
    """Tensors that one stage writes and another reads."""
    read = {access.tensor for s in plan.stages if s.tiling for access in s.tiling.op.inputs}
    for stage in plan.stages:
        read |= {stage.post.chain.first, stage.post.chain.second}
    return frozenset(read & {stage.stage.result for stage in plan.stages})


class _Order:
    """Commands of all tasks: each run is prepared while the one before takes place, where that may be."""

    def __init__(self, made: Emitter, tasks: Sequence[Sequence[Task]]) -> None:
        self.made = made
        self.tasks = [task for stage in tasks for task in stage]
        self.by_stage = tasks
        self.loaded = 0
        self.late: Task | None = None

    def emit(self) -> None:
        """All stages, in order."""
        number = 0
        for k, stage in enumerate(self.made.plan.stages):
            if stage.tiling is None:
                self._finish()
                run_stream(self.made, stage)
            for _ in self.by_stage[k]:
                self._run(number)
                number += 1
        self._finish()

    def _run(self, number: int) -> None:
        """One run of the array."""
        task = self.tasks[number]
        if not self._is_readable(task):
            self._finish()
        self._load(number)
        first = number == 0 or self.tasks[number - 1].tile != task.tile
        run_array(self.made, task, first=first)
        if number + 1 < len(self.tasks) and self._may_load(number + 1):
            self._load(number + 1)
        self._finish()
        if task.run.whole:
            self.late = task

    def _finish(self) -> None:
        """Make bytes of the last whole tile, if that isn't done."""
        task, self.late = self.late, None
        if task is not None:
            last = self.by_stage[task.stage][-1].tile == task.tile
            make_bytes(self.made, self.made.plan.stages[task.stage], task, last=last)

    def _load(self, number: int) -> None:
        if number >= self.loaded:
            load_operands(self.made, self.tasks[number])
            self.loaded = number + 1

    def _may_load(self, number: int) -> bool:
        """Whether a run's tiles can be loaded while the run before takes place."""
        task = self.tasks[number]
        return self._is_readable(task)

    def _is_readable(self, task: Task) -> bool:
        """Whether all that it reads is in DRAM, or will be by commands that were given."""
        return all(self.made.ready(access.tensor) for access in task.run.bound.op.inputs)


def _tasks(plan: Plan) -> list[list[Task]]:
    """Runs of the array by stage, with what each finds in memories."""
    found = _numbered(plan)
    tasks = [task for stage in found for task in stage]
    memories = [memory.name for memory in plan.chip.device.memories[:-1]]
    needs: list[list[Need | None]] = [[None] * len(tasks) for _ in memories]
    operands = [list(_needs(plan, task, memories)) for task in tasks]
    for at, wanted in enumerate(operands):
        for memory, need in wanted:
            needs[memory][at] = need
    uses = [residency(wanted) for wanted in needs]
    for at, (task, wanted) in enumerate(zip(tasks, operands, strict=True)):
        for memory, _ in wanted:
            use = uses[memory][at]
            if use is not None:
                task.uses.append((memory, use))
    return found


def _needs(plan: Plan, task: Task, memories: Sequence[str]) -> Iterator[tuple[int, Need]]:
    """What a run needs, by operand: the number of the memory, and the tile."""
    bound = task.run.bound
    site = plan.chip.sites[bound.dataflow]
    program = plan.run_program(task.run, [0] * len(site.inputs), 0)
    layouts = list(program.layouts.values())
    for number, port in enumerate(site.inputs):
        access = bound.op.inputs[bound.assignment.order[number]]
        shift = tuple(int(x) for x in task.shift(access.map.rows))
        key = access.tensor, id(bound), shift
        yield memories.index(layouts[number].memory), Need(key, port.words)


def _numbered(plan: Plan) -> list[list[Task]]:
    """Runs of the array by stage, tiles counted through."""
    found: list[list[Task]] = []
    tile = 0
    for number, stage in enumerate(plan.stages):
        found.append([])
        for run in stage.tiling.runs if stage.tiling else ():
            found[-1].append(Task(number, tile, run))
            tile += run.whole
    return found
