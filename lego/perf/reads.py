"""The channel of reads: beats come in the order of their addresses, and wait for whoever takes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from lego.perf.bus import Channel, Master
from lego.perf.kernel import Process
from lego.perf.result import MemoryTiming
from lego.perf.transfer import Load

__all__ = ["FETCH", "LOAD", "read_channel"]

FETCH, LOAD = 0, 1
"""Clients of the master of reads."""


def read_channel(
    master: Master, load: Load, arrived: Callable[[int], None], timing: MemoryTiming
) -> Process:
    """Beats of all bursts; `arrived` is told the cycle of each beat of a program.

    A beat is chosen in one cycle and there from the next one on, until it is taken.
    """
    last, left, channel = 0, 0, Channel(timing.rate)
    for number in itertools.count():
        yield from master.taken.at(number)
        burst = master.bursts[number]
        due = burst.taken + timing.latency
        if burst.client == FETCH:
            for _ in range(burst.beats):
                last = channel.one(max(due, last)) + 1
                arrived(last)
        else:
            began = yield from load.loaded.at(burst.run)
            last = _taken(channel, max(due, last), began, burst.beats)
            left = (left or load.work[burst.run].words) - burst.beats
            if not left:
                load.finished.put(last)
        master.answered.put(last)


def _taken(channel: Channel, earliest: int, began: int, beats: int) -> int:
    """The cycle in which the last beat of a burst is taken, by words that move from `began` on."""
    first = max(channel.one(earliest) + 1, began)
    if beats == 1:
        return first
    channel.one(first)
    return channel.more(beats - 2) + 1
