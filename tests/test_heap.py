"""How often Python looks for garbage."""

from __future__ import annotations

import gc

from lego.heap import ALLOCATIONS, HARDLY, rarely_collected


def test_the_rarer_of_two_counts_and_all_is_put_back() -> None:
    before = gc.get_threshold()
    with rarely_collected(HARDLY):
        with rarely_collected():
            assert gc.get_threshold()[0] == HARDLY
        assert gc.get_threshold()[0] == HARDLY
    assert gc.get_threshold() == before
    with rarely_collected():
        assert gc.get_threshold()[0] == max(ALLOCATIONS, before[0])
    assert gc.get_threshold() == before
