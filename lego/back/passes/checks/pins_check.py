"""The invariant of pin re-use: under every dataflow, each module computes what it did."""

from __future__ import annotations

from dataclasses import replace

from lego.back.graph.widths import interval
from lego.back.passes.analysis.pin_groups import SHARED
from lego.back.passes.analysis.usage import every, selected, usage_within
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["check_shared"]

Range = tuple[int, int]


def check_shared(before: Dag, after: Dag) -> None:
    """Raise InternalError unless every module's outputs and registers are, under each dataflow under
    which they matter, the same expressions of its inputs."""
    whole = every(before)
    for old, new in zip(before.modules, after.modules, strict=True):
        if old != new:
            masks = usage_within(old, whole)
            for dataflow in range(whole.bit_length()):
                _check_module(old, new, masks, dataflow, whole)


def _check_module(old: Module, new: Module, masks: list[int], dataflow: int, whole: int) -> None:
    names: dict[object, int] = {}
    was, now = _Values(old, dataflow, whole, names), _Values(new, dataflow, whole, names)
    ends = [(masks[node], node, dict(new.outputs)[name]) for name, node in old.outputs]
    registers = [[i for i, n in enumerate(m.nodes) if n.op is Op.REG] for m in (old, new)]
    for first, second in zip(*registers, strict=True):
        for a, b in zip(old.nodes[first].srcs, new.nodes[second].srcs, strict=True):
            ends.append((masks[first], a, b))
    for mask, a, b in ends:
        if mask >> dataflow & 1 and was.keys[a] != now.keys[b]:
            raise InternalError(f"%{b} of {new.name} is another value under dataflow {dataflow}")


class _Values:
    """What every node of a module computes under one dataflow: equal keys, equal values.

    Choices are resolved, adding zero and least and largest of a value with itself are the value,
    and what only changes the interval is as well, if it holds the value.
    """

    def __init__(self, module: Module, dataflow: int, whole: int, names: dict[object, int]) -> None:
        self.module, self.dataflow, self.whole, self.names = module, dataflow, whole, names
        self.keys: list[int] = []
        self.spans: list[Range] = []
        self.registers = 0
        for node in module.nodes:
            key, span = self._value(node)
            self.keys.append(key)
            self.spans.append(span)

    def _named(self, key: object) -> int:
        return self.names.setdefault(key, len(self.names))

    def _value(self, node: Node) -> tuple[int, Range]:
        srcs = node.srcs
        if node.op is Op.MUX:
            found = selected(self.module, srcs[0], self.whole)
            if found is not None:
                taken = srcs[1] if found[0] >> self.dataflow & 1 else srcs[2]
                return self.keys[taken], self.spans[taken]
        if node.op is Op.WRAP and node.claim is None:
            low, high = self.spans[srcs[0]]
            if node.range[0] <= low and high <= node.range[1]:
                return self.keys[srcs[0]], (low, high)
        if node.op in SHARED and node.latency == 0:
            same = self._handed(node)
            if same is not None:
                return self.keys[same], self.spans[same]
        return self._made(node)

    def _handed(self, node: Node) -> int | None:
        """The source that the primitive only hands on."""
        left, right = node.srcs
        if node.op is Op.ADD:
            zero = [self.spans[s] == (0, 0) for s in (left, right)]
            return left if zero[1] else right if zero[0] else None
        return left if node.op is not Op.MUL and self.keys[left] == self.keys[right] else None

    def _made(self, node: Node) -> tuple[int, Range]:
        plain = replace(node, srcs=(), low=None, high=None)
        if node.op is Op.REG:
            self.registers += 1
            return self._named((plain, node.range, self.registers)), node.range
        if node.op is Op.INPUT:
            return self._named((plain, node.range)), node.range
        keys = [self.keys[s] for s in node.srcs]
        if node.op in SHARED:
            keys = sorted(keys)
            plain = replace(plain, name="")
        try:
            span = interval(node, [self.spans[s] for s in node.srcs])
        except InternalError:  # it declares its own
            span = node.range
        return self._named((plain, span, *keys)), span
