"""Channels, bursts and masters against cycles counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.perf.bus import Burst, Channel, Client, Master, cut
from lego.perf.kernel import Kernel, Line, Process

WHOLE = 16


def stepped(rate: int, ahead: int, earliest: list[int]) -> list[int]:
    """Beats as a memory counts what it has saved, cycle by cycle: each comes as soon as it may, behind the
    one before, if there was a whole beat `ahead` cycles before it goes."""
    found: list[int] = []
    saved, before, cycle = 2 * WHOLE, 2 * WHOLE, 0
    while len(found) < len(earliest):
        cycle += 1
        before, saved = saved, min(2 * WHOLE, saved + rate)
        has = (before if ahead else saved) >= WHOLE
        if has and cycle >= max(earliest[len(found)], (found or [0])[-1] + 1):
            found.append(cycle)
            saved -= WHOLE
    return found


@given(
    st.integers(1, 16),
    st.sampled_from([0, 1]),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 9)), min_size=1, max_size=6),
)
def test_beats_come_as_if_every_cycle_were_counted(
    rate: int, ahead: int, groups: list[tuple[int, int]]
) -> None:
    channel, told, at = Channel(rate, ahead), [], 0
    earliest: list[int] = []
    for gap, more in groups:
        first = channel.one(max(at, channel.cycle) + gap)
        earliest += [max(at, told[-1] if told else 0) + gap] + [0] * more
        told.append(channel.more(more))
        assert told[-1] >= first
        at = told[-1]
    exact = stepped(rate, ahead, earliest)
    ends, count = [], 0
    for _, more in groups:
        count += 1 + more
        ends.append(exact[count - 1])
    assert told == ends


@given(st.integers(0, 600).map(lambda beat: 16 * beat), st.integers(1, 1000))
def test_bursts_end_at_pages(offset: int, beats: int) -> None:
    parts = cut(offset, beats)
    assert sum(parts) == beats
    at = offset
    for part in parts[:-1]:
        at += 16 * part
        assert at % 4096 == 0
    assert all(0 < part <= 256 for part in parts)
    assert len(parts) == (offset + 16 * beats - 1) // 4096 - offset // 4096 + 1


def test_the_first_client_goes_first_and_sixteen_are_under_way() -> None:
    kernel = Kernel()
    master = Master(kernel, 2)
    for client in (0, 1):
        master.serve(client, lambda burst: None)
    for k in range(20):
        master.ask(Burst(1, 0, 1, True, eligible=10 + k))
    for _ in range(2):
        master.ask(Burst(0, 0, 1, True, eligible=13))
    kernel.at(100, lambda: [master.answered.put(100 + k) for k in range(22)] and None)
    kernel.run()
    assert [burst.client for burst in master.bursts] == [1, 1, 1, 0, 0] + [1] * 17
    taken = [burst.taken for burst in master.bursts]
    assert taken[:16] == list(range(10, 26))
    assert taken[16:] == list(range(101, 107))


def test_two_requests_wait_in_front_of_a_master() -> None:
    """Nobody answers: two requests are taken whole, the third is where bursts are cut, two wait behind it."""
    kernel = Kernel()
    client = Client(kernel, Master(kernel, 1), 0)
    for _ in range(7):
        client.ask(10, 0, 0, 256 * 8)
    kernel.run()
    assert client.accepted.cycles[:3] == [10, 11, 12]
    assert client.begun.cycles[0] == 11
    assert len(client.accepted) == 5


def test_a_process_waits_for_what_is_told_later() -> None:
    kernel, line, found = Kernel(), Line(), []

    def waits() -> Process:
        found.append((yield from line.at(1)))
        yield 30
        found.append(kernel.now)

    kernel.start(waits())
    kernel.at(5, lambda: line.put(7))
    kernel.at(9, lambda: line.put(12))
    kernel.run()
    assert found == [12, 30]


@pytest.mark.parametrize(("number", "cycle"), [(0, 0), (2, 0), (3, 11), (4, 16)])
def test_room_is_there_in_the_cycle_behind(number: int, cycle: int) -> None:
    line = Line()
    line.put(10)
    line.put(15)
    with pytest.raises(StopIteration) as ended:
        next(line.room(number, 3))
    assert ended.value.value == cycle
