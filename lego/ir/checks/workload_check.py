"""What every workload satisfies."""

from __future__ import annotations

from collections.abc import Iterator

from lego.ir.checks.network_check import network_faults
from lego.ir.operation import Operation
from lego.ir.workload import DataflowSpec, Workload

__all__ = ["workload_faults"]


def workload_faults(workload: Workload) -> Iterator[str]:
    """Broken rules of its network, and of the mappings that the user asked for."""
    yield from network_faults(workload.network)
    operations = workload.operations
    if len(workload.dataflows) != len(operations):
        yield f"dataflows for {len(workload.dataflows)} operations, not {len(operations)}"
        return
    for op, specs in zip(operations, workload.dataflows, strict=True):
        if len({spec.name for spec in specs}) < len(specs):
            yield f"operation {op.name}: two dataflows have one name"
        for spec in specs:
            for fault in _spec_faults(op, spec):
                yield f"operation {op.name}, dataflow {spec.name}: {fault}"


def _spec_faults(op: Operation, spec: DataflowSpec) -> Iterator[str]:
    names = {loop.name for loop in op.loops}
    used = (*(name for name, _ in spec.spatial), *spec.temporal)
    for name in used:
        if name not in names:
            yield f"{name} is no loop"
    if len(spec.control) != len(spec.spatial):
        yield f"{len(spec.control)} control skews for {len(spec.spatial)} axes"
    if any(size < 1 for _, size in spec.spatial):
        yield "an axis has no FU"
