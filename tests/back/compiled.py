"""Modules of primitives as one Python function per cycle: what `Machine` does, a hundred times as fast.

There are no unknown values: a one-hot choice of several words is their disjunction, as in Verilog.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from lego.ir.dag import Module, Node, Op, bits_for
from tests.back.machine import STATE

BINARY = {
    Op.ADD: "{} + {}",
    Op.SUB: "{} - {}",
    Op.MUL: "{} * {}",
    Op.NEG: "-{}",
    Op.ABS: "abs({})",
    Op.MIN: "min({}, {})",
    Op.MAX: "max({}, {})",
    Op.STAGE: "{}",
    Op.EQ: "int({} == {})",
    Op.LT: "int({} < {})",
    Op.NOT: "1 - {}",
    Op.MUX: "{1} if {0} else {2}",
}
DEEPEST = 20_000
"""Primitives behind each other."""

Place = tuple[tuple[int, ...], int]
"""A node: the instances on the way to its module, and its number there."""


class Compiled:
    """A module with the modules that it holds, like :class:`tests.back.machine.Machine`."""

    def __init__(self, module: Module, others: Iterable[Module] = ()) -> None:
        self._known = {other.name: other for other in others}
        self._names: dict[Place, str] = {}
        self._lines: list[str] = []
        self._ends: list[str] = []
        self._modules: dict[tuple[int, ...], Module] = {(): module}
        self._state: list[Any] = []
        self._words: list[dict[int, int]] = []
        self._find_state(())
        sys.setrecursionlimit(max(sys.getrecursionlimit(), DEEPEST))
        outputs = ", ".join(f"{name!r}: {self._value(((), i))}" for name, i in module.outputs)
        for place in list(self._todo):
            self._advance(place)
        body = "\n ".join([*self._lines, f"out = {{{outputs}}}", *self._ends, "return out"])
        scope: dict[str, Any] = {}
        exec(f"def step(I, S, W):\n {body}", scope)  # noqa: S102
        self._step = scope["step"]

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs in one cycle; then registers take their next values."""
        return self._step(inputs, self._state, self._words)

    def _find_state(self, path: tuple[int, ...]) -> None:
        if not path:
            self._todo: list[Place] = []
        for i, node in enumerate(self._modules[path].nodes):
            if node.op is Op.INSTANCE:
                self._modules[(*path, i)] = self._known[node.text]
                self._find_state((*path, i))
            elif node.op in STATE:
                self._names[path, i] = self._new(f"S[{len(self._state)}]")
                self._state.append(node.value if node.op is Op.REG else 0)
                self._todo.append((path, i))
            elif node.op is Op.CHECK:
                self._todo.append((path, i))

    def _new(self, expression: str) -> str:
        name = f"v{len(self._lines)}"
        self._lines.append(f"{name} = {expression}")
        return name

    def _node(self, place: Place) -> Node:
        return self._modules[place[0]].nodes[place[1]]

    def _value(self, place: Place) -> str:
        if place not in self._names:
            self._names[place] = self._computed(place)
        return self._names[place]

    def _computed(self, place: Place) -> str:
        path, _ = place
        node = self._node(place)
        if node.op is Op.PORT:
            inner = (*path, node.srcs[0])
            return self._value((inner, dict(self._modules[inner].outputs)[node.text]))
        if node.op is Op.INPUT:
            if not path:
                return self._new(_fitted(f"I[{node.name!r}]", node))
            cell = self._modules[path[:-1]].nodes[path[-1]]
            source = self._value((path[:-1], cell.srcs[cell.ports.index(node.name)]))
            return self._new(_fitted(source, node))
        args = [self._value((path, s)) for s in node.srcs]
        widths = [self._modules[path].nodes[s].bits for s in node.srcs]
        return self._new(_expression(node, args, widths))

    def _advance(self, place: Place) -> None:
        """What a register, a RAM or a check does at the end of the cycle."""
        node = self._node(place)
        args = [self._value((place[0], s)) for s in node.srcs]
        if node.op is Op.CHECK:
            self._ends.append(f"assert {args[0]} or not {args[1]}, {str(place)!r}")
            return
        slot = self._lines[int(self._names[place][1:])].split(" = ")[1]
        if node.op is Op.MEMORY:
            self._access(node, slot, args)
            return
        when = f"if {args[1]}: " if len(args) == 2 else ""
        self._ends.append(f"{when}{slot} = {_fitted(args[0], node)}")

    def _access(self, node: Node, slot: str, args: list[str]) -> None:
        raddr, ren, waddr, wdata, wen = args
        ram = f"W[{len(self._words)}]"
        self._words.append({})
        self._ends.append(f"if {ren}: {slot} = {ram}.get({raddr}, {node.range[1] * 2 // 3})")
        lane = node.value or node.bits
        masks = [f"{((1 << lane) - 1) << k * lane} * ({wen} >> {k} & 1)" for k in range(node.lanes)]
        self._ends.append(
            f"if {wen}: m = {' | '.join(masks)}; "
            f"{ram}[{waddr}] = {ram}.get({waddr}, 0) & ~m | {wdata} & m"
        )


def _fitted(value: str, node: Node) -> str:
    """The low bits of a value, read in the format of the node's range."""
    low, high = node.range
    bits = bits_for(low, high)
    if low < 0:
        return f"(({value}) + {1 << bits - 1} & {(1 << bits) - 1}) - {1 << bits - 1}"
    return f"({value}) & {(1 << bits) - 1}"


def _expression(node: Node, args: list[str], widths: list[int]) -> str:
    match node.op:
        case Op.CONST:
            return str(node.value)
        case Op.SHL:
            return f"{args[0]} << {node.value}"
        case Op.SHR:
            return f"{args[0]} >> {node.value}"
        case Op.SLICE:
            return f"{args[0]} >> {node.value} & {(1 << node.extent) - 1}"
        case Op.AND:
            return " & ".join(args)
        case Op.OR:
            return " | ".join(args)
        case Op.ONEHOT:
            pairs = zip(args[::2], args[1::2], strict=True)
            return " | ".join(f"({word} if {select} else 0)" for select, word in pairs)
        case Op.CAT:
            starts = [sum(widths[:k]) for k in range(len(widths))]
            parts = zip(args, widths, starts, strict=True)
            return " | ".join(f"({a} & {(1 << w) - 1}) << {at}" for a, w, at in parts)
        case Op.WRAP | Op.WIRE:
            return _fitted(args[0], node)
    return BINARY[node.op].format(*args)
