"""Makes streams for designs, runs them in one model and judges the answers."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lego.ir.device import Device
from lego.ir.formats import Integer
from lego.ir.layout import Layout
from lego.ir.network import Buffer
from lego.ir.operation import Operation
from lego.ir.program import Program
from sim.checks import Verdict, check_bench
from sim.counted import read_counts
from sim.model import Bench, ModelOptions, build
from sim.reference import Array, execute, format_of, random_tensor
from sim.runner import run_model
from sim.streams import Stream

__all__ = ["Case", "Job", "Outcome", "default_stream", "run_cases"]

READ_BACK = 2048
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


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the operation, and the program that runs it under one of its dataflows.

    A program that resumes goes on from random values that the host wrote, or, if the run `continues`, from
    what the last run of this half of the memories left. `operands` are by tensor; others are random.
    """

    op: Operation
    program: Program
    stray_reset: bool = False
    continues: bool = False
    operands: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.continues and (self.stray_reset or not self.program.resume):
            raise ValueError("only a run that resumes, and that no reset cuts, continues another")


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
    `given` holds tensors made by earlier operations and receives the outputs. With two halves per
    memory the host works while the array does, with one it disturbs. Where switching is to be `recorded`, all
    jobs but those that resume run again after that, without either, so that the record holds what the design
    does by itself.
    """
    stream = Stream(device)
    stream.reset(int(rng.integers(1, 9)))
    stream.idle(int(rng.integers(1, 5)))
    stream.scramble(rng)
    known = given if given is not None else {}
    runs: list[_Run] = []
    for job in jobs:
        before = runs[-1 - device.double] if job.continues else None
        runs.append(_Run(job, tensors, rng, known, before))
    if device.double:
        _overlapped(stream, runs, rng)
    else:
        for run in runs:
            _one_by_one(stream, run, rng)
    if recorded:
        for run in runs:
            if not run.program.resume:
                _one_by_one(stream, run, rng, recorded=True)
    return stream


class _Run:
    """One job with its operands, and what must come out."""

    def __init__(
        self,
        job: Job,
        tensors: Mapping[str, Buffer],
        rng: np.random.Generator,
        known: dict[str, Array],
        last: _Run | None,
    ) -> None:
        self.job, self.program = job, job.program
        *self.inputs, self.output = job.program.layouts.values()
        self.operands = self._operands(tensors, rng, known)
        bounds, shape = job.program.bounds, self.output.shape
        self.before = self._before(format_of(tensors[self.output.tensor]), rng, last)
        held = self.before if job.program.resume else None
        self.result = execute(job.op, tensors, self.operands, bounds, shape, held)
        self.mask = self.result.written
        if self.output.preload is not None:
            self.mask = np.ones_like(self.mask)
        self.left = _some_of(self.result.values) & ~self.mask
        self.known = self.mask | self.left
        if last is not None:
            self.left &= last.known
            self.known = last.known
        self.spare: list[tuple[int, int]] = []
        known[self.output.tensor] = np.where(self.left, self.before, self.result.values)

    def _operands(
        self, tensors: Mapping[str, Buffer], rng: np.random.Generator, known: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The job's own, what earlier operations made, or random values."""
        found: dict[str, Array] = {}
        for layout in self.inputs:
            name = layout.tensor
            if name not in found:
                fresh = random_tensor(format_of(tensors[name]), layout.shape, rng)
                kept = self.job.operands.get(name, known.get(name, fresh))
                found[name] = kept if kept.shape == fresh.shape else fresh
        return found

    def _before(self, fmt: Integer, rng: np.random.Generator, last: _Run | None) -> Array:
        """What memory holds of the result: what the last run left, or random values."""
        (apart,) = rng.spawn(1)
        shape = self.output.shape
        fresh = apart.integers(fmt.low, fmt.high, shape, endpoint=True, dtype=np.int64)
        return fresh if last is None else last.after(self.output)

    def after(self, layout: Layout) -> Array:
        """What the run leaves where a result lies so; of elements that are `known`."""
        if replace(self.output, preload=None) != layout:
            raise ValueError(f"{layout.tensor} lies elsewhere in the run that another continues")
        return np.where(self.mask, self.result.values, self.before)

    def load(self, stream: Stream, rng: np.random.Generator) -> None:
        """Write operands, preloads, elements of the result that the run must leave or goes on from, and
        words beside it; what a run continues is there."""
        for layout in self.inputs:
            stream.write(layout, self.operands[layout.tensor])
        if self.output.preload is not None:
            shape = self.output.shape
            stream.write(self.output, np.full(shape, self.output.preload, np.int64))
        if not self.job.continues:
            resumes = self.program.resume
            stream.write(self.output, self.before, self.known if resumes else self.left)
        self.spare = stream.mark_spare(self.output, rng)

    def check(self, stream: Stream, *, again: bool = False) -> None:
        """Read everything back; results count as compared unless they were read before."""
        stream.read(self.output, self.result.values, self.mask, result=not again)
        stream.read(self.output, self.before, self.left, result=False)
        stream.read_spare(self.output, self.spare)
        for layout in self.inputs:
            values = self.operands[layout.tensor]
            stream.read(layout, values, _some_of(values), result=False)


def _one_by_one(
    stream: Stream, run: _Run, rng: np.random.Generator, *, recorded: bool = False
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


def _overlapped(stream: Stream, runs: Sequence[_Run], rng: np.random.Generator) -> None:
    """While one half is in use, read the last run's results from the other and load the next."""
    runs[0].load(stream, rng)
    for k, run in enumerate(runs):
        half = k % 2
        registers = run.program.registers | {"half": half}
        program = replace(run.program, half=half, registers=registers)
        stream.program(program)
        stream.read_registers(program)
        stream.go()
        stream.half = half
        waits = stream.device.queue.start if stream.device.queue else 0
        stream.idle(waits)  # what a run uses that waits in the queue, nobody guards
        stream.attack(program.cycles - waits, rng)
        stream.half = 1 - half
        if k > 0:
            runs[k - 1].check(stream)
        if k + 1 < len(runs):
            runs[k + 1].load(stream, rng)
        stream.wait(program.cycles)
    stream.half = (len(runs) - 1) % 2
    runs[-1].check(stream)


def _some_of(values: Array) -> NDArray[np.bool_]:
    """At most about `READ_BACK` elements, evenly spread."""
    step = -(-values.size // READ_BACK)
    chosen: NDArray[np.bool_] = np.arange(values.size) % step == 0
    return chosen.reshape(values.shape)


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
