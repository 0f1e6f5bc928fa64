"""What the host wrote, as inputs of the control's modules."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.lower.registers import NEXT
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import Reader
from lego.ir.dag import Module, Op

__all__ = ["Registers"]


class Registers:
    """The registers of a design, for one module."""

    def __init__(self, b: Builder, design: DesignPlan) -> None:
        self.b, self.fused = b, design.fused
        self.specs = {spec.name: spec for spec in design.registers}

    def __contains__(self, name: str) -> bool:
        return self._parts(name)[0] in self.specs

    def _parts(self, port: str) -> tuple[str, str]:
        """The register of a port, and the mark of the next run where it is of that."""
        name = port.removesuffix(NEXT) if self.fused.queue else port
        return name, port[len(name) :]

    def bring(self, name: str, mark: str = "") -> int:
        """A register's value; with the mark of the next run, there."""
        return self.b.input(f"{name}{mark}", (0, (1 << self.specs[name].bits) - 1))

    def begins(self, name: str) -> int:
        """A register's value in a run that begins."""
        return self.bring(name, NEXT if self.fused.queue else "")

    def first(self, base: str) -> tuple[int, int]:
        """The first address in this run, and in one that begins."""
        return self.bring(base), self.begins(base)

    def wires(self, module: Module, *, late: bool = False) -> dict[str, int]:
        """The registers among the inputs of a module that is held, by port.

        `late`: the module is a cycle behind the counters, and so are the registers that change with them.
        """
        inputs = [node.name for node in module.nodes if node.op is Op.INPUT and node.name in self]
        found = {}
        for port in inputs:
            name, mark = self._parts(port)
            behind = late and self.fused.queue and self.specs[name].reader is Reader.COUNTERS
            found[port] = self.b.delay(self.bring(name, mark), int(behind and not mark))
        return found
