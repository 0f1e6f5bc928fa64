"""Held vectors: registers that a run fills from consecutive words of the operand memory."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.dag import Module
from lego.ir.vector.plan import VectorPlan

__all__ = ["build_held", "element_port"]


def element_port(number: int, lane: int) -> str:
    """The port of a lane's element of a vector."""
    return f"held{number}_{lane}"


def build_held(name: str, plan: VectorPlan) -> Module:
    """Held vectors of all lanes: `word` is written as number `index` if `load` is set."""
    b = Builder(name, "interconnect")
    word = b.input("word", (0, (1 << 8 * plan.lanes) - 1))
    index, load = b.input("index", (0, 255)), b.input("load")
    for number, vector in enumerate(plan.held):
        size = vector.bytes
        for lane in range(plan.lanes):
            at, byte = divmod(lane * size, plan.lanes)
            here = b.all([load, b.eq(index, b.const(vector.at + at))])
            element = b.reg(vector.span, name=element_port(number, lane), resets=False)
            b.drive(element, b.wrap(b.slice(word, 8 * byte, 8 * size), vector.span), here)
            b.output(element_port(number, lane), element)
    return infer_widths(b.build())
