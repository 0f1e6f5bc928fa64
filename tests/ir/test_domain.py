"""Affine domains: exact sets against enumeration, guards of FUs, and bounds at run time."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontends.yaml import load_text
from lego.back.backend import lower
from lego.compile import compile_workload
from lego.designs import adgs_of, designs_of
from lego.diag import LegoError
from lego.ir.adg import Adg
from lego.ir.domain import Inequality, index_range, points, reached
from lego.program import configure
from sim.adg_sim import run_adg
from sim.reference import execute

SCORES = """\
name: causal
operations:
  - name: scores
    loops: {i: 9, j: i+1, d: 5}
    statement: "S[i,j] += Q[i,d] * K[j,d]"
    formats: {Q: int8, K: int8, S: int32}
    dataflow: {spatial: {i: 4, j: 4}, temporal: [i, j, d], control: systolic}
architecture: {array: [4, 4]}
"""


def adg_of(text: str) -> Adg:
    """The only architecture of a file."""
    (adg,) = adgs_of(load_text(text))
    return adg


@st.composite
def domains(draw: st.DrawFn) -> tuple[list[int], list[Inequality]]:
    """A box of up to 4 loops, and up to 3 inequalities."""
    extents = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    row = st.lists(st.integers(-3, 3), min_size=len(extents), max_size=len(extents)).filter(any)
    cuts = draw(st.lists(st.tuples(row, st.integers(-6, 9)), max_size=3))
    return extents, [Inequality.of(a, limit) for a, limit in cuts]


@settings(max_examples=80, deadline=None)
@given(domains(), st.lists(st.integers(-3, 3), min_size=4, max_size=4), st.integers(-5, 5))
def test_sets_are_what_enumeration_gives(
    drawn: tuple[list[int], list[Inequality]], row: list[int], offset: int
) -> None:
    extents, cuts = drawn
    box = itertools.product(*map(range, extents))
    inside = [point for point in box if all(cut.holds(point) for cut in cuts)]
    row = row[: len(extents)]
    values = [offset + sum(a * x for a, x in zip(row, point, strict=True)) for point in inside]
    assert points(extents, cuts) == len(inside)
    assert index_range(row, offset, extents, cuts) == (
        (min(values), max(values)) if values else None
    )
    last = len(extents) - 1
    assert reached(last, extents, cuts) == max((point[last] + 1 for point in inside), default=0)


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=3).filter(any), st.integers(-30, 30))
def test_common_factors_are_divided_out(row: list[int], limit: int) -> None:
    cut = Inequality.of(row, limit)
    assert math.gcd(*cut.coefficients) == 1
    for point in itertools.product(range(-3, 4), repeat=len(row)):
        assert cut.holds(point) == (sum(a * x for a, x in zip(row, point, strict=True)) < limit)


def test_inequalities_as_text() -> None:
    names = ["i", "k", "j"]
    assert Inequality((-1, 0, 1), 1).describe(names) == "j < i + 1"
    assert Inequality((1, -2, -1), 4).describe(names) == "j >= i - 2*k - 3"
    assert Inequality((0, 1, 1), 8).describe(names) == "j < -k + 8"
    assert Inequality((-1, 0, 1), 0).describe(names) == "j < i"
    assert Inequality((0, 0, -1), -1).describe(names) == "j >= 2"


def test_fus_with_one_constant_share_a_comparator() -> None:
    """As many comparators as distinct differences: 7 of 4x4 FUs, and 31 of 16x16."""
    (fused,) = designs_of(load_text(SCORES))
    dag = lower(fused).dag
    (sequencer,) = (m for m in dag.modules if m.name.endswith("_sequencer"))
    ports = [name for name, _ in sequencer.outputs if name.startswith("valid2_")]
    assert len(ports) == 7
    wide = SCORES.replace("i: 4, j: 4", "i: 16, j: 16").replace("array: [4, 4]", "array: [16, 16]")
    adg = adg_of(wide.replace("i: 9", "i: 32"))
    (guard,) = adg.guards
    assert len({guard.at(fu) for fu in adg.dataflow.fus()}) == 31


def test_bounds_that_depend_on_others_follow_them_at_run_time() -> None:
    adg = adg_of(SCORES)
    program = configure(adg, {"i": 6})
    assert program.bounds == {"i": 6, "j": 6, "d": 5}
    assert program.iterations == 21 * 5
    assert program.cycles < configure(adg).cycles
    assert program.layouts["S"].shape == (6, 6)
    given = configure(adg, {"i": 6, "j": 2})
    assert given.bounds["j"] == 2
    assert given.iterations == 11 * 5
    assert configure(adg, {"i": 2, "j": 7}).layouts["S"].shape == (2, 7)


def test_a_run_without_iterations_is_a_run() -> None:
    strict = adg_of(SCORES.replace("j: i+1", "j: i"))
    program = configure(strict, {"i": 1})
    assert program.iterations == 0
    assert program.bounds["j"] == 1


def test_shapes_are_those_of_the_domain() -> None:
    text = SCORES.replace("S[i,j]", "S[i-j]").replace("S: int32}", "S: int16}")
    assert adg_of(text).output.tensor.shape == (9,)
    low = SCORES.replace("S[i,j]", "S[j-i]")
    with pytest.raises(LegoError, match=r"E122.*index 0 of 'S' reaches -8.*at i=8, j=0"):
        load_text(low)


ASSIGNS = """\
name: picks
operations:
  - name: op
    loops: {i: 6, k: RANGE}
    statement: "Y[i] = X[i,k]"
    formats: {X: int8, Y: int8}
    dataflow: {spatial: {i: 2, k: 2}, temporal: [i, k]}
architecture: {array: [2, 2]}
"""


def test_assignments_clash_inside_the_domain_only() -> None:
    """One value per element is legal even where the box has several."""
    adg = adg_of(ASSIGNS.replace("RANGE", "[i, i+1]"))
    assert not adg.output.injective
    with pytest.raises(LegoError, match=r"E301.*in iterations \(i=0, k=0\) and \(i=0, k=1\)"):
        adg_of(ASSIGNS.replace("RANGE", "[i, i+2]"))


def test_the_report_says_what_is_masked() -> None:
    files = compile_workload(load_text(SCORES), source=SCORES.encode())
    assert (
        "scores: 225 of 405 iterations have j < i + 1; the other 44.4% are masked.\n"
        in files["report.md"].decode()
    )


@pytest.mark.parametrize("loop", ["1", "[i, i+1]"])
def test_assignments_by_several_fus_take_the_one_that_counts(loop: str) -> None:
    """FUs and timestamps beyond a loop that the output doesn't name add nothing."""
    workload = load_text(ASSIGNS.replace("RANGE", loop))
    (adg,) = adgs_of(workload)
    program = configure(adg)
    values = np.arange(6 * 6).reshape(6, 6)[:, : program.layouts["X"].shape[1]]
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    shape = program.layouts["Y"].shape
    wanted = execute(
        workload.operation(adg.op.name), tensors, {"X": values}, program.bounds, shape
    ).values
    assert wanted.tolist() == [7 * i if loop != "1" else 6 * i for i in range(6)]
    assert (run_adg(adg, program, {"X": values}).values == wanted).all()
