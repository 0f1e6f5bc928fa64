"""The meaning of the `dataflow` and `architecture` sections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from frontends.yaml.hints import did_you_mean
from frontends.yaml.positions import Path, Positions
from frontends.yaml.schema import DataflowForm, OperationForm, WorkloadForm
from lego.diag import LegoError, LegoErrors
from lego.ir.workload import DataflowSpec

__all__ = ["array_of", "dataflow_specs"]

MAX_FUS = 1 << 14
DEFAULT_ARRAY = (16, 16)


def forms_of(k: int, form: OperationForm) -> list[tuple[Path, DataflowForm]]:
    """The mappings of operation `k`, each with its place in the file."""
    path: Path = ("operations", k)
    if form.dataflows is not None:
        return [((*path, "dataflows", n), flow) for n, flow in enumerate(form.dataflows)]
    return [((*path, "dataflow"), form.dataflow)] if form.dataflow is not None else []


def array_of(form: WorkloadForm, at: Positions) -> tuple[int, ...]:
    """FUs per axis: as given, else the box around all spatial maps. Raises E102 if there are too
    many."""
    array: tuple[int, ...] = DEFAULT_ARRAY
    loc = at()
    flows = [found for k, op in enumerate(form.operations) for found in forms_of(k, op)]
    if form.architecture.array is not None:
        array, loc = tuple(form.architecture.array), at("architecture", "array")
    elif flows:
        sizes = [tuple(flow.spatial.values()) for _, flow in flows]
        array = tuple(max(each) for each in itertools.zip_longest(*sizes, fillvalue=1))
        loc = at(*flows[0][0], "spatial")
    if math.prod(array) > MAX_FUS:
        raise LegoError(
            "E102",
            f"an array of {list(array)} has {math.prod(array)} FUs, at most {MAX_FUS} are allowed",
            loc=loc,
            hint="write, for example, [16, 16]",
        )
    return array


def dataflow_specs(
    k: int, form: OperationForm, array: Sequence[int] | None, at: Positions
) -> tuple[DataflowSpec, ...]:
    """The user's mappings of operation `k`. Raises E210 to E214, as many as there are."""
    specs: list[DataflowSpec] = []
    errors: list[LegoError] = []
    if form.dataflow is not None and form.dataflows is not None:
        message = "an operation has `dataflow` or `dataflows`, not both"
        loc = at.key("operations", k, "dataflow")
        errors.append(LegoError("E214", message, loc=loc, hint="move it into the list"))
    for path, flow in forms_of(k, form):
        try:
            specs.append(_spec(path, flow, form, array, at))
        except LegoErrors as wrong:
            errors += wrong.errors
    for n, flow in enumerate(form.dataflows or ()):
        if "name" not in flow.model_fields_set:
            hint = "add, for example, name: os"
            loc = at("operations", k, "dataflows", n)
            errors.append(LegoError("E214", "this dataflow has no name", loc=loc, hint=hint))
    errors = errors or list(itertools.islice(_same_names(specs), 1))
    if errors:
        raise LegoErrors(tuple(errors))
    return tuple(specs)


def _same_names(specs: Sequence[DataflowSpec]) -> Iterator[LegoError]:
    """E214 for dataflows that are called like one before, whatever the case."""
    names = [spec.name.lower() for spec in specs]
    for n, spec in enumerate(specs):
        if names.index(spec.name.lower()) < n:
            message = f"two dataflows of this operation are called {spec.name!r}"
            hint = "give each a name of its own, such as name: ws"
            yield LegoError("E214", message, loc=spec.loc, hint=hint)


def _spec(
    path: Path, flow: DataflowForm, form: OperationForm, array: Sequence[int] | None, at: Positions
) -> DataflowSpec:
    errors = [*_spatial(path, flow, form, array, at), *_temporal(path, flow, form, at)]
    axes = len(flow.spatial)
    control = (int(flow.control == "systolic"),) * axes
    if not isinstance(flow.control, str):
        control = tuple(flow.control)
        if len(control) != axes:
            message = f"control has length {len(control)}, the array has {axes} axes"
            hint = "give one number per axis, or systolic or broadcast"
            errors.append(LegoError("E213", message, loc=at(*path, "control"), hint=hint))
    if errors:
        raise LegoErrors(tuple(errors))
    spatial = tuple(flow.spatial.items())
    return DataflowSpec(flow.name, spatial, tuple(flow.temporal), control, at(*path))


def _spatial(
    path: tuple[str | int, ...],
    flow: DataflowForm,
    form: OperationForm,
    array: Sequence[int] | None,
    at: Positions,
) -> Iterable[LegoError]:
    for axis, (name, size) in enumerate(flow.spatial.items()):
        if name not in form.loops:
            yield LegoError(
                "E210",
                f"spatial loop {name!r} is not a loop of this operation",
                loc=at.key(*path, "spatial", name),
                hint=did_you_mean(name, form.loops, "loops are"),
            )
        if array is not None and (axis >= len(array) or size > array[axis]):
            has = array[axis] if axis < len(array) else "none"
            yield LegoError(
                "E211",
                f"{name!r} is mapped to {size} FUs on axis {axis}, the array {list(array)} has {has}",
                loc=at(*path, "spatial", name),
                hint="reduce the size, or enlarge `array` under `architecture`",
            )


def _temporal(
    path: tuple[str | int, ...], flow: DataflowForm, form: OperationForm, at: Positions
) -> Iterable[LegoError]:
    for j, name in enumerate(flow.temporal):
        if name not in form.loops:
            yield LegoError(
                "E210",
                f"temporal loop {name!r} is not a loop of this operation",
                loc=at(*path, "temporal", j),
                hint=did_you_mean(name, form.loops, "loops are"),
            )
        elif name in flow.temporal[:j]:
            yield LegoError(
                "E212",
                f"temporal loop {name!r} is named twice",
                loc=at(*path, "temporal", j),
                hint="name each loop once",
            )
