"""Registers of a design, and their values for given loop bounds.

Everything that depends on run-time sizes is a register that the host computes: trip counts,
bounds of ragged loops, tensor extents, base addresses, and address steps. The hardware only adds
and compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.affine import AffineMap
from lego.ir.dag import bits_for
from lego.ir.workload import TensorOp

__all__ = [
    "RegisterSpec",
    "address_bits",
    "levels",
    "needs_extent",
    "register_specs",
    "register_values",
    "row_registers",
    "runtime_shapes",
]

Plan = InputPlan | OutputPlan


@dataclass(frozen=True, slots=True)
class RegisterSpec:
    """One register: its port name, the largest value it must hold, and what it means."""

    name: str
    high: int
    about: str

    @property
    def bits(self) -> int:
        """Width in bits."""
        return bits_for(0, self.high)


def address_bits(plan: Plan) -> int:
    """Bits of a word address in one bank."""
    return bits_for(0, max(1, plan.banking.depth(plan.tensor.shape) - 1))


def levels(plan: Plan) -> tuple[int, ...]:
    """Counters that the operand's element depends on, outermost first."""
    width = len(plan.time[0]) if plan.time else 0
    return tuple(k for k in range(width) if any(row[k] for row in plan.time))


def row_registers(plan: Plan) -> tuple[int, ...]:
    """Dimensions whose bank digit can carry into the row: they need their row stride."""
    return tuple(
        j
        for j, count in enumerate(plan.banking.counts)
        if count > 1 and not (plan.banking.fixed and first_digit(plan, j) == 0)
    )


def first_digit(plan: Plan, dim: int) -> int:
    """Bank digit of the least element touched at timestamp zero."""
    g, count = plan.banking.gcds[dim], plan.banking.counts[dim]
    return (plan.offset[dim] + plan.banking.origin[dim]) // g % count


def needs_extent(adg: Adg, plan: Plan, access: AffineMap) -> tuple[int, ...]:
    """Dimensions whose index must be compared with the tensor's extent."""
    if isinstance(plan, OutputPlan):
        return () if plan.injective else tuple(range(len(plan.offset)))
    if plan.tensor.pad is None:
        return ()
    return tuple(
        j
        for j, (row, offset) in enumerate(zip(access.rows, access.offset, strict=True))
        if offset or sorted(row)[-1:] != [1] or sum(map(abs, row)) != 1
    )


def access_of(adg: Adg, plan: Plan) -> AffineMap:
    """The access map behind a plan."""
    if isinstance(plan, OutputPlan):
        return adg.op.output.map
    return adg.op.inputs[[p.name for p in adg.inputs].index(plan.name)].map


def register_specs(adg: Adg) -> tuple[RegisterSpec, ...]:
    """All registers of the design, in address order."""
    specs = []
    for dim, trips in zip(adg.dataflow.temporal, adg.dataflow.trips(adg.op), strict=True):
        specs.append(RegisterSpec(f"trip_{dim.name}", trips - 1, f"trips of {dim.name}, less one"))
    for loop in adg.dataflow.spatial_loops:
        name, extent = adg.op.loops[loop].name, adg.op.loops[loop].extent
        specs.append(RegisterSpec(f"bound_{name}", extent, f"bound of loop {name}"))
    for plan in adg.operands():
        high = (1 << address_bits(plan)) - 1
        name = plan.name
        specs.append(RegisterSpec(f"{name}_base", high, f"first word address of {name}"))
        specs += [
            RegisterSpec(
                f"{name}_step{k}", high, f"words per step of {adg.dataflow.temporal[k].name}"
            )
            for k in levels(plan)
        ]
        specs += [
            RegisterSpec(f"{name}_row{j}", high, f"words per row step of dimension {j}")
            for j in row_registers(plan)
        ]
        specs += [
            RegisterSpec(f"{name}_extent{j}", plan.tensor.shape[j], f"elements of dimension {j}")
            for j in needs_extent(adg, plan, access_of(adg, plan))
        ]
    return tuple(specs)


def runtime_shapes(
    op: TensorOp, shapes: Mapping[str, Sequence[int]], bounds: Mapping[str, int]
) -> dict[str, tuple[int, ...]]:
    """Tensor shapes at smaller bounds: each extent shrinks as the largest index does."""
    result: dict[str, list[int]] = {name: [0] * len(shape) for name, shape in shapes.items()}
    for access in (*op.inputs, op.output):
        for j, row in enumerate(access.map.rows):
            shrink = sum(
                max(a, 0) * (loop.extent - bounds[loop.name])
                for a, loop in zip(row, op.loops, strict=True)
            )
            extents = result[access.tensor]
            extents[j] = max(extents[j], shapes[access.tensor][j] - shrink, 1)
    return {name: tuple(extents) for name, extents in result.items()}


def register_values(
    adg: Adg,
    bounds: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
    bases: Mapping[str, int],
) -> dict[str, int]:
    """Value of every register for these loop bounds, tensor shapes and first word addresses."""
    values: dict[str, int] = {}
    for dim, trips in zip(adg.dataflow.temporal, adg.dataflow.trips(adg.op, bounds), strict=True):
        values[f"trip_{dim.name}"] = trips - 1
    for loop in adg.dataflow.spatial_loops:
        values[f"bound_{adg.op.loops[loop].name}"] = bounds[adg.op.loops[loop].name]
    for plan in adg.operands():
        values |= _address_values(adg, plan, tuple(shapes[plan.tensor.name]), bases[plan.name])
    return values


def _address_values(adg: Adg, plan: Plan, shape: tuple[int, ...], base: int) -> dict[str, int]:
    mask = (1 << address_bits(plan)) - 1
    strides = plan.banking.strides(shape)
    least = [f + o for f, o in zip(plan.offset, plan.banking.origin, strict=True)]
    values = {f"{plan.name}_base": base + _row(plan, strides, least)}
    for k in levels(plan):
        values[f"{plan.name}_step{k}"] = _row(plan, strides, [row[k] for row in plan.time])
    for j in row_registers(plan):
        values[f"{plan.name}_row{j}"] = plan.banking.gcds[j] * strides[j]
    values = {name: value & mask for name, value in values.items()}
    for j in needs_extent(adg, plan, access_of(adg, plan)):
        values[f"{plan.name}_extent{j}"] = shape[j]
    return values


def _row(plan: Plan, strides: Sequence[int], element: Sequence[int]) -> int:
    total = 0
    for d, g, count, stride in zip(
        element, plan.banking.gcds, plan.banking.counts, strides, strict=True
    ):
        total += (d // (g * count) * g + d % g) * stride
    return total
