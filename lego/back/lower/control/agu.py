"""The address generator of a memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lego.back.graph.builder import Builder
from lego.back.graph.prune import remove_dead_nodes
from lego.back.graph.widths import infer_widths
from lego.back.lower.control.digits import build_digits
from lego.back.lower.control.enables import build_enables
from lego.back.lower.control.inside import build_inside
from lego.back.lower.control.nest import Events, address_nest
from lego.back.lower.control.registers import Registers
from lego.back.lower.control.turns import add_turns
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.bank_view import Carries, Views
from lego.back.plan.registers import address_bits, moving_counters, row_registers
from lego.back.plan.signals import variant_port
from lego.ir.dag import Module, Op
from lego.ir.fused import MemoryPlan

__all__ = ["build_agu"]


def build_agu(
    design: DesignPlan, buffer: MemoryPlan, asked: Collection[str], *, late: bool, narrow: bool
) -> Module:
    """Address generator; ports `addr`, `addr_J..` (carrying), digits, `inJ_K`, enables.

    `asked` are the control's signals that someone takes.

    `late`: there is time to tell it what no event does, too, and for multiples of what the host wrote.
    """
    b = Builder(f"{design.fused.name}_agu_{buffer.name}", "control", len(design.fused.layers))
    registers, events = Registers(b, design), _events(b, design, late=late)
    views = design.views[buffer.index]
    digits, carries = build_digits(b, events, design, buffer)
    rows = {j: registers.bring(f"{buffer.name}_row{j}") for j in row_registers(views)}
    moving = moving_counters(design.fused, buffer.plans)
    steps = {k: registers.bring(f"{buffer.name}_step{k}") for k in moving}
    address = _address(b, events, registers, buffer, steps, rows, carries)
    _carried(b, views, rows, address, buffer, late=late)
    for name, (digit, count) in digits.items():
        b.output(name, digit)
        for value in range(count):
            b.output(f"{name}_is{value}", b.eq(digit, b.const(value)))
    if narrow:
        add_turns(b, buffer.name, views, digits, asked)
    for j, row in rows.items():
        b.output(f"row{j}", row)
    b.origin = f"index of {buffer.name} within the tensor"
    build_inside(b, events, registers, design, buffer)
    b.origin = f"when {buffer.name} is read"
    build_enables(b, registers, design, buffer)
    return infer_widths(remove_dead_nodes(b.build()))


def _events(b: Builder, design: DesignPlan, *, late: bool) -> Events:
    trips = design.fused.trips()
    still = tuple(b.input(f"still{k}") for k in range(len(trips))) if late else ()
    return Events(
        b.input("launch"),
        tuple(b.input(f"step{k}") for k in range(len(trips))),
        tuple(b.input(f"count{k}", (0, trip - 1)) for k, trip in enumerate(trips)),
        still,
    )


def _address(
    b: Builder,
    events: Events,
    registers: Registers,
    buffer: MemoryPlan,
    steps: Mapping[int, int],
    rows: Mapping[int, int],
    carries: Mapping[int, tuple[int, int]],
) -> int:
    """The address of the least element, in its half."""
    amounts = {
        condition: rows[j] if sign > 0 else b.op(Op.NEG, rows[j])
        for condition, (j, sign) in carries.items()
    }
    b.origin = f"address of {buffer.name}"
    base, first = registers.first(f"{buffer.name}_base")
    bits = address_bits(buffer.depth)
    address = address_nest(b, events, steps, base, bits, "address", amounts, first)
    b.output("addr", _in_half(b, buffer, address))
    return address


def _carried(
    b: Builder,
    views: Views,
    rows: Mapping[int, int],
    address: int,
    buffer: MemoryPlan,
    *,
    late: bool,
) -> None:
    """The addresses of nodes whose row is carried."""
    variants: set[Carries] = {v for view in views if view is not None for v in view.variants}
    for variant in sorted(variants - {()}):
        total = address
        for j, times in variant:
            total = b.add(total, b.delay(b.times(rows[j], times), int(late)))
        total = b.wrap(total, (0, (1 << address_bits(buffer.depth)) - 1))
        b.output(variant_port(variant), _in_half(b, buffer, total))


def _in_half(b: Builder, buffer: MemoryPlan, address: int) -> int:
    """An address with what tells the half above it, where that travels: no sum may carry into it, as what
    is read beyond a tensor is read in the same half."""
    if not buffer.half_bits:
        return address
    return b.cat([address, b.input("half")])
