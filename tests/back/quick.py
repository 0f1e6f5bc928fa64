"""Modules without others inside, run as Python code made from them: as `Machine`, many times faster.

Nothing is unknown here: words of memories that nobody wrote are 0, and of a one-hot choice one select at
most is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from lego.ir.dag import Module, Node, Op

__all__ = ["Quick"]

STATE = (Op.REG, Op.DELAY, Op.MEMORY)
Step = Callable[[list[int], Mapping[int, dict[int, int]], Mapping[str, int]], dict[str, int]]


class Quick:
    """A module; registers start at their reset values. Its code is made once per module."""

    _made: ClassVar[dict[int, tuple[Module, Step]]] = {}

    def __init__(self, module: Module) -> None:
        self.module = module
        self._state = [n.value if n.op is Op.REG else 0 for n in module.nodes]
        self._words: dict[int, dict[int, int]] = {
            i: {} for i, n in enumerate(module.nodes) if n.op is Op.MEMORY
        }
        if id(module) not in self._made:
            self._made[id(module)] = (module, _compiled(module))
        self._step = self._made[id(module)][1]

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs in one cycle; then registers take their next values."""
        return self._step(self._state, self._words, inputs)

    def set(self, name: str, value: int) -> None:
        """What the register of this name holds now."""
        (k,) = (k for k, n in enumerate(self.module.nodes) if n.op in STATE and n.name == name)
        self._state[k] = value


def _compiled(module: Module) -> Step:
    lines = ["def step(state, words, inputs):"]
    lines += [f"    v{i} = {_fitted(node, _value(module, i))}" for i, node in _ordered(module)]
    for i, node in enumerate(module.nodes):
        if node.op is Op.CHECK:
            condition, when = node.srcs
            lines.append(f"    assert v{condition} or not v{when}, '%{i} of {module.name}'")
    outputs = ", ".join(f"{name!r}: v{node}" for name, node in module.outputs)
    lines.append(f"    found = {{{outputs}}}")
    for i, node in enumerate(module.nodes):
        if node.op in (Op.REG, Op.DELAY):
            enable = f"if v{node.srcs[1]}: " if len(node.srcs) > 1 else ""
            lines.append(f"    {enable}state[{i}] = {_fitted(node, f'v{node.srcs[0]}')}")
        elif node.op is Op.MEMORY:
            lines += _access(i, node)
    lines.append("    return found")
    made: dict[str, Any] = {}
    exec("\n".join(lines), made)  # noqa: S102 - code of our own, made above
    return made["step"]  # type: ignore[no-any-return]


def _ordered(module: Module) -> Iterator[tuple[int, Node]]:
    """The nodes with values, each after those that it looks at in the same cycle."""
    seen: set[int] = set()
    for root in range(len(module.nodes)):
        stack = [root]
        while stack:
            i = stack[-1]
            node = module.nodes[i]
            looks = () if node.op in STATE else node.srcs
            before = [s for s in looks if s not in seen]
            if i in seen or not before:
                stack.pop()
                if i not in seen and node.op is not Op.CHECK:
                    yield i, node
                seen.add(i)
            else:
                stack.extend(before)


def _fitted(node: Node, text: str) -> str:
    """The low bits of a value, read in the format of the node."""
    if node.op in (Op.CONST, Op.AND, Op.OR, Op.EQ, Op.LT):
        return text
    mask = (1 << node.bits) - 1
    if not node.signed:
        return f"({text}) & {mask}"
    half = 1 << (node.bits - 1)
    return f"((({text}) + {half}) & {mask}) - {half}"


BINARY = {Op.ADD: "+", Op.SUB: "-", Op.MUL: "*", Op.AND: "&", Op.OR: "|"}


def _value(module: Module, i: int) -> str:
    node = module.nodes[i]
    args = [f"v{s}" for s in node.srcs]
    match node.op:
        case Op.INPUT:
            return f"inputs[{node.name!r}]"
        case Op.REG | Op.DELAY | Op.MEMORY:
            return f"state[{i}]"
        case Op.CONST:
            return str(node.value)
        case Op.MUX:
            return f"{args[1]} if {args[0]} else {args[2]}"
        case Op.NOT:
            return f"1 - {args[0]}"
        case Op.NEG:
            return f"-{args[0]}"
        case Op.EQ:
            return f"int({args[0]} == {args[1]})"
        case Op.LT:
            return f"int({args[0]} < {args[1]})"
        case Op.SHL:
            return f"{args[0]} << {node.value}"
        case Op.SHR | Op.SLICE:
            return f"{args[0]} >> {node.value}"
        case Op.ABS | Op.MIN | Op.MAX:
            return f"{node.op}({', '.join(args)})"
        case Op.ONEHOT:
            pairs = zip(args[::2], args[1::2], strict=True)
            return " or ".join(f"({select} and {word})" for select, word in pairs)
        case Op.CAT:
            return _side_by_side(module, node)
        case Op.WRAP | Op.WIRE | Op.STAGE:
            return args[0]
    return f" {BINARY[node.op]} ".join(args)


def _side_by_side(module: Module, node: Node) -> str:
    parts, at = [], 0
    for s in node.srcs:
        bits = module.nodes[s].bits
        parts.append(f"(v{s} & {(1 << bits) - 1}) << {at}")
        at += bits
    return " | ".join(f"({part})" for part in parts)


def _access(i: int, node: Node) -> list[str]:
    """A word read is there in the next cycle, as it was before a write in this one."""
    raddr, ren, waddr, wdata, wen = (f"v{s}" for s in node.srcs)
    lane = node.value or node.bits
    lines = [f"    if {ren}: state[{i}] = words[{i}].get({raddr}, 0)", f"    if {wen}:"]
    if node.lanes == 1:
        return [*lines, f"        words[{i}][{waddr}] = {wdata}"]
    ones = (1 << lane) - 1
    mask = f"sum({ones} << {lane} * k for k in range({node.lanes}) if {wen} >> k & 1)"
    old = f"words[{i}].get({waddr}, 0)"
    return [
        *lines,
        f"        mask = {mask}",
        f"        words[{i}][{waddr}] = {old} & ~mask | {wdata} & mask",
    ]
