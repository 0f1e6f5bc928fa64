"""What a well-formed workload file means, and everything that can be wrong with it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from frontends.yaml.intervals import body_interval, escape, index_interval
from frontends.yaml.names import check_names
from frontends.yaml.schema import DataflowForm, OperationForm, WorkloadForm
from frontends.yaml.statement import Statement, parse_statement
from lego.diag import LegoError, LegoErrors
from lego.ir.workload import (
    Access,
    Architecture,
    DataflowSpec,
    Format,
    Loop,
    Reduction,
    Tensor,
    TensorOp,
    Workload,
)

if TYPE_CHECKING:
    from frontends.yaml.load import Positions

__all__ = ["Reader", "parse_format"]

T = TypeVar("T")

MAX_ITERATIONS = 1 << 40
MAX_ELEMENTS = 1 << 24
MAX_ERRORS = 20


def parse_format(text: str) -> Format | None:
    """`int8` and the like; None if the width is out of range."""
    signed = not text.startswith("u")
    bits = int(text.removeprefix("u").removeprefix("int"))
    return Format(signed, bits) if (2 if signed else 1) <= bits <= 32 else None


class Reader:
    """Checks a form and builds the workload; collects independent errors."""

    def __init__(self, form: WorkloadForm, at: Positions) -> None:
        self.form, self.at = form, at
        self.errors: list[LegoError] = []
        self.tensors: dict[str, Tensor] = {}

    def workload(self) -> Workload:
        """The workload. Raises the errors found, at most 20."""
        self._try(lambda: check_names(self.form, self.at))
        self._stop()
        operations, flows = [], []
        array = self._array()
        for k, form in enumerate(self.form.operations):
            op = self._try(partial(self._operation, k, form))
            flow = self._try(partial(self._dataflow, k, form, array))
            if op is not None:
                operations.append(op)
                flows.append(flow)
        self._try(self._memories)
        self._stop()
        memories = tuple((name, 8 * size) for name, size in self.form.architecture.memories.items())
        return Workload(
            self.form.name,
            tuple(self.tensors.values()),
            tuple(operations),
            tuple(flows),
            Architecture(array, memories),
        )

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
            raise LegoErrors(tuple(self.errors[:MAX_ERRORS]))

    def _array(self) -> tuple[int, ...]:
        if self.form.architecture.array is not None:
            return tuple(self.form.architecture.array)
        for form in self.form.operations:
            if form.dataflow is not None:
                return tuple(form.dataflow.spatial.values())
        return (16, 16)

    def _operation(self, k: int, form: OperationForm) -> TensorOp:
        loops = tuple(Loop(name, extent) for name, extent in form.loops.items())
        if math.prod(form.loops.values()) > MAX_ITERATIONS:
            raise LegoError(
                "E120",
                f"{math.prod(form.loops.values())} iterations are more than 2^40",
                loc=self.at("operations", k, "loops"),
                hint="split the operation or tile it on the host",
            )
        path = ("operations", k, "statement")
        said = parse_statement(
            form.statement, tuple(form.loops), self.at(*path), self.at.quoted(*path)
        )
        self._check_use(k, form, said)
        for access in (said.output, *said.inputs):
            self._tensor(k, form, loops, access, said)
        self._check_body(k, said)
        return TensorOp(
            form.name,
            loops,
            said.output,
            said.inputs,
            said.body,
            said.reduction,
            self.at("operations", k),
        )

    def _check_use(self, k: int, form: OperationForm, said: Statement) -> None:
        names = {access.tensor for access in (said.output, *said.inputs)}
        for section, given in (
            ("formats", form.formats),
            ("pad", form.pad),
            ("shapes", form.shapes),
        ):
            for name in given:
                if name not in names:
                    raise LegoError(
                        "E115",
                        f"{name!r} under {section} is no tensor of the statement",
                        loc=self.at.key("operations", k, section, name),
                        hint=_close(name, names),
                    )
        for name in sorted(names):
            if name in form.loops:
                raise LegoError(
                    "E104",
                    f"{name!r} is both a tensor and a loop",
                    loc=self.at.key("operations", k, "loops", name),
                    hint="rename one of them",
                )
            if name not in form.formats and name not in self.tensors:
                raise LegoError(
                    "E116",
                    f"tensor {name!r} has no number format",
                    loc=self.at("operations", k, "statement"),
                    hint=f"add it to formats: {{{name}: int8}}",
                )
        for access in said.inputs:
            if access.tensor == said.output.tensor:
                raise LegoError(
                    "E117",
                    f"{access.tensor!r} is read and written by one statement",
                    loc=access.loc,
                    hint="reductions read their old value by themselves; use another tensor",
                )
        for j, loop in enumerate(form.loops):
            if not any(row[j] for a in (said.output, *said.inputs) for row in a.map.rows):
                raise LegoError(
                    "E118",
                    f"loop {loop!r} is used in no index",
                    loc=self.at.key("operations", k, "loops", loop),
                    hint="remove it, or use it in an index",
                )

    def _tensor(
        self, k: int, form: OperationForm, loops: tuple[Loop, ...], access: Access, said: Statement
    ) -> None:
        name = access.tensor
        fmt = self._format(k, form, name)
        pad = form.pad.get(name)
        written = name == said.output.tensor
        if pad is not None and written:
            raise LegoError(
                "E119",
                f"output {name!r} can't be padded",
                loc=self.at.key("operations", k, "pad", name),
                hint="only tensors that are read have a pad value",
            )
        if pad is not None and not fmt.low <= pad <= fmt.high:
            raise LegoError(
                "E119",
                f"pad value {pad} doesn't fit {fmt}",
                loc=self.at("operations", k, "pad", name),
                hint=f"{fmt} holds {fmt.low} to {fmt.high}",
            )
        known = self.tensors.get(name)
        shape = self._shape(k, form, loops, access, said, known)
        if known is not None:
            if (known.shape, known.format) != (shape, fmt):
                raise LegoError(
                    "E121",
                    f"tensor {name!r} is {known.format} {list(known.shape)} elsewhere, here {fmt} {list(shape)}",
                    loc=access.loc,
                    hint="give the same format and shape in both places (see `shapes`)",
                )
            pad = known.pad if pad is None else pad
        if math.prod(shape) > MAX_ELEMENTS:
            raise LegoError(
                "E120",
                f"tensor {name!r} has {math.prod(shape)} elements, more than 2^24",
                loc=access.loc,
                hint="tile the operation; its memory must hold the whole tensor",
            )
        for j, (low, high) in enumerate(index_interval(access.map, loops)):
            if pad is None and (low < 0 or high >= shape[j]):
                point = escape(access.map.rows[j], loops, high=low >= 0)
                value = low if low < 0 else high
                raise LegoError(
                    "E122",
                    f"index {j} of {name!r} reaches {value}, outside [0, {shape[j] - 1}], at {point}",
                    loc=access.loc,
                    hint=f"give `pad: {{{name}: 0}}`, or change bounds or shapes",
                )
        self.tensors[name] = Tensor(name, shape, fmt, pad)

    def _format(self, k: int, form: OperationForm, name: str) -> Format:
        if name not in form.formats:
            return self.tensors[name].format
        fmt = parse_format(form.formats[name])
        if fmt is None:
            raise LegoError(
                "E103",
                f"{form.formats[name]!r} is not a number format",
                loc=self.at("operations", k, "formats", name),
                hint="formats are int2 to int32 and uint1 to uint32",
            )
        return fmt

    def _shape(
        self,
        k: int,
        form: OperationForm,
        loops: tuple[Loop, ...],
        access: Access,
        said: Statement,
        known: Tensor | None,
    ) -> tuple[int, ...]:
        name, rank = access.tensor, access.map.n_out
        ranks = {a.map.n_out for a in (said.output, *said.inputs) if a.tensor == name}
        declared = form.shapes.get(name)
        if rank > 8:
            raise LegoError(
                "E123",
                f"{name!r} has {rank} dimensions, at most 8 are allowed",
                loc=access.loc,
                hint="merge dimensions",
            )
        expected = (
            len(declared)
            if declared is not None
            else len(known.shape)
            if known is not None
            else rank
        )
        if len(ranks) > 1 or expected != rank:
            other = sorted((ranks | {expected}) - {rank})
            raise LegoError(
                "E123",
                f"{name!r} has {rank} indices here and {other[0]} elsewhere",
                loc=access.loc,
                hint="every use of a tensor has the same number of indices",
            )
        if declared is not None:
            return tuple(declared)
        if known is not None:
            return known.shape
        same = [a for a in (said.output, *said.inputs) if a.tensor == name]
        spans = [index_interval(a.map, loops) for a in same]
        return tuple(
            max(1, *(span[j][1] + 1 for span in spans))
            if len(spans) > 1
            else max(1, spans[0][j][1] + 1)
            for j in range(rank)
        )

    def _check_body(self, k: int, said: Statement) -> None:
        fmt = self.tensors[said.output.tensor].format
        formats = [self.tensors[a.tensor].format for a in said.inputs]
        low, high = body_interval(said.body, [(f.low, f.high) for f in formats])
        if max(abs(low), abs(high)) >= 1 << 62:
            raise LegoError(
                "E124",
                "values of the body need more than 63 bits",
                loc=said.output.loc,
                hint="use narrower formats",
            )
        if said.reduction is not Reduction.ADD and not (fmt.low <= low and high <= fmt.high):
            raise LegoError(
                "E124",
                f"the body's values span [{low}, {high}], {fmt} holds [{fmt.low}, {fmt.high}]",
                loc=said.output.loc,
                hint=f"use {_fitting(low, high)} for {said.output.tensor}",
            )

    def _dataflow(self, k: int, form: OperationForm, array: tuple[int, ...]) -> DataflowSpec | None:
        flow = form.dataflow
        if flow is None:
            return None
        path = ("operations", k, "dataflow")
        for axis, (name, size) in enumerate(flow.spatial.items()):
            if name not in form.loops:
                raise LegoError(
                    "E210",
                    f"spatial loop {name!r} is not a loop of this operation",
                    loc=self.at.key(*path, "spatial", name),
                    hint=_close(name, form.loops),
                )
            if axis >= len(array) or size > array[axis]:
                raise LegoError(
                    "E211",
                    f"{size} FUs for {name!r} are more than the array {list(array)} has on axis {axis}",
                    loc=self.at(*path, "spatial", name),
                    hint="reduce the size, or enlarge architecture.array",
                )
        for j, name in enumerate(flow.temporal):
            if name not in form.loops:
                raise LegoError(
                    "E210",
                    f"temporal loop {name!r} is not a loop of this operation",
                    loc=self.at(*path, "temporal", j),
                    hint=_close(name, form.loops),
                )
            if name in flow.temporal[:j]:
                raise LegoError(
                    "E212",
                    f"temporal loop {name!r} is named twice",
                    loc=self.at(*path, "temporal", j),
                    hint="name each loop once",
                )
        return DataflowSpec(
            flow.name,
            tuple(flow.spatial.items()),
            tuple(flow.temporal),
            self._control(path, flow),
            self.at(*path),
        )

    def _control(self, path: Sequence[str | int], flow: DataflowForm) -> tuple[int, ...]:
        axes = len(flow.spatial)
        if isinstance(flow.control, str):
            return (int(flow.control == "systolic"),) * axes
        if len(flow.control) != axes:
            raise LegoError(
                "E213",
                f"control has {len(flow.control)} entries for {axes} array axes",
                loc=self.at(*path, "control"),
                hint="give one number per axis, or systolic or broadcast",
            )
        return tuple(flow.control)

    def _memories(self) -> None:
        for name, size in self.form.architecture.memories.items():
            loc = self.at("architecture", "memories", name)
            if name not in self.tensors:
                raise LegoError(
                    "E115",
                    f"{name!r} under memories is no tensor",
                    loc=loc,
                    hint=_close(name, self.tensors),
                )
            tensor = self.tensors[name]
            needed = -(-math.prod(tensor.shape) * tensor.format.bits // 8)
            if needed > size:
                raise LegoError(
                    "E125",
                    f"{name!r} needs {needed} bytes, its memory has {size}",
                    loc=loc,
                    hint="enlarge the memory, or tile the operation with smaller loops",
                )


def _close(name: str, known: Sequence[str] | Mapping[str, object] | set[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"


def _fitting(low: int, high: int) -> str:
    for bits in range(2, 33):
        for fmt in (Format(True, bits), Format(False, bits)):
            if fmt.low <= low and high <= fmt.high:
                return str(fmt)
    return "a narrower body"
