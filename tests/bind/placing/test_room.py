"""Lower bounds of words, against placements that were found and elements that are counted one by one."""

from __future__ import annotations

import itertools
import random

from lego.bind.freedom import Freedom
from lego.bind.placing.access import Access
from lego.bind.placing.bounds import Bounds, steps_of
from lego.bind.placing.room import Move, Need, Room, elements
from lego.bind.result import Bound
from lego.bind.search import bind
from lego.bind.site import Site, sites_of
from lego.ir.affine import AffineMap
from tests.bind.chips import drawn_chip
from tests.bind.drawing import drawn_operation
from tests.bind.placing.test_place import drawn


def accesses(site: Site, bound: Bound) -> list[Access]:
    """How the operands of a bound operation are reached."""
    given, op = bound.assignment, bound.op
    maps = [*(op.inputs[k].map for k in given.order), op.output.map]
    ragged = tuple((a, s.counter, s.ragged) for a, s in enumerate(given.axes) if s and s.ragged)
    covers = tuple(strip.count if strip else 1 for strip in given.axes)
    return [
        Access(
            steps_of(each, given.counters),
            steps_of(each, given.axes),
            each.offset,
            given.trips,
            covers,
            ragged,
        )
        for each in maps
    ]


def test_no_placement_takes_fewer_words() -> None:
    tight = 0
    for seed in range(30):
        for chip in drawn_chip(seed):
            for site in sites_of(chip):
                op, tensors = drawn_operation(site.adg, seed)
                for freedom in (Freedom(), Freedom.everything()):
                    bound = bind(site, op, tensors, freedom)
                    if not isinstance(bound, Bound):
                        continue
                    bounds = Bounds(site, freedom)
                    for n, access in enumerate(accesses(site, bound)):
                        least, words = bounds.reached(n, access), bound.placements[n].words
                        assert least <= words, f"chip {seed}, operand {n}: {op}"
                        tight += least == words
    assert tight > 30


def test_the_fullest_bank_has_as_many_elements() -> None:
    """On small memories with a bank per FU or less, all elements that each bank is asked for are counted."""
    exact = 0
    for seed in range(200):
        port, access = drawn(seed)
        turns = [
            tuple(a % m for a, m in zip(column, port.moduli, strict=True))
            for column in zip(*port.plan.time, strict=True)
        ]
        moves = tuple(map(Move, (step or () for step in access.time), access.trips, turns))
        found: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
        for *t, s in itertools.product(*map(range, (*access.trips, access.covers[0]))):
            index = [
                sum(a * x for a, x in zip(row, t, strict=True)) + line[0] * s
                for row, line in zip(port.plan.time, port.plan.space, strict=True)
            ]
            digits = port.plan.banking.digits(tuple(index))
            bank = tuple(d % n for d, n in zip(digits, port.plan.banking.counts, strict=True))
            steps = [*zip(access.time, t, strict=True), (access.axes[0], s)]
            element = tuple(
                sum(step[i] * x for step, x in steps if step) for i in range(len(access.first))
            )
            found.setdefault(bank, set()).add(element)
        wanted = max(map(len, found.values()))
        least = Room(port).least(Need(access.axes, access.covers, moves))
        assert least <= wanted, seed
        exact += least == wanted
    assert exact > 100


def test_elements_are_counted_at_most() -> None:
    r = random.Random(1)
    for _ in range(300):
        extents = [r.randint(1, 5) for _ in range(3)]
        rows = tuple(tuple(r.choice([0, 0, 1, 2, -3]) for _ in extents) for _ in range(2))
        access = AffineMap(rows, (0, 0))
        wanted = len({access(p) for p in itertools.product(*map(range, extents))})
        assert elements(access, extents) <= wanted
    assert elements(AffineMap(((3, 1),), (0,)), (1000, 5000)) == 7997
