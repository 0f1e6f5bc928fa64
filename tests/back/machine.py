"""Modules of primitives, run cycle by cycle: what each primitive means is written out here once more."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.dag import Module, Node, Op, bits_for

UNKNOWN: Any = None
"""What nobody may look at; no memory, register enable, check or test accepts it."""

STATE = (Op.REG, Op.DELAY, Op.MEMORY)


def fitted(value: int, low: int, high: int) -> int:
    """The low bits of a value, read in the format of an interval."""
    if value is UNKNOWN:
        return UNKNOWN
    bits = bits_for(low, high)
    value &= (1 << bits) - 1
    return value - (1 << bits) if low < 0 and value >> (bits - 1) else value


ARITHMETIC: dict[Op, Callable[..., int]] = {
    Op.ADD: operator.add,
    Op.SUB: operator.sub,
    Op.MUL: operator.mul,
    Op.NEG: operator.neg,
    Op.ABS: abs,
    Op.MIN: min,
    Op.MAX: max,
    Op.STAGE: int,
    Op.WRAP: int,
    Op.WIRE: int,
    Op.EQ: lambda a, b: int(a == b),
    Op.LT: lambda a, b: int(a < b),
    Op.NOT: lambda a: 1 - a,
    Op.AND: lambda *bits: int(all(bits)),
    Op.OR: lambda *bits: int(any(bits)),
    Op.MUX: lambda select, a, b: a if select else b,
}


def meaning(node: Node, args: Sequence[int], widths: Sequence[int] = ()) -> int:
    """The value of a primitive without state; `widths` are the bits of its sources, if they count.

    Where two words of a one-hot choice are selected it is UNKNOWN, and so is what depends on it.
    """
    if UNKNOWN in args:
        return _partly_known(node.op, args)
    match node.op:
        case Op.CONST:
            return node.value
        case Op.SHL:
            return args[0] << node.value
        case Op.SHR:
            return args[0] >> node.value
        case Op.SLICE:
            return args[0] >> node.value & (1 << node.extent) - 1
        case Op.ONEHOT:
            chosen = [word for select, word in zip(args[::2], args[1::2], strict=True) if select]
            if len(chosen) > 1:
                return UNKNOWN
            return chosen[0] if chosen else 0
        case Op.CAT:
            total, at = 0, 0
            for value, width in zip(args, widths, strict=True):
                total |= (value & (1 << width) - 1) << at
                at += width
            return total
    return ARITHMETIC[node.op](*args)


def _partly_known(op: Op, args: Sequence[int]) -> int:
    """The value of a primitive if it is the same whatever its unknown sources are."""
    match op:
        case Op.MUX if args[0] is not UNKNOWN:
            return args[1] if args[0] else args[2]
        case Op.AND if 0 in args:
            return 0
        case Op.OR if 1 in args:
            return 1
        case Op.ONEHOT if UNKNOWN not in args[::2]:
            chosen = [word for select, word in zip(args[::2], args[1::2], strict=True) if select]
            return (chosen or [0])[0] if len(chosen) <= 1 else UNKNOWN
    return UNKNOWN


class Machine:
    """A module with the modules that it holds; registers start at their reset values.

    Words of memories that nobody wrote are a pattern of alternating bits.
    """

    def __init__(self, module: Module, others: Iterable[Module] = ()) -> None:
        known = {other.name: other for other in others}
        assert all(not node.latency for node in module.nodes)
        self.module = module
        self.ports = [node.name for node in module.nodes if node.op is Op.INPUT]
        self._state = {
            i: node.value if node.op is Op.REG else 0
            for i, node in enumerate(module.nodes)
            if node.op in STATE
        }
        self._words: dict[int, dict[int, int]] = {
            i: {} for i, node in enumerate(module.nodes) if node.op is Op.MEMORY
        }
        self._inner = {
            i: Machine(known[node.text], known.values())
            for i, node in enumerate(module.nodes)
            if node.op is Op.INSTANCE
        }
        self._given: Callable[[str], int] = dict[str, int]().__getitem__
        self._values: dict[int, int] = {}

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs in one cycle; then registers take their next values."""
        self._begin(inputs.__getitem__)
        found = {name: self._value(node) for name, node in self.module.outputs}
        following = self._following()
        self._advance(following)
        return found

    def run(self, inputs: Iterable[Mapping[str, int]]) -> list[dict[str, int]]:
        """The outputs of cycle after cycle."""
        return [self.cycle(each) for each in inputs]

    def _begin(self, given: Callable[[str], int]) -> None:
        self._given, self._values = given, {}
        for i, inner in self._inner.items():
            inner._begin(partial(self._into, self.module.nodes[i]))

    def _into(self, instance: Node, port: str) -> int:
        return self._value(instance.srcs[instance.ports.index(port)])

    def _value(self, i: int) -> int:
        if i not in self._values:
            node = self.module.nodes[i]
            low, high = node.range
            self._values[i] = fitted(self._computed(i, node), low, high)
        return self._values[i]

    def _computed(self, i: int, node: Node) -> int:
        if node.op is Op.INPUT:
            return self._given(node.name)
        if node.op in STATE:
            return self._state[i]
        if node.op is Op.PORT:
            inner = self._inner[node.srcs[0]]
            return inner._value(dict(inner.module.outputs)[node.text])
        args = [self._value(s) for s in node.srcs]
        return meaning(node, args, [self.module.nodes[s].bits for s in node.srcs])

    def _following(self) -> dict[int, object]:
        """What registers, RAMs and inner modules hold in the next cycle."""
        found: dict[int, object] = {}
        for i, node in enumerate(self.module.nodes):
            if node.op is Op.MEMORY:
                found[i] = [self._value(s) for s in node.srcs]
            elif node.op in STATE:
                enabled = 1 if len(node.srcs) == 1 else self._value(node.srcs[1])
                assert enabled is not UNKNOWN, f"%{i} of {self.module.name}"
                found[i] = self._value(node.srcs[0]) if enabled else self._state[i]
            elif node.op is Op.INSTANCE:
                found[i] = self._inner[i]._following()
            elif node.op is Op.CHECK:
                condition, when = (self._value(s) for s in node.srcs)
                assert when is not UNKNOWN
                assert condition or not when, f"%{i} of {self.module.name}"
        return found

    def _advance(self, following: Mapping[int, object]) -> None:
        for i, new in following.items():
            if i in self._inner:
                self._inner[i]._advance(new)  # type: ignore[arg-type]
            elif i in self._words:
                self._access(i, *new)  # type: ignore[misc]
            else:
                self._state[i] = new  # type: ignore[assignment]

    def _access(self, i: int, raddr: int, ren: int, waddr: int, wdata: int, wen: int) -> None:
        """A word read is there in the next cycle, as it was before a write in this one."""
        words = self._words[i]
        assert ren is not UNKNOWN
        assert wen is not UNKNOWN
        assert not ren or raddr is not UNKNOWN
        assert not wen or UNKNOWN not in (waddr, wdata)
        if ren:
            self._state[i] = words.get(raddr, self.module.nodes[i].range[1] * 2 // 3)
        if wen:
            words[waddr] = self._mixed(i, words.get(waddr, 0), wdata, wen)

    def _mixed(self, i: int, old: int, new: int, wen: int) -> int:
        """The word with the lanes written that `wen` names."""
        node = self.module.nodes[i]
        lane = node.value or node.bits
        mask = sum(((1 << lane) - 1) << k * lane for k in range(node.lanes) if wen >> k & 1)
        return old & ~mask | new & mask


def machine_of(b: Builder, others: Iterable[Module] = ()) -> Machine:
    """The module that a builder has made."""
    return Machine(infer_widths(b.build()), others)
