"""The interpreter of programs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from lego.diag import InternalError
from lego.ir.command_program import encode, words_of
from lego.ir.commands import (
    Command,
    Engine,
    ErrorCode,
    Mode,
    Opcode,
    When,
    barrier,
    end,
    following,
    interrupt,
    loop,
    start,
    write,
)
from lego.runtime.sequencer import Shadow, Step, Stop, carried_out, streams

LOAD, ARRAY = Engine.LOAD, Engine.ARRAY


def played(*body: Command, shadow: Shadow | None = None) -> list[Step | Stop]:
    return list(carried_out(words_of(encode([*body, end()], 7)), 7, shadow=shadow))


def values(*body: Command) -> Sequence[int]:
    """What is written, in order."""
    return [s.value for s in played(*body) if isinstance(s, Step) and s.opcode is Opcode.WRITE]


def test_modes() -> None:
    """Addition and exclusive or are those of 32 bits, for every register apart."""
    body = [write(LOAD, 1, 5), write(LOAD, 2, 8), write(ARRAY, 1, 9), write(LOAD, 1, -7, Mode.ADD)]
    body += [write(LOAD, 1, 3, Mode.ADD), write(LOAD, 2, 12, Mode.XOR)]
    assert values(*body) == [5, 8, 9, 2**32 - 2, 1, 4]


def test_loops_nest() -> None:
    inner = [loop(3), write(LOAD, 0, 1, Mode.ADD), following()]
    body = [write(LOAD, 0, 0), loop(2), *inner, write(LOAD, 0, 10, Mode.ADD), following()]
    assert values(*body, write(LOAD, 0, 0)) == [0, 1, 2, 3, 13, 14, 15, 16, 26, 0]


@pytest.mark.parametrize(("trips", "expected"), [(1, "afl"), (2, "afmazl"), (3, "afmazmazl")])
def test_conditions(trips: int, expected: str) -> None:
    """a: always, f: first, z: not first, l: last, m: not last."""
    text = dict(zip(When, "afzlm", strict=True))
    order = (When.ALWAYS, When.FIRST, When.NOT_FIRST, When.LAST, When.NOT_LAST)
    tests = [write(LOAD, 0, ord(text[when]), when=when) for when in order]
    assert "".join(map(chr, values(loop(trips), *tests, following()))) == expected


def test_conditions_are_those_of_the_innermost_loop() -> None:
    last = write(LOAD, 0, 1, when=When.LAST)
    assert values(last, write(LOAD, 0, 2, when=When.NOT_FIRST)) == [1]
    assert len(values(loop(3), loop(4), last, following(), following())) == 3
    assert len(values(loop(3), loop(4), following(), last, following())) == 1


def test_starts_and_others_come_in_order() -> None:
    body = [start(LOAD, signal=[1]), loop(2), start(ARRAY, wait=[1], when=When.LAST)]
    body += [following(), barrier([LOAD]), interrupt()]
    steps = played(*body)
    assert steps == [
        Step(Opcode.START, 4, LOAD, 0, 2 << 16),
        Step(Opcode.START, 6, ARRAY, 0, 2),
        Step(Opcode.BARRIER, 8, Engine.ARRAY, 0, 4),
        Step(Opcode.INTERRUPT, 9, Engine.ARRAY, 0, 0),
        Stop(ErrorCode.NONE, 10),
    ]
    expected = {engine: [] for engine in Engine}  # type: dict[Engine, list[tuple[bool, int, int]]]
    assert streams(steps) == expected | {LOAD: [(True, 0, 2 << 16)], ARRAY: [(True, 0, 2)]}


def test_values_stay_from_program_to_program() -> None:
    shadow: Shadow = {}
    played(write(LOAD, 1, 5), shadow=shadow)
    assert played(write(LOAD, 1, 1, Mode.ADD), shadow=shadow)[0] == Step(
        Opcode.WRITE, 4, LOAD, 1, 6
    )
    with pytest.raises(InternalError, match="register 2 of load isn't set"):
        played(write(LOAD, 2, 1, Mode.XOR), shadow=shadow)


def test_a_word_that_is_wrong_stops_what_comes_behind_it() -> None:
    """Also in a loop: its first trip comes that far."""
    words = words_of(encode([loop(9), write(LOAD, 1, 5), interrupt(), following(), end()], 7))
    for at, code in ((0, ErrorCode.MAGIC), (6, ErrorCode.CHECK), (8, ErrorCode.CHECK)):
        spoiled = [word ^ (k == at) for k, word in enumerate(words)]
        *steps, stop = carried_out(spoiled, 7)
        assert stop == Stop(code, at)
        assert len(steps) == {0: 0, 6: 1, 8: 18}[at]
    assert list(carried_out(words, 8)) == [Stop(ErrorCode.CHIP, 2)]
    assert list(carried_out(words, 7, (1, 1, 1, 1))) == [Stop(ErrorCode.REGISTER, 5)]


def test_a_long_loop_is_played_as_it_is_asked_for() -> None:
    steps = carried_out(words_of(encode([loop(2**24 - 1), interrupt(), following(), end()], 7)), 7)
    assert len(list(itertools.islice(steps, 1000))) == 1000
