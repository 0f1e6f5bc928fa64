"""The load engine against the model of its runs."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from lego.back.system.load import build_load
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module
from lego.ir.engines import LOAD_REGISTERS
from lego.runtime.transfer import load_writes
from tests.back.machine import Machine
from tests.back.system.transfer.bench import (
    ReadBus,
    gate_inputs,
    gated,
    lanes_of,
    odds,
    survivors,
    words_of,
)

MODULE, SMALL = build_load("edge"), build_load("edge", pending=2)
DRAM = {k: np.random.default_rng(k).integers(0, 256, 1 << 13, np.uint8) for k in (0, 5)}
FIRST = {0: 0, 5: (1 << 23) - (1 << 12)}
HIGH = FIRST[5]


@dataclass
class Loading:
    """An engine, its bus and what came out of it."""

    machine: Machine
    bus: ReadBus
    accepts: Callable[[], int] = lambda: 1
    rests: Callable[[], int] = lambda: 0
    written: list[tuple] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    dones: list[tuple[int, int]] = field(default_factory=list)
    faults: list[tuple[int, int, int]] = field(default_factory=list)
    held: tuple | None = None
    asked: tuple | None = None
    idle: int = 1
    under_way: int = 0

    def cycle(self, words: deque, halt: int = 0) -> dict[str, int]:
        inputs = {**self.bus.inputs(), "p_ready": self.accepts()}
        inputs |= gate_inputs(words, halt, self.bus.now, rests=self.rests())
        now, found = self.bus.now, self.machine.cycle(inputs)
        self.bus.see(inputs, found)
        if inputs["e_write"] or found["started"]:
            words.popleft()
        assert not (found["e_idle"] and self.under_way)
        self.under_way = 0 if halt else self.under_way + found["started"] - found["e_done"]
        self.starts += [now] * found["started"]
        self.look(now, inputs, found, halt)
        return found

    def look(
        self, now: int, inputs: Mapping[str, int], found: Mapping[str, int], halt: int
    ) -> None:
        shown = tuple(found[f"p_{k}"] for k in ("memory", "address", "data", "mask"))
        asked = tuple(found[f"c_{k}"] for k in ("segment", "offset", "beats"))
        if not halt:
            assert self.held is None or (found["p_valid"] and shown == self.held)
            assert self.asked is None or (found["c_valid"] and asked == self.asked)
        self.held = shown if found["p_valid"] and not inputs["p_ready"] and not halt else None
        self.asked = asked if found["c_valid"] and not inputs["c_ready"] and not halt else None
        if found["p_valid"] and inputs["p_ready"]:
            self.written.append(shown)
            self.writes.append(now)
        self.dones += [(now, len(self.written))] * found["e_done"]
        self.faults += [(now, found["fault_code"], found["fault_offset"])] * found["fault"]
        self.idle = found["e_idle"]

    def play(self, runs: Sequence[Mapping[str, int]], most: int = 4000) -> None:
        self.drain(words_of(LOAD_REGISTERS, runs), most)

    def drain(self, words: deque, most: int) -> None:
        for _ in range(most):
            started = self.cycle(words)["started"]
            if not words and self.idle and not started:
                return
        raise AssertionError("it doesn't become idle")


def loading(
    bus: ReadBus | None = None, accepts: Callable[[], int] = lambda: 1, module: Module = MODULE
) -> Loading:
    return Loading(gated(module), bus or ReadBus(DRAM, FIRST), accepts)


def expected(runs: Sequence[Mapping[str, int]]) -> Iterator[tuple[int, tuple]]:
    """Words of runs: the number of their run, and what the port shows."""
    held: dict[str, int] = {}
    for k, run in enumerate(runs):
        held |= run
        offset = held.get("offset", 0) - FIRST[held.get("segment", 0)]
        found = load_writes(held | {"offset": offset}, DRAM)
        for address, data, mask in zip(found.addresses, found.data, found.masks, strict=True):
            lanes = sum(int(on) << lane for lane, on in enumerate(mask))
            yield k, (found.memory, int(address), data.tolist(), lanes)


def compare(run: Loading, runs: Sequence[Mapping[str, int]]) -> None:
    wanted = list(expected(runs))
    assert [(m, a, lanes_of(d), k) for m, a, d, k in run.written] == [w for _, w in wanted]
    ends = [sum(k <= n for k, _ in wanted) for n in range(len(runs))]
    assert [count for _, count in run.dones] == ends
    assert [now for now, _ in run.dones] == [run.writes[end - 1] for end in ends]
    assert not run.faults


def trips_of(rng: random.Random, total: int, count: int) -> list[int]:
    """Trips, less one, of counters that make so many points."""
    trips = [1] * count
    for prime in (2, 3, 5, 7):
        while total % prime == 0:
            trips[rng.randrange(count)] *= prime
            total //= prime
    return [trip - 1 for trip in trips]


def some_run(rng: random.Random) -> dict[str, int]:
    """A run of 1 to 24 beats that stays in its segment, whatever its steps."""
    runs, beats = rng.choice([1, 2, 3, 4, 6]), rng.choice([1, 1, 2, 4])
    run = {
        "mode": int(rng.random() < 0.2),
        "memory": rng.randrange(4),
        "segment": rng.choice([0, 5]),
    }
    run["offset"] = FIRST[run["segment"]] + 16 * rng.randrange(200, 240)
    run |= {"beats": beats - 1, "fill": rng.randrange(256)}
    run |= {"address": rng.randrange(1 << 16), "rotate": rng.randrange(16)}
    run |= {"mask": rng.choice([0xFFFF, rng.randrange(1 << 16)])}
    fetch, place = trips_of(rng, runs, 4), trips_of(rng, runs * beats, 5)
    run |= {f"fetch_trip{k}": trip for k, trip in enumerate(fetch)}
    run |= {f"fetch_step{k}": 16 * rng.randrange(-20, 21) for k in range(4)}
    run |= {f"place_trip{k}": trip for k, trip in enumerate(place)}
    run |= {f"place_step{k}": rng.randrange(-(1 << 15), 1 << 15) for k in range(5)}
    return run | {f"rotate_step{k}": rng.randrange(16) for k in range(5)}


@pytest.mark.parametrize("seed", range(6))
def test_runs_write_what_the_model_says_whatever_stalls(seed: int) -> None:
    rng = random.Random(seed)
    runs = [some_run(rng) for _ in range(8)]
    chances = [(1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.2, 1.0, 1.0), (1.0, 0.3, 1.0), (1.0, 1.0, 0.3)]
    accepts, gives, placed = (odds(seed + k, c) for k, c in enumerate(chances[seed % 5]))
    bus = ReadBus(DRAM, FIRST, rng.choice([1, 5, 40]), accepts, gives)
    run = loading(bus, placed, build_load("edge", pending=rng.choice([2, 4])))
    run.rests = odds(seed + 3, rng.choice([0.0, 0.5]))
    run.play(runs)
    compare(run, runs)


def block(beats: int, runs: int = 1) -> dict[str, int]:
    """Runs of beats one behind the other, to consecutive words."""
    run = {"segment": 5, "offset": HIGH, "beats": beats - 1, "mask": 0xFFFF, "address": 64}
    run |= {"fetch_trip3": runs - 1, "fetch_step3": 16 * beats}
    return run | {"place_trip4": beats * runs - 1, "place_step4": 1}


def test_runs_of_one_start_and_of_the_next_are_asked_for_in_every_cycle() -> None:
    run = loading(ReadBus(DRAM, FIRST, latency=40))
    run.play([block(4, runs=4), *[{}] * 3])
    first = run.starts[0]
    assert run.starts == [first + 4 * k for k in range(4)]
    assert [request[0] for request in run.bus.requests] == [first + 2 + k for k in range(16)]


def test_words_follow_each_other_without_a_gap() -> None:
    """Two writes and a start per run; four runs of 16 beats cover a latency of 40 cycles."""
    runs = [block(16), *[{"offset": HIGH + 256 * k, "address": 16 * k} for k in range(1, 9)]]
    run = loading(ReadBus(DRAM, FIRST, latency=40))
    run.play(runs)
    compare(run, runs)
    asked = run.bus.requests[0][0]
    assert asked == run.starts[0] + 2
    assert run.writes == [asked + 41 + k for k in range(9 * 16)]


def test_a_fill_takes_a_cycle_per_word() -> None:
    runs = [block(1) | {"mode": 1, "fill": 0xA5, "place_trip4": 9, "mask": 0xF00F}, {"fill": 7}]
    run = loading()
    run.play(runs)
    compare(run, runs)
    assert run.bus.requests == []
    assert run.writes == [run.starts[0] + 3 + k for k in range(20)]


def test_a_beat_with_an_error_is_reported_and_not_written() -> None:
    run = loading(ReadBus(DRAM, FIRST, wrong=3))
    run.play([block(8)])
    assert [mask for *_, mask in run.written] == [0xFFFF] * 3 + [0] + [0xFFFF] * 4
    assert run.faults == [(run.writes[3], ErrorCode.READ, 0)]


def refuses(module: Module, odd: str) -> None:
    run = loading(module=module)
    words = words_of(LOAD_REGISTERS, [block(4) | {"offset": 32, odd: 40}])
    for _ in range(40):
        run.cycle(words)
    offset = 40 if odd == "offset" else 32
    assert run.faults == [(run.starts[0] + 1, ErrorCode.ALIGN, offset)]
    assert not run.bus.requests
    assert not run.idle


@pytest.mark.parametrize("odd", ["offset", "fetch_step0", "fetch_step3"])
def test_a_start_that_is_not_aligned_is_reported_and_reads_nothing(odd: str) -> None:
    refuses(MODULE, odd)


def keeps(module: Module) -> None:
    """Registers are what was written, though the gate shows something else where it writes nothing."""
    every = block(2) | {f"fetch_trip{k}": 1 for k in range(4)}
    every |= {f"fetch_step{k}": 32 << k for k in range(4)}
    every |= {f"place_trip{k}": 1 for k in range(5)} | {"memory": 2, "rotate": 9, "fill": 3}
    every |= {f"place_step{k}": 7 << k for k in range(5)} | {
        f"rotate_step{k}": k + 1 for k in range(5)
    }
    for run_of in (every | {"offset": (1 << 23) - 32}, every | {"mode": 1, "mask": 0x7531}):
        run = loading(module=module)
        words = words_of(LOAD_REGISTERS, [run_of])
        words.pop()
        for _ in range(len(words) + 40):
            run.cycle(words)
        words.append(None)
        run.drain(words, 200)
        compare(run, [run_of])


def overtakes(module: Module) -> None:
    """Registers are written for the next run while the bus takes no request of the one before."""
    every = block(2) | {f"fetch_trip{k}": 1 for k in range(4)}
    every |= {f"fetch_step{k}": 32 << k for k in range(4)}
    every |= {
        "place_trip3": 1,
        "place_trip4": 15,
        "rotate_step3": 5,
        "rotate_step4": 2,
        "rotate": 1,
    }
    other = {"segment": 0, "offset": 640, "beats": 3, "memory": 1, "address": 999, "mask": 0xABC}
    other |= {f"fetch_trip{k}": 2 * (k == 2) for k in range(4)} | {"place_step4": 9, "rotate": 7}
    other |= {f"fetch_step{k}": -64 - 16 * k for k in range(4)} | {"rotate_step4": 11}
    other |= {"place_trip3": 5, "place_trip4": 1, "place_step3": -30, "rotate_step3": 3}
    alone = {"fetch_trip2": 0, "place_trip3": 1, "mode": 0}
    last = {"segment": 5, "offset": HIGH + 320, "beats": 0, "place_trip3": 0, "place_trip4": 0}
    fill = {"mode": 1, "fill": 77, "memory": 3, "place_trip2": 2, "place_step2": 5}
    for runs in ([every, other, every], [other | alone, last, other | alone, fill, every]):
        run = loading(module=module)
        run.bus.accepts = lambda bus=run.bus: int(bus.now > 110)
        run.play([{"mode": 0, "mask": 0xFFFF, **runs[0]}, *runs[1:]], 400)
        compare(run, [{"mode": 0, "mask": 0xFFFF, **runs[0]}, *runs[1:]])


def test_registers_keep_what_was_written() -> None:
    keeps(MODULE)


def test_runs_under_way_keep_what_they_started_with() -> None:
    overtakes(MODULE)


def halts(module: Module, after: int, seed: int) -> None:
    """Runs are dropped after so many cycles; then others come."""
    rng = random.Random(seed)
    run = loading(ReadBus(DRAM, FIRST, 5, odds(seed, 0.25)), odds(seed + 1, 0.4), module)
    words = words_of(LOAD_REGISTERS, [block(4) | some_run(rng) for _ in range(4)])
    for _ in range(after):
        run.cycle(words)
    run.cycle(words, halt=1)
    for _ in range(3):
        found = run.cycle(words, halt=1)
        assert found["e_idle"]
        assert not any(found[k] for k in ("p_valid", "c_valid", "e_ready", "e_done", "fault"))
    run.bus.clear()
    run.written.clear()
    run.writes.clear()
    run.dones.clear()
    run.faults.clear()
    runs = [block(1) | some_run(rng) for _ in range(2)]
    run.play(runs)
    compare(run, runs)


@pytest.mark.parametrize("after", [*range(34, 60, 3), 75, 90])
def test_after_a_halt_it_is_as_after_reset(after: int) -> None:
    halts(MODULE, after, after)


def lingers(module: Module) -> None:
    """Requests that nobody waits for are waited for."""
    run = loading(module=module)
    run.bus.accepts = lambda: int(not run.bus.requests)
    words = words_of(LOAD_REGISTERS, [block(1, runs=2) | {"place_trip4": 0}])
    for _ in range(60):
        run.cycle(words)
    assert len(run.dones) == len(run.bus.requests) == 1
    assert not run.idle


def test_it_is_not_idle_while_a_request_waits() -> None:
    lingers(MODULE)


def brief(module: Module) -> None:
    """Random runs with stalls, and runs that wait."""
    rng = random.Random(1)
    runs = [some_run(rng) for _ in range(6)]
    run = loading(ReadBus(DRAM, FIRST, 9, odds(1, 0.15), odds(2, 0.6)), odds(3, 0.6), module)
    run.rests = odds(4, 0.5)
    run.play(runs, most=800)
    compare(run, runs)
    overtakes(module)


def scenario(module: Module) -> None:
    """What the tests above do, briefly."""
    keeps(module)
    brief(module)
    lingers(module)
    run = loading(ReadBus(DRAM, FIRST, latency=40), module=module)
    run.play([block(4, runs=4), *[{}] * 2], most=400)
    assert [each[0] for each in run.bus.requests] == [run.starts[0] + 2 + k for k in range(12)]
    assert run.writes == list(range(run.writes[0], run.writes[0] + 48))
    run = loading(ReadBus(DRAM, FIRST, wrong=3), module=module)
    run.play([block(8)], most=100)
    assert [mask for *_, mask in run.written] == [0xFFFF] * 3 + [0] + [0xFFFF] * 4
    assert run.faults == [(run.writes[3], ErrorCode.READ, 0)]
    for odd in ("offset", "fetch_step0", "fetch_step3"):
        refuses(module, odd)
    for after in (34, 40, 47, 55, 75):
        halts(module, after, after)


def test_a_wrong_primitive_is_noticed() -> None:
    assert survivors(SMALL, brief, seed=8, count=4) == []


@pytest.mark.slow
def test_every_wrong_primitive_is_noticed() -> None:
    assert survivors(SMALL, scenario, seed=0, count=len(SMALL.nodes)) == []
