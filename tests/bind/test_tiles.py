"""Operations in tiles: the runs together compute what the operation does, also where sums go on."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lego.bind.program import program_of
from lego.bind.result import Refusal
from lego.bind.site import Site
from lego.bind.tiles import Run, Tiling, tiled
from lego.ir.array import ArrayOperation, Tensor
from sim.adg_sim import run_adg
from tests.bind.examples import operation
from tests.bind.running import expected, operation_of, random_operands, sites_of_text

CHIP = """
name: chip
operations:
  - name: mm
    loops: {g: 2, m: 8, n: 8, j: 4, k: 8}
    statement: "Y[g,m,n] += X[g,m,j,k] * W[g,j,k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: mn, spatial: {m: 4, n: 4}, temporal: [g, m, n, j, k], control: systolic}
architecture: {array: [4, 4], resume: yes}
"""
LARGE = operation("big", "m: 24, n: 20, k: 70", "Y[m,n] += X[m,k] * W[k,n]")
SHORT = operation("little", "m: 5, n: 3, k: 6", "Y[m,n] += X[m,k] * W[k,n]")
CONV = operation(
    "conv",
    "oc: 12, oh: 5, ow: 6, ic: 6, kh: 3, kw: 3",
    "Y[oc,oh,ow] += X[ic,oh+kh-1,ow+kw-1] * W[oc,ic,kh,kw]",
    "    shapes: {X: [6, 5, 6]}\n    pad: {X: 0}",
)
LEAST = operation("least", "m: 24, n: 20, k: 70", "Y[m,n] min= X[m,k] * W[k,n]")

Vector = tuple[int, ...]


def run_tiles(
    sites: tuple[Site, ...], found: Tiling, tensors: dict[str, Tensor], seed: int
) -> tuple[dict[Vector, int], dict[Vector, int]]:
    """What is left of all elements after the runs, and what the operation's loops compute."""
    operands = random_operands(found.op, tensors, seed)
    left: dict[Vector, int] = {}
    held = None
    for run in found.runs:
        site = sites[run.bound.dataflow]
        program = replace(program_of(site, run.bound), resume=run.resumes)
        values = images(run, found.op, tensors, operands)
        given = {port.name: v for port, v in zip(site.inputs, values, strict=True)}
        done = run_adg(run.bound.adg, program, given, seed, held if run.resumes else None)
        held = done.values
        if run.whole:
            shift = moved(found.op, run, found.op.output.map.rows)
            for element, index in run.bound.results().items():
                at = tuple(a + b for a, b in zip(element, shift, strict=True))
                assert at not in left, "two runs write one element"
                left[at] = int(done.values[index])
    return left, expected(found.op, tensors, operands)


def moved(op: ArrayOperation, run: Run, rows: tuple[Vector, ...]) -> Vector:
    """Elements by which the run's tile is ahead of the first one."""
    return tuple(sum(a * x for a, x in zip(row, run.offset, strict=True)) for row in rows)


def images(
    run: Run, op: ArrayOperation, tensors: dict[str, Tensor], operands: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """What the host puts at every index of each input."""
    found = []
    for placed, k in zip(run.bound.placements[:-1], run.bound.assignment.order, strict=True):
        access = op.inputs[k]
        array, shift = operands[access.tensor], moved(op, run, access.map.rows)
        values = np.zeros(placed.shape, dtype=np.int64)
        for v in itertools.product(*map(range, placed.shape)):
            element = placed.element(v)
            if element is None:
                continue
            at = tuple(a + b for a, b in zip(element, shift, strict=True))
            inside = all(0 <= x < n for x, n in zip(at, array.shape, strict=True))
            values[v] = int(array[at]) if inside else tensors[access.tensor].pad or 0
        found.append(values)
    return found


@pytest.mark.parametrize("text", [LARGE, SHORT, CONV])
def test_runs_compute_the_operation(text: str) -> None:
    sites = sites_of_text(CHIP)
    op, tensors = operation_of(text)
    found = tiled(sites, op, tensors)
    assert isinstance(found, Tiling), found
    left, wanted = run_tiles(sites, found, tensors, 3)
    assert left == wanted


def test_what_fits_takes_one_run() -> None:
    op, tensors = operation_of(SHORT)
    found = tiled(sites_of_text(CHIP), op, tensors)
    assert isinstance(found, Tiling) and len(found.runs) == 1
    assert found.runs[0].whole and not found.runs[0].resumes and found.tile == op.extents


def test_reductions_go_on_from_one_place() -> None:
    op, tensors = operation_of(LARGE)
    found = tiled(sites_of_text(CHIP), op, tensors)
    assert isinstance(found, Tiling)
    assert any(run.resumes for run in found.runs)
    for before, run in itertools.pairwise(found.runs):
        if run.resumes:
            assert run.bound.placements[-1] == before.bound.placements[-1]
            assert not before.whole
        else:
            assert before.whole
    assert op.extents[2] % found.tile[2] == 0


def test_a_chip_without_resume_refuses_a_longer_reduction() -> None:
    op, tensors = operation_of(LARGE)
    found = tiled(sites_of_text(CHIP.replace(", resume: yes", "")), op, tensors)
    assert isinstance(found, list) and all(isinstance(each, Refusal) for each in found)
    assert found


@pytest.mark.parametrize(
    ("statement", "whole"), [("Y[2*m+k] += X[m] * W[k]", [1]), ("Y[m+k] += X[m] * W[k]", [0, 1])]
)
def test_no_two_tiles_write_one_element(statement: str, whole: list[int]) -> None:
    """What the output's element doesn't tell is cut nowhere: its sums wouldn't be whole."""
    op, tensors = operation_of(operation("transposed", "m: 9, k: 3", statement))
    found = tiled(sites_of_text(CHIP), op, tensors)
    if isinstance(found, Tiling):
        assert [found.tile[loop] for loop in whole] == [op.extents[loop] for loop in whole]
        left, wanted = run_tiles(sites_of_text(CHIP), found, tensors, 1)
        assert left == wanted
    else:
        assert {each.condition for each in found} == {"d"}


def test_tiles_of_loops_that_elements_tell() -> None:
    """Two taps of a transposed convolution of stride 2 never meet."""
    op, tensors = operation_of(operation("apart", "m: 30, k: 2", "Y[2*m+k] += X[m] * W[k]"))
    sites = sites_of_text(CHIP)
    found = tiled(sites, op, tensors)
    assert isinstance(found, Tiling), found
    left, wanted = run_tiles(sites, found, tensors, 1)
    assert left == wanted


def test_another_body_is_refused() -> None:
    op, tensors = operation_of(LEAST)
    found = tiled(sites_of_text(CHIP), op, tensors)
    assert isinstance(found, list) and {each.condition for each in found} == {"a"}
