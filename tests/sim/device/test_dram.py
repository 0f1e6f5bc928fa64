"""Both masters before the bench's memory in Verilator, with the checker listening."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lego.diag import LegoError
from sim.device.dram import Dram
from tests.sim.device.copier import BASE, SEGMENT, Copy, model, played

SIZE = 4 * SEGMENT
HALF = SIZE // 2


def image(seed: int) -> bytes:
    return random.Random(seed).randbytes(SIZE)


def copies_of(r: random.Random, count: int, most: int = 300) -> list[Copy]:
    """From the lower half of memory to places of the upper half that are apart."""
    found, at = [], HALF
    for _ in range(count):
        beats = r.choice([1, 2, r.randint(1, 20), r.randint(1, most)])
        at += 16 * r.randint(0, 20)
        if at // SEGMENT != (at + 16 * beats - 1) // SEGMENT:
            at = (at // SEGMENT + 1) * SEGMENT
        if at + 16 * beats > SIZE:
            break
        room = SEGMENT // 16 - beats
        source = r.randrange(HALF // SEGMENT) * SEGMENT + 16 * r.randint(0, room)
        found.append(Copy(source, at, beats))
        at += 16 * beats
    return found


def copied(before: bytes, copies: list[Copy]) -> bytes:
    memory = bytearray(before)
    for copy in copies:
        moved = memory[copy.source : copy.source + 16 * copy.beats]
        memory[copy.target : copy.target + 16 * copy.beats] = moved
    return bytes(memory)


BEHAVIOURS = [
    Dram(BASE, SIZE),
    Dram(BASE, SIZE, latency=40, answer=30),
    Dram(BASE, SIZE, latency=5, stall=100, seed=1),
    Dram(BASE, SIZE, latency=20, stall=60, seed=2, order=1, rate=7),
    Dram(BASE, SIZE, latency=3, stall=60, seed=3, order=2, rate=12, shared=True),
    Dram(BASE, SIZE, stalls={"b": 250, "w": 20}, seed=4, mixed=True, depth=2),
]


@pytest.mark.parametrize("dram", BEHAVIOURS, ids=range(len(BEHAVIOURS)))
def test_copies(dram: Dram, tmp_path: Path) -> None:
    copies, before = copies_of(random.Random(dram.seed), 60), image(dram.seed)
    ended = played(model(), tmp_path, copies, dram, before)
    assert ended.memory == copied(before, copies)
    assert ended.summary[:2] == (len(copies), 0)
    assert len(copies) == 60


def cycles(tmp_path: Path, beats: int, dram: Dram) -> int:
    copies = [Copy(0, HALF, beats)]
    ended = played(model(), tmp_path, copies, dram, image(0))
    assert ended.memory == copied(image(0), copies)
    return ended.summary[2]


def test_each_beat_costs_a_cycle(tmp_path: Path) -> None:
    """And latency is paid once, as sixteen bursts of 16 beats hide it; half the rate takes twice."""
    short, long = (cycles(tmp_path, n, Dram(BASE, SIZE, latency=40, answer=9)) for n in (16, 4096))
    assert long - short == 4080
    assert cycles(tmp_path, 16, Dram(BASE, SIZE, latency=41, answer=9)) == short + 1
    assert cycles(tmp_path, 16, Dram(BASE, SIZE, latency=40, answer=10)) == short + 1
    assert 3 + 40 + 16 + 9 <= short <= 3 + 40 + 16 + 9 + 4
    half = cycles(tmp_path, 4096, Dram(BASE, SIZE, latency=40, rate=8))
    assert 2 * 4096 <= half <= 2 * 4096 + 100
    both = cycles(tmp_path, 4096, Dram(BASE, SIZE, rate=16, shared=True))
    assert 2 * 4096 - 50 <= both <= 2 * 4096 + 100


@pytest.mark.parametrize("resp", [2, 3])
def test_errors(resp: int, tmp_path: Path) -> None:
    """The masters tell of the burst; a beat with an error isn't written."""
    copies, before = [Copy(0x40, HALF, 3), Copy(0x1000, HALF + 0x1000, 40)], image(1)
    dram = Dram(BASE, SIZE, read_error=3 + 17, write_error=3 + 33, resp=resp)
    ended = played(model(), tmp_path, copies, dram, before)
    expected = bytearray(copied(before, copies))
    lost = HALF + 0x1000 + 16 * 32
    expected[lost : lost + 16] = before[lost : lost + 16]
    assert ended.memory == bytes(expected)
    assert ended.summary[:2] == (2, 1)
    faults = [line for line in ended.lines if "fault" in line]
    assert f"read fault 10 {BASE + 0x1000 + 256:016x}" in faults
    assert f"write fault 11 {BASE + HALF + 0x1000 + 512:016x}" in faults
    assert len(faults) == 2


def test_outside_of_the_memory(tmp_path: Path) -> None:
    """Whoever reads there gets errors."""
    copies = [Copy(SIZE, HALF, 2)]
    ended = played(model(), tmp_path, copies, Dram(BASE, SIZE), image(2))
    assert sum("read fault 10" in line for line in ended.lines) >= 1
    assert ended.memory[HALF : HALF + 32] == bytes(32)


@pytest.mark.parametrize("when", [5, 9, 20, 47, 100])
def test_halt(when: int, tmp_path: Path) -> None:
    """Every burst that was begun ends by AXI's rules, and what was written is what was to be written."""
    copies, before = copies_of(random.Random(when), 8), image(when)
    dram = Dram(BASE, SIZE, latency=20, answer=30, stall=80, seed=when)
    ended = played(model(), tmp_path, copies, dram, before, f"+halt_at={when}")
    after = copied(before, copies)
    assert ended.summary[0] < 8
    assert all(
        ended.memory[k : k + 16] in (before[k : k + 16], after[k : k + 16])
        for k in range(0, SIZE, 16)
    )


def test_a_bus_that_stands_still_is_noticed(tmp_path: Path) -> None:
    dram = Dram(BASE, SIZE, stalls={"aw": 256})
    with pytest.raises(LegoError, match="not done in time"):
        played(model(), tmp_path, [Copy(0, HALF, 1)], dram, image(0), "+limit=500")


def test_assertions_stop_the_bench(tmp_path: Path) -> None:
    """The checker is told of shorter bursts than the masters make."""
    program = model(16, 8)
    played(program, tmp_path, [Copy(0, HALF, 8)], Dram(BASE, SIZE), image(0))
    with pytest.raises(LegoError, match="Assertion failed"):
        played(program, tmp_path, [Copy(0, HALF, 9)], Dram(BASE, SIZE), image(0))


def test_a_part_of_memory_is_dumped(tmp_path: Path) -> None:
    ended = played(model(), tmp_path, [Copy(0, HALF, 5)], Dram(BASE, SIZE), image(0))
    part = [*Dram(BASE, SIZE).plusargs(part=(HALF, 96))[-2:], f"+dram_report={tmp_path / 'report'}"]
    cut = played(model(), tmp_path, [Copy(0, HALF, 5)], Dram(BASE, SIZE), image(0), *part)
    assert cut.memory == ended.memory[HALF : HALF + 96]
    assert (tmp_path / "report").read_text() == "read_beats 5\nwrite_beats 5\n"


def test_options() -> None:
    with pytest.raises(ValueError, match="17 beats"):
        Dram(rate=17)
    with pytest.raises(ValueError, match="no channel 'x'"):
        Dram(stalls={"x": 1})
