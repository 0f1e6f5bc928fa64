"""Helpers of the tests that simulate designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.ir.device import Device, devices_from_json
from lego.ir.fused import FusedAdg
from lego.ir.operation import Operation
from lego.ir.program import Program
from lego.program import configure
from sim.checks import Verdict
from sim.model import ModelOptions
from sim.session import Case, Job, default_stream, run_cases

ROOT = Path(__file__).resolve().parents[1]


def cases_of(
    text: str,
    seed: int = 0,
    bounds: Sequence[Mapping[str, int]] = (),
    *,
    stray_reset: bool = False,
    passes: Options = DEFAULT,
) -> list[Case]:
    """One case per design, every dataflow of it: the full bounds first, then each of `bounds`,
    in random order where there are several dataflows. Half of the runs resume where that is compiled in."""
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode(), options=passes)
    devices = devices_from_json(files["device.json"])
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    rng = np.random.default_rng(seed)
    cases = []
    for device, fused in zip(devices, designs_of(workload), strict=True):
        jobs = []
        for k, layer in enumerate(fused.layers):
            op = workload.operation(layer.adg.op.name)
            chosen = [clipped(b, op) for b in bounds]
            jobs.append(Job(op, device.dataflows[k].program, stray_reset))
            tail = device.dataflows[k].tail
            jobs += [Job(op, moved(fused, b, rng, k, tail), stray_reset) for b in chosen]
        if len(fused.layers) > 1:
            jobs = [jobs[k] for k in rng.permutation(len(jobs))]
        stream = default_stream(device, jobs, tensors, rng)
        cases.append(Case(whole(files, device), stream))
    return cases


def whole(files: Mapping[str, bytes], device: Device) -> str:
    """The Verilog of a design and of its SRAMs."""
    return "".join(files[name].decode() for name in device.sources)


def with_style(text: str, style: str) -> str:
    """A workload with this style of memories."""
    if "architecture:" not in text:
        return f"{text}architecture: {{memory_style: {style}}}\n"
    head, _, rest = text.partition("architecture: {")
    return f"{head}architecture: {{memory_style: {style}{', ' * (rest[:1] != '}')}{rest}"


def clipped(bounds: Mapping[str, int], op: Operation) -> dict[str, int]:
    """Those of the operation's loops, up to their maxima."""
    loops = {loop.name: loop.extent for loop in op.loops}
    return {name: min(bound, loops[name]) for name, bound in bounds.items() if name in loops}


def moved(
    fused: FusedAdg,
    bounds: Mapping[str, int],
    rng: np.random.Generator,
    dataflow: int = 0,
    tail: int | None = None,
) -> Program:
    """The program at these bounds with every operand first, last or anywhere in its banks; one of two resumes
    if it can."""
    layouts = configure(fused, bounds, dataflow=dataflow).layouts
    bases = {}
    for buffer in fused.buffers():
        plan = buffer.plans[dataflow]
        if plan is not None:
            room = buffer.depth_of(plan.banking.n_banks - 1)
            room -= plan.banking.depth(layouts[plan.name].shape)
            bases[plan.name] = int(rng.choice([0, room, rng.integers(0, room + 1)]))
    resume = fused.layers[dataflow].adg.output.resumes and bool(rng.integers(2))
    return configure(fused, bounds, dataflow=dataflow, bases=bases, tail=tail, resume=resume)


def random_bounds(text: str, count: int, seed: int) -> list[dict[str, int]]:
    """Loop bounds up to the maxima, each loop short or long."""
    rng = np.random.default_rng(seed)
    loops = {loop.name: loop.extent for op in load_text(text).operations for loop in op.loops}
    return [
        {name: int(rng.choice([1, n, rng.integers(1, n + 1)])) for name, n in loops.items()}
        for _ in range(count)
    ]


def verdicts_of(cases: Sequence[Case], seed: int = 0) -> tuple[Verdict, ...]:
    """Simulate all cases in one model built for compile speed."""
    return run_cases(cases, seed=seed, options=ModelOptions(optimise="-O0")).verdicts


def shipped() -> list[Path]:
    """The shipped workload files that hold loop nests, and not the name of a network."""
    files = sorted((ROOT / "workloads").glob("*.yaml"))
    return [path for path in files if "\noperations:" in path.read_text()]
