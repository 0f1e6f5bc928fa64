"""The sequencer against the interpreter of programs, in surroundings that take their time."""

from __future__ import annotations

import random

import pytest

from lego.back.system.control.sequencer import build_sequencer
from lego.diag import InternalError
from lego.ir.checks.check import checked
from lego.ir.commands import (
    Engine,
    ErrorCode,
    Mode,
    Opcode,
    When,
    barrier,
    following,
    interrupt,
    loop,
    start,
    write,
)
from lego.ir.dag import Dag
from lego.runtime.sequencer import Shadow
from tests.back.machine import Machine
from tests.back.system.control.bench import (
    MODULES,
    Bench,
    Pace,
    expected,
    items_of,
    machine_of,
)
from tests.back.system.control.programs import (
    deep_program,
    encoded,
    long_program,
    random_program,
    twice_long_program,
)

PACES = (
    Pace(),
    Pace(latency=(40, 40)),
    Pace(0.3, 0.5, (1, 30), 0.5, (0, 20)),
    Pace(1.0, 1.0, (1, 1), 0.8, (0, 3)),
    Pace(0.2, 0.1, (1, 5)),
)


def play_right(bench: Bench, words: list[int], shadow: Shadow | None = None) -> None:
    """A whole program: everything is carried out, in order."""
    steps, stop = expected(words, shadow)
    assert stop.code is ErrorCode.NONE
    seen = bench.play(words, steps=steps)
    assert seen.items == items_of(steps)
    assert seen.error == (ErrorCode.NONE, 0, 0)
    assert seen.finished
    assert seen.interrupts == sum(step.opcode is Opcode.INTERRUPT for step in steps)


def test_the_modules_are_well_formed() -> None:
    checked(Dag(MODULES))


@pytest.mark.parametrize("pace", PACES, ids=range(len(PACES)))
def test_random_programs(pace: Pace) -> None:
    """One after the other on one device; registers keep their values."""
    shadow: Shadow = {}
    bench = Bench(machine_of(), 1, pace)
    for seed in range(8):
        play_right(bench, random_program(seed), shadow)


@pytest.mark.parametrize("pace", PACES[:3], ids=range(3))
@pytest.mark.parametrize("words", [120, 255, 330, 700])
def test_long_bodies(words: int, pace: Pace) -> None:
    play_right(Bench(machine_of(), words, pace), long_program(words, words))


def test_many_loops_in_each_other() -> None:
    play_right(Bench(machine_of(), 3), deep_program(1))


@pytest.mark.parametrize(("words", "again"), [(252, False), (520, True)])
def test_short_bodies_are_read_once(words: int, again: bool) -> None:
    """The words of a body of 256 stay, whatever lies around it; those of a long one are read again."""
    for before in range(0, 40, 7):
        inner = [write(Engine.LOAD, k % 32, k) for k in range(words)]
        program = encoded(*[interrupt()] * before, loop(5), *inner, following(), *inner)
        bench = Bench(machine_of(), 1, Pace(latency=(20, 20)))
        seen = bench.play(program)
        beats = sum(count for _, count in seen.asked)
        assert (beats > len(program) // 2) == again
        assert seen.items == items_of(expected(program)[0])


def first_cycles(seen_cycles: list[int], first_beat: int) -> list[int]:
    """In which cycle after the first beat each write or start left."""
    return [cycle - first_beat for cycle in seen_cycles]


@pytest.mark.parametrize("latency", [1, 5, 40, 60])
def test_one_command_leaves_per_cycle(latency: int) -> None:
    """Word k leaves k + 2 cycles after the first beat came, over many blocks, whatever its mode."""
    r = random.Random(latency)
    modes = [Mode.SET, *r.choices(list(Mode), k=600)]
    program = encoded(
        write(Engine.LOAD, 2, 0),
        *(
            write(Engine.LOAD, r.choice([1, 2]) if k > 3 else 1, k, mode)
            for k, mode in enumerate(modes)
        ),
    )
    seen = Bench(machine_of(), 1, Pace(latency=(latency, latency))).play(program)
    assert seen.items == items_of(expected(program)[0])
    assert seen.first_beat == 1 + latency
    assert first_cycles(seen.cycles, seen.first_beat) == list(range(6, 6 + len(seen.items)))


def test_cycles_of_loops() -> None:
    """`loop` and `next` take a cycle each, going back one more; what is left out takes its cycle."""
    inner = [start(Engine.ARRAY), start(Engine.LOAD, when=When.LAST), start(Engine.STORE)]
    program = encoded(loop(3), *inner, following(), start(Engine.ARRAY))
    seen = Bench(machine_of(), 1).play(program)
    trips = [7, 9, 12, 14, 17, 18, 19, 21]
    assert first_cycles(seen.cycles, seen.first_beat) == trips


def test_a_full_queue_holds_up_everything_behind_it() -> None:
    program = encoded(start(Engine.LOAD), start(Engine.ARRAY))
    bench = Bench(machine_of(), 1)
    with pytest.raises(AssertionError, match="never ends"):
        bench.play(program, stuck=2, most=500)


def test_end_and_barriers_wait() -> None:
    slow = Pace(runs=(100, 100))
    seen = Bench(machine_of(), 1, slow).play(encoded(start(Engine.LOAD)))
    assert seen.length > 100
    program = encoded(start(Engine.LOAD), barrier([Engine.ARRAY]), start(Engine.STORE))
    seen = Bench(machine_of(), 1, slow).play(program)
    assert seen.cycles[1] - seen.cycles[0] == 3
    program = encoded(start(Engine.LOAD), barrier([Engine.LOAD]), start(Engine.STORE))
    seen = Bench(machine_of(), 1, slow).play(program)
    assert seen.cycles[1] - seen.cycles[0] == 103


def test_machines_agree() -> None:
    """The compiled model of this bench and the one that is written out."""
    program = random_program(1, 20)
    runs = [
        Bench(m, 1, PACES[3]).play(program) for m in (machine_of(), Machine(MODULES[-1], MODULES))
    ]
    assert runs[0] == runs[1]


def test_numbers_of_registers() -> None:
    for counts in ((1, 2, 3), (1, 2, 3, 0), (1, 2, 3, 257)):
        with pytest.raises(InternalError, match="can't have"):
            build_sequencer("dev", chip=1, registers=counts)


def test_what_was_dropped_is_read_again() -> None:
    """Going back to before the words of a long body, of which less was read ahead than before."""
    play_right(Bench(machine_of(), 5, Pace(asks=0.02, runs=(400, 400))), twice_long_program(412))
