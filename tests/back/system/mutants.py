"""Modules with one primitive wrong, to see that a check of their behaviour notices it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from lego.ir.dag import Module, Node, Op


def spoiled(node: Node) -> Node | None:
    """The primitive with another meaning; None if there is none that is sure to differ."""
    match node.op:
        case Op.AND if len(node.srcs) > 1:
            return replace(node, op=Op.OR)
        case Op.OR if len(node.srcs) > 1:
            return replace(node, op=Op.AND)
        case Op.NOT:
            return replace(node, op=Op.AND)
        case Op.MUX:
            return node.reading((node.srcs[0], node.srcs[2], node.srcs[1]))
        case Op.ADD:
            return replace(node, op=Op.SUB)
        case Op.REG if len(node.srcs) == 2:
            return node.reading(node.srcs[:1])
    return None


def behind_outputs(module: Module) -> set[int]:
    """Primitives that outputs depend on; others are for assertions only."""
    found, left = set[int](), [node for _, node in module.outputs]
    while left:
        i = left.pop()
        if i not in found:
            found.add(i)
            left += module.nodes[i].srcs
    return found


def mutants(module: Module, seed: int, count: int) -> Iterator[tuple[int, Module]]:
    """At most so many variants of a module, each with the number of the primitive that is wrong."""
    nodes = module.nodes
    places = [i for i in sorted(behind_outputs(module)) if spoiled(nodes[i])]
    for i in sorted(random.Random(seed).sample(places, min(count, len(places)))):
        wrong = spoiled(nodes[i])
        assert wrong is not None
        yield i, replace(module, nodes=(*nodes[:i], wrong, *nodes[i + 1 :]))


def unnoticed(
    module: Module, check: Callable[[Module], None], *, seed: int = 0, count: int = 60
) -> list[str]:
    """The variants that a check, which the module passes, takes for right."""
    check(module)
    found = []
    for i, wrong in mutants(module, seed, count):
        try:
            check(wrong)
        except (AssertionError, KeyError, IndexError, TypeError):
            continue
        found.append(f"%{i} = {module.nodes[i]}")
    return found
