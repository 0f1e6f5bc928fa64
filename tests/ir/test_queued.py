"""When runs out of a queue take place, by hand; tests/whole/test_queued.py has what the hardware does."""

from __future__ import annotations

import pytest

from lego.ir.queued import QueuedRun, busy_cycles, changes, runs_of, spans
from tests.back.designs import GEMM, SEVERAL
from tests.sequences import made_of, queued

MADE = made_of(queued(SEVERAL, 4))
CHANGE = 4
"""The dataflow id settles in 3 cycles, and starts in one."""
DRAIN = max(flow.tail for flow in MADE.device.dataflows)


def run(
    issue: int, *, words: int = 0, same: bool = True, gaps: tuple[int, int] = (0, 0)
) -> QueuedRun:
    return QueuedRun(words, issue, 10, *gaps, apart=0, same=same)


def firsts(*runs: QueuedRun) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in spans(MADE.device, runs)]


def test_the_first_run_waits_for_the_queue_and_for_what_settles() -> None:
    assert MADE.device.queue is not None
    queue = MADE.device.queue
    assert (queue.words, queue.drain, queue.change) == (4, DRAIN, CHANGE)
    assert firsts(run(5)) == [(7, 11)]
    program = MADE.device.dataflows[0].program
    assert busy_cycles(MADE.device, [program]) == program.cycles


def test_runs_follow_at_once_or_after_their_gaps() -> None:
    assert firsts(run(5), run(3), run(4)) == [(7, 11), (12, 14), (15, 18)]
    assert firsts(run(5, gaps=(2, 0)), run(3)) == [(7, 11), (14, 16)]
    assert firsts(run(5, gaps=(2, 0)), run(3, gaps=(0, 4))) == [(7, 11), (16, 18)]


def test_a_run_that_changes_more_waits_for_the_tail() -> None:
    """Of the longest, whatever the dataflow."""
    first = 11 + DRAIN + CHANGE + 1
    assert firsts(run(5), run(3, same=False)) == [(7, 11), (first, first + 2)]


def test_words_take_a_cycle_each() -> None:
    """The first word leaves when the first run has begun, in cycle 7, and the ninth in 15, a start in 16."""
    assert firsts(run(5), run(3, words=9)) == [(7, 11), (18, 20)]
    longer = list(spans(MADE.device, [run(50), run(3, words=9), run(3)]))
    assert [span.first for span in longer] == [7, 57, 60]
    assert (
        longer[1].start == 13
    )  # words leave from 7 on; so the tenth is taken when the sixth has left


def test_where_a_longer_gap_may_be_worse_it_is_waited_for_one_that_is_not() -> None:
    last = QueuedRun(0, 5, 10, after=1, before=0, apart=6, same=True)
    found = [gap for gap in range(9) if run(3).follows(last, gap)]
    assert found == [1, 6, 7, 8]


def test_a_run_writes_what_it_changes() -> None:
    programs = [MADE.run(0)[1], MADE.run(0)[1], MADE.run(0, {"m": 3})[1], MADE.run(1)[1]]
    found = changes(programs)
    assert found[0] == programs[0].registers
    assert found[1] == {}
    assert found[2] == {"trip0": 1, "bound0": 3}
    assert [each.same for each in runs_of(MADE.device, programs)] == [False, True, True, False]
    assert found[3]["dataflow"] == 1
    values: dict[str, int] = {}
    for program, changed in zip(programs, found, strict=True):
        values |= changed
        assert values == program.registers
    known = programs[0].registers
    assert changes(programs[:1], known) == [{}]


def test_only_a_device_with_a_queue_has_such_runs() -> None:
    device = made_of(GEMM).device
    assert device.queue is None
    with pytest.raises(ValueError, match="has no queue"):
        runs_of(device, [device.dataflows[0].program])
    with pytest.raises(ValueError, match="has no queue"):
        list(spans(device, [run(1)]))
