"""Which operand port each input of each operation uses, and what a binding costs beside links."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from lego.front.costs import bank_cost, body_cost
from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.costs import COSTS

__all__ = ["Binding", "bindings", "fixed_cost", "identity", "plans_at"]

Binding = tuple[tuple[int, ...], ...]
"""Per dataflow the ports of its operation's inputs."""

MAX_BINDINGS = 1 << 14
"""Up to so many bindings all are tried; beyond, one operation's after another's."""


def identity(adgs: Sequence[Adg]) -> Binding:
    """Every operation's inputs in their order."""
    return tuple(tuple(range(len(adg.inputs))) for adg in adgs)


def bindings(adgs: Sequence[Adg]) -> tuple[list[Binding], bool]:
    """Ways to bind the operations' inputs to ports, all dataflows of an operation alike; and
    whether these are all that matter.

    The first of the operations with most inputs keeps its order: permuting all ports changes
    nothing. Beyond `MAX_BINDINGS` the operations are bound one by one, each as cheaply as those
    before allow.
    """
    operations = list(dict.fromkeys(adg.op.name for adg in adgs))
    inputs = {adg.op.name: len(adg.inputs) for adg in adgs}
    ports = max(inputs.values())
    anchor = next(name for name in operations if inputs[name] == ports)
    choices = {
        name: [tuple(range(ports))]
        if name == anchor
        else list(itertools.permutations(range(ports), inputs[name]))
        for name in operations
    }
    if math.prod(map(len, choices.values())) <= MAX_BINDINGS:
        tables = [
            dict(zip(operations, picked, strict=True))
            for picked in itertools.product(*choices.values())
        ]
        return [tuple(table[adg.op.name] for adg in adgs) for table in tables], True
    return [_one_by_one(adgs, operations, anchor, choices)], False


def _one_by_one(
    adgs: Sequence[Adg],
    operations: Sequence[str],
    anchor: str,
    choices: Mapping[str, Sequence[tuple[int, ...]]],
) -> Binding:
    """Each operation in turn as cheaply as those before allow, after the anchor."""
    table = {anchor: choices[anchor][0]}
    for name in operations:
        known = [adg for adg in adgs if adg.op.name in table or adg.op.name == name]
        table[name] = min(
            choices[name],
            key=lambda places, name=name, known=known: fixed_cost(  # type: ignore[misc]
                known, tuple((table | {name: places})[adg.op.name] for adg in known)
            ),
        )
    return tuple(table[adg.op.name] for adg in adgs)


def plans_at(adgs: Sequence[Adg], binding: Binding, port: int) -> list[InputPlan | None]:
    """The input at a port per dataflow."""
    return [
        adg.inputs[ports.index(port)] if port in ports else None
        for adg, ports in zip(adgs, binding, strict=True)
    ]


def fixed_cost(adgs: Sequence[Adg], binding: Binding) -> int:
    """Area of the bodies, the memories and the holding registers, which links don't change."""
    ports: dict[int, tuple[int, int]] = {}
    cost = 0
    for port in sorted({port for each in binding for port in each}):
        plans = [plan for plan in plans_at(adgs, binding, port) if plan is not None]
        formats = [plan.tensor.format for plan in plans]
        ports[port] = min(f.low for f in formats), max(f.high for f in formats)
        bits = max(f.bits for f in formats)
        cost += _memory(plans, bits)
        cost += bits * COSTS.register_bit * _holding(adgs, binding, port)
    bodies = [(adg.op.body, places) for adg, places in zip(adgs, binding, strict=True)]
    fus = len({fu for adg in adgs for fu in adg.dataflow.fus()})
    return cost + fus * body_cost(bodies, ports)


def _memory(plans: Sequence[InputPlan], bits: int) -> int:
    """Area of the banks behind a port, each as deep as the deepest tensor that reaches into it."""
    cost = start = 0
    for end in sorted({plan.banking.n_banks for plan in plans}):
        depth = max(
            plan.banking.depth(plan.tensor.shape) for plan in plans if plan.banking.n_banks > start
        )
        cost += (end - start) * bank_cost(bits, depth)
        start = end
    return cost


def _holding(adgs: Sequence[Adg], binding: Binding, port: int) -> int:
    """FUs with a holding register at a port."""
    fus: set[Fu] = set()
    for adg, plan in zip(adgs, plans_at(adgs, binding, port), strict=True):
        if plan is not None and plan.hold:
            fus.update(adg.data_nodes(plan))
    return len(fus)
