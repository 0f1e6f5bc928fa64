"""Names that sort alike whatever the user calls things, for tools that sort by names.

A design goes through Amaranth and Yosys with names of fixed length, numbered in the order in which things
were made, and gets its own back in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from lego.back.rtl.names import check_name
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["neutral", "restored"]

_KEPT = ("clk", "rst")
"""What is never renamed."""

_NEUTRAL = re.compile(r"\b[mpqvc][0-9]{5}_[0-9]{7}\b")


def restored(text: str, names: Mapping[str, str]) -> str:
    """The text with the names of the design; `names` is what :func:`neutral` gave."""
    return _NEUTRAL.sub(lambda found: names[found[0]], text)


def neutral(dag: Dag) -> tuple[Dag, dict[str, str]]:
    """The design with neutral names, and the names that these stand for.

    Raises InternalError for one that mustn't reach the RTL.
    """
    names: dict[str, str] = {}
    modules: dict[str, str] = {}
    ports: dict[str, dict[str, str]] = {}
    made = []
    for k, module in enumerate(dag.modules):
        check_name(module.name)
        modules[module.name] = f"m00000_{k:07}"
        names[modules[module.name]] = module.name
        own = _Names(module, k, names)
        ports[module.name] = own.ports
        nodes = tuple(own.node(i, node, modules, ports) for i, node in enumerate(module.nodes))
        outputs = tuple((own.ports[name], node) for name, node in module.outputs)
        made.append(replace(module, name=modules[module.name], nodes=nodes, outputs=outputs))
    return Dag(tuple(made)), names


class _Names:
    """Neutral names of one module, each of which stands for one name."""

    def __init__(self, module: Module, number: int, names: dict[str, str]) -> None:
        self._module, self._number, self._names = module, number, names
        self._taken = {*_KEPT, *(f"n{i}" for i in range(len(module.nodes)))}
        self._taken |= {module.pins.clock, module.pins.reset}
        if module.clocks:  # nothing of it is printed
            self._taken = set()
        inputs = [(i, n.name) for i, n in enumerate(module.nodes) if n.op is Op.INPUT]
        self.ports = {name: self._new("p", i, name) for i, name in inputs}
        self.ports |= {name: self._new("q", k, name) for k, (name, _) in enumerate(module.outputs)}

    def _new(self, kind: str, number: int, name: str) -> str:
        check_name(name)
        own, more = name, 1
        while own in self._taken:
            more += 1
            own = f"{name}_{more}"
        self._taken.add(own)
        found = f"{kind}{self._number:05}_{number:07}"
        self._names[found] = own
        return found

    def node(
        self, i: int, node: Node, modules: Mapping[str, str], ports: Mapping[str, Mapping[str, str]]
    ) -> Node:
        """A node, what it instantiates or reads of an instance included."""
        if node.op is Op.INPUT:
            return node.called(self.ports[node.name])
        if node.op is Op.MEMORY or not node.name:
            return node
        name = self._new("c" if node.op is Op.INSTANCE else "v", i, node.name)
        if node.op is Op.INSTANCE:
            inner = ports[node.text]
            theirs = tuple(inner[port] for port in node.ports)
            return replace(node, name=name, text=modules[node.text], ports=theirs)
        if node.op is Op.PORT:
            holder = self._module.nodes[node.srcs[0]].text
            return replace(node, name=name, text=ports[holder][node.text])
        return node.called(name)
