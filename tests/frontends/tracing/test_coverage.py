"""The check of accesses against all iterations, one by one."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from frontends.tracing.coverage import check_accesses, sums
from frontends.tracing.drafts import Input
from frontends.tracing.nests import Nests, Term
from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.constants import constant
from lego.ir.formats import FLOAT32, INT64
from lego.ir.network import Buffer, Network, Role
from lego.ir.operation import Loop, Operation, Output, Place, Reduction

SHAPES = [(6,), (4, 3), (2, 3, 2), (1, 5), ()]
SEEDS = 1000


def random_network(rng: random.Random) -> Network:
    """One to three writers of one buffer: mostly whole rows and slices, sometimes anything."""
    shape = rng.choice(SHAPES)
    count = rng.choice([1, 1, 2, 3])
    ways = (sliced, sliced, split, anything)
    operations = tuple(rng.choice(ways)(rng, shape, f"op{k}") for k in range(count))
    return Network("n", (Buffer("y", shape, FLOAT32),), operations, (), ("y",))


def operation(
    name: str, extents: list[int], rows: list[list[int]], offset: list[int], clipped: bool, how: Reduction
) -> Operation:  # fmt: skip
    loops = tuple(Loop(f"i{k}", n) for k, n in enumerate(extents))
    place = Place("y", AffineMap(tuple(map(tuple, rows)), tuple(offset)))
    output = Output(place, constant(1.0, FLOAT32), how, clipped)
    return Operation(name, loops, (output,), (), source="test")


def sliced(rng: random.Random, shape: tuple[int, ...], name: str) -> Operation:
    """A loop per dimension, some over a part of it, one perhaps down or in steps."""
    extents, rows, offset = [], [], []
    for d, size in enumerate(shape):
        extent, step, start = size, 1, 0
        if rng.random() < 0.3:
            step = rng.choice([1, 2, -1])
            extent = rng.randint(1, max(1, size // abs(step)))
            start = rng.randint(0, max(0, size - 1 - abs(step) * (extent - 1)))
            start += (extent - 1) if step < 0 else 0
        extents.append(extent)
        rows.append([step * (j == d) for j in range(len(shape))])
        offset.append(start)
    return operation(name, extents, rows, offset, False, rng.choice(list(Reduction)))


def split(rng: random.Random, shape: tuple[int, ...], name: str) -> Operation:
    """Two loops per dimension, as windows and split loops have; clipped."""
    extents, rows, offset = [], [], []
    for d, size in enumerate(shape):
        extents += [rng.randint(1, size), rng.randint(1, 3)]
        steps = [rng.randint(1, 3), rng.choice([1, 1, 2])]
        rows.append([steps[j % 2] if j // 2 == d else 0 for j in range(2 * len(shape))])
        offset.append(-rng.randint(0, 2))
    return operation(
        name, extents, rows, offset, True, rng.choice([Reduction.ADD, Reduction.ASSIGN])
    )


def anything(rng: random.Random, shape: tuple[int, ...], name: str) -> Operation:
    extents = [rng.randint(1, 4) for _ in range(rng.randint(0, 3))]
    rows = [[rng.choice([0, 0, 1, 1, 2, -1]) for _ in extents] for _ in shape]
    offset = [rng.choice([0, 0, 1, -1]) for _ in shape]
    return operation(name, extents, rows, offset, rng.random() < 0.5, rng.choice(list(Reduction)))


def is_wrong(network: Network) -> bool:
    shape, written = network.buffers[0].shape, set()
    for op in network.operations:
        points = itertools.product(*(range(loop.extent) for loop in op.loops))
        places = [op.output.map(point) for point in points]
        inside = [p for p in places if all(0 <= i < n for i, n in zip(p, shape, strict=True))]
        if not op.output.clipped and len(inside) < len(places):
            return True
        if op.output.reduction is Reduction.ASSIGN and (
            len(set(inside)) < len(inside) or unused(op)
        ):
            return True
        written |= set(inside)
    return written != set(itertools.product(*map(range, shape)))


def unused(op: Operation) -> bool:
    """Whether the output doesn't follow a loop, which no assignment may, wherever it is."""
    rows = op.output.map.rows
    return any(loop.extent > 1 and not any(r[k] for r in rows) for k, loop in enumerate(op.loops))


def test_every_iteration_says_the_same() -> None:
    rng, wrong = random.Random(1), 0
    for _ in range(SEEDS):
        network = random_network(rng)
        found = is_wrong(network)
        wrong += found
        try:
            check_accesses(network)
        except InternalError as error:
            assert found, error
        else:
            assert not found, network.operations
    assert SEEDS // 5 < wrong < SEEDS * 4 // 5


def test_sums_of_steps() -> None:
    rng = random.Random(2)
    for _ in range(SEEDS):
        loops = [Loop(f"i{k}", rng.randint(1, 5)) for k in range(rng.randint(0, 3))]
        row = [rng.choice([1, 1, 2, 3, -1, -2, 7, 0]) for _ in loops]
        start, size = rng.randint(-4, 4), rng.randint(1, 12)
        points = itertools.product(*(range(loop.extent) for loop in loops))
        met = {start + sum(a * i for a, i in zip(row, p, strict=True)) for p in points}
        found = sums(row, start, loops, size)
        bits = found if isinstance(found, int) else sum(1 << k for k in found)
        assert bits == sum(1 << k for k in met if 0 <= k < size), (row, loops, start, size)


def nests() -> tuple[Nests, Term]:
    made = Nests("n")
    return made, Term(made.declare("x", (4, 6), FLOAT32, Role.INPUT), ("a", "b"))


def test_the_tracer_refuses_what_it_leaves_out() -> None:
    made, x = nests()
    out = made.nest("copy", "test", ("a", "b"), FLOAT32, [x], Input(0))
    assert made.network(["x"], [out.buffer])
    op = made.steps[0]
    short = replace(op, loops=(op.loops[0], Loop("b", 5)))
    made.steps[0] = short
    with pytest.raises(InternalError, match=r"no element \[0, 5\] of copy.out is written, by copy"):
        made.network(["x"], [out.buffer])
    made.steps[0] = replace(op, loops=(op.loops[0], Loop("b", 7)))
    with pytest.raises(
        InternalError, match=r"copy is at 0 to 6 of dimension 1 of copy.out, which has 6"
    ):
        made.network(["x"], [out.buffer])
    place = replace(op.output.place, map=AffineMap(((1, 0), (0, 0)), (0, 0)))
    made.steps[0] = replace(op, outputs=(replace(op.output, place=place),))
    with pytest.raises(InternalError, match=r"copy assigns an element of copy.out twice"):
        made.network(["x"], [out.buffer])
    made.steps.clear()
    with pytest.raises(InternalError, match="written, by nothing"):
        made.network(["x"], [out.buffer])


def test_reads_are_checked_but_where_they_look_up() -> None:
    made, x = nests()
    made.nest("copy", "test", ("a", "b"), FLOAT32, [x], Input(0))
    op = made.steps[0]
    far = replace(op.inputs[0], map=AffineMap(((1, 0), (0, 1)), (0, 1)))
    index = Place("k", op.inputs[0].map)
    made.declare("k", (4, 6), INT64, Role.INPUT)
    for place, right in (
        (far, False),
        (replace(far, pad=constant(0.0, FLOAT32)), True),
        (replace(far, indirect=((1, 0),)), True),
        (replace(far, indirect=((0, 0),)), False),
    ):
        made.steps[0] = replace(op, inputs=(index, place))
        if right:
            made.network(["x", "k"], [op.output.buffer])
        else:
            with pytest.raises(InternalError, match="copy is at 1 to 6 of dimension 1 of x"):
                made.network(["x"], [op.output.buffer])
