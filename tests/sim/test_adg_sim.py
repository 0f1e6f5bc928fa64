"""The simulator of the architecture graph sees wrong plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from frontends.yaml import load_text, load_workload
from lego.designs import adgs_of
from lego.diag import InternalError
from lego.ir.adg import Adg
from lego.program import configure
from sim.adg_sim import run_adg
from sim.reference import execute, random_tensor
from tests.back.designs import GEMM

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"


def right(name: str, change: Callable[[Adg], Adg]) -> bool:
    workload = load_workload(ROOT / f"{name}.yaml")
    (adg,) = adgs_of(workload)
    program = configure(adg)
    rng = np.random.default_rng(1)
    operands = {
        plan.tensor.name: random_tensor(plan.tensor.format, program.layouts[plan.name].shape, rng)
        for plan in adg.inputs
    }
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    shape = program.layouts[adg.output.name].shape
    wanted = execute(workload.operation(adg.op.name), tensors, operands, program.bounds, shape)
    try:
        got = run_adg(change(adg), program, operands)
    except InternalError:
        return False
    return bool((got.values == wanted.values)[wanted.written].all())


def late_link(adg: Adg) -> Adg:
    """One link takes a cycle more than its skew."""
    plan = adg.inputs[0]
    at = next(k for k, source in enumerate(plan.sources) if source.link)
    late = replace(plan.sources[at], delay=plan.sources[at].delay + 1)
    sources = (*plan.sources[:at], late, *plan.sources[at + 1 :])
    return replace(adg, inputs=(replace(plan, sources=sources), *adg.inputs[1:]))


def held_too_long(adg: Adg) -> Adg:
    """The output accumulates over one counter more."""
    return replace(adg, output=replace(adg.output, hold=adg.output.hold + 1))


def never_visited(adg: Adg) -> Adg:
    """The first commit of an element adds to what was there."""
    return replace(adg, output=replace(adg.output, revisit=(), injective=False))


def longer_reuse(adg: Adg) -> Adg:
    """Delay reuse from one timestamp further back."""
    plans = tuple(
        replace(
            p,
            delays=tuple(
                replace(
                    each,
                    dt=(*each.dt[:-1], each.dt[-1] + 1),
                    delay=each.delay + 1,
                )
                for each in p.delays
            ),
        )
        for p in adg.inputs
    )
    return replace(adg, inputs=plans)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gemm_os_sys", late_link),
        ("gemm_os_sys", held_too_long),
        ("gemm_ws_sys", never_visited),
        ("conv_oh_ow_sys", longer_reuse),
    ],
)
def test_a_wrong_plan_is_seen(name: str, change: Callable[[Adg], Adg]) -> None:
    assert right(name, lambda adg: adg)
    assert not right(name, change)


@pytest.mark.parametrize("name", ["stencil_small", "conv3d_small", "twelve_small"])
def test_many_accesses_and_loops(name: str) -> None:
    assert right(name, lambda adg: adg)


def test_a_macro_that_is_asked_for_two_results_is_seen() -> None:
    """Of a product with skewed control, two banks side by side in one macro along the wrong dimension."""
    workload = load_text(GEMM)
    (adg,) = adgs_of(workload)
    banking = replace(adg.output.banking, counts=(1, 2), gcds=(1, 1), wide=2, along=1)
    wrong = replace(adg, output=replace(adg.output, banking=banking))
    program = configure(wrong)
    rng = np.random.default_rng(0)
    operands = {
        plan.tensor.name: random_tensor(plan.tensor.format, program.layouts[plan.name].shape, rng)
        for plan in adg.inputs
    }
    with pytest.raises(InternalError, match="a macro of Y is asked for two words in one cycle"):
        run_adg(wrong, program, operands, 0)
