"""Modules wired to each other by names, in any order: what one reads another may make later."""

from __future__ import annotations

from collections.abc import Mapping

from lego.back.graph.builder import Builder
from lego.diag import InternalError
from lego.ir.dag import Module, Node, Op

__all__ = ["Netlist"]


class Netlist:
    """Instances within a module that is built.

    A port is called `instance.port`.
    """

    def __init__(self, b: Builder, parts: Mapping[str, Module]) -> None:
        self.b, self.parts = b, parts
        self._outputs = {
            f"{instance}.{port}": b.wire(module.nodes[node].range)
            for instance, module in parts.items()
            for port, node in module.outputs
        }
        self._inputs: dict[str, int] = {}

    def port(self, name: str) -> int:
        """The output `instance.port`."""
        return self._outputs[name]

    def inputs(self, instance: str) -> dict[str, Node]:
        """The input ports of an instance."""
        return {node.name: node for node in self.parts[instance].nodes if node.op is Op.INPUT}

    def drive(self, name: str, node: int) -> None:
        """Drive the input `instance.port`, if the instance has it."""
        instance, port = name.split(".")
        if port not in self.inputs(instance):
            return
        if name in self._inputs:
            raise InternalError(f"{name} is driven twice")
        self._inputs[name] = node

    def join(self, ports: Mapping[str, str]) -> None:
        """Drive inputs by outputs."""
        for target, source in ports.items():
            self.drive(target, self.port(source))

    def bring(self, instance: str, beginning: str) -> None:
        """Ports of the module that is built for all ports of an instance whose names begin so."""
        for name, node in self.inputs(instance).items():
            if name.startswith(beginning):
                self.drive(f"{instance}.{name}", self.b.input(name, node.range))
        for port, _ in self.parts[instance].outputs:
            if port.startswith(beginning):
                self.b.output(port, self.port(f"{instance}.{port}"))

    def build(self) -> None:
        """Make the instances. Raises InternalError for inputs that nobody drives."""
        for instance, module in self.parts.items():
            given = {}
            for port, node in self.inputs(instance).items():
                name = f"{instance}.{port}"
                if name not in self._inputs:
                    raise InternalError(f"nobody drives {name}")
                given[port] = self._fitted(self._inputs[name], node)
            made = self.b.instance(module, instance, given)
            for port, out in made.items():
                self.b.connect(self._outputs[f"{instance}.{port}"], out)

    def _fitted(self, source: int, port: Node) -> int:
        """The source in the bits of the port."""
        node = self.b.nodes[source]
        if node.low is not None and (node.bits, node.signed) == (port.bits, port.signed):
            return source
        return self.b.wrap(source, port.range)
