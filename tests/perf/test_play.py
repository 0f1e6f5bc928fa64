"""The model's cycles, counted by hand."""

from __future__ import annotations

import pytest

from lego.back.system.vector.timing import timing_of
from lego.ir.commands import Engine, barrier
from lego.ir.vector.plan import VectorPlan
from lego.perf.play import play
from lego.perf.result import Cause, EngineRun, MemoryTiming, Played
from tests.device.chips import edge
from tests.perf.programs import program_of, run_of

FIRST_WORD = 4
"""The cycle in which the address of the program's first block is offered."""


def played(commands: list, latency: int = 40) -> Played:  # type: ignore[type-arg]
    return play(edge(), program_of(commands), MemoryTiming(latency, 30))


def plan() -> VectorPlan:
    return edge().vector


@pytest.mark.parametrize("latency", [1, 2, 40, 333])
def test_a_program_without_commands_ends_when_its_first_page_is_there(latency: int) -> None:
    """32 beats, of which the last is counted in the next cycle, and told in that behind."""
    assert played([], latency).cycles == FIRST_WORD + latency + 31 + 2


@pytest.mark.parametrize("words", [1, 5, 300])
def test_a_fill_writes_a_word_per_cycle(words: int) -> None:
    fill = run_of(Engine.LOAD, plan(), {"mode": 1, "mask": 0, "place_trip4": words - 1})
    (run,) = played(fill).runs[Engine.LOAD]
    sixth_word = FIRST_WORD + 40 + 7
    assert run.start == sixth_word + 3
    assert run.end - run.start == 2 + words
    assert run.cause is Cause.COMMANDS


@pytest.mark.parametrize(("beats", "rows"), [(1, 1), (256, 1), (300, 1), (16, 3)])
def test_a_copy_takes_the_latency_and_a_cycle_per_beat(beats: int, rows: int) -> None:
    """Its request is made in the next cycle and offered four cycles after that; a word is written in the
    cycle after its beat. The barrier keeps the program's own blocks out of the way."""
    values = {"beats": beats - 1, "fetch_trip3": rows - 1, "fetch_step3": 1 << 13}
    values |= {"mode": 0, "place_trip4": beats * rows - 1}
    copy = run_of(Engine.LOAD, plan(), values)
    (run,) = played([*copy[:-1], barrier(), copy[-1]], 70).runs[Engine.LOAD]
    assert run.end - run.start == 5 + 70 + beats * rows


def vector_runs(*lengths: int, writes: dict[str, int] | None = None) -> tuple[EngineRun, ...]:
    """Runs of the vector engine one behind the other; `writes` in front of each."""
    commands = []
    for length in lengths:
        commands += run_of(Engine.VECTOR, plan(), {"trip4": length - 1, **(writes or {})})
    return played(commands).runs[Engine.VECTOR]


def test_runs_of_the_vector_engine_follow_each_other_at_once() -> None:
    first, second, third = vector_runs(50, 60, 1)
    written = timing_of(plan()).written
    assert second.start - first.start == 50
    assert third.start - second.start == 60
    assert [run.end - run.start for run in (first, second, third)] == [
        n + written for n in (50, 60, 1)
    ]
    assert (third.cause, third.waited) == (Cause.ENGINE, 58)


def test_a_register_that_lanes_read_waits_until_they_are_empty() -> None:
    first, second = vector_runs(50, 60, writes={"mask": 3})
    assert second.start - first.start == 50 + timing_of(plan()).result


def test_a_semaphore_is_raised_in_the_cycle_after_the_end() -> None:
    fill = run_of(Engine.LOAD, plan(), {"mode": 1, "mask": 0, "place_trip4": 99}, signal=[3])
    use = run_of(Engine.VECTOR, plan(), {"trip4": 7}, wait=[3])
    runs = played([*use, *fill]).runs
    (vector,), (load,) = runs[Engine.VECTOR], runs[Engine.LOAD]
    assert vector.start == load.end + 1
    assert (vector.cause, vector.semaphore) == (Cause.SEMAPHORE, 3)


def test_sixteen_commands_wait_in_front_of_an_engine() -> None:
    """The seventeenth behind a start that waits holds the sequencer up, and with it the other engines."""
    wait = run_of(Engine.VECTOR, plan(), {"trip4": 7}, wait=[3])
    fill = run_of(Engine.LOAD, plan(), {"mode": 1, "mask": 0, "place_trip4": 99}, signal=[3])
    other = run_of(Engine.STORE, plan(), {"beats": 3, "take_trip4": 3})
    starts = []
    for more in (14, 15, 16):
        writes = run_of(Engine.VECTOR, plan(), {})[:-1]
        for k in range(more):
            writes += run_of(Engine.VECTOR, plan(), {"trip4": k})[:-1]
        runs = played([*fill, *wait, *writes, *other]).runs
        starts.append(runs[Engine.STORE][0].start)
        released = runs[Engine.VECTOR][0].start
    assert starts[1] == starts[0] + 1
    assert starts[2] > released


def test_a_store_ends_with_its_answer() -> None:
    (run,) = played(run_of(Engine.STORE, plan(), {"beats": 9, "take_trip4": 9})).runs[Engine.STORE]
    assert run.end - run.start == 5 + 10 + 30
    one, other = (
        played(run_of(Engine.STORE, plan(), {"beats": 9, "take_trip4": 9}), n).cycles
        for n in (40, 41)
    )
    assert other == one + 1


def test_a_program_for_nothing_has_its_reads_and_latencies_as_limit() -> None:
    found = played([])
    assert (found.limit.array, found.limit.reads, found.limit.writes) == (0, 32, 0)
    assert found.limit.cycles <= found.cycles + 31


@pytest.mark.parametrize("bad", [(0, 1, 16), (1, 0, 16), (1, 1, 0), (1, 1, 17)])
def test_a_memory_answers_after_a_cycle_with_some_beats(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="memory answers"):
        MemoryTiming(*bad)
