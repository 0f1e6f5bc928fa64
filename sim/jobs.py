"""Runs of a design: what they are given, and what must come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lego.ir.formats import Integer
from lego.ir.layout import Layout
from lego.ir.network import Buffer
from lego.ir.operation import Operation
from lego.ir.program import Program
from sim.reference import Array, execute, format_of, random_tensor
from sim.streams import Stream

__all__ = ["Job", "Run"]

READ_BACK = 2048


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


class Run:
    """One job with its operands, and what must come out."""

    def __init__(
        self,
        job: Job,
        tensors: Mapping[str, Buffer],
        rng: np.random.Generator,
        known: dict[str, Array],
        last: Run | None,
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

    def _before(self, fmt: Integer, rng: np.random.Generator, last: Run | None) -> Array:
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

    def place(self, program: Program) -> None:
        """Run elsewhere in memory."""
        self.program = program
        *self.inputs, self.output = program.layouts.values()

    def load(self, stream: Stream, rng: np.random.Generator) -> None:
        """Write operands, and what the memory of results holds before."""
        for layout in self.inputs:
            self.load_operand(stream, layout)
        self.load_results(stream, rng)

    def load_operand(self, stream: Stream, layout: Layout) -> None:
        """Write an operand."""
        stream.write(layout, self.operands[layout.tensor])

    def load_results(
        self, stream: Stream, rng: np.random.Generator, but: Sequence[Layout] = ()
    ) -> None:
        """Write preloads, elements of the result that the run must leave or goes on from, and words beside it
        `but` those of others; what a run continues is there."""
        if self.output.preload is not None:
            shape = self.output.shape
            stream.write(self.output, np.full(shape, self.output.preload, np.int64))
        if not self.job.continues:
            resumes = self.program.resume
            stream.write(self.output, self.before, self.known if resumes else self.left)
        self.spare = stream.mark_spare(self.output, rng, but)

    def check(self, stream: Stream, *, again: bool = False) -> None:
        """Read everything back; results count as compared unless they were read before."""
        self.check_results(stream, again=again)
        self.check_spare(stream)
        for layout in self.inputs:
            self.check_operand(stream, layout)

    def check_results(self, stream: Stream, *, again: bool = False) -> None:
        """Read back the result, and elements of it that the run must leave."""
        stream.read(self.output, self.result.values, self.mask, result=not again)
        stream.read(self.output, self.before, self.left, result=False)

    def check_spare(self, stream: Stream) -> None:
        """Read back the words beside the result."""
        stream.read_spare(self.output, self.spare)

    def check_operand(self, stream: Stream, layout: Layout) -> None:
        """Read back some of an operand."""
        values = self.operands[layout.tensor]
        stream.read(layout, values, _some_of(values), result=False)


def _some_of(values: Array) -> NDArray[np.bool_]:
    """At most about `READ_BACK` elements, evenly spread."""
    step = -(-values.size // READ_BACK)
    chosen: NDArray[np.bool_] = np.arange(values.size) % step == 0
    return chosen.reshape(values.shape)
