"""A lane: the reduction, the slots one behind the other, and the second stream beside them."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.vector.arithmetic import (
    Apart,
    apart,
    is_apart,
    product,
    product_span,
    shifted,
    sum_apart,
    together,
    wide_sum,
    within,
)
from lego.back.system.vector.timing import (
    Timing,
    scale_cycles,
    slot_cycles,
    stays_apart,
    timing_of,
)
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
    value: int | Apart = _reduced(b, plan)
    now, span = times.reduced, plan.reduced
    second = _second(b, plan, times)
    for k, slot in enumerate(plan.slots):
        if isinstance(value, Apart) and not stays_apart(slot):
            value, now = together(b, value, span), now + 1
        value = _late(b, value, times.enters[k] - now)
        operand = _operand(b, plan, k, second.get(k, -1))
        value, now, span = _slot(b, slot, k, value, operand, table), times.enters[k], slot.after
        now += slot_cycles(slot)
    whole = together(b, value, span) if isinstance(value, Apart) else value
    b.output("result", b.wrap(whole, (0, 255)))
    return infer_widths(b.build())


def _late(b: Builder, value: int | Apart, cycles: int) -> int | Apart:
    """A value so many cycles ago."""
    if isinstance(value, Apart):
        return Apart(b.delay(value.low, cycles), b.delay(value.high, cycles))
    return b.delay(value, cycles)


def _reduced(b: Builder, plan: VectorPlan) -> int:
    """Stream A, or what has come together of it: in a register."""
    a = b.wrap(b.input("a", plan.first), plan.reduced)
    if not plan.reductions:
        return a
    b.origin = "reduction"
    total = b.reg(plan.reduced, name="total", resets=False)
    both = [b.wrap(each, plan.combined) for each in (total, a)]
    found = [_combined(b, each, both[0], both[1], plan.combined) for each in plan.reductions]
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


def _second(b: Builder, plan: VectorPlan, times: Timing) -> dict[int, int]:
    """Stream B, scaled just in time, a cycle before the slots that may take it."""
    users = [k for k, slot in enumerate(plan.slots) if Source.STREAM in slot.sources]
    if not users:
        return {}
    at = [times.enters[k] - 1 for k in users]
    found = b.delay(b.input("b", BYTE), at[0] - scale_cycles(plan))
    if plan.scale is not None:
        scaled = product(b, (found, BYTE), (_scale(b, plan, plan.scale), plan.scale))
        whole = product_span(BYTE, plan.scale)
        found = together(b, scaled, whole) if isinstance(scaled, Apart) else scaled
    return {k: b.delay(found, time - at[0]) for k, time in zip(users, at, strict=True)}


def _scale(b: Builder, plan: VectorPlan, span: Interval) -> int:
    """What stream B is multiplied by."""
    scale = _still(b, "scale", span)
    if plan.scale_held < 0:
        return scale
    held = b.input(held_port(plan.scale_held), plan.held[plan.scale_held].span)
    return b.wrap(b.mux(_still(b, "scale_choice", (0, 1)), held, scale), span)


def _still(b: Builder, name: str, span: Interval) -> int:
    """A port that stands still while elements are inside, in a register of the lane's own."""
    return b.delay(b.input(name, span), 1)


def _operand(b: Builder, plan: VectorPlan, k: int, second: int) -> int:
    """What a slot is given beside its value, in a register."""
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
        return b.delay(found[0], 1)
    return b.delay(b.wrap(_chosen(b, choice_of(k), found), slot.operand), 1)


def _chosen(b: Builder, port: str, values: Sequence[int]) -> int:
    """One of several values, by the number on a port."""
    bits = index_bits(len(values))
    return b.select(_still(b, port, (0, (1 << bits) - 1)), bits, values)


def _slot(
    b: Builder, slot: Slot, k: int, value: int | Apart, operand: int, table: Module | None
) -> int | Apart:
    """The value behind a slot, in a register."""
    b.origin = f"slot {k}: {slot.fn}"
    found: int | Apart
    if slot.fn is SlotFn.ADD:
        found = _sum(b, slot, value, operand)
    else:
        assert not isinstance(value, Apart)  # noqa: S101
        found = _of_whole(b, slot, k, value, operand, table)
    b.origin = ""
    return within(b, found, slot.after) if isinstance(found, Apart) else b.wrap(found, slot.after)


def _sum(b: Builder, slot: Slot, value: int | Apart, operand: int) -> int | Apart:
    """The sum of both, a cycle later."""
    if not isinstance(value, Apart) and not is_apart(slot.after):
        return b.delay(wide_sum(b, value, operand, slot.after), 1)
    first = value if isinstance(value, Apart) else apart(b, value)
    second = apart(b, operand, still=Source.STREAM not in slot.sources)
    return sum_apart(b, first, second, slot.after)


def _of_whole(
    b: Builder, slot: Slot, k: int, value: int, operand: int, table: Module | None
) -> int | Apart:
    """What a slot that takes whole values makes of one."""
    match slot.fn:
        case SlotFn.MUL:
            return product(b, (value, slot.before), (operand, slot.operand))
        case SlotFn.SHIFT:
            return b.delay(shifted(b, value, operand, bits_for(*slot.operand), slot.before), 1)
        case SlotFn.TABLE:
            assert table is not None  # noqa: S101
            on = _still(b, on_port(k), (0, 1))
            return b.delay(b.mux(on, _looked_up(b, table, value, on), b.delay(value, 1)), 1)
    return b.delay(_bounded(b, slot, k, value, operand), 1)


def _bounded(b: Builder, slot: Slot, k: int, value: int, operand: int) -> int:
    """The larger or smaller one, if the slot is on."""
    beyond = b.less(*((value, operand) if slot.fn is SlotFn.MAX else (operand, value)))
    return b.wrap(b.mux(b.all([_still(b, on_port(k), (0, 1)), beyond]), operand, value), slot.after)


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
