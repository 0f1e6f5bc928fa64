"""From a dataflow to the architecture description graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import islpy as isl

from lego.diag import LegoError
from lego.front.bank_use import Nodes
from lego.front.banking import bank_function
from lego.front.costs import read_cost
from lego.front.delays import delay_reuse
from lego.front.legality import check_dataflow
from lego.front.lexmin import least_point
from lego.front.links import link_sources, sharing_classes
from lego.front.reuse import Forms, forms, held_counters
from lego.ir.adg import Adg, InputPlan, OutputClass, OutputPlan
from lego.ir.array import Access, ArrayOperation, Tensor
from lego.ir.checks.check import checked
from lego.ir.dataflow import Dataflow
from lego.ir.domain import Inequality
from lego.ir.hardware import MemoryStyle
from lego.ir.operation import Reduction

__all__ = ["build_adg"]

Point = tuple[int, ...]


def build_adg(
    name: str,
    op: ArrayOperation,
    tensors: Sequence[Tensor],
    dataflow: Dataflow,
    price: int = 0,
    style: MemoryStyle = MemoryStyle.CHEAPEST,
    *,
    resume: bool = False,
) -> Adg:
    """Plan interconnect, data nodes and banks of every operand of `op`.

    `price` is the energy of a memory read in that of a register as wide, per cycle; 0: the model's. `resume`:
    a reduction can go on from what its memory holds.
    Raises E301 if an assignment writes an element more than once, E302 to E304 if the dataflow
    doesn't run every iteration exactly once, or too early.
    """
    check_dataflow(op, dataflow)
    table = {tensor.name: tensor for tensor in tensors}
    trips = dataflow.trips(op)
    accesses = zip(_operand_names(op), op.inputs, strict=True)
    output = _output(op, table[op.output.tensor], dataflow, style)
    output = replace(output, resumes=resume and op.reduction is not Reduction.ASSIGN)
    sums = _summed(op, output.hold, injective=output.injective)
    inputs = tuple(
        _input(
            operand,
            table[a.tensor],
            forms(a.map, op, dataflow),
            (dataflow, trips, sums),
            price,
            style,
        )
        for operand, a in accesses
    )
    return checked(Adg("lego/adg/1", name, op, dataflow, inputs, output))


def _operand_names(op: ArrayOperation) -> list[str]:
    """The tensor's name, numbered from its second access on."""
    tensors = [access.tensor for access in op.inputs]
    return [
        f"{name}_{seen}" if (seen := tensors[:k].count(name)) else name
        for k, name in enumerate(tensors)
    ]


def _summed(op: ArrayOperation, hold: int, *, injective: bool) -> int:
    """Innermost counters over which FUs accumulate; an assignment of overlapping edges adds."""
    return 0 if op.reduction is Reduction.ASSIGN and injective else hold


def _input(
    name: str,
    tensor: Tensor,
    form: Forms,
    time: tuple[Dataflow, Sequence[int], int],
    price: int,
    style: MemoryStyle,
) -> InputPlan:
    """`time`: the dataflow, its trips, and the counters over which FUs accumulate."""
    dataflow, trips, sums = time
    sources = link_sources(form, dataflow)
    nodes = tuple(fu for fu, s in zip(dataflow.fus(), sources, strict=True) if s.link is None)
    shape, bits = tensor.shape, tensor.format.bits
    held = held_counters(form)
    found = Nodes(
        form, nodes, dataflow.control, tuple(trips), held, sums, bits, shape, False, style
    )
    banking = bank_function(found)
    energy = Fraction(price) or read_cost(tensor.format.bits, banking.depth(tensor.shape))
    return InputPlan(
        name,
        tensor,
        form.time,
        form.space,
        form.offset,
        sources,
        held,
        delay_reuse(form, dataflow, trips, nodes, energy),
        banking,
    )


def _output(
    op: ArrayOperation, tensor: Tensor, dataflow: Dataflow, style: MemoryStyle
) -> OutputPlan:
    form = forms(op.output.map, op, dataflow)
    classes = tuple(_class(group, dataflow) for group in sharing_classes(form.space, dataflow))
    hold = held_counters(form)
    injective = _injective(op, _padded_extents(op, dataflow))
    outer = range(len(dataflow.temporal) - hold)
    revisit = tuple(
        k for k in outer if dataflow.temporal[k].loop >= 0 and not any(row[k] for row in form.time)
    )
    _check_assigned_once(op)
    roots = tuple(sorted(c.root for c in classes))
    sums, trips = _summed(op, hold, injective=injective), dataflow.trips(op)
    shape, bits = tensor.shape, tensor.format.bits
    found = Nodes(form, roots, dataflow.control, trips, sums, sums, bits, shape, True, style)
    banking = bank_function(found)
    index = (form.time, form.space, form.offset)
    return OutputPlan(tensor.name, tensor, *index, classes, hold, revisit, injective, banking)


def _check_assigned_once(op: ArrayOperation) -> None:
    """Raises E301 if an assignment meets an element in two iterations."""
    if op.reduction is Reduction.ASSIGN and (clash := _clash(op)):
        first, second = (_named(op, point) for point in clash)
        raise LegoError(
            "E301",
            f"'=' writes an element of {op.output.tensor!r} more than once: in iterations {first} "
            f"and {second}",
            loc=op.output.loc or op.loc,
            hint="use a reduction (+=, max=, min=) or index the output by every loop",
        )


def _class(group: Sequence[tuple[int, ...]], dataflow: Dataflow) -> OutputClass:
    levels: dict[int, list[tuple[int, ...]]] = {}
    for fu in group:
        levels.setdefault(dataflow.skew(fu), []).append(fu)
    return OutputClass(tuple(tuple(level) for _, level in sorted(levels.items())))


def _clash(op: ArrayOperation) -> tuple[Point, Point] | None:
    """Two iterations that write one element, if there are any."""
    rows = op.output.map.rows
    zero = (0,) * len(op.loops)
    used = list(range(len(op.loops)))
    if not op.domain:
        for k, loop in enumerate(op.loops):
            if loop.extent > 1 and not any(row[k] for row in rows):
                return zero, (*zero[:k], 1, *zero[k + 1 :])
        used = [k for k in used if any(row[k] for row in rows)]
    found = _collisions(op.output, used, op.extents, op.domain)
    values = least_point(found) if used else None
    if values is None:
        return None
    pair = []
    for side in (values[: len(used)], values[len(used) :]):
        place = dict(zip(used, side, strict=True))
        pair.append(tuple(place.get(k, 0) for k in range(len(op.loops))))
    return pair[0], pair[1]


def _named(op: ArrayOperation, point: Point) -> str:
    return "(" + ", ".join(f"{x.name}={v}" for x, v in zip(op.loops, point, strict=True)) + ")"


def _padded_extents(op: ArrayOperation, dataflow: Dataflow) -> list[int]:
    """Extents of the loops over all FUs and timestamps, ragged edges included."""
    extents = [1] * len(op.loops)
    for dim, trips in zip(dataflow.temporal, dataflow.trips(op), strict=True):
        # an idle counter has one trip and adds nothing
        extents[dim.loop] += dim.step * (trips - 1)
    for loop, size in zip(dataflow.spatial_loops, dataflow.sizes, strict=True):
        extents[loop] += size - 1
    return extents


def _injective(op: ArrayOperation, extents: Sequence[int]) -> bool:
    """Whether two points that differ in a loop of the output's indices differ in the element; for an
    assignment, any two points.

    Asked over a box that holds those of all run-time bounds.
    """
    used = [k for k in range(len(op.loops)) if any(row[k] for row in op.output.map.rows)]
    if op.reduction is Reduction.ASSIGN and any(
        extent > 1 for k, extent in enumerate(extents) if k not in used
    ):
        return False
    return not used or _collisions(op.output, used, extents).is_empty()


def _collisions(
    access: Access,
    used: Sequence[int],
    extents: Sequence[int],
    domain: Sequence[Inequality] = (),
) -> isl.Set:
    """Pairs of points that differ and touch the same element; with a domain, all loops are used."""
    box = [f"0 <= {v}{k} < {extents[k]}" for k in used for v in "xy"]
    for each in domain:
        for v in "xy":
            terms = [f"{a}*{v}{k}" for k, a in enumerate(each.coefficients) if a]
            box.append(f"{' + '.join(terms)} < {each.limit}")
    same = [" + ".join(f"{row[k]}*(x{k} - y{k})" for k in used) + " = 0" for row in access.map.rows]
    names = ",".join(f"{v}{k}" for v in "xy" for k in used)
    differ = " or ".join(f"x{k} != y{k}" for k in used)
    return isl.Set(f"{{ [{names}] : ({' and '.join([*box, *same])}) and ({differ}) }}")
