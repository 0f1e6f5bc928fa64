"""Sequencers with one primitive wrong behave otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

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
from tests.back.system.mutants import mutants, unnoticed

SLOW = Pace(0.5, 0.7, (3, 20), 0.7, (0, 9))
NAMES = [module.name.removeprefix("dev_") for module in MODULES]


def story(modules: tuple[Module, ...]) -> Iterator[Seen]:
    """What is seen of a device in a life with all kinds of programs."""
    bench = Bench(machine_of(modules), 5, SLOW)
    first = random_program(11, 60)
    bench.rest(3)
    yield bench.play(first, more={20: {"go": 1}})
    bench.rest(3)
    yield bench.play(first, more={60: {"abort": 1}})
    bench.rest(3)
    yield bench.play([*first[:20], first[20] ^ 4, *first[21:]])
    yield bench.play(first, bad_beat=7)
    yield bench.play(first, offset=0x7F8)
    yield bench.play(first, stuck=2, watchdog=300)
    yield bench.play(first, more={50: fault("write", 11, 9) | {"abort": 1}})
    nested = list(first)
    for index in range(5, 14):
        nested[index] = rechecked(3 << 43 | 2, index)
    yield bench.play(nested)
    bench.pace = Pace(runs=(60, 60))
    yield bench.play(encoded(start(Engine.LOAD), barrier([Engine.LOAD]), interrupt()))
    bench.pace = Pace(latency=(40, 40))
    yield bench.play(deep_program(3), watchdog=70)
    adds = [write(Engine.LOAD, k % 3 % 2, k, Mode(min(k // 2, 1))) for k in range(300)]
    yield bench.play(encoded(*adds))
    yield from long_story(bench)


def long_story(bench: Bench) -> Iterator[Seen]:
    """Programs that are read again, or so far that they nearly are."""
    bench.pace = SLOW
    yield bench.play(long_program(5, 330, 2))
    yield bench.play(long_program(7, 520, 2))
    yield bench.play(long_program(6, 520, 2), more={700: fault("read", 8, 1 << 40)})
    bench.pace = Pace(latency=(60, 60))
    yield bench.play(long_program(7, 520, 2))
    bench.pace = Pace(asks=0.02, runs=(400, 400))
    yield bench.play(encoded(interrupt()))
    yield bench.play(twice_long_program(412))


@cache
def right() -> list[Seen]:
    return list(story(MODULES))


def same_story(module: Module) -> None:
    """The device tells the same if this module takes the place of its namesake."""
    at = [each.name for each in MODULES].index(module.name)
    modules = (*MODULES[:at], module, *MODULES[at + 1 :])
    for seen, expected in zip(story(modules), right(), strict=True):
        assert seen == expected


@pytest.mark.parametrize("name", ["fetch", "loops", "shadow", "state", "sequencer"])
def test_spoiled_modules_are_noticed(name: str) -> None:
    for _, wrong in mutants(MODULES[NAMES.index(name)], 1, 2):
        with pytest.raises((AssertionError, KeyError, IndexError)):
            same_story(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fetch", "loops", "shadow", "state", "sequencer"])
def test_any_spoiled_module_is_noticed(name: str) -> None:
    found = unnoticed(MODULES[NAMES.index(name)], same_story, count=1000)
    assert [line for line in found if "'newest'" not in line] == []  # its enable saves power only
