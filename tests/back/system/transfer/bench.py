"""Engines that move data, run cycle by cycle between a gate and a bus of the test's own."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lego.back.graph.builder import Builder
from lego.ir.dag import Module, Op
from lego.ir.engines import EngineRegister, register_numbers
from tests.back.machine import Machine, machine_of
from tests.back.system.mutants import mutants

QUEUES = ("_waiting", "_request", "answer")
GATE = ("e_write", "e_register", "e_value")


def gated(module: Module, others: Sequence[Module] = ()) -> Machine:
    """The engine behind a gate: it is started as soon as it is ready, if `wants` is set."""
    b = Builder("gated", "control")
    wire = b.wire((0, 1))
    inputs = {
        node.name: b.input(node.name, node.range) for node in module.nodes if node.op is Op.INPUT
    }
    found = b.instance(module, "engine", inputs | {"e_start": wire})
    b.connect(wire, b.all([b.input("wants"), found["e_ready"]]))
    for name, node in found.items():
        b.output(name, node)
    b.output("started", wire)
    return machine_of(b, [module, *others])


def words_of(
    table: Sequence[EngineRegister], runs: Iterable[Mapping[str, int]], seed: int = 0
) -> deque:
    """Command words of runs: writes of what changes as (register, value), in any order; None to start."""
    rng = random.Random(seed)
    numbers = register_numbers(table)
    known: dict[str, int] = {}
    words: deque = deque()
    for run in runs:
        writes = [(numbers[k], v & 2**32 - 1) for k, v in run.items() if known.get(k) != v]
        words += rng.sample(writes, len(writes))
        words.append(None)
        known |= run
    return words


def gate_inputs(words: deque, halt: int, now: int, *, rests: int = 0) -> dict[str, int]:
    """What the gate shows of the next command word; without a write there is something on its ports."""
    word = words[0] if words and not halt and not rests else ()
    shown = (1, *word) if word else (0, now * 37 & 31, now * 0x9E3779B1 & 2**32 - 1)
    return {**dict(zip(GATE, shown, strict=True)), "halt": halt, "wants": int(word is None)}


def odds(seed: int, chance: float) -> Callable[[], int]:
    """True with a chance, from a generator of its own."""
    rng = random.Random(seed)
    return lambda: int(rng.random() < chance)


@dataclass
class ReadBus:
    """A read master's client: beats come in order, each `latency` cycles after its request or later.

    Of each segment there is a piece that begins at its `first` byte.
    """

    dram: Mapping[int, NDArray[np.uint8]]
    first: Mapping[int, int]
    latency: int = 5
    accepts: Callable[[], int] = lambda: 1
    gives: Callable[[], int] = lambda: 1
    wrong: int = -1
    now: int = 0
    shown: bool = False
    taken: int = 0
    requests: list[tuple[int, int, int, int]] = field(default_factory=list)
    beats: deque = field(default_factory=deque)

    def inputs(self) -> dict[str, int]:
        self.shown = self.shown or bool(
            self.beats and self.beats[0][0] <= self.now and self.gives()
        )
        _, word, last = self.beats[0] if self.shown else (0, 0, 0)
        return {
            "c_ready": self.accepts(),
            "r_valid": int(self.shown),
            "r_data": word,
            "r_last": last,
            "r_error": int(self.shown and self.taken == self.wrong),
        }

    def see(self, inputs: Mapping[str, int], found: Mapping[str, int]) -> None:
        if inputs["r_valid"] and found["r_ready"]:
            self.beats.popleft()
            self.taken += 1
            self.shown = False
        if found["c_valid"] and inputs["c_ready"]:
            segment, offset, beats = (found[f"c_{k}"] for k in ("segment", "offset", "beats"))
            assert beats >= 1
            self.requests.append((self.now, segment, offset, beats))
            for k in range(beats):
                at = offset - self.first[segment] + 16 * k
                word = self.dram[segment][at : at + 16].tobytes()
                assert len(word) == 16
                beat = (
                    self.now + self.latency,
                    int.from_bytes(word, "little"),
                    int(k == beats - 1),
                )
                self.beats.append(beat)
        self.now += 1

    def clear(self) -> None:
        """The master has drained what was under way."""
        self.beats.clear()
        self.shown = False


def slots(module: Module) -> set[int]:
    """What may be wrong in queues: an empty place may be written; of two, the next is the one before."""
    found = set()
    for i, node in enumerate(module.nodes):
        if node.op is Op.REG and any(queue in node.name for queue in QUEUES):
            found |= {i, *node.srcs[1:]}
            if node.name.endswith(("_first", "_last")) and node.range == (0, 1):
                found |= {k for k, n in enumerate(module.nodes) if n.op is Op.ADD and i in n.srcs}
    return found


def survivors(
    module: Module, scenario: Callable[[Module], None], *, seed: int, count: int
) -> list[str]:
    """Modules with one primitive wrong that a scenario takes for right."""
    harmless = slots(module)
    scenario(module)
    found = []
    for i, wrong in mutants(module, seed, count):
        try:
            if i not in harmless:
                scenario(wrong)
                found.append(f"%{i} = {module.nodes[i]}")
        except (AssertionError, AttributeError, IndexError, KeyError, TypeError):
            continue
    return found


def lanes_of(word: int) -> list[int]:
    """The bytes of a beat, the lowest lane first."""
    return list(word.to_bytes(16, "little"))


@dataclass
class WriteBus:
    """A write master's client: beats of runs in their order, each run answered `latency` cycles later."""

    latency: int = 5
    accepts: Callable[[], int] = lambda: 1
    takes: Callable[[], int] = lambda: 1
    wrong: int = -1
    now: int = 0
    requests: list[tuple[int, int, int, int]] = field(default_factory=list)
    sent: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    open: deque = field(default_factory=deque)
    due: deque = field(default_factory=deque)
    answered: list[int] = field(default_factory=list)

    def inputs(self) -> dict[str, int]:
        done = bool(self.due and self.due[0] <= self.now)
        return {
            "c_ready": self.accepts(),
            "w_ready": int(bool(self.open) and self.takes()),
            "w_done": int(done),
            "w_error": int(done and len(self.answered) == self.wrong),
        }

    def see(self, inputs: Mapping[str, int], found: Mapping[str, int]) -> None:
        if inputs["w_done"]:
            self.due.popleft()
            self.answered.append(self.now)
        if found["w_valid"] and inputs["w_ready"]:
            segment, offset, beats = self.open.popleft()
            self.sent.append((self.now, segment, offset, found["w_data"], found["w_strobe"]))
            if beats > 1:
                self.open.appendleft((segment, offset + 16, beats - 1))
            else:
                self.due.append(self.now + self.latency)
        if found["c_valid"] and inputs["c_ready"]:
            request = tuple(found[f"c_{k}"] for k in ("segment", "offset", "beats"))
            assert request[2] >= 1
            self.requests.append((self.now, *request))
            self.open.append(request)
        self.now += 1

    def clear(self) -> None:
        """The master has finished what was under way."""
        self.open.clear()
        self.due.clear()
