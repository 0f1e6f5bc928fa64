"""Who uses a memory when, and how many words and halves it has for that."""

from __future__ import annotations

import pytest

from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.clients import array_of, host_of
from lego.ir.clients import When
from tests.back.designs import CHAIN, DESIGNS, GEMM, RESUMED, SEVERAL, design_of

NEVER, IDLE, OTHER, ALWAYS = When.NEVER, When.IDLE, When.OTHER_HALF, When.ALWAYS


def plan(text: str, how: str, more: str = "") -> DesignPlan:
    return design_of(
        text.replace("architecture: {", f"architecture: {{double_buffer: {how}{more}, ")
    )


def uses(text: str, how: str) -> list[tuple[int, When, When, When, When]]:
    """Per memory its halves, when the array reads and writes it, and when the host does."""
    return [
        (b.halves, array_of(b).reads, array_of(b).writes, host_of(b).reads, host_of(b).writes)
        for b in plan(text, how).buffers
    ]


OPERAND, RESULTS = (1, ALWAYS, NEVER, IDLE, ALWAYS), (1, NEVER, ALWAYS, ALWAYS, IDLE)
SUMS = (2, ALWAYS, ALWAYS, OTHER, OTHER)


def test_only_sums_have_halves() -> None:
    assert uses(GEMM, "parts") == [OPERAND, OPERAND, RESULTS]
    for text in (CHAIN, SEVERAL, RESUMED):
        assert uses(text, "parts") == [OPERAND, OPERAND, SUMS]


def test_without_parts_as_before() -> None:
    assert {use[0] for use in uses(GEMM, "yes")} == {2}
    assert {use[3:] for use in uses(GEMM, "yes")} == {(OTHER, OTHER)}
    assert {(use[0], *use[3:]) for use in uses(CHAIN, "no")} == {(1, IDLE, IDLE)}


@pytest.mark.parametrize("name", DESIGNS)
def test_memories_have_room_for_two_tensors(name: str) -> None:
    """In every bank that a tensor reaches it fits before the middle, and behind it."""
    alone, both = plan(DESIGNS[name], "no"), plan(DESIGNS[name], "parts")
    for one, two in zip(alone.buffers, both.buffers, strict=True):
        if two.halves > 1:
            assert (two.depths, two.middle) == (one.depths, 0)
            continue
        for used in two.used():
            words = used.banking.depth(used.tensor.shape)
            assert words <= two.middle
            assert two.middle + words <= two.depth_of(used.banking.n_banks - 1)
        assert two.depth <= max(64, 2 * one.depth)


def test_a_memory_is_as_large_as_the_file_says() -> None:
    found = plan(GEMM, "parts", ", memories: {X: 1024, Y: 4096}").buffers
    sizes = [sum(n * depth for n, depth in b.depths) * b.bits // 8 for b in found]
    assert (sizes[0], sizes[2]) == (1024, 4096)
    assert found[0].middle == found[0].depth // 2
    limited = plan(GEMM, "no", ", memories: {X: 1024, Y: 4096}").buffers
    assert [b.depths for b in limited] == [b.depths for b in plan(GEMM, "no").buffers]
