"""Random operations on random chips: what is bound is right in every bit, and what is refused can't run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lego.bind.freedom import Freedom
from lego.bind.result import Bound
from lego.bind.search import bind
from lego.bind.site import Site, sites_of
from lego.ir.array import ArrayOperation, Tensor
from tests.bind.brute import can_run, small
from tests.bind.chips import drawn_chip
from tests.bind.drawing import drawn_operation
from tests.bind.running import expected, ran, random_operands, simulated

FREEDOMS = [
    Freedom(steps=True),
    Freedom(masks=True),
    Freedom(holds=True),
    Freedom(delays=True),
    Freedom.everything(),
]


def drawn(chips: range, each: int) -> Iterator[tuple[Site, ArrayOperation, dict[str, Tensor], int]]:
    """So many operations for every dataflow of every chip."""
    for seed in chips:
        for chip in drawn_chip(seed):
            for site in sites_of(chip):
                for k in range(each):
                    yield site, *drawn_operation(site.adg, 1000 * seed + k), seed


def runs_right(chips: range, each: int) -> int:
    """How many operations were bound; each is run as the chip does, and by the simulator of architectures."""
    count = 0
    for site, op, tensors, seed in drawn(chips, each):
        bound = bind(site, op, tensors)
        if isinstance(bound, Bound):
            operands = random_operands(op, tensors, seed)
            wanted = expected(op, tensors, operands)
            assert ran(site, bound, tensors, operands) == wanted, f"chip {seed}: {op}"
            assert simulated(site, bound, tensors, operands) == wanted, f"chip {seed}: {op}"
            count += 1
    return count


def agrees(chips: range, each: int) -> tuple[int, int]:
    """Operations that were bound and refused, where trying every way says the same."""
    counts = [0, 0]
    for site, op, tensors, seed in drawn(chips, each):
        if (
            not site.adg.output.injective
            or any(p.compared for p in site.ports)
            or not small(site, op)
        ):
            continue
        found = bind(site, op, tensors)
        bound = isinstance(found, Bound)
        if not isinstance(found, Bound) and (found.condition == "a" or "words" in found.reason):
            continue
        assert isinstance(found, Bound) or found.complete
        assert can_run(site, op, tensors) == bound, f"chip {seed}: {op}\n{found}"
        counts[not bound] += 1
    return counts[0], counts[1]


def test_bound_operations_are_right_in_every_bit() -> None:
    assert runs_right(range(50), each=1) > 25


def test_refused_operations_can_not_run() -> None:
    bound, refused = agrees(range(60), each=2)
    assert bound > 15
    assert refused > 4


def test_freedom_loses_nothing_and_keeps_results_right() -> None:
    more = 0
    for site, op, tensors, seed in drawn(range(30), each=1):
        plain = isinstance(bind(site, op, tensors), Bound)
        for freedom in FREEDOMS:
            bound = bind(site, op, tensors, freedom)
            if isinstance(bound, Bound):
                operands = random_operands(op, tensors, seed)
                wanted = expected(op, tensors, operands)
                assert simulated(site, bound, tensors, operands) == wanted, f"{freedom}: {op}"
                more += not plain
            else:
                assert not plain, f"{freedom}: {op}"
    assert more > 2


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_a_thousand_operations_on_twenty_chips_each(block: int) -> None:
    assert runs_right(range(5000 + 20 * block, 5020 + 20 * block), each=50) > 200


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_many_refused_operations_can_not_run(block: int) -> None:
    agrees(range(9000 + 20 * block, 9020 + 20 * block), each=8)
