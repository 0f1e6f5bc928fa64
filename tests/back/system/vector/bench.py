"""The engine behind a gate, cycle by cycle, with a result memory and somebody who writes its own."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.back.system.vector.engine import build_vector
from lego.ir.dag import Module
from lego.ir.engines import register_numbers
from lego.ir.vector.plan import OWN_MEMORY, VectorPlan
from lego.runtime.vector import VectorModel, VectorWrites
from tests.back.machine import Machine

Word = tuple[int, int, int, int]
"""Memory, address, data, mask."""


@dataclass
class Log:
    """What a bench has seen."""

    written: list[Word] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    idle: bool = True


class Bench:
    """An engine and what is around it; `results` is the result memory, (words, lanes)."""

    def __init__(
        self,
        plan: VectorPlan,
        results: NDArray[np.int64],
        modules: Sequence[Module] | None = None,
    ) -> None:
        modules = modules or build_vector("vec", plan)
        self.plan, self.results = plan, results
        self.machine = Machine(modules[-1], modules[:-1])
        self.numbers = register_numbers(plan.registers)
        self.pending: list[tuple[str, int, int]] = []
        self.outside: list[tuple[int, int, int]] = []
        self.held: dict[str, int] = {}
        self.answers = [0, 0]
        self.now, self.log = 0, Log()

    def command(self, registers: Mapping[str, int], *, all_of_them: bool = False) -> None:
        """Writes of the registers that change, then a start."""
        for name, value in registers.items():
            if all_of_them or self.held.get(name) != value:
                self.pending.append((name, self.numbers[name], value))
        self.held |= registers
        self.pending.append(("start", -1, 0))

    def load(self, at: int, word: Sequence[int], mask: int = -1) -> None:
        """A word into the engine's own memory, when there is room."""
        data = sum(int(byte) << 8 * lane for lane, byte in enumerate(word))
        self.outside.append((at, data, mask & (1 << self.plan.lanes) - 1))

    def run(self, *, most: int = 4000, halt: int = -1, slow: random.Random | None = None) -> Log:
        """Cycles until all is written; `halt` is raised in one of them; `slow` makes commands come late."""
        for _ in range(most):
            if self.cycle(halt=halt == self.now, waits=bool(slow and slow.randrange(3))):
                return self.log
        raise AssertionError("the engine doesn't become idle")

    def cycle(self, *, halt: bool = False, waits: bool = False) -> bool:
        """One cycle; whether all is done."""
        word = {"o_wen": 0, "o_address": 0, "o_data": 0, "o_mask": 0}
        if self.outside:
            at, data, mask = self.outside[0]
            word = {"o_wen": 1, "o_address": at, "o_data": data, "o_mask": mask}
        rest = {"e_value": 0, "e_register": 0, "a_data": self.answers[1], "halt": int(halt), **word}
        quiet = {"e_write": 0, "e_start": 0, **rest}
        command = self.pending[0] if self.pending and not self.outside and not waits else None
        if command is not None and command[1] >= 0:
            quiet |= {"e_write": 1, "e_register": command[1], "e_value": command[2]}
            self.pending.pop(0)
        elif command is not None:
            ready = self.machine_ready(quiet)
            quiet["e_start"] = int(ready)
            if ready:
                self.log.starts.append(self.now)
                self.pending.pop(0)
        said = self.machine.cycle(quiet)
        self._see(said)
        if self.outside and said["o_ready"]:
            self.outside.pop(0)
        self.now += 1
        self.log.idle = bool(said["e_idle"])
        return not (self.pending or self.outside) and self.log.idle and not quiet["e_start"]

    def machine_ready(self, inputs: Mapping[str, int]) -> bool:
        """Whether the engine takes a start in this cycle, which doesn't depend on what it is given."""
        self.machine._begin(inputs.__getitem__)
        return bool(self.machine._value(dict(self.machine.module.outputs)["e_ready"]))

    def _see(self, said: Mapping[str, int]) -> None:
        if said["d_valid"]:
            self.log.written.append(
                (said["d_memory"], said["d_address"], said["d_data"], said["d_mask"])
            )
            self.log.cycles.append(self.now)
        if said["e_done"]:
            self.log.done.append(self.now)
        row = self.results[said["a_address"] % len(self.results)] if said["a_ren"] else None
        word = 0 if row is None else sum((int(v) & 0xFFFFFFFF) << 32 * k for k, v in enumerate(row))
        self.answers = [word, self.answers[0]]


def words_of(writes: VectorWrites) -> list[Word]:
    """What the model writes, as the bench tells it; none for the engine's own memory."""
    if writes.memory == OWN_MEMORY:
        return []
    found = []
    for at, data, lanes in zip(writes.addresses, writes.data, writes.lanes, strict=True):
        word = sum(int(v) << 8 * k for k, v in enumerate(data))
        mask = sum(int(v) << k for k, v in enumerate(lanes))
        found.append((writes.memory, int(at), word, mask))
    return found


def loaded(bench: Bench, model: VectorModel, image: NDArray[np.uint8]) -> None:
    """The same words in the engine's own memory of both."""
    model.operands[: len(image)] = image
    for at, word in enumerate(image):
        bench.load(at, word.tolist())


def ready_to_run(
    plan: VectorPlan, seed: int, modules: tuple[Module, ...] | None = None
) -> tuple[Bench, VectorModel, np.ndarray]:
    """A bench and a model with the same words in their memories, and held vectors and a table loaded."""
    rng = np.random.default_rng(seed)
    results = rng.integers(-(1 << 31), 1 << 31, (40, plan.lanes))
    bench, model = Bench(plan, results, modules), VectorModel(plan)
    image = rng.integers(0, 256, (plan.words, plan.lanes)).astype(np.uint8)
    loaded(bench, model, image)
    return bench, model, results
