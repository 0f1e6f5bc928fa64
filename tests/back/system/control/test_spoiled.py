"""Sequencers with one primitive wrong behave otherwise."""

from __future__ import annotations

import pytest

from lego.ir.commands import Engine, Mode, barrier, interrupt, start, write
from lego.ir.dag import Module
from tests.back.system.control.bench import MODULES, Bench, Pace, Seen, machine_of
from tests.back.system.control.programs import (
    deep_program,
    encoded,
    long_program,
    random_program,
    twice_long_program,
)
from tests.back.system.control.test_check import rechecked
from tests.back.system.control.test_errors import fault
from tests.back.system.mutants import unnoticed

SLOW = Pace(0.5, 0.7, (3, 20), 0.7, (0, 9))
NAMES = [module.name.removeprefix("dev_") for module in MODULES]


def story(modules: tuple[Module, ...]) -> list[Seen]:
    """What is seen of a device in a life with all kinds of programs."""
    bench = Bench(machine_of(modules), 5, SLOW)
    first = random_program(11, 60)
    bench.rest(3)
    seen = [bench.play(first, more={20: {"go": 1}})]
    bench.rest(3)
    seen += [bench.play(first, more={60: {"abort": 1}})]
    bench.rest(3)
    seen += [bench.play([*first[:20], first[20] ^ 4, *first[21:]])]
    seen += [bench.play(first, bad_beat=7), bench.play(first, offset=0x7F8)]
    seen += [bench.play(first, stuck=2, watchdog=300)]
    seen += [bench.play(first, more={50: fault("write", 11, 9) | {"abort": 1}})]
    nested = list(first)
    for index in range(5, 14):
        nested[index] = rechecked(3 << 43 | 2, index)
    seen += [bench.play(nested)]
    bench.pace = Pace(runs=(60, 60))
    seen += [bench.play(encoded(start(Engine.LOAD), barrier([Engine.LOAD]), interrupt()))]
    bench.pace = Pace(latency=(40, 40))
    seen += [bench.play(deep_program(3), watchdog=70)]
    adds = [write(Engine.LOAD, k % 3 % 2, k, Mode(min(k // 2, 1))) for k in range(300)]
    return [*seen, bench.play(encoded(*adds)), *long_story(bench)]


def long_story(bench: Bench) -> list[Seen]:
    """Programs that are read again, or so far that they nearly are."""
    bench.pace = SLOW
    seen = [bench.play(long_program(5, 330, 2)), bench.play(long_program(7, 520, 2))]
    seen += [bench.play(long_program(6, 520, 2), more={700: fault("read", 8, 1 << 40)})]
    bench.pace = Pace(latency=(60, 60))
    seen += [bench.play(long_program(7, 520, 2))]
    bench.pace = Pace(asks=0.02, runs=(400, 400))
    return [*seen, bench.play(encoded(interrupt())), bench.play(twice_long_program(412))]


RIGHT = story(MODULES)


def same_story(module: Module) -> None:
    """The device tells the same if this module takes the place of its namesake."""
    names = [each.name for each in MODULES]
    at = names.index(module.name)
    assert story((*MODULES[:at], module, *MODULES[at + 1 :])) == RIGHT


@pytest.mark.parametrize("name", ["fetch", "loops", "shadow", "state", "sequencer"])
def test_spoiled_modules_are_noticed(name: str) -> None:
    module = MODULES[NAMES.index(name)]
    assert unnoticed(module, same_story, seed=1, count=3) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fetch", "loops", "shadow", "state", "sequencer"])
def test_any_spoiled_module_is_noticed(name: str) -> None:
    module = MODULES[NAMES.index(name)]
    assert unnoticed(module, same_story, count=1000) == []
