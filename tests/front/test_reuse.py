"""Reuse analysis against brute force over every pair of points."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lego.front.reuse import Forms, Reuse, ReuseKind, held_counters, reuse_vectors, validity
from lego.ir.dataflow import Dataflow


def flow(sizes: tuple[int, ...], control: tuple[int, ...]) -> Dataflow:
    return Dataflow("f", (), tuple(range(len(sizes))), sizes, control)


def linear(dt: tuple[int, ...], trips: tuple[int, ...]) -> int:
    total = 0
    for d, n in zip(dt, trips, strict=True):
        total = total * n + d
    return total


def brute_force(
    form: Forms, f: Dataflow, trips: tuple[int, ...], ds: tuple[int, ...]
) -> int | None:
    """Least delay over all displacements in time; None if there is no reuse."""
    delays = []
    for dt in itertools.product(*(range(1 - n, n) for n in trips)):
        same = all(
            sum(a * d for a, d in zip(rt, dt, strict=True))
            + sum(a * d for a, d in zip(rs, ds, strict=True))
            == 0
            for rt, rs in zip(form.time, form.space, strict=True)
        )
        delay = linear(dt, trips) + f.skew(ds)
        if same and delay >= (0 if any(ds) else 1):
            delays.append(delay)
    return min(delays, default=None)


small = st.integers(-2, 2)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Forms, Dataflow, tuple[int, ...]]:
    counters, axes = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rank = draw(st.integers(1, 2))
    row = lambda n: st.tuples(*[small] * n)  # noqa: E731
    time = tuple(draw(row(counters)) for _ in range(rank))
    space = tuple(draw(row(axes)) for _ in range(rank))
    trips = tuple(draw(st.integers(1, 4)) for _ in range(counters))
    control = tuple(draw(st.integers(0, 2)) for _ in range(axes))
    return Forms(time, space, (0,) * rank), flow((3,) * axes, control), trips


# isl 0.27 refuses to minimise this one's solutions at once.
REFUSED = Forms(((2, 1, -1),), ((0, 2),), (0,)), flow((3, 3), (0, 2)), (2, 2, 2)


@settings(max_examples=150, deadline=None)
@given(problems())
@example(REFUSED)
def test_least_delay_equals_brute_force(problem: tuple[Forms, Dataflow, tuple[int, ...]]) -> None:
    form, f, trips = problem
    found = {r.ds: r.delay for r in reuse_vectors(form, f, trips)}
    for ds in itertools.product((-1, 0, 1), repeat=len(f.sizes)):
        assert found.get(ds) == brute_force(form, f, trips, ds)


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(-3, 3), st.integers(-2, 2)), st.integers(1, 4), st.integers(1, 4))
def test_validity_counts_the_points_with_a_source(
    dts: tuple[int, int], trip: int, size: int
) -> None:
    dt, ds = dts
    valid = validity(Reuse((dt,), (ds,), 0), (trip,), (size,))
    points = [
        (t, s)
        for t in range(trip)
        for s in range(size)
        if 0 <= t - dt < trip and 0 <= s - ds < size
    ]
    assert valid.count_val().to_python() == len(points)


def test_convolution_reuses_along_the_row_only_inside_the_box() -> None:
    """The trap: X[s + t] on 4 FUs and 3 taps is passed on for half of the accesses only."""
    form = Forms(((1,),), ((1,),), (0,))
    (reuse,) = [r for r in reuse_vectors(form, flow((4,), (0,)), (3,)) if r.ds == (-1,)]
    assert (reuse.dt, reuse.delay, reuse.kind) == ((1,), 1, ReuseKind.DELAY)
    assert validity(reuse, (3,), (4,)).count_val().to_python() == 6  # of 12


@pytest.mark.parametrize(
    ("row", "held"), [((1, 0, 0), 2), ((0, 0, 0), 3), ((1, 2, 3), 0), ((0, 1, 0), 1)]
)
def test_held_counters(row: tuple[int, ...], held: int) -> None:
    assert held_counters(Forms((row,), ((0,),), (0,))) == held
