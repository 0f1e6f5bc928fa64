"""Random affine domains x dataflows x ragged sizes: the ADG and the RTL against plain loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from frontends.yaml import load_text
from frontends.yaml.render import render_workload
from lego.back.pipeline import Options
from lego.back.plan.design import plan_of
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.fused import FusedAdg
from lego.ir.operation import Reduction
from lego.program import configure
from sim.adg_sim import run_adg
from sim.reference import execute, random_tensor, wrap
from tests.property.domains import (
    domain_sample,
    fused_domain_sample,
    naive,
    operations_of,
    points_of,
)
from tests.property.generator import Sample
from tests.property.simulate import ILLEGAL, simulate

PER_BLOCK = 50
PER_MODEL = 10


def check(draw: Callable[[int], Sample], seed: int) -> bool:
    """Whether the seed is legal and has a domain; fails if the ADG or the reference computes anything
    else than plain loops."""
    drawn = draw(seed)
    try:
        workload = load_text(drawn.text)
        (fused,) = designs_of(workload)
    except LegoError as error:
        assert error.code in ILLEGAL, f"{error}\n{drawn.text}"
        return False
    assert FusedAdg.from_json(fused.to_json()) == fused
    assert load_text(render_workload(workload)) == workload, drawn.text
    rng = np.random.default_rng(seed)
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    forms = {form["name"]: form for form in operations_of(drawn.text)}
    for k, layer in enumerate(fused.layers):
        adg = layer.adg
        limits = {loop.name: loop.extent for loop in adg.op.loops}
        some = {n: min(b, limits[n]) for n, b in drawn.bounds.items() if n in limits}
        first = adg.op.loops[0].name
        for bounds in ({}, some, {first: some[first]}):
            program = configure(fused, bounds, dataflow=k)
            for spec in plan_of(fused).registers:
                assert 0 <= program.registers[spec.name] < 1 << spec.bits, spec
            operands = {
                plan.tensor.name: random_tensor(
                    plan.tensor.format, program.layouts[plan.name].shape, rng
                )
                for plan in adg.inputs
            }
            shape = program.layouts[adg.output.name].shape
            wanted = naive(forms[adg.op.name], operands, program.bounds)
            told = f"{drawn.text}\n{bounds}"
            count = sum(1 for _ in points_of(forms[adg.op.name]["loops"], program.bounds))
            assert program.iterations == count, told
            values = execute(
                workload.operation(adg.op.name), tensors, operands, program.bounds, shape
            )
            got = run_adg(adg, program, operands, seed)
            fmt = adg.output_format
            for place in np.ndindex(*shape):
                if place in wanted:
                    value = int(wrap(np.array(wanted[place]), fmt))
                    assert values.written[place], told
                    assert values.values[place] == got.values[place] == value, told
                elif got.written[place]:
                    neutral = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}
                    assert got.values[place] == neutral.get(adg.op.reduction, 0), told
            assert all(place in np.ndindex(*shape) for place in wanted), told
            if adg.output.injective:
                assert (got.written == values.written).all(), told
            assert (got.written >= values.written).all(), told
            assert program.accesses == got.accesses, told
    return any(op.domain for op in workload.operations)


def either(seed: int) -> Sample:
    """One operation for even seeds, several dataflows for odd ones."""
    return fused_domain_sample(seed) if seed % 2 else domain_sample(seed)


def test_sixty_domains() -> None:
    assert sum(check(either, seed) for seed in range(60)) > 25


def test_six_designs() -> None:
    assert simulate(either, range(6)) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_two_thousand_domains(block: int) -> None:
    for seed in range(10_000 + block * PER_BLOCK, 10_000 + (block + 1) * PER_BLOCK):
        check(either, seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_two_hundred_designs(block: int) -> None:
    simulate(either, range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(5))
def test_fifty_designs_with_every_stage(block: int) -> None:
    """A clock that asks for every pipeline register there is."""
    seeds = range(3000 + block * PER_MODEL, 3000 + (block + 1) * PER_MODEL)
    simulate(either, seeds, options=Options(clock_ps=10))
