"""Helpers of the tests that simulate designs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from frontends.yaml import load_text
from lego.flow import adgs_of, compile_workload
from lego.program import configure
from sim.checks import Verdict
from sim.model import Options
from sim.session import Case, default_stream, run_cases


def cases_of(
    text: str,
    seed: int = 0,
    bounds: Sequence[Mapping[str, int]] = (),
    *,
    stray_reset: bool = False,
) -> list[Case]:
    """One case per operation: the full bounds first, then each of `bounds`."""
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode())
    entries = json.loads(files["manifest.json"])["designs"]
    tensors = {tensor.name: tensor for tensor in workload.tensors}
    rng = np.random.default_rng(seed)
    cases = []
    for entry, op, adg in zip(entries, workload.operations, adgs_of(workload), strict=True):
        loops = {loop.name: loop.extent for loop in op.loops}
        chosen = [{n: min(v, loops[n]) for n, v in b.items() if n in loops} for b in bounds]
        programs = [entry["program"], *(configure(adg, b).to_json() for b in chosen)]
        stream = default_stream(entry, op, tensors, rng, programs=programs, stray_reset=stray_reset)
        cases.append(Case(files[entry["verilog"]].decode(), stream))
    return cases


def verdicts_of(cases: Sequence[Case], seed: int = 0) -> tuple[Verdict, ...]:
    """Simulate all cases in one model built for compile speed."""
    return run_cases(cases, seed=seed, options=Options(optimise="-O0")).verdicts
