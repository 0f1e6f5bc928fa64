"""The queue of commands against a list."""

from __future__ import annotations

import random
from collections import deque

import pytest

from lego.back.lower.queue import build_queue, word_bits
from tests.back.designs import GEMM, SEVERAL, design_of
from tests.back.machine import Machine
from tests.sequences import queued


@pytest.mark.parametrize("words", [2, 4, 16])
@pytest.mark.parametrize("text", [GEMM, SEVERAL], ids=["gemm", "several"])
def test_words_leave_in_their_order(text: str, words: int) -> None:
    """One per cycle, none while a start is pending, and none is taken while the queue is full."""
    design, r = design_of(queued(text, words)), random.Random(words)
    machine, waiting = Machine(build_queue(design)), deque[tuple[int, int, int, int]]()
    filled = 0
    for cycle in range(400):
        eager = cycle // 40 % 2  # by turns the queue fills and empties
        write, start = r.randint(0, 3) < 3, r.randint(0, 3) == 0
        address, data = r.randrange(len(design.registers)), r.getrandbits(word_bits(design))
        pending = r.randint(0, 3) < 3 if eager else r.randint(0, 3) == 0
        said = machine.cycle(
            {
                "host_addr": address,
                "host_wdata": data,
                "host_wen": int(write),
                "start": int(start),
                "pending": int(pending),
            }
        )
        ready = len(waiting) < words
        filled += not ready
        assert said["ready"] == ready
        assert said["started"] == (start and ready)
        leaves = bool(waiting) and not pending
        if leaves:
            begins, writes, at, word = waiting.popleft()
            assert (said["go"], said["write"]) == (begins, writes)
            if writes:
                assert (said["write_addr"], said["write_data"]) == (at, word)
        else:
            assert (said["go"], said["write"]) == (0, 0)
        if ready and (write or start):
            waiting.append((int(start), int(write), address, data))
    assert filled > 20
