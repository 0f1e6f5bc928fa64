"""A lane: the reduction, the slots one behind the other, and the second stream beside them."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.vector.arithmetic import product, shifted, timed_sum, wide_sum
from lego.back.system.vector.timing import slot_cycles, timing_of
from lego.ir.dag import Module, Op, bits_for, index_bits
from lego.ir.intervals import Interval
from lego.ir.operation import Reduction
from lego.ir.vector.chain import BYTE, SlotFn, Source
from lego.ir.vector.plan import Slot, VectorPlan

__all__ = ["build_lane", "choice_of", "held_port", "operand_port"]


def operand_port(slot: int) -> str:
    """The port of a slot's immediate operand."""
    return f"slot{slot}_operand"


def held_port(number: int) -> str:
    """The port of the lane's element of a held vector."""
    return f"held{number}"


def on_port(slot: int) -> str:
    """The register, and port, that says whether a slot does anything."""
    return f"slot{slot}_on"


def choice_of(slot: int) -> str:
    """The register, and port, that chooses a slot's operand."""
    return f"slot{slot}_choice"


def build_lane(name: str, plan: VectorPlan, table: Module | None) -> Module:
    """One lane. `a`, with `taken` and `first` of a reduction, and `b` come in one cycle, `result` after
    :attr:`Timing.leaves` more. All other ports stand still while elements are inside, or load the table.
    """
    b = Builder(name, "fu")
    times = timing_of(plan)
    value = _reduced(b, plan)
    second = _second(b, plan)
    now = times.reduced
    for k, slot in enumerate(plan.slots):
        value = b.delay(value, times.enters[k] - now)
        operand = _operand(b, plan, k, b.delay(second, max(0, times.enters[k] - times.scaled)))
        value = _slot(b, slot, k, value, operand, table)
        now = times.enters[k] + slot_cycles(slot)
    b.output("result", b.wrap(value, (0, 255)))
    return infer_widths(b.build())


def _reduced(b: Builder, plan: VectorPlan) -> int:
    """Stream A, or what has come together of it: in a register."""
    a = b.wrap(b.input("a", plan.first), plan.reduced)
    if not plan.reductions:
        return a
    b.origin = "reduction"
    total = b.reg(plan.reduced, name="total", resets=False)
    found = [_combined(b, each, total, a, plan.reduced) for each in plan.reductions]
    chosen = found[0]
    if len(found) > 1:
        chosen = _chosen(b, "reduction", found)
    following = b.wrap(b.mux(b.input("first"), a, chosen), plan.reduced)
    b.drive(total, following, b.input("taken"))
    b.origin = ""
    return total


def _combined(b: Builder, reduction: Reduction, total: int, a: int, span: Interval) -> int:
    if reduction is Reduction.ADD:
        return wide_sum(b, total, a, span)
    return b.op(Op.MAX if reduction is Reduction.MAX else Op.MIN, total, a)


def _second(b: Builder, plan: VectorPlan) -> int:
    """Stream B, scaled."""
    if not plan.stream:
        return b.const(0)
    byte = b.input("b", BYTE)
    if plan.scale is None:
        return byte
    scale = b.input("scale", plan.scale)
    if plan.scale_held >= 0:
        scale = _with_held(b, plan, scale, plan.scale_held, b.input("scale_choice"), plan.scale)
    return product(b, (byte, BYTE), (scale, plan.scale))


def _with_held(
    b: Builder, plan: VectorPlan, value: int, number: int, choice: int, span: Interval
) -> int:
    """A held element or an immediate value."""
    held = b.input(held_port(number), plan.held[number].span)
    return b.wrap(b.mux(choice, held, value), span)


def _operand(b: Builder, plan: VectorPlan, k: int, second: int) -> int:
    """What a slot is given beside its value."""
    slot = plan.slots[k]
    if slot.fn is SlotFn.TABLE:
        return b.const(0)
    found = []
    for source in slot.sources:
        match source:
            case Source.IMMEDIATE:
                found.append(b.input(operand_port(k), slot.operand))
            case Source.HELD:
                found.append(b.input(held_port(slot.held), plan.held[slot.held].span))
            case Source.STREAM:
                found.append(second)
    if len(found) == 1:
        return found[0]
    return b.wrap(_chosen(b, choice_of(k), found), slot.operand)


def _chosen(b: Builder, port: str, values: Sequence[int]) -> int:
    """One of several values, by the number on a port."""
    bits = index_bits(len(values))
    return b.select(b.input(port, (0, (1 << bits) - 1)), bits, values)


def _slot(b: Builder, slot: Slot, k: int, value: int, operand: int, table: Module | None) -> int:
    """The value behind a slot, in a register."""
    b.origin = f"slot {k}: {slot.fn}"
    match slot.fn:
        case SlotFn.MUL:
            found = product(b, (value, slot.before), (operand, slot.operand))
        case SlotFn.ADD:
            still = Source.STREAM not in slot.sources
            found = timed_sum(b, value, operand, slot.after, still=still)
        case SlotFn.SHIFT:
            found = b.delay(shifted(b, value, operand, bits_for(*slot.operand), slot.before), 1)
        case SlotFn.MAX | SlotFn.MIN:
            found = b.delay(_bounded(b, slot, k, value, operand), 1)
        case SlotFn.TABLE:
            assert table is not None  # noqa: S101
            on = b.input(on_port(k))
            found = b.delay(b.mux(on, _looked_up(b, table, value, on), b.delay(value, 1)), 1)
    b.origin = ""
    return b.wrap(found, slot.after)


def _bounded(b: Builder, slot: Slot, k: int, value: int, operand: int) -> int:
    """The larger or smaller one, if the slot is on."""
    beyond = b.less(*((value, operand) if slot.fn is SlotFn.MAX else (operand, value)))
    return b.wrap(b.mux(b.all([b.input(on_port(k)), beyond]), operand, value), slot.after)


def _looked_up(b: Builder, table: Module, value: int, on: int) -> int:
    """The entry at the low byte, a cycle later."""
    byte = b.input("table_byte", (0, 255))
    ports = {
        "raddr": b.wrap(value, (0, 255)),
        "ren": on,
        "waddr": b.input("table_at", (0, 255)),
        "wdata": byte,
        "wen": b.input("table_write"),
    }
    entry = b.instance(table, "entries", ports)["rdata"]
    return b.wrap(entry, BYTE)
