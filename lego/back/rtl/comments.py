"""Comments in the Verilog: how often a module is used, and what a primitive is there for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from lego.ir.dag import Dag, Module, Op

__all__ = ["commented"]

_MODULE = re.compile(r"module (\w+)\(")
_DRIVES = re.compile(r"(?:  assign|   ) (\w+)(?:\[[\d:]+\])? <?= .*;$")


def commented(verilog: str, dag: Dag) -> str:
    """The text as Yosys writes it, with a comment before each module and behind each assignment whose
    origin is known.
    """
    modules = {module.name: module for module in dag.modules}
    used = Counter(
        (node.text, module.name)
        for module in dag.modules
        for node in module.nodes
        if node.op is Op.INSTANCE
    )
    return "\n".join(_lines(verilog, modules, used))


def _lines(
    verilog: str, modules: Mapping[str, Module], used: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    origins: Mapping[str, str] = {}
    for line in verilog.split("\n"):
        if line.startswith("module ") and (found := _MODULE.match(line)):
            module = modules.get(found[1])
            origins = _origins(module) if module else {}
            if module:
                yield _about(module, used)
        elif (found := _DRIVES.match(line)) and found[1] in origins:
            line += f"  // {origins[found[1]]}"
        yield line


def _about(module: Module, used: Mapping[tuple[str, str], int]) -> str:
    places = [
        f"{n} in {inside}" for (name, inside), n in sorted(used.items()) if name == module.name
    ]
    return f"// {module.category}: {', '.join(places) or 'top'}"


def _origins(module: Module) -> dict[str, str]:
    """The origin of each named net; of a register that has an output's name, too."""
    found = {
        node.name or f"n{i}": node.origin for i, node in enumerate(module.nodes) if node.origin
    }
    for name, i in module.outputs:
        if module.nodes[i].origin:
            found.setdefault(name, module.nodes[i].origin)
    return found
