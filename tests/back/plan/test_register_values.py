"""Values of registers: what the array then counts and addresses is what the loops and the layout say."""

from __future__ import annotations

import itertools
import random

import pytest

from lego.back.plan.register_values import register_values, runtime_shapes
from lego.back.plan.registers import address_bits, levels
from tests.back.designs import (
    CHAIN,
    DESIGNS,
    EDGES,
    GEMM,
    RESUMED,
    SEVERAL,
    TRIANGLE,
    WINDOWS,
    design_of,
)
from tests.back.timeline import Timeline, runs_of


def shapes_at(text: str, bounds: dict[str, int]) -> dict[str, tuple[int, ...]]:
    (adg,) = design_of(text).adgs
    full = {plan.tensor.name: plan.tensor.shape for plan in adg.operands()}
    most = {loop.name: loop.extent for loop in adg.op.loops}
    return runtime_shapes(adg.op, full, most | bounds)


@pytest.mark.parametrize(
    ("text", "bounds", "shapes"),
    [
        (GEMM, {}, {"X": (5, 4), "W": (4, 3), "Y": (5, 3)}),
        (GEMM, {"m": 2, "k": 1}, {"X": (2, 1), "W": (1, 3), "Y": (2, 3)}),
        # X is shorter than its largest indices, 3 of `oh+kh-1` and 8 of `2*ow+kw-1`, and stays so
        (WINDOWS, {}, {"X": (2, 3, 8), "W": (2, 2, 3, 2), "Y": (2, 3, 5)}),
        (WINDOWS, {"ow": 3, "ic": 1}, {"X": (1, 3, 4), "W": (2, 1, 3, 2), "Y": (2, 3, 3)}),
        (WINDOWS, {"ow": 1, "oh": 1, "kh": 1}, {"X": (2, 1, 1), "W": (2, 2, 1, 2), "Y": (2, 1, 1)}),
        (TRIANGLE, {"i": 3, "j": 3}, {"Q": (3, 3), "K": (3, 3), "S": (3, 3)}),
        # all of the box is kept where the tensor holds it, although no point has a larger `j` than `i`
        (TRIANGLE, {"i": 2, "j": 4}, {"Q": (2, 3), "K": (4, 3), "S": (2, 4)}),
        (EDGES, {"i": 2}, {"A": (2,), "Y": (4,)}),  # 2*1 + 1 is the largest index
    ],
)
def test_tensors_shrink_as_their_largest_index_does(
    text: str, bounds: dict[str, int], shapes: dict[str, tuple[int, ...]]
) -> None:
    assert shapes_at(text, bounds) == shapes


def values_of(run: Timeline, bases: dict[str, int]) -> dict[str, int]:
    shapes = {name: layout.shape for name, layout in run.program.layouts.items()}
    by_tensor = {plan.tensor.name: shapes[plan.name] for plan in run.adg.operands()}
    return register_values(
        run.design, run.layer, run.program.bounds, by_tensor, bases, pauses=run.pauses
    )


@pytest.mark.parametrize("name", DESIGNS)
def test_bases_and_steps_add_up_to_words(name: str) -> None:
    """Where no digit carries into rows, the word is the base and a step per trip of every counter."""
    design, checked, r = design_of(DESIGNS[name]), 0, random.Random(1)
    for run in runs_of(design, seed=10):
        bases = {plan.name: r.randint(0, 3) for plan in run.adg.operands()}
        values = values_of(run, bases)
        for buffer in design.buffers:
            view = design.views[buffer.index][run.layer]
            if view is None or view.turning:
                continue
            layout, size = run.program.layouts[view.plan.name], 1 << address_bits(buffer.depth)
            for t in run.timestamps:
                least = [
                    low + sum(a * x for a, x in zip(row, t, strict=True))
                    for low, row in zip(view.least, view.plan.time, strict=True)
                ]
                steps = sum(values[f"{buffer.name}_step{k}"] * t[k] for k in levels([view.plan]))
                word = values[f"{buffer.name}_base"] + steps
                assert word % size == (layout.word(least) + bases[view.plan.name]) % size
                checked += 1
    assert checked


@pytest.mark.parametrize("name", DESIGNS)
def test_bounds_trips_and_guards(name: str) -> None:
    design = design_of(DESIGNS[name])
    for run in runs_of(design, seed=11):
        values = values_of(run, {plan.name: 0 for plan in run.adg.operands()})
        assert set(values) == {spec.name for spec in design.registers}
        assert all(0 <= values[spec.name] <= spec.high for spec in design.registers)
        assert [values[f"trip{k}"] + 1 for k in range(len(run.trips))] == list(run.trips)
        assert [values.get(f"pause{k}", 0) for k in range(len(run.trips))] == list(run.pauses)
        for axis, loop in enumerate(run.adg.dataflow.spatial_loops):
            if loop >= 0:
                assert values[f"bound{axis}"] == run.bounds[loop]
        for k, (guard, each) in enumerate(zip(run.adg.guards, run.adg.op.domain, strict=True)):
            for t, fu in itertools.product(run.timestamps, run.adg.dataflow.fus()):
                value = guard.start + sum(a * x for a, x in zip(guard.time, t, strict=True))
                point = run.point(t, fu)
                inside = sum(a * x for a, x in zip(each.coefficients, point, strict=True))
                assert (value + guard.at(fu) < values[f"guard{k}"]) == (inside < each.limit)


def test_registers_of_other_dataflows_are_zero() -> None:
    design = design_of(SEVERAL)
    runs = {run.layer: run for run in runs_of(design, seed=12, count=0)}
    pool = values_of(runs[2], {plan.name: 0 for plan in runs[2].adg.operands()})
    assert pool["dataflow"] == 2
    assert not any(value for name, value in pool.items() if name.startswith("X_"))


def test_the_half_in_use() -> None:
    design = design_of(CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes"))
    (run,) = runs_of(design, seed=12, count=0)
    shapes = {name: layout.shape for name, layout in run.program.layouts.items()}
    bases = dict.fromkeys(shapes, 0)
    for half in range(2):
        values = register_values(design, 0, run.program.bounds, shapes, bases, half)
        assert values["half"] == half


def test_whether_a_run_goes_on() -> None:
    design = design_of(RESUMED)
    (run,) = runs_of(design, seed=12, count=0)
    shapes = {name: layout.shape for name, layout in run.program.layouts.items()}
    bases = dict.fromkeys(shapes, 0)
    for resume in range(2):
        values = register_values(design, 0, run.program.bounds, shapes, bases, resume=resume)
        assert values["resume"] == resume
