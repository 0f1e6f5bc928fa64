"""The store engine against the model of its runs."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from lego.back.system.store import build_store
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module
from lego.ir.engines import STORE_REGISTERS
from lego.runtime.transfer import store_writes
from tests.back.machine import Machine
from tests.back.system.transfer.bench import (
    WriteBus,
    gate_inputs,
    gated,
    lanes_of,
    odds,
    survivors,
    words_of,
)

DEPTH = 24
RAM, MODULE = build_store("edge", depth=DEPTH)
_, SMALL = build_store("edge", depth=DEPTH, outstanding=4)
WORDS = np.random.default_rng(3).integers(0, 256, (DEPTH, 16), np.uint8)
NOTHING = {"s_wen": 0, "s_address": 0, "s_data": 0, "s_mask": 0}
QUIET = {**WriteBus().inputs(), **gate_inputs(deque(), 0, 0)}


@dataclass
class Storing:
    """An engine, its bus and when its runs began and ended."""

    machine: Machine
    bus: WriteBus
    rests: Callable[[], int] = lambda: 0
    starts: list[int] = field(default_factory=list)
    dones: list[tuple[int, int]] = field(default_factory=list)
    faults: list[tuple[int, int, int]] = field(default_factory=list)
    held: tuple | None = None
    asked: tuple | None = None
    idle: int = 1
    under_way: int = 0

    def cycle(
        self, words: deque, halt: int = 0, port: Mapping[str, int] = NOTHING
    ) -> dict[str, int]:
        inputs = {**self.bus.inputs(), **NOTHING}
        inputs |= gate_inputs(words, halt, self.bus.now, rests=self.rests())
        now, found = self.bus.now, self.machine.cycle(inputs)
        self.bus.see(inputs, found)
        if inputs["e_write"] or found["started"]:
            words.popleft()
        assert not (found["e_idle"] and self.under_way)
        self.under_way = 0 if halt else self.under_way + found["started"] - found["e_done"]
        self.starts += [now] * found["started"]
        self.stays(inputs, found, halt)
        self.dones += [(now, len(self.bus.answered))] * found["e_done"]
        self.faults += [(now, found["fault_code"], found["fault_offset"])] * found["fault"]
        self.idle = found["e_idle"]
        return found

    def stays(self, inputs: Mapping[str, int], found: Mapping[str, int], halt: int) -> None:
        """What is shown stays until it is taken."""
        shown = found["w_data"], found["w_strobe"]
        asked = tuple(found[f"c_{k}"] for k in ("segment", "offset", "beats"))
        if not halt:
            assert self.held is None or (found["w_valid"] and shown == self.held)
            assert self.asked is None or (found["c_valid"] and asked == self.asked)
        self.held = shown if found["w_valid"] and not inputs["w_ready"] and not halt else None
        self.asked = asked if found["c_valid"] and not inputs["c_ready"] and not halt else None

    def fill(self) -> None:
        """The words of the memory, each in two parts."""
        for k, word in enumerate(WORDS):
            data = int.from_bytes(word.tobytes(), "little")
            other = data ^ (1 << 128) - 1
            for wen, given, mask in (
                (1, other, 0xC003),
                (1, data, 0x3FFC),
                (1, data, 0xC003),
                (0, other, 0xFFFF),
            ):
                port = {"s_wen": wen, "s_address": k, "s_data": given, "s_mask": mask}
                self.machine.cycle(QUIET | port)

    def play(self, runs: Sequence[Mapping[str, int]], most: int = 3000) -> None:
        self.drain(words_of(STORE_REGISTERS, runs), most)

    def drain(self, words: deque, most: int) -> None:
        for _ in range(most):
            started = self.cycle(words)["started"]
            if not words and self.idle and not started:
                return
        raise AssertionError("it doesn't become idle")


def storing(bus: WriteBus | None = None, modules: tuple[Module, Module] = (RAM, MODULE)) -> Storing:
    run = Storing(gated(modules[1], modules[:1]), bus or WriteBus())
    run.fill()
    return run


def expected(runs: Sequence[Mapping[str, int]]) -> Iterator[tuple[int, int, int, list[int], int]]:
    """Beats of runs: the number of their run, and where and what is sent."""
    held: dict[str, int] = {}
    for k, run in enumerate(runs):
        held |= run
        found = store_writes(held, WORDS)
        for offset, data in zip(found.offsets, found.data, strict=True):
            yield k, found.segment, int(offset), data.tolist(), 0xFFFF


def requests_of(runs: Sequence[Mapping[str, int]]) -> list[int]:
    """How many requests each run makes."""
    held: dict[str, int] = {}
    counts = []
    for run in runs:
        held |= run
        counts.append(int(np.prod([held.get(f"send_trip{k}", 0) + 1 for k in range(4)])))
    return counts


def compare(run: Storing, runs: Sequence[Mapping[str, int]]) -> None:
    wanted = [beat for _, *beat in expected(runs)]
    assert [[s, o, lanes_of(d), m] for _, s, o, d, m in run.bus.sent] == wanted
    ends = np.cumsum(requests_of(runs)).tolist()
    assert [count for _, count in run.dones] == ends
    assert [now for now, _ in run.dones] == [run.bus.answered[end - 1] for end in ends]
    assert not run.faults


def trips_of(rng: random.Random, total: int, count: int) -> list[int]:
    """Trips, less one, of counters that make so many points."""
    trips = [1] * count
    for prime in (2, 3):
        while total % prime == 0:
            trips[rng.randrange(count)] *= prime
            total //= prime
    return [trip - 1 for trip in trips]


def some_run(rng: random.Random) -> dict[str, int]:
    """A run of 1 to 24 beats; words are taken modulo the memory's depth by steps that stay within."""
    runs, beats = rng.choice([1, 2, 3, 4, 6]), rng.choice([1, 1, 2, 4])
    run = {"segment": rng.randrange(8), "offset": 16 * rng.randrange(1 << 28), "beats": beats - 1}
    send, take = trips_of(rng, runs, 4), trips_of(rng, runs * beats, 5)
    run |= {f"send_trip{k}": trip for k, trip in enumerate(send)}
    run |= {f"send_step{k}": 16 * rng.randrange(-20, 21) for k in range(4)}
    first, steps = rng.randrange(DEPTH), []
    low = high = first
    for trip in take:
        room = [
            s
            for s in range(-6, 7)
            if low + min(0, s * trip) >= 0 and high + max(0, s * trip) < DEPTH
        ]
        steps.append(rng.choice(room) if trip else rng.randrange(1 << 16))
        low, high = low + min(0, steps[-1] * trip), high + max(0, steps[-1] * trip)
    run |= {"address": first} | {f"take_trip{k}": trip for k, trip in enumerate(take)}
    return run | {f"take_step{k}": step for k, step in enumerate(steps)}


@pytest.mark.parametrize("seed", range(6))
def test_runs_send_what_the_model_says_whatever_stalls(seed: int) -> None:
    rng = random.Random(seed)
    runs = [some_run(rng) for _ in range(8)]
    chances = [(1.0, 1.0), (0.5, 0.5), (0.2, 1.0), (1.0, 0.3), (0.9, 0.9)][seed % 5]
    bus = WriteBus(rng.choice([1, 5, 40]), *(odds(seed + k, c) for k, c in enumerate(chances)))
    depth = {"depth": DEPTH, "pending": rng.choice([2, 4]), "outstanding": rng.choice([2, 32])}
    run = storing(bus, build_store("edge", **depth))
    run.rests = odds(seed + 3, rng.choice([0.0, 0.5]))
    run.play(runs)
    compare(run, runs)


def block(beats: int, runs: int = 1) -> dict[str, int]:
    """Consecutive words as runs of beats one behind the other."""
    run = {"segment": 5, "beats": beats - 1, "send_trip3": runs - 1, "send_step3": 16 * beats}
    return run | {"take_trip4": beats * runs - 1, "take_step4": 1}


def test_beats_follow_each_other_without_a_gap() -> None:
    runs = [block(4, runs=2), {"address": 8}, {"address": 16}, {"address": 0}, {}]
    run = storing(WriteBus(latency=30))
    run.play(runs)
    compare(run, runs)
    first = run.starts[0]
    assert [now for now, *_ in run.bus.sent] == [first + 3 + k for k in range(40)]
    assert run.dones[-1][0] == first + 3 + 39 + 30


def test_runs_of_one_start_and_of_the_next_are_asked_for_in_every_cycle() -> None:
    run = storing(WriteBus(latency=40))
    run.play([block(1, runs=4), {}, {}, {}])
    first = run.starts[0]
    assert run.starts == [first + 4 * k for k in range(4)]
    assert [request[0] for request in run.bus.requests] == [first + 2 + k for k in range(16)]


def test_runs_wait_for_answers_of_those_before() -> None:
    run = storing(WriteBus(latency=40), build_store("edge", depth=DEPTH, outstanding=4))
    run.play([block(1, runs=6)])
    asked = [request[0] for request in run.bus.requests]
    assert asked[4:] == [now + 2 for now in run.bus.answered[:2]]


def test_an_answer_with_an_error_is_reported() -> None:
    run = storing(WriteBus(wrong=2))
    run.play([block(2, runs=4)])
    assert run.faults == [(run.bus.answered[2] + 1, ErrorCode.WRITE, 0)]


def refuses(module: Module, odd: str) -> None:
    run = storing(modules=(RAM, module))
    words = words_of(STORE_REGISTERS, [block(4) | {"offset": 32, odd: 40}])
    for _ in range(40):
        run.cycle(words)
    offset = 40 if odd == "offset" else 32
    assert run.faults == [(run.starts[0] + 1, ErrorCode.ALIGN, offset)]
    assert not run.bus.requests


@pytest.mark.parametrize("odd", ["offset", "send_step1"])
def test_a_start_that_is_not_aligned_is_reported_and_asks_for_nothing(odd: str) -> None:
    refuses(MODULE, odd)


def keeps(module: Module) -> None:
    """Registers are what was written, though the gate shows something else where it writes nothing."""
    every = block(2) | {f"send_trip{k}": 1 for k in range(4)} | {"offset": 2048}
    every |= {f"send_step{k}": 32 << k for k in range(4)} | {"address": 20}
    every |= {f"take_trip{k}": 1 for k in range(5)} | {f"take_step{k}": k - 4 for k in range(5)}
    run = storing(modules=(RAM, module))
    words = words_of(STORE_REGISTERS, [every])
    words.pop()
    for _ in range(len(words) + 40):
        run.cycle(words)
    words.append(None)
    run.drain(words, 200)
    compare(run, [every])


def overtakes(module: Module) -> None:
    """Registers are written for the next run while the bus takes no request of the one before."""
    every = block(2) | {f"send_trip{k}": 1 for k in range(3)} | {"offset": 2048}
    every |= {f"send_step{k}": 32 << k for k in range(4)} | {"address": 1}
    every |= {"take_trip2": 1, "take_step2": 5, "take_trip4": 7, "take_step4": 2}
    other = {
        "segment": 0,
        "offset": 640,
        "beats": 3,
        "address": 23,
        "send_trip2": 0,
        "send_trip1": 2,
    }
    other |= {f"send_step{k}": -64 - 16 * k for k in range(4)} | {"send_trip0": 0}
    other |= {"take_trip2": 2, "take_step2": -3, "take_trip4": 3, "take_step4": -4}
    alone = {"send_trip1": 0, "take_trip2": 0}
    last = {"segment": 3, "offset": 320, "beats": 0, "take_trip4": 0, "address": 11}
    for runs in ([every, other, every], [every, other | alone, last, other | alone, last]):
        run = storing(modules=(RAM, module))
        wait = run.bus.now + 110
        run.bus.accepts = lambda bus=run.bus, wait=wait: int(bus.now > wait)
        run.play(runs, 400)
        compare(run, runs)


def test_registers_keep_what_was_written() -> None:
    keeps(MODULE)


def test_runs_under_way_keep_what_they_started_with() -> None:
    overtakes(MODULE)


def halts(module: Module, after: int, seed: int) -> None:
    """Runs are dropped after so many cycles; then others come, from the same words."""
    rng = random.Random(seed)
    run = storing(WriteBus(5, odds(seed, 0.25), odds(seed + 1, 0.4)), (RAM, module))
    words = words_of(STORE_REGISTERS, [block(4) | some_run(rng) for _ in range(4)])
    for _ in range(after):
        run.cycle(words)
    run.cycle(words, halt=1)
    for _ in range(3):
        found = run.cycle(words, halt=1)
        assert found["e_idle"]
        assert not any(found[k] for k in ("w_valid", "c_valid", "e_ready", "e_done", "fault"))
    run.bus.clear()
    for record in (run.bus.sent, run.bus.answered, run.dones, run.faults):
        record.clear()
    runs = [block(1) | some_run(rng) for _ in range(2)]
    run.play(runs)
    compare(run, runs)


@pytest.mark.parametrize("after", [*range(24, 54, 3), 75])
def test_after_a_halt_it_is_as_after_reset(after: int) -> None:
    halts(MODULE, after, after)


def lingers(module: Module) -> None:
    """Words that no run of beats takes are still there."""
    run = storing(modules=(RAM, module))
    words = words_of(STORE_REGISTERS, [block(1) | {"take_trip4": 1}])
    for _ in range(60):
        run.cycle(words)
    assert len(run.dones) == 1
    assert not run.idle


def test_it_is_not_idle_while_a_word_waits() -> None:
    lingers(MODULE)


def brief(module: Module) -> None:
    """Random runs with stalls, and runs that wait."""
    rng = random.Random(1)
    runs = [some_run(rng) for _ in range(6)]
    run = storing(WriteBus(9, odds(1, 0.15), odds(2, 0.6)), (RAM, module))
    run.rests = odds(4, 0.5)
    run.play(runs, most=800)
    compare(run, runs)
    overtakes(module)


def scenario(module: Module) -> None:
    """What the tests above do, briefly."""
    keeps(module)
    brief(module)
    lingers(module)
    run = storing(WriteBus(latency=5), (RAM, module))
    run.play([block(4, runs=2), {"address": 8}, {"address": 16}], most=400)
    assert [each[0] for each in run.bus.sent] == [run.starts[0] + 3 + k for k in range(24)]
    run = storing(WriteBus(wrong=2), (RAM, module))
    run.play([block(2, runs=4)], most=100)
    assert run.faults == [(run.bus.answered[2] + 1, ErrorCode.WRITE, 0)]
    for odd in ("offset", "send_step1"):
        refuses(module, odd)
    for after in (24, 29, 36, 48, 75):
        halts(module, after, after)


def test_a_wrong_primitive_is_noticed() -> None:
    assert survivors(SMALL, brief, seed=5, count=4) == []


@pytest.mark.slow
def test_every_wrong_primitive_is_noticed() -> None:
    assert survivors(SMALL, scenario, seed=0, count=len(SMALL.nodes)) == []
