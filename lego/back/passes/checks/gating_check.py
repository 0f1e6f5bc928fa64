"""The invariant of gating: with its enables and zeros taken away the design is the same, and none of them
acts under a dataflow in which what it stops matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lego.back.passes.analysis.usage import every, usage
from lego.back.passes.gating import ISOLATED, Masks, masks_of_ids
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["check_gated"]

_ROOTS = (Op.INSTANCE, Op.MEMORY, Op.CHECK)
_REGISTERS = (Op.DELAY, Op.REG)
_ACTIVE = re.compile(r"active(_[0-9]+)+")


def check_gated(before: Dag, after: Dag) -> None:
    """Raise InternalError unless `after` is `before` with enables and zeros that don't matter."""
    masks, whole = usage(before), every(before)
    for old, new in zip(before.modules, after.modules, strict=True):
        if _frame(old) != _frame(new):
            raise InternalError(f"gating changed the ports of {old.name}")
        _Comparison(old, new, masks[old.name], masks_of_ids(new, whole)).run()


def _frame(module: Module) -> object:
    ports = sorted((n.name, n.range) for n in module.nodes if n.op is Op.INPUT)
    names = [name for name, _ in module.outputs]
    return replace(module, nodes=(), outputs=()), ports, names


@dataclass
class _Comparison:
    """Walks both modules from what they do; `truths` tells under which dataflows a bit is true, if it is a
    function of the id."""

    old: Module
    new: Module
    masks: Masks
    truths: list[int | None]
    paired: dict[int, int] = field(default_factory=dict)

    def run(self) -> None:
        """Raise InternalError at the first difference."""
        stack = [(a, b) for (_, a), (_, b) in zip(self.old.outputs, self.new.outputs, strict=True)]
        stack += zip(_roots(self.old), _roots(self.new), strict=True)
        while stack:
            a, b = stack.pop()
            if self.paired.setdefault(a, b) != b:
                raise InternalError(f"{self.new.name} has %{a} twice")
            if replace(self.old.nodes[a], srcs=()) != replace(self.new.nodes[b], srcs=()):
                raise InternalError(f"%{b} of {self.new.name} is another primitive than before")
            stack += [pair for pair in self._sources(a, b) if self.paired.get(pair[0]) != pair[1]]

    def _sources(self, a: int, b: int) -> Iterator[tuple[int, int]]:
        """Pairs of sources, without what gating put before them."""
        was, now = self.old.nodes[a].srcs, list(self.new.nodes[b].srcs)
        if self.new.nodes[b].op in _REGISTERS:
            if len(now) == len(was) + 1 == 2:
                self._demand(a, now.pop())
            elif len(now) == 2 and (bit := self._added(now[1])) is not None:
                self._demand(a, bit)
                now[1] = self.new.nodes[now[1]].srcs[0]
        if self.new.nodes[b].op is Op.MUL:
            now = [self._bare(a, x, y) for x, y in zip(was, now, strict=True)]
        if len(was) != len(now):
            raise InternalError(f"%{b} of {self.new.name} has other sources than before")
        return zip(was, now, strict=True)

    def _added(self, at: int) -> int | None:
        """The bit that gating added to an enable that was there."""
        node = self.new.nodes[at]
        named = node.op is Op.AND and _ACTIVE.fullmatch(self.new.nodes[node.srcs[-1]].name)
        return node.srcs[1] if named and len(node.srcs) == 2 else None

    def _bare(self, at: int, was: int, now: int) -> int:
        """An operand before it is made zero."""
        node = self.new.nodes[now]
        if not _isolates(self.new, node) or _isolates(self.old, self.old.nodes[was]):
            return now
        self._demand(at, node.srcs[0])
        return node.srcs[1]

    def _demand(self, at: int, bit: int) -> None:
        """Raise InternalError unless the bit is true whenever the old node matters, and may stop it."""
        truth, node = self.truths[bit], self.old.nodes[at]
        if truth is None or self.masks[at] & ~truth:
            raise InternalError(f"%{at} of {self.old.name} matters when it is stopped")
        if node.op in _REGISTERS and (node.resets or node.bits == 1):
            raise InternalError(f"%{at} of {self.old.name} is control, and stopped")


def _roots(module: Module) -> list[int]:
    return [i for i, node in enumerate(module.nodes) if node.op in _ROOTS]


def _isolates(module: Module, node: Node) -> bool:
    named = node.op is Op.MUX and node.name == ISOLATED
    return named and module.nodes[node.srcs[2]] == Node(Op.CONST, (), 0, 0)
