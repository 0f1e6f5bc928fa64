"""Modules without memories and instances, as one Python function: fifty times as fast as `Machine`.

It knows fewer primitives and nothing of unknown values; the tests of the register block compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lego.ir.dag import Module, Node, Op

__all__ = ["Quick"]

_TEXT: dict[Op, Callable[[Node, list[str], list[int]], str]] = {
    Op.CONST: lambda node, s, w: str(node.value),
    Op.INPUT: lambda node, s, w: f"inputs[{node.name!r}]",
    Op.ADD: lambda node, s, w: f"{s[0]} + {s[1]}",
    Op.SUB: lambda node, s, w: f"{s[0]} - {s[1]}",
    Op.SHL: lambda node, s, w: f"{s[0]} << {node.value}",
    Op.SHR: lambda node, s, w: f"{s[0]} >> {node.value}",
    Op.EQ: lambda node, s, w: f"int({s[0]} == {s[1]})",
    Op.LT: lambda node, s, w: f"int({s[0]} < {s[1]})",
    Op.NOT: lambda node, s, w: f"1 - {s[0]}",
    Op.AND: lambda node, s, w: " & ".join(s),
    Op.OR: lambda node, s, w: " | ".join(s),
    Op.MUX: lambda node, s, w: f"{s[1]} if {s[0]} else {s[2]}",
    Op.ONEHOT: lambda node, s, w: " | ".join(
        f"({word} if {select} else 0)" for select, word in zip(s[::2], s[1::2], strict=True)
    ),
    Op.SLICE: lambda node, s, w: f"{s[0]} >> {node.value}",
    Op.CAT: lambda node, s, w: " | ".join(f"{a} << {sum(w[:k])}" for k, a in enumerate(s)),
    Op.WRAP: lambda node, s, w: s[0],
    Op.DELAY: lambda node, s, w: "",
    Op.REG: lambda node, s, w: "",
}


class Quick:
    """A module, cycle by cycle; `state` is what its registers hold, by number of the node."""

    def __init__(self, module: Module) -> None:
        self.module = module
        held = [k for k, node in enumerate(module.nodes) if node.op in (Op.REG, Op.DELAY)]
        self.state = {k: module.nodes[k].value * (module.nodes[k].op is Op.REG) for k in held}
        body = [f"v{k} = state[{k}]" for k in held]
        for k, node in enumerate(module.nodes):
            low, _ = node.range
            assert low >= 0, f"%{k} of {module.name} can be negative"
            if k not in self.state:
                widths = [module.nodes[source].bits for source in node.srcs]
                text = _TEXT[node.op](node, [f"v{source}" for source in node.srcs], widths)
                body.append(f"v{k} = ({text}) & {(1 << node.bits) - 1}")
        for k in held:
            node = module.nodes[k]
            enabled = f"if v{node.srcs[1]}: " if len(node.srcs) > 1 else ""
            body.append(f"{enabled}state[{k}] = v{node.srcs[0]} & {(1 << node.bits) - 1}")
        found = ", ".join(f"{name!r}: v{node}" for name, node in module.outputs)
        text = "\n    ".join(["def step(inputs, state):", *body, f"return {{{found}}}"])
        space: dict[str, Callable[[Mapping[str, int], dict[int, int]], dict[str, int]]] = {}
        exec(compile(text, module.name, "exec"), space)  # noqa: S102 - text of our own
        self._step = space["step"]

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs in one cycle; then registers take their next values."""
        return self._step(inputs, self.state)

    def set(self, name: str, value: int) -> None:
        """What the register of this name holds now."""
        (k,) = (k for k in self.state if self.module.nodes[k].name == name)
        self.state[k] = value
