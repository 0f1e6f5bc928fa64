"""What stops the sequencer, and that the device can go on afterwards."""

from __future__ import annotations

import random

import pytest

from lego.ir.commands import Engine, ErrorCode, Opcode, following, interrupt, loop, start, write
from tests.back.system.control.bench import (
    CHIP,
    OFFSET,
    Bench,
    Pace,
    Seen,
    expected,
    items_of,
    machine_of,
)
from tests.back.system.control.programs import encoded, long_program, random_program
from tests.back.system.control.test_check import rechecked

SLOW = Pace(0.5, 0.7, (3, 20), 0.7, (0, 9))
WHOLE = random_program(11, 40)


def goes_on(bench: Bench) -> None:
    """The device runs a whole program now."""
    seen = bench.play(WHOLE)
    assert seen.items == items_of(expected(WHOLE)[0])
    assert seen.finished


def stops(bench: Bench, words: list[int], code: ErrorCode, index: int) -> Seen:
    """The program stops at this word; all that comes before it is carried out."""
    steps, stop = expected(words)
    assert (stop.code, stop.index) == (code, index)
    seen = bench.play(words)
    assert seen.items == items_of(steps)
    assert seen.error == (code, index, 0)
    assert not seen.finished
    goes_on(bench)
    return seen


@pytest.mark.parametrize(
    ("index", "word", "code"),
    [
        (0, 0, ErrorCode.MAGIC),
        (0, 0x2_4F47454C, ErrorCode.VERSION),
        (1, 4, ErrorCode.LENGTH),
        (2, CHIP + 1, ErrorCode.CHIP),
        (3, 1, ErrorCode.OPCODE),
        (9, 9 << 43, ErrorCode.OPCODE),
        (9, 1 << 43 | 2 << 40 | 32 << 32, ErrorCode.REGISTER),
        (9, 4 << 43, ErrorCode.LENGTH),
        (9, 7 << 43, ErrorCode.LENGTH),
    ],
)
def test_wrong_words(index: int, word: int, code: ErrorCode) -> None:
    words = list(WHOLE)
    words[index] = rechecked(word, index)
    stops(Bench(machine_of(), 1, SLOW), words, code, index)


def test_programs_that_end_wrongly() -> None:
    body = [write(Engine.LOAD, 1, 5), loop(3), interrupt(), following(), start(Engine.STORE)]
    words = encoded(*body)
    for length, index in ((8, 7), (9, 8), (11, 9)):
        stops(
            Bench(machine_of(), 1, SLOW),
            [words[0], rechecked(length, 1), *words[2:]],
            ErrorCode.LENGTH,
            index,
        )
    words[7] = rechecked(int(Opcode.INTERRUPT) << 43, 7)
    stops(Bench(machine_of(), 1, SLOW), words, ErrorCode.LENGTH, 9)


def test_too_many_loops() -> None:
    words = encoded(*[interrupt()] * 12)
    for index in range(5, 14):
        words[index] = rechecked(int(Opcode.LOOP) << 43 | 1, index)
    stops(Bench(machine_of(), 1, SLOW), words, ErrorCode.LENGTH, 13)


def test_a_wrong_bit_anywhere_stops_the_program_there() -> None:
    r, bench = random.Random(2), Bench(machine_of(), 1)
    length = WHOLE[1] & 0xFFFF
    for index in range(length):
        words = list(WHOLE)
        words[index] ^= 1 << r.randrange(64)
        steps, stop = expected(words)
        seen = bench.play(words)
        assert stop.index == index
        assert stop.code in (ErrorCode.CHECK, ErrorCode.MAGIC)
        assert seen.error == (stop.code, index, 0)
        assert seen.items == items_of(steps)


@pytest.mark.parametrize("long", [False, True])
def test_abort_at_any_time(long: bool) -> None:
    """What was carried out until then is right, and the next program runs."""
    words = long_program(5, 400, 2) if long else WHOLE
    r, bench = random.Random(3), Bench(machine_of(), 1, SLOW)
    steps = items_of(expected(words)[0])
    whole = bench.play(words).length
    for _ in range(6 if long else 40):
        seen = bench.play(words, more={r.randrange(1, whole * 2 // 3): {"abort": 1}})
        assert not seen.finished
        assert seen.error[0] is ErrorCode.ABORTED
        assert seen.items == steps[: len(seen.items)]
        if len(seen.items) < len(steps) and seen.items:
            assert seen.error[1] >= 4
        goes_on(bench)


def test_abort_and_go_are_ignored_where_they_mean_nothing() -> None:
    machine = machine_of()
    bench = Bench(machine, 1)
    seen = bench.play(WHOLE, more={0: {"abort": 1}, **{k: {"go": 1} for k in range(5, 60)}})
    assert seen.finished
    assert seen.items == items_of(expected(WHOLE)[0])


def fault(source: str, code: ErrorCode, address: int) -> dict[str, int]:
    return {
        f"{source}_fault": 1,
        f"{source}_fault_code": code,
        f"{source}_fault_address": address,
    }


def test_faults_of_others() -> None:
    bench = Bench(machine_of(), 1, SLOW)
    for source, code, address in (
        ("read", ErrorCode.RANGE, 1 << 63 | 5),
        ("write", ErrorCode.WRITE, 0x123456789ABC),
    ):
        seen = bench.play(WHOLE, more={40: fault(source, code, address)})
        assert (seen.error[0], seen.error[2]) == (code, address)
        goes_on(bench)
    both = fault("read", ErrorCode.READ, 1) | fault("write", ErrorCode.WRITE, 2) | {"abort": 1}
    later = fault("write", ErrorCode.RANGE, 3)
    seen = bench.play(WHOLE, more={50: both, 51: later, 52: later | {"abort": 1}})
    assert (seen.error[0], seen.error[2]) == (ErrorCode.READ, 1)
    goes_on(bench)


def test_an_error_of_the_bus_in_the_program() -> None:
    bench = Bench(machine_of(), 1)
    seen = bench.play(WHOLE, bad_beat=9)
    assert (seen.error[0], seen.error[2]) == (ErrorCode.READ, 16 * 9 + 1)
    assert len(seen.items) <= 15
    goes_on(bench)


def test_programs_at_odd_places() -> None:
    bench = Bench(machine_of(), 1)
    for low in (1, 2, 4, 8):
        seen = bench.play(WHOLE, offset=OFFSET + low)
        assert seen.error == (ErrorCode.ALIGN, 0, 0)
        assert not seen.items
        assert not seen.asked
        goes_on(bench)


def test_the_watchdog() -> None:
    """It barks if an engine takes nothing; commands and ends of runs keep it quiet."""
    bench = Bench(machine_of(), 1)
    seen = bench.play(WHOLE, stuck=1, watchdog=50)
    steps, _ = expected(WHOLE)
    first = next(k for k, item in enumerate(items_of(steps)) if item[0] is Engine.VECTOR)
    assert seen.items == items_of(steps)[:first]
    assert seen.error == (ErrorCode.WATCHDOG, steps[first].index + 1, 0)
    assert 50 <= seen.blocked <= 52
    assert seen.cycles[-1] + 50 <= bench.time <= seen.cycles[-1] + 70
    goes_on(bench)
    late = {k: {"done": 1} for k in (60, 100, 140)}
    patient = bench.play(WHOLE, stuck=1, watchdog=50, more=late)
    assert patient.error == seen.error
    assert 140 + 50 <= patient.length <= 140 + 70
    assert seen.length < 140
    goes_on(bench)
