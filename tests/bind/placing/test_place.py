"""Placements against what the chip reaches, and against all small address steps."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from lego.bind.placing.access import Access
from lego.bind.placing.place import place
from lego.bind.placing.placement import Placement
from lego.bind.placing.wires import tells
from lego.bind.site import Port, moduli_of
from lego.ir.adg import Banking, InputPlan
from lego.ir.array import Tensor
from lego.ir.formats import Integer

Vector = tuple[int, ...]


def drawn(seed: int) -> tuple[Port, Access]:
    """A memory of 1 or 2 dimensions, and an access over 1 or 2 counters and an axis."""
    r = random.Random(seed)
    dims, counters, rank = r.randint(1, 2), r.randint(1, 2), r.randint(1, 2)
    counts = tuple(r.choice([1, 1, 2, 3]) for _ in range(dims))
    space = tuple((r.choice([0, 1, 1, 2]),) for _ in range(dims))
    time = tuple(tuple(r.choice([0, 0, 1, 2, 3]) for _ in range(counters)) for _ in range(dims))
    nothing = (0,) * dims
    banking = Banking(counts, (1,) * dims, (nothing,) * dims, nothing, fixed=False)
    tensor = Tensor("X", (4,) * dims, Integer(signed=True, bits=8))
    plan = InputPlan("X", tensor, time, space, nothing, (), 0, (), banking)
    port = Port(plan, 10**6, tuple(range(counters)), moduli_of(banking), (1,) * dims, ())
    size = r.randint(1, 3)
    steps = tuple(tuple(r.choice([0, 1, 1, 2, 3]) for _ in range(rank)) for _ in range(counters))
    axis = tuple(r.choice([0, 1, 1, 2]) for _ in range(rank)) if size > 1 else None
    trips = tuple(r.randint(2, 3) for _ in range(counters))
    return port, Access(steps, (axis,), (0,) * rank, trips, (size,))


def elements(access: Access) -> dict[tuple[Vector, Vector], Vector]:
    found = {}
    for t in itertools.product(*map(range, access.trips)):
        for s in range(access.covers[0]):
            axis = access.axes[0] or (0,) * len(access.first)
            found[t, (s,)] = tuple(
                sum((step or ())[i] * x for step, x in zip(access.time, t, strict=True))
                + axis[i] * s
                for i in range(len(access.first))
            )
    return found


def demand_right(port: Port, access: Access, found: Placement) -> None:
    """Every index has the element, in the tensor's shape and in the bank that is wired for it."""
    for (t, s), element in elements(access).items():
        index = found.index(t, s)
        assert found.element(index) == element
        assert all(0 <= v < n for v, n in zip(index, found.shape, strict=True))
        for j, modulus in enumerate(port.moduli):
            wired = sum(a * x for a, x in zip(port.plan.time[j], t, strict=True))
            wired += port.plan.space[j][0] * s[0] + port.plan.offset[j]
            assert access.free or (index[j] - wired) % modulus == 0


def test_every_index_has_its_element() -> None:
    for seed in range(400):
        port, access = drawn(seed)
        found = place(port, access)
        if not tells(port, access):
            continue
        assert isinstance(found, Placement)
        demand_right(port, access, found)
        free = place(port, replace(access, free=True))
        assert isinstance(free, Placement)
        demand_right(port, replace(access, free=True), free)


def test_placements_that_are_sought_in_small_memories() -> None:
    """Where the first placement doesn't fit: digits with the least weights, and tables with counters."""
    smaller = tabled = down = 0
    for seed in range(400):
        port, access = drawn(seed)
        found = place(port, access)
        while isinstance(found, Placement):
            tight = replace(port, words=found.words - 1)
            found = place(tight, access)
            if isinstance(found, Placement):
                assert found.words < port.words
                demand_right(port, access, found)
                smaller += 1
                tabled += bool(found.table)
                down += found.base != found.origin
    assert smaller > 150 and tabled > 20 and down > 10


def least_words(port: Port, access: Access, most: int) -> int | None:
    """Words of a bank that the best address steps from -most to most take; None if there are none."""
    dims, counters = len(port.plan.offset), len(access.trips)
    sides = [
        [a for a in range(-most, most + 1) if (a - port.plan.time[j][k]) % port.moduli[j] == 0]
        for j in range(dims)
        for k in range(counters)
    ]
    wanted = elements(access)
    best = None
    for flat in itertools.product(*sides):
        rows = [flat[j * counters : (j + 1) * counters] for j in range(dims)]
        known: dict[Vector, Vector] = {}
        for (t, s), element in wanted.items():
            index = tuple(
                sum(a * x for a, x in zip(row, t, strict=True)) + wire[0] * s[0]
                for row, wire in zip(rows, port.plan.space, strict=True)
            )
            if known.setdefault(index, element) != element:
                break
        else:
            shape = tuple(
                min(c) % m + max(c) - min(c) + 1
                for c, m in zip(zip(*known, strict=True), port.moduli, strict=True)
            )
            words = port.depth(shape)
            best = words if best is None else min(best, words)
    return best


def test_some_steps_exist_exactly_where_some_are_found_and_most_are_best() -> None:
    best = tried = 0
    for seed in range(34):
        port, access = drawn(seed)
        dims, counters = len(port.plan.offset), len(access.trips)
        least = least_words(port, access, {1: 24, 2: 12, 4: 5}[dims * counters])
        if not tells(port, access):
            assert least is None
            continue
        found = place(port, access)
        assert isinstance(found, Placement)
        assert least is None or found.words >= least or dims * counters > 1
        tried += 1
        best += least is not None and isinstance(
            place(replace(port, words=least), access), Placement
        )
    assert 5 * best > 4 * tried > 100


def test_what_is_too_large_says_what_it_takes() -> None:
    port, access = drawn(3)
    found = place(port, access)
    assert isinstance(found, Placement)
    refused = place(replace(port, words=found.words - 1), access)
    assert isinstance(refused, str)
    assert "needs banks of" in refused
