"""Makes streams for designs, runs them in one model and judges the answers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

__all__ = ["Case", "Outcome", "default_stream", "run_cases"]

READ_BACK = 2048


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


def default_stream(
    entry: Mapping[str, Any],
    op: TensorOp,
    tensors: Mapping[str, Tensor],
    rng: np.random.Generator,
    *,
    programs: Sequence[Mapping[str, Any]] | None = None,
    given: dict[str, Array] | None = None,
    stray_reset: bool = False,
) -> Stream:
    """Reset, then for each program: load, run, read back and compare with the reference.

    Before, random words go everywhere and come back. Registers, operands and words beside the
    result are read back too: nothing else may change.
    `given` holds tensors made by earlier operations and receives this one's output.
    """
    stream = Stream(entry)
    stream.reset(int(rng.integers(1, 9)))
    stream.idle(int(rng.integers(1, 5)))
    stream.scramble(rng)
    known = given if given is not None else {}
    for program in programs or [entry["program"]]:
        _one_run(stream, entry, op, tensors, rng, program, known, stray_reset)
    return stream


def _one_run(
    stream: Stream,
    entry: Mapping[str, Any],
    op: TensorOp,
    tensors: Mapping[str, Tensor],
    rng: np.random.Generator,
    program: Mapping[str, Any],
    known: dict[str, Array],
    stray_reset: bool,
) -> None:
    inputs = [m for m in entry["memories"] if m["direction"] == "in"]
    output = next(m for m in entry["memories"] if m["direction"] == "out")
    operands: dict[str, Array] = {}
    for memory in inputs:
        name, layout = memory["tensor"], program["layouts"][memory["operand"]]
        if name not in operands:
            fresh = random_tensor(tensors[name], layout["shape"], rng)
            operands[name] = known.get(name, fresh)
    layout = program["layouts"][output["operand"]]
    result = execute(op, tensors, operands, program["bounds"], layout["shape"])
    if stray_reset:
        stream.program(program)
        stream.cut(int(rng.integers(1, max(2, program["cycles"]))))
        stream.idle(2)
    stream.program(program)
    stream.idle(int(rng.integers(1, 5)))
    stream.read_registers(program)
    for memory in inputs:
        stream.write(memory, program["layouts"][memory["operand"]], operands[memory["tensor"]])
    mask = result.written
    if layout["preload"] is not None:
        stream.write(output, layout, np.full(tuple(layout["shape"]), layout["preload"], np.int64))
        mask = np.ones_like(mask)
    spare = stream.mark_spare(output, layout, rng)
    stream.run(program["cycles"])
    stream.read(output, layout, result.values, mask)
    stream.read_spare(output, spare)
    for memory in inputs:
        values = operands[memory["tensor"]]
        layout = program["layouts"][memory["operand"]]
        stream.read(memory, layout, values, _some_of(values), result=False)
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
        run_model(model, folder, seed=seed, trace_file=trace)
        verdicts = tuple(check_bench(folder / f"{k}.expected") for k in range(len(cases)))
        traced = (folder / trace).read_bytes() if trace else b""
    return Outcome(
        verdicts,
        built - begun,
        time.monotonic() - built,
        saif=traced if options.trace == "saif" else b"",
        waves=traced if options.trace in ("fst", "vcd") else b"",
    )
