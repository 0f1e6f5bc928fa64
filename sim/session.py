"""Makes streams for designs, runs them in one model and judges the answers."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lego.diag import LegoError
from lego.ir.device import Device
from lego.ir.network import Buffer
from sim.checks import Verdict, check_bench
from sim.counted import read_counts
from sim.jobs import Job, Run
from sim.model import Bench, ModelOptions, build
from sim.overlapped import overlapped
from sim.reference import Array
from sim.runner import run_model
from sim.streams import Stream

__all__ = ["Case", "Job", "Outcome", "default_stream", "demand_seed", "run_cases"]

MAX_SEED = 1 << 30
SHORT_CYCLES = 200_000
"""Simulations of up to so many cycles are over before optimised C++ pays."""

_ASSERTED = re.compile(r"Assertion failed in tb\.bench_(\w+)\.dut\.(memory|control\.agu)_(\w+)")
_ABOUT = {
    "memory": "bank conflict in the memory",
    "control.agu": "banks out of reach in the memory",
}


@dataclass
class Case:
    """One design, its Verilog with that of its SRAMs, the stream that exercises it, and the models of
    macros that it holds."""

    verilog: str
    stream: Stream
    models: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdicts per design, in order, with build and run times in seconds."""

    verdicts: tuple[Verdict, ...]
    build_s: float
    run_s: float
    saif: bytes = b""
    waves: bytes = b""


def demand_seed(seed: int) -> None:
    """Raise E904 for a seed that Verilator or NumPy doesn't take."""
    if not 0 <= seed < MAX_SEED:
        raise LegoError("E904", f"seed {seed} is outside [0, {MAX_SEED - 1}]", hint="try 1")


def default_stream(
    device: Device,
    jobs: Sequence[Job],
    tensors: Mapping[str, Buffer],
    rng: np.random.Generator,
    *,
    given: dict[str, Array] | None = None,
    recorded: bool = False,
) -> Stream:
    """Reset, then for each job: load, run, read back and compare with the reference.

    Before, random words go everywhere and come back. Registers, operands and words beside the
    result are read back too: nothing else may change.
    `given` holds tensors made by earlier operations and receives the outputs. With halves or parts
    of memory the host works while the array does, else it disturbs. Where switching is to be `recorded`, all
    jobs but those that resume run again after that, without either, so that the record holds what the design
    does by itself.
    """
    stream = Stream(device)
    stream.reset(int(rng.integers(1, 9)))
    stream.idle(int(rng.integers(1, 5)))
    stream.scramble(rng)
    known = given if given is not None else {}
    runs: list[Run] = []
    for job in jobs:
        before = runs[-1 - device.double] if job.continues else None
        runs.append(Run(job, tensors, rng, known, before))
    if device.double or device.split:
        overlapped(stream, runs, rng)
    else:
        for run in runs:
            _one_by_one(stream, run, rng)
    if recorded:
        for run in runs:
            if not run.program.resume:
                _one_by_one(stream, run, rng, recorded=True)
    return stream


def _one_by_one(
    stream: Stream, run: Run, rng: np.random.Generator, *, recorded: bool = False
) -> None:
    stream.half = run.program.half
    if run.job.stray_reset and not recorded:
        stream.program(run.program)
        stream.cut(int(rng.integers(1, max(2, run.program.cycles))))
        stream.idle(2)
    stream.program(run.program)
    stream.idle(int(rng.integers(1, 5)))
    stream.read_registers(run.program)
    run.load(stream, rng)
    stream.run(run.program.cycles, recorded=recorded)
    run.check(stream, again=recorded)


def run_cases(
    cases: Sequence[Case], *, seed: int = 0, options: ModelOptions | None = None
) -> Outcome:
    """Build one model of all designs, run it, and return a verdict per design."""
    options = options or ModelOptions()
    if options.optimise is None:
        options = replace(options, optimise=_level_for(cases))
    begun = time.monotonic()
    model = build([_bench(case) for case in cases], options)
    built = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lego-run-") as scratch:
        folder = Path(scratch)
        for k, case in enumerate(cases):
            case.stream.save(folder, str(k))
        trace = f"trace.{options.trace}" if options.trace else ""
        done = run_model(model, folder, seed=seed, trace_file=trace)
        found = [check_bench(folder / f"{k}.expected") for k in range(len(cases))]
        found = [replace(v, accesses=read_counts(folder, v.top)) for v in found]
        verdicts = _with_assertions(found, done.stdout)
        traced = (folder / trace).read_bytes() if trace else b""
    return Outcome(
        verdicts,
        built - begun,
        time.monotonic() - built,
        saif=traced if options.trace == "saif" else b"",
        waves=traced if options.trace in ("fst", "vcd") else b"",
    )


def _bench(case: Case) -> Bench:
    device = case.stream.device
    host = device.host
    widths = host.address_bits, host.data_bits, host.mask_bits
    words = device.queue.words if device.queue else 0
    return Bench(device.top, case.verilog, *widths, case.models, words)


def _level_for(cases: Sequence[Case]) -> str:
    """Optimised C++ runs twice as fast and takes twice as long to compile."""
    cycles = sum(case.stream.cycles for case in cases)
    return "-O1" if cycles > SHORT_CYCLES else "-O0"


def _with_assertions(verdicts: Sequence[Verdict], log: str) -> tuple[Verdict, ...]:
    """Put the assertions that failed before the answers that are missing because of them."""
    told: dict[str, list[str]] = {}
    for top, where, memory in _ASSERTED.findall(log):
        told.setdefault(top, []).append(f"{_ABOUT[where]} of {memory}")
    return tuple(replace(v, failures=(*told.get(v.top, ()), *v.failures)) for v in verdicts)
