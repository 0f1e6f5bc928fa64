"""Checks of random workloads: the ADG, and the RTL of several designs in one model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.fused import FusedAdg, Method
from lego.program import configure
from sim.adg_sim import run_adg
from sim.reference import execute, random_tensor
from tests.designs import cases_of, verdicts_of
from tests.property.generator import Sample

ILLEGAL = ("E118", "E119", "E120", "E122", "E124", "E126", "E301", "E306")
"""What the generators may draw although it is refused."""


def simulate(draw: Callable[[int], Sample], seeds: range, *, options: Options = DEFAULT) -> int:
    """RTL against NumPy at full and at the drawn bounds; returns how many seeds were legal."""
    texts, cases = {}, []
    for seed in seeds:
        drawn = draw(seed)
        try:
            made = cases_of(drawn.text, seed, [drawn.bounds], passes=options)
        except LegoError as error:
            assert error.code in ILLEGAL, f"{error}\n{drawn.text}"
            continue
        for case in made:
            texts[case.stream.device.top] = f"{drawn.text}\nbounds {drawn.bounds}"
        cases += made
    for verdict in verdicts_of(cases, seed=seeds.start):
        assert not verdict.failures, f"{verdict.failures}\n{texts[verdict.top]}"
    return len(cases)


def check_architecture(
    draw: Callable[[int], Sample], seed: int, method: Method = Method.EXACT
) -> bool:
    """Whether the seed is legal; fails if the ADG computes anything else than NumPy."""
    drawn = draw(seed)
    try:
        workload = load_text(drawn.text)
        (fused,) = designs_of(workload, method)
    except LegoError as error:
        assert error.code in ILLEGAL, f"{error}\n{drawn.text}"
        return False
    assert FusedAdg.from_json(fused.to_json()) == fused
    rng = np.random.default_rng(seed)
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    for k, layer in enumerate(fused.layers):
        adg = layer.adg
        loops = {loop.name for loop in adg.op.loops}
        small = {name: n for name, n in drawn.bounds.items() if name in loops}
        limits = {loop.name: loop.extent for loop in adg.op.loops}
        for bounds in ({}, {name: min(n, limits[name]) for name, n in small.items()}):
            resume = adg.output.resumes and bool(rng.integers(2))
            program = configure(fused, bounds, dataflow=k, resume=resume)
            operands = {
                plan.tensor.name: random_tensor(
                    plan.tensor.format, program.layouts[plan.name].shape, rng
                )
                for plan in adg.inputs
            }
            shape = program.layouts[adg.output.name].shape
            held = random_tensor(adg.output_format, shape, rng) if resume else None
            op = workload.operation(adg.op.name)
            wanted = execute(op, tensors, operands, program.bounds, shape, held)
            got = run_adg(adg, program, operands, seed, held)
            assert (got.written >= wanted.written).all(), drawn.text
            assert program.accesses == got.accesses, drawn.text
            mask = wanted.written | resume
            assert (got.values[mask] == wanted.values[mask]).all(), f"{drawn.text}\n{bounds}"
    return True
