"""Gates and semaphores against lists and counters."""

from __future__ import annotations

import random
from collections import deque

import pytest

from lego.back.graph.builder import Builder
from lego.back.system.control.fifo import Fifo
from lego.back.system.control.gate import build_gate
from lego.back.system.control.semaphores import build_semaphores
from lego.diag import InternalError
from lego.ir.dag import Module
from tests.back.machine import Machine
from tests.back.system.mutants import unnoticed

IDLE = {
    "in_valid": 0,
    "in_start": 0,
    "in_register": 0,
    "in_value": 0,
    "granted": 0,
    "e_accepts": 1,
    "e_ready": 0,
    "e_done": 0,
    "e_idle": 1,
    "halt": 0,
    "clear": 0,
}
QUIET = {"clear": 0} | {f"{n}{e}": 0 for n in ("wait", "start", "signal") for e in range(4)}


def play_gate(module: Module, depth: int, runs: int, cycles: int = 500) -> None:
    """Random commands, an engine of random runs, halts and clears, against two lists."""
    r, machine = random.Random(depth), Machine(module)
    waiting: deque[tuple[int, int, int]] = deque()
    under_way: deque[int] = deque()
    passed = 0
    seen = dict.fromkeys(("full", "empty", "runs", "start", "done", "halt"), 0)
    for cycle in range(cycles):
        eager = cycle // 50 % 2  # by turns the queue fills and empties
        halt = int(cycle % 97 > 93)
        done = int(bool(under_way) and r.random() < (0.1 if eager else 0.5))
        given = IDLE | {
            "in_valid": int(r.random() < 0.8),
            "in_start": int(r.random() < 0.5),
            "in_register": r.getrandbits(8),
            "in_value": r.getrandbits(32),
            "granted": int(r.random() < (0.7 if eager else 0.4)),
            "e_accepts": int(r.random() < 0.8),
            "e_ready": int(r.random() < 0.7),
            "e_done": done,
            "e_idle": int(not under_way),
            "halt": halt,
            "clear": int(not under_way and cycle % 97 == 96),
        }
        said = machine.cycle(given)
        assert said["in_ready"] == (len(waiting) < depth and not halt)
        assert said["idle"] == (not under_way and (halt or not waiting))
        starts, register, value = waiting[0] if waiting and not halt else (None, 0, 0)
        takes = given["e_accepts"] == 1
        may = given["e_ready"] and given["granted"] and len(under_way) < runs
        begins, writes = takes and starts == 1 and may, takes and starts == 0
        assert (said["e_start"], said["e_write"]) == (int(begins), int(writes))
        if starts == 0:
            assert (said["e_register"], said["e_value"]) == (register, value)
        if starts == 1:
            assert said["wait_mask"] == value & 0xFFFF
        assert said["signal_mask"] == (under_way[0] if done else 0)
        assert said["held_up"] == (
            takes and starts == 1 and given["e_ready"] and not given["granted"]
        )
        assert said["passed"] == passed
        passed = 0 if given["clear"] else passed + (begins or writes)
        seen["full"] += len(waiting) == depth
        seen["empty"] += not waiting
        seen["runs"] += len(under_way) == runs
        seen["start"] += begins
        seen["done"] += done
        seen["halt"] += bool(halt and waiting)
        if begins:
            under_way.append(value >> 16)
        if done:
            under_way.popleft()
        if begins or writes:
            waiting.popleft()
        if given["in_valid"] and said["in_ready"]:
            waiting.append((given["in_start"], given["in_register"], given["in_value"]))
        if halt or given["clear"]:
            waiting.clear()
        if given["clear"]:
            under_way.clear()
    assert min(seen.values()) > 0, seen


@pytest.mark.parametrize(("depth", "runs"), [(2, 2), (4, 2), (16, 8)])
def test_commands_pass_in_order(depth: int, runs: int) -> None:
    play_gate(build_gate("load", depth=depth, runs=runs), depth, runs, 1500)


def test_spoiled_gates_are_noticed() -> None:
    assert unnoticed(build_gate("load", depth=4, runs=4), lambda m: play_gate(m, 4, 4)) == []


def test_a_command_passes_in_the_cycle_after_it_came() -> None:
    """One per cycle, and a write right behind a start."""
    machine, out = Machine(build_gate("load")), []
    for cycle in range(8):
        given = {
            "in_valid": 1,
            "in_start": cycle % 2,
            "in_value": cycle,
            "granted": 1,
            "e_accepts": 1,
            "e_ready": 1,
        }
        said = machine.cycle(IDLE | given)
        out.append((said["e_write"], said["e_start"], said["e_value"]))
        assert said["idle"] == (cycle == 0)
    assert out[1:] == [((k + 1) % 2, k % 2, k) for k in range(7)]


def test_a_run_that_never_ends_is_forgotten_by_clear() -> None:
    machine = Machine(build_gate("load"))
    machine.cycle(IDLE | {"in_valid": 1, "in_start": 1})
    assert machine.cycle(IDLE | {"e_ready": 1, "granted": 1})["e_start"]
    assert machine.cycle(IDLE)["idle"] == 0
    assert machine.cycle(IDLE | {"halt": 1})["idle"] == 1
    machine.cycle(IDLE | {"clear": 1})
    assert machine.cycle(IDLE)["idle"] == 1


def test_more_ends_than_starts_are_noticed() -> None:
    machine = Machine(build_gate("load"))
    with pytest.raises(AssertionError):
        machine.cycle(IDLE | {"e_done": 1})


def play_semaphores(module: Module, cycles: int = 320) -> None:
    """Random signals and waits against counters; each engine waits for semaphores of its own."""
    r, machine, levels = random.Random(5), Machine(module), [0] * 16
    seen = [0] * 3
    for cycle in range(cycles):
        waits = [r.getrandbits(16) & r.getrandbits(16) & 0x1111 << e for e in range(4)]
        grant = [all(levels[k] for k in range(16) if mask >> k & 1) for mask in waits]
        starts = [int(ok and r.random() < 0.7) for ok in grant]
        signals = [r.getrandbits(16) & r.getrandbits(16) for _ in range(4)]
        for k in range(16):  # none overflows
            if levels[k] > 11:
                signals = [mask & ~(1 << k) for mask in signals]
        clear = int(cycle % 150 == 149)
        given = {"clear": clear} | {
            f"{name}{e}": each[e]
            for name, each in (("wait", waits), ("start", starts), ("signal", signals))
            for e in range(4)
        }
        said = machine.cycle(given)
        assert [said["levels"] >> 4 * k & 15 for k in range(16)] == levels
        assert [said[f"granted{e}"] for e in range(4)] == grant
        seen[0] += not all(grant)
        seen[1] += any(grant[e] and waits[e] for e in range(4))
        seen[2] += max(levels) == 15
        for k in range(16):
            levels[k] += sum(mask >> k & 1 for mask in signals)
            levels[k] -= any(starts[e] and waits[e] >> k & 1 for e in range(4))
            levels[k] *= not clear
    assert min(seen) > 0, seen


def test_semaphores_count() -> None:
    play_semaphores(build_semaphores("dev"), 400)


def test_spoiled_semaphores_are_noticed() -> None:
    assert unnoticed(build_semaphores("dev"), play_semaphores, count=12) == []


def test_overflow_and_two_takers_are_noticed() -> None:
    machine = Machine(build_semaphores("dev"))
    for _ in range(15):
        machine.cycle(QUIET | {"signal1": 4})
    with pytest.raises(AssertionError):
        machine.cycle(QUIET | {"signal1": 4})
    with pytest.raises(AssertionError):
        machine.cycle(QUIET | {"wait0": 4, "start0": 1, "wait3": 4, "start3": 1})


def test_sizes_of_fifos() -> None:
    for words in (1, 3):
        with pytest.raises(InternalError, match="isn't built"):
            Fifo(Builder("m", "control"), words, "word")
