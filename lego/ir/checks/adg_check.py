"""What the architecture of one dataflow satisfies: its operands follow from the operation's accesses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.affine import AffineMap
from lego.ir.checks.banks_check import bank_faults
from lego.ir.checks.dataflow_check import dataflow_faults
from lego.ir.checks.links_check import class_faults, link_faults
from lego.ir.checks.reuse_check import reuse_faults
from lego.ir.domain import inside_box
from lego.ir.operation import Reduction

__all__ = ["adg_faults"]

Plan = InputPlan | OutputPlan
Matrix = Sequence[Sequence[int]]


def adg_faults(adg: Adg) -> Iterator[str]:
    """Broken rules: of the dataflow, then of every operand."""
    flow, accesses = adg.dataflow, (*adg.op.inputs, adg.op.output)
    yield from dataflow_faults(flow)
    loops = (*flow.spatial_loops, *(dim.loop for dim in flow.temporal))
    if max(loops, default=0) >= len(adg.op.loops):
        yield f"the dataflow names loop {max(loops)} of {len(adg.op.loops)}"
    if len(adg.inputs) != len(adg.op.inputs):
        yield f"{len(adg.inputs)} inputs are planned, the operation has {len(adg.op.inputs)}"
    names = [plan.name for plan in adg.operands()]
    if len(set(names)) != len(names):
        yield f"two operands have one name of {', '.join(names)}"
    for plan, access in zip(adg.operands(), accesses, strict=True):
        if plan.tensor.name != access.tensor:
            yield f"{plan.name} is tensor {plan.tensor.name}, the access is to {access.tensor}"
        for fault in _plan_faults(adg, plan, access.map):
            yield f"{plan.name}: {fault}"


def _plan_faults(adg: Adg, plan: Plan, access: AffineMap) -> Iterator[str]:
    yield from _shape_faults(adg, plan)
    yield from _index_faults(adg, plan, access)
    yield from _hold_faults(adg, plan)
    if isinstance(plan, InputPlan):
        yield from _inside_faults(adg, plan, access)
        yield from link_faults(adg.dataflow, plan)
        yield from reuse_faults(adg, plan)
    else:
        yield from class_faults(adg.dataflow, plan)
    yield from bank_faults(adg, plan)


def _shape_faults(adg: Adg, plan: Plan) -> Iterator[str]:
    rank, flow = len(plan.tensor.shape), adg.dataflow
    if min(plan.tensor.shape, default=1) < 1:
        yield f"the shape {list(plan.tensor.shape)} is empty"
    if not len(plan.time) == len(plan.space) == len(plan.offset) == rank:
        yield f"time, space and offset don't have the tensor's {rank} dimensions"
    if any(len(row) != len(flow.temporal) for row in plan.time):
        yield f"time doesn't have {len(flow.temporal)} counters"
    if any(len(row) != len(flow.sizes) for row in plan.space):
        yield f"space doesn't have {len(flow.sizes)} axes"


def _index_faults(adg: Adg, plan: Plan, access: AffineMap) -> Iterator[str]:
    """The element of an FU and a timestamp is that of the iteration that the dataflow sends there."""
    loops, flow = len(adg.op.loops), adg.dataflow
    if not _product_is(plan.time, access.rows, flow.temporal_matrix(loops)):
        yield "time isn't the access under the dataflow"
    if not _product_is(plan.space, access.rows, flow.spatial_matrix(loops)):
        yield "space isn't the access under the dataflow"
    if plan.offset != access.offset:
        yield f"the offset is {plan.offset}, that of the access {access.offset}"


def _product_is(found: Matrix, rows: Matrix, columns: Matrix) -> bool:
    return all(
        value == sum(a * column[k] for a, column in zip(row, columns, strict=True))
        for line, row in zip(found, rows, strict=True)
        for k, value in enumerate(line)
    )


def _hold_faults(adg: Adg, plan: Plan) -> Iterator[str]:
    """A value is held only over counters that its element doesn't depend on, results over all others too."""
    counters = len(adg.dataflow.temporal)
    if not 0 <= plan.hold <= counters:
        yield f"a value is held over {plan.hold} of {counters} counters"
    if any(any(row[counters - plan.hold :]) for row in plan.time):
        yield f"the element changes within the {plan.hold} counters over which it is held"
    if isinstance(plan, OutputPlan):
        again = tuple(
            k
            for k, dim in enumerate(adg.dataflow.temporal[: counters - plan.hold])
            if dim.loop >= 0 and not any(row[k] for row in plan.time)
        )
        if plan.revisit != again:
            yield f"counters {again} revisit an element, {plan.revisit} are named"
        if plan.resumes and adg.op.reduction is Reduction.ASSIGN:
            yield "an assignment goes on from what memory holds"


def _inside_faults(adg: Adg, plan: InputPlan, access: AffineMap) -> Iterator[str]:
    """Without padding, and with a whole box of iterations, no access leaves the tensor."""
    if plan.tensor.pad is not None or adg.op.domain:
        return
    for j, (row, offset) in enumerate(zip(access.rows, access.offset, strict=True)):
        low, high = inside_box(row, offset, adg.op.extents)
        if low < 0 or high >= plan.tensor.shape[j]:
            yield f"index {low}..{high} leaves dimension {j} of {plan.tensor.shape[j]} elements"
