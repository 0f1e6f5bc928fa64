"""Makes streams for designs, runs them in one model and judges the answers."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lego.ir.workload import Tensor, TensorOp
from sim.checks import Verdict, check_bench
from sim.model import Bench, Options, build
from sim.reference import Array, execute, random_tensor
from sim.runner import run_model
from sim.streams import Stream

__all__ = ["Case", "Job", "Outcome", "default_stream", "run_cases"]

READ_BACK = 2048
_CONFLICT = re.compile(r"Assertion failed in tb\.bench_(\w+)\.dut\.memory_(\w+)")


@dataclass
class Case:
    """One design with the stream that exercises it."""

    verilog: str
    stream: Stream


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdicts per design, in order, with build and run times in seconds."""

    verdicts: tuple[Verdict, ...]
    build_s: float
    run_s: float
    saif: bytes = b""
    waves: bytes = b""


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the operation, and the program that runs it under one of its dataflows."""

    op: TensorOp
    program: Mapping[str, Any]
    stray_reset: bool = False


def default_stream(
    entry: Mapping[str, Any],
    jobs: Sequence[Job],
    tensors: Mapping[str, Tensor],
    rng: np.random.Generator,
    *,
    given: dict[str, Array] | None = None,
) -> Stream:
    """Reset, then for each job: load, run, read back and compare with the reference.

    Before, random words go everywhere and come back. Registers, operands and words beside the
    result are read back too: nothing else may change.
    `given` holds tensors made by earlier operations and receives the outputs.
    """
    stream = Stream(entry)
    stream.reset(int(rng.integers(1, 9)))
    stream.idle(int(rng.integers(1, 5)))
    stream.scramble(rng)
    known = given if given is not None else {}
    for job in jobs:
        _one_run(stream, job, tensors, rng, known)
    return stream


def _one_run(
    stream: Stream,
    job: Job,
    tensors: Mapping[str, Tensor],
    rng: np.random.Generator,
    known: dict[str, Array],
) -> None:
    op, program = job.op, job.program
    layouts = [*program["layouts"].values()]
    *inputs, output = layouts
    operands: dict[str, Array] = {}
    for layout in inputs:
        name = layout["tensor"]
        if name not in operands:
            fresh = random_tensor(tensors[name], layout["shape"], rng)
            kept = known.get(name, fresh)
            operands[name] = kept if kept.shape == fresh.shape else fresh
    result = execute(op, tensors, operands, program["bounds"], output["shape"])
    if job.stray_reset:
        stream.program(program)
        stream.cut(int(rng.integers(1, max(2, program["cycles"]))))
        stream.idle(2)
    stream.program(program)
    stream.idle(int(rng.integers(1, 5)))
    stream.read_registers(program)
    for layout in inputs:
        stream.write(layout, operands[layout["tensor"]])
    mask = result.written
    if output["preload"] is not None:
        stream.write(output, np.full(tuple(output["shape"]), output["preload"], np.int64))
        mask = np.ones_like(mask)
    spare = stream.mark_spare(output, rng)
    stream.run(program["cycles"])
    stream.read(output, result.values, mask)
    stream.read_spare(output, spare)
    for layout in inputs:
        values = operands[layout["tensor"]]
        stream.read(layout, values, _some_of(values), result=False)
    known[output["tensor"]] = result.values


def _some_of(values: Array) -> NDArray[np.bool_]:
    """At most about `READ_BACK` elements, evenly spread."""
    step = -(-values.size // READ_BACK)
    chosen: NDArray[np.bool_] = np.arange(values.size) % step == 0
    return chosen.reshape(values.shape)


def run_cases(cases: Sequence[Case], *, seed: int = 0, options: Options | None = None) -> Outcome:
    """Build one model of all designs, run it, and return a verdict per design."""
    options = options or Options()
    begun = time.monotonic()
    benches = [
        Bench(
            case.stream.entry["top"],
            case.verilog,
            case.stream.entry["host"]["address_bits"],
            case.stream.entry["host"]["data_bits"],
        )
        for case in cases
    ]
    model = build(benches, options)
    built = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lego-run-") as scratch:
        folder = Path(scratch)
        for k, case in enumerate(cases):
            case.stream.save(folder, str(k))
        trace = f"trace.{options.trace}" if options.trace else ""
        done = run_model(model, folder, seed=seed, trace_file=trace)
        found = [check_bench(folder / f"{k}.expected") for k in range(len(cases))]
        verdicts = _with_conflicts(found, done.stdout)
        traced = (folder / trace).read_bytes() if trace else b""
    return Outcome(
        verdicts,
        built - begun,
        time.monotonic() - built,
        saif=traced if options.trace == "saif" else b"",
        waves=traced if options.trace in ("fst", "vcd") else b"",
    )


def _with_conflicts(verdicts: Sequence[Verdict], log: str) -> tuple[Verdict, ...]:
    """Put the assertions that failed before the answers that are missing because of them."""
    told: dict[str, list[str]] = {}
    for top, memory in _CONFLICT.findall(log):
        told.setdefault(top, []).append(f"bank conflict in the memory of {memory}")
    return tuple(replace(v, failures=(*told.get(v.top, ()), *v.failures)) for v in verdicts)
