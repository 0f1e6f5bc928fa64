"""A device stops with the right code when something goes wrong, and goes on afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lego.ir.commands import ErrorCode
from tests.device.faults import ABORT, KINDS, Fault
from tests.device.recovery import drawn, judge, scene

ALL = len(KINDS)


@pytest.mark.parametrize("seed", range(2 * ALL))
def test_a_fault_is_told_and_forgotten(seed: int) -> None:
    judge(seed, *drawn(seed))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2 * ALL, 2 * ALL + 1000, 20))
def test_many_faults_are_told_and_forgotten(first: int) -> None:
    for seed in range(first, first + 20):
        judge(seed, *drawn(seed))


def test_the_command_that_is_wrong_is_told() -> None:
    stage, fault = drawn(list(KINDS).index("flipped bits"))
    assert fault.index is not None
    with pytest.raises(AssertionError, match="command"):
        judge(1, stage, replace(fault, index=fault.index + 1))


def test_a_fault_that_does_not_happen_is_noticed() -> None:
    for nothing in (
        Fault("", ErrorCode.READ),
        Fault("", ErrorCode.ABORTED, control=ABORT, after=9999),
    ):
        with pytest.raises(AssertionError, match="status 2"):
            judge(1, scene(0), nothing)


def test_other_bytes_afterwards_are_noticed() -> None:
    stage, fault = drawn(list(KINDS).index("abort"))
    spoiled = bytes([stage.left[0] ^ 1]) + stage.left[1:]
    with pytest.raises(AssertionError, match="of memory, and 0 more"):
        judge(1, replace(stage, left=spoiled), fault)
