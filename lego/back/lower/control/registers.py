"""What the host wrote, as inputs of the control's modules."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.plan.design import DesignPlan
from lego.ir.dag import Module, Op

__all__ = ["Registers"]


class Registers:
    """The registers of a design, for one module."""

    def __init__(self, b: Builder, design: DesignPlan) -> None:
        self.b = b
        self.bits = {spec.name: spec.bits for spec in design.registers}

    def __contains__(self, name: str) -> bool:
        return name in self.bits

    def bring(self, name: str) -> int:
        """A register's value."""
        return self.b.input(name, (0, (1 << self.bits[name]) - 1))

    def wires(self, module: Module) -> dict[str, int]:
        """The registers among the inputs of a module that is held, by port."""
        inputs = (node.name for node in module.nodes if node.op is Op.INPUT)
        return {name: self.bring(name) for name in inputs if name in self}
