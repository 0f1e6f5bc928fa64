"""What a well-formed workload file means, and everything that can be wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from frontends.yaml.bounds import loops_of
from frontends.yaml.flow import array_of, dataflow_specs
from frontends.yaml.formats import narrowest
from frontends.yaml.intervals import body_bits, body_interval
from frontends.yaml.names import check_names
from frontends.yaml.positions import Positions
from frontends.yaml.schema import ArchitectureForm, OperationForm, WorkloadForm
from frontends.yaml.statement import Statement, parse_statement
from frontends.yaml.tensors import Declarations, Use, describe, unknown_tensor
from lego.diag import LegoError, LegoErrors, Loc
from lego.ir.array import Tensor
from lego.ir.checks.check import checked
from lego.ir.constants import Constant
from lego.ir.hardware import Architecture, Buffering, MemoryStyle, Room
from lego.ir.network import Buffer, Network, Role, reads_of
from lego.ir.operation import Operation, Output, Reduction
from lego.ir.workload import Workload

__all__ = ["Reader"]

T = TypeVar("T")

MAX_ITERATIONS = 10**12 - 1
MAX_BODY_BITS = 63
MAX_ERRORS = 20


class Reader:
    """Checks a form and builds the workload; collects independent errors."""

    def __init__(self, form: WorkloadForm, at: Positions) -> None:
        self.form, self.at = form, at
        self.errors: list[LegoError] = check_names(form, at)
        self.given = Declarations.of(form, at)
        self.uses: dict[str, list[Use]] = {}
        self.tensors: dict[str, Tensor] = {}

    def workload(self) -> Workload:
        """The workload. Raises the errors found in the order of the text, at most 20."""
        self.errors += self.given.errors
        array = self._try(lambda: array_of(self.form, self.at))
        read, flows = [], []
        for k, form in enumerate(self.form.operations):
            read.append(self._try(partial(self._operation, k, form)))
            flows.append(self._try(partial(dataflow_specs, k, form, array, self.at)) or ())
        operations = [op for op in read if op is not None]
        self.tensors, wrong = describe(self.uses, self.given)
        self.errors += wrong
        for op in operations:
            self.errors += self._body_errors(op)
        if len(operations) == len(self.form.operations):
            self.errors += self._memory_errors()
        self._stop()
        network = _network(self.form.name, self.tensors, operations)
        chip = _architecture(self.form.architecture, array or ())
        return checked(Workload(network, tuple(flows), chip))

    def _try(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except LegoErrors as errors:
            self.errors += errors.errors
        except LegoError as error:
            self.errors.append(error)
        return None

    def _stop(self) -> None:
        if self.errors:
            unique = {str(error): error for error in self.errors}
            ordered = sorted(unique.values(), key=lambda e: e.loc or Loc("", 0, 0))
            raise LegoErrors(tuple(ordered[:MAX_ERRORS]))

    def _operation(self, k: int, form: OperationForm) -> Operation:
        loops, domain = loops_of(k, form, self.at)
        box = math.prod(loop.extent for loop in loops)
        if box > MAX_ITERATIONS:
            message = f"{box} iterations, 10^12 and more are refused"
            loc, hint = (
                self.at("operations", k, "loops"),
                "split the operation or tile it on the host",
            )
            self.errors.append(LegoError("E120", message, loc=loc, hint=hint))
        path = ("operations", k, "statement")
        said = parse_statement(
            form.statement, tuple(form.loops), self.at(*path), self.at.spot(*path)
        )
        self.errors += self._use_errors(k, form, said)
        for access in (said.output, *said.inputs):
            use = Use(access, loops, writes=access is said.output, domain=domain)
            self.uses.setdefault(access.buffer, []).append(use)
        outputs = (Output(said.output, said.body, said.reduction),)
        loc = self.at("operations", k)
        return Operation(form.name, loops, outputs, said.inputs, domain, loc=loc)

    def _use_errors(self, k: int, form: OperationForm, said: Statement) -> Iterator[LegoError]:
        """Names that are missing, superfluous or used twice in one operation."""
        accesses = (said.output, *said.inputs)
        names = list(dict.fromkeys(access.buffer for access in accesses))
        sections = (("formats", form.formats), ("pad", form.pad), ("shapes", form.shapes))
        for section, given in sections:
            for name in given:
                if name not in names:
                    loc = self.at.key("operations", k, section, name)
                    yield unknown_tensor(name, section, names, loc)
        for name in names:
            yield from self._name_errors(k, form, said, name)
        for j, loop in enumerate(form.loops):
            if not any(row[j] for access in accesses for row in access.map.rows):
                yield LegoError(
                    "E118",
                    f"loop {loop!r} is used in no index",
                    loc=self.at.key("operations", k, "loops", loop),
                    hint="it would only repeat the statement; remove it, or use it in an index",
                )

    def _name_errors(
        self, k: int, form: OperationForm, said: Statement, name: str
    ) -> Iterator[LegoError]:
        first = next(a for a in (said.output, *said.inputs) if a.buffer == name)
        reads = [access for access in said.inputs if access.buffer == name]
        if name in form.loops:
            yield LegoError(
                "E104",
                f"{name!r} is both a tensor and a loop",
                loc=self.at.key("operations", k, "loops", name),
                hint="rename one of them",
            )
        if not any(name in op.formats for op in self.form.operations):
            yield LegoError(
                "E116",
                f"tensor {name[:40]!r} has no number format",
                loc=first.loc,
                hint=f"add it to formats: {{{name[:40]}: int8}}",
            )
        if reads and name == said.output.buffer:
            yield LegoError(
                "E117",
                f"{name!r} is read and written by one statement",
                loc=reads[0].loc,
                hint="reductions read their old value by themselves; use another tensor",
            )
        for j in range(1, len(reads)):
            yield from _same_names(said, name, j)

    def _body_errors(self, op: Operation) -> Iterator[LegoError]:
        """Values of the body against the output's format; silent if a format is unknown."""
        output, adds = op.output, op.output.reduction is Reduction.ADD
        if not all(name in self.tensors for name in (output.buffer, *reads_of(op))):
            return
        fmt = self.tensors[output.buffer].format
        formats = [self.tensors[name].format for name in reads_of(op)]
        spans = [(f.low, f.high) for f in formats]
        low, high = body_interval(output.body, spans)
        bits = body_bits(output.body, spans, fmt.bits if adds else None)
        if bits > MAX_BODY_BITS:
            where = "under max, min, abs or >>" if adds else "of the body"
            yield LegoError(
                "E124",
                f"values {where} need {bits} bits, at most {MAX_BODY_BITS} are exact",
                loc=output.place.loc,
                hint="use narrower formats or smaller numbers, or shift right before multiplying",
            )
        elif not adds and not (fmt.low <= low and high <= fmt.high):
            yield LegoError(
                "E124",
                f"the body's values span [{low}, {high}], {fmt} holds [{fmt.low}, {fmt.high}]",
                loc=output.place.loc,
                hint=_wider(output.buffer, low, high),
            )

    def _memory_errors(self) -> Iterator[LegoError]:
        for name, size in self.form.architecture.memories.items():
            loc = self.at("architecture", "memories", name)
            if name not in self.uses:
                key = self.at.key("architecture", "memories", name)
                yield unknown_tensor(name, "memories", list(self.uses), key)
            elif name in self.tensors:
                tensor = self.tensors[name]
                needed = -(-math.prod(tensor.shape) * tensor.format.bits // 8)
                if needed > size:
                    yield LegoError(
                        "E125",
                        f"{name!r} needs {needed} bytes, its memory has {size}",
                        loc=loc,
                        hint="enlarge the memory, or tile the operation with smaller loops",
                    )


def _network(name: str, tensors: Mapping[str, Tensor], operations: Sequence[Operation]) -> Network:
    """What the file says as a network: what no statement writes is given, what none reads comes out."""
    written = {op.output.buffer for op in operations}
    read = {name for op in operations for name in reads_of(op)}
    buffers = tuple(
        Buffer(t.name, t.shape, t.format, Role.RESULT if t.name in written else Role.INPUT)
        for t in tensors.values()
    )
    steps = tuple(_padded(op, tensors) for op in operations)
    given, results = (
        tuple(b.name for b in buffers if (b.role is Role.INPUT) == wanted)
        for wanted in (True, False)
    )
    return Network(name, buffers, steps, given, tuple(r for r in results if r not in read))


def _padded(op: Operation, tensors: Mapping[str, Tensor]) -> Operation:
    """The operation with the pad values of what it reads."""
    inputs = []
    for place in op.inputs:
        pad, fmt = tensors[place.buffer].pad, tensors[place.buffer].format
        inputs.append(replace(place, pad=None if pad is None else Constant(pad, fmt)))
    return replace(op, inputs=tuple(inputs))


def _same_names(said: Statement, name: str, number: int) -> Iterator[LegoError]:
    """E105 where another tensor is called what a further access to this one is."""
    for other in (said.output, *said.inputs):
        if other.buffer.lower() == f"{name}_{number}".lower():
            yield LegoError(
                "E105",
                f"{other.buffer!r} is also what access {number} of {name!r} is called",
                loc=other.loc,
                hint=f"{name!r} is read at several indices; rename {other.buffer!r}",
            )


def _architecture(form: ArchitectureForm, array: tuple[int, ...]) -> Architecture:
    return Architecture(
        array,
        tuple((name, 8 * size) for name, size in form.memories.items()),
        form.fused == "yes",
        Buffering(form.double_buffer),
        form.dma_bits or 0,
        form.read_cost or 0,
        MemoryStyle(form.memory_style),
        form.resume == "yes",
        None if form.room is None else Room(**form.room.model_dump()),
        form.queue,
        form.interface == "axi",
    )


def _wider(tensor: str, low: int, high: int) -> str:
    """A hint with the narrowest format for these values."""
    fitting = narrowest(low, high)
    if fitting is None:
        return "no format holds them; use narrower inputs or smaller numbers"
    return f"use {fitting} for {tensor}"
