"""Turn the user's mapping, or none, into a dataflow by strip-mining loops over the array."""

from __future__ import annotations

import itertools
from fractions import Fraction

from lego.diag import LegoError
from lego.ir.array import ArrayOperation
from lego.ir.checks.check import checked
from lego.ir.dataflow import Dataflow, TemporalDim
from lego.ir.hardware import Architecture
from lego.ir.workload import DataflowSpec

__all__ = ["choose", "dataflow_of"]


def dataflow_of(
    op: ArrayOperation, spec: DataflowSpec | None, architecture: Architecture
) -> Dataflow:
    """The dataflow that `spec` describes, or a sensible one if it is None.

    Raises E201 if a spatial loop is named twice.
    """
    spec = spec or choose(op, architecture)
    names = [name for name, _ in spec.spatial]
    if len(set(names)) != len(names):
        raise LegoError("E201", "a loop is mapped to two array axes", loc=spec.loc)
    step = dict(spec.spatial)
    order = [loop.name for loop in op.loops if loop.name not in spec.temporal]
    order += spec.temporal
    temporal = tuple(
        TemporalDim(name, op.loop_index(name), step.get(name, 1))
        for name in order
        if op.loops[op.loop_index(name)].extent > step.get(name, 1)
    )
    flow = Dataflow(
        name=spec.name,
        temporal=temporal,
        spatial_loops=tuple(op.loop_index(name) for name in names),
        sizes=tuple(size for _, size in spec.spatial),
        control=spec.control,
    )
    return checked(flow)


def choose(op: ArrayOperation, architecture: Architecture) -> DataflowSpec:
    """Pick the spatial loops that keep most FUs busy; the reduction runs innermost.

    Ties prefer loops of the output, so that partial sums stay in the FUs, and then loops that
    at least one input doesn't depend on, so that its elements are shared along the axis.
    """
    axes = min(len(architecture.array), len(op.loops))
    best = max(
        itertools.permutations(range(len(op.loops)), axes),
        key=lambda loops: (*_score(op, architecture, loops), tuple(-loop for loop in loops)),
    )
    spatial = tuple(
        (op.loops[loop].name, min(size, op.loops[loop].extent))
        for loop, size in zip(best, architecture.array[:axes], strict=True)
    )
    in_output = [_touches(op.output.map.rows, k) for k in range(len(op.loops))]
    outer = [loop.name for k, loop in enumerate(op.loops) if in_output[k]]
    inner = [loop.name for k, loop in enumerate(op.loops) if not in_output[k]]
    return DataflowSpec("auto", spatial, (*outer, *inner), (1,) * axes, op.loc)


def _touches(rows: tuple[tuple[int, ...], ...], column: int) -> bool:
    return any(row[column] for row in rows)


def _score(
    op: ArrayOperation, architecture: Architecture, loops: tuple[int, ...]
) -> tuple[Fraction, int, int]:
    busy = Fraction(1)
    for loop, size in zip(loops, architecture.array, strict=False):
        extent = op.loops[loop].extent
        busy *= Fraction(extent, -(-extent // size))
    in_output = sum(_touches(op.output.map.rows, loop) for loop in loops)
    shared = sum(any(not _touches(access.map.rows, loop) for access in op.inputs) for loop in loops)
    return busy, in_output, shared
