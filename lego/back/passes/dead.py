"""Remove what no output depends on: primitives, input ports, and output ports nobody reads."""

from __future__ import annotations

from dataclasses import replace

from lego.back.graph.prune import prune
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Op

__all__ = ["check_pruned", "remove_dead_ports"]


def remove_dead_ports(dag: Dag) -> Dag:
    """Return `dag` without output ports that no parent reads, and what only they need.

    Works from the top down, so that what a parent doesn't need disappears below it as well. The
    top keeps all of its ports, and every module its input ports.
    """
    read: dict[str, set[str]] = {}
    kept: list[Module] = []
    for module in reversed(dag.modules):
        if module is not dag.top:
            wanted = read.get(module.name, set())
            outputs = tuple(output for output in module.outputs if output[0] in wanted)
            module = replace(module, outputs=outputs)
        module = prune(module)
        for node in module.nodes:
            if node.op is Op.PORT:
                read.setdefault(module.nodes[node.srcs[0]].text, set()).add(node.text)
        kept.append(module)
    return Dag(tuple(reversed(kept)))


def check_pruned(before: Dag, after: Dag) -> None:
    """Raise InternalError unless `after` holds what the top's outputs need in `before`, and only that."""
    if {name for name, _ in before.top.outputs} != {name for name, _ in after.top.outputs}:
        raise InternalError("the top lost an output")
    read: dict[str, set[str]] = {}
    for old, new in zip(reversed(before.modules), reversed(after.modules), strict=True):
        outputs = {name for name, _ in new.outputs}
        if new is not after.top and outputs != read.get(new.name, set()):
            raise InternalError(f"{new.name} has other outputs than are read")
        if prune(new) != new:
            raise InternalError(f"{new.name} holds what nothing depends on")
        was, now = dict(old.outputs), dict(new.outputs)
        seen: dict[tuple[int, int], bool] = {}
        stack = [(was[name], now[name]) for name in sorted(outputs)]
        while stack:
            pair = stack.pop()
            if pair in seen:
                continue
            seen[pair] = True
            a, b = old.nodes[pair[0]], new.nodes[pair[1]]
            if replace(a, srcs=()) != replace(b, srcs=()) or len(a.srcs) != len(b.srcs):
                raise InternalError(f"%{pair[1]} of {new.name} is another primitive than before")
            stack += zip(a.srcs, b.srcs, strict=True)
        for node in new.nodes:
            if node.op is Op.PORT:
                read.setdefault(new.nodes[node.srcs[0]].text, set()).add(node.text)
