"""The front of the engine: its registers, when a run may start, and the elements that it issues."""

from __future__ import annotations

from collections.abc import Mapping

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.vector.nest import Issue, build_issue_nest
from lego.ir.dag import Module
from lego.ir.vector.plan import VALUE_BITS, VectorPlan

__all__ = ["build_issue", "is_behind"]


def is_behind(name: str) -> bool:
    """Whether a register is read behind the issue, and so stands still while elements are under way."""
    plain = ("source", "memory", "mask", "reduction")
    return name in plain or name.startswith(("slot", "scale"))


def build_issue(name: str, plan: VectorPlan) -> Module:
    """Registers, written one a cycle, and the nest.

    Out come `e_ready`, and with every element `running`, whether it `computes`, `first`, `last`, `ends`,
    addresses, the rotation and its `index`; and what registers held that are read behind the issue when
    the run began. `drained`: no element is under way that reads them in the next cycle.
    """
    b = Builder(name, "control")
    registers, dirty = _registers(b, plan)
    start = b.input("e_start")
    nest = build_issue_nest(b, start, b.input("halt"), registers)
    b.drive(dirty[0], b.invert(start), b.any([start, dirty[1]]))
    b.origin = "when a run may start"
    computes = b.eq(registers["mode"], b.const(0))
    resting = b.all([b.invert(nest.running), b.input("drained")])
    ending = b.any([b.invert(nest.running), nest.ends])
    ready = b.any([resting, b.all([ending, computes, b.invert(dirty[0])])])
    b.check(ready, start)
    b.output("e_ready", ready)
    b.origin = ""
    mode = b.reg((0, 1), name="computes_now", resets=False)
    b.drive(mode, computes, start)
    b.output("computes", mode)
    if plan.has_table:
        table = b.reg((0, 1), name="table_now", resets=False)
        b.drive(table, b.eq(registers["mode"], b.const(2)), start)
        b.output("loads_table", table)
    for port in ("running", "first", "last", "ends"):
        b.output(port, getattr(nest, port))
    for port, node in nest.moving.items():
        b.output(port, node)
    _index(b, start, nest, registers)
    for register in plan.registers:
        if is_behind(register.name):
            copy = b.reg(b.nodes[registers[register.name]].range, name=register.name, resets=False)
            b.drive(copy, registers[register.name], start)
            b.output(register.name, copy)
    return infer_widths(b.build())


def _registers(b: Builder, plan: VectorPlan) -> tuple[dict[str, int], tuple[int, int]]:
    """What was written; and whether something that is read behind the issue was, since a run started: the
    bit, and when it is set."""
    write, number = b.input("e_write"), b.input("e_register", (0, 255))
    value = b.input("e_value", (0, (1 << VALUE_BITS) - 1))
    found, hits = {}, []
    for k, each in enumerate(plan.registers):
        span = (0, (1 << each.bits) - 1)
        here = b.all([write, b.eq(number, b.const(k))])
        found[each.name] = b.reg(span, name=f"{each.name}_set")
        b.drive(found[each.name], b.wrap(value, span), here)
        hits += [here] if is_behind(each.name) else []
    return found, (b.reg((0, 1), name="dirty", init=1), b.any(hits))


def _index(b: Builder, start: int, nest: Issue, registers: Mapping[str, int]) -> None:
    """The number of a held word, or of an entry of the table."""
    index = b.reg((0, 255), name="index", resets=False)
    first = b.mux(b.eq(registers["mode"], b.const(1)), registers["held"], b.const(0))
    following = b.mux(start, first, b.add(index, b.const(1)))
    b.drive(index, b.wrap(following, (0, 255)), b.any([start, nest.running]))
    b.output("index", index)
