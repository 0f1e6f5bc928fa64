"""Gating: what the running dataflow doesn't use stands still.

In modules that know the dataflow id, data registers whose value matters under some dataflows only load
under those only; synthesis makes clock gates of that. A multiplier whose product doesn't matter gets a
zero, unless its operands stand still anyway. What matters when is told by
:mod:`lego.back.passes.analysis.usage`. The id stands still while the array runs, so a register that holds
under one dataflow has loaded again before another reads it.

One-bit registers stay, as they may be control: what they held would act later. So do registers with a
reset. Adders aren't isolated: a multiplexer per bit costs a third of the adder (lego/ir/costs.py), and in
its time more than the adder has left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lego.back.passes.analysis.usage import every, selected, usage
from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["ISOLATED", "gate_idle", "masks_of_ids"]

Masks = Sequence[int]

LEAST_BITS = 4
"""Fewest flip-flops of a module that a clock gate serves; synthesis takes the same number."""

GATE_BITS = 3
"""What a clock gate and its decoder spend, in flip-flops that are clocked."""

ISOLATED = "isolated"
"""Name of what gives a multiplier its operand or zero."""


def gate_idle(dag: Dag) -> Dag:
    """Return `dag` with enables of registers, and zeros for multipliers, that dataflows leave idle."""
    masks, whole = usage(dag), every(dag)
    return Dag(tuple(_gated(module, masks[module.name], whole) for module in dag.modules))


def masks_of_ids(module: Module, whole: int) -> list[int | None]:
    """Per node, the dataflows under which it is true, if it is a bit that the id alone decides."""
    found: list[int | None] = []
    for node in module.nodes:
        srcs = [found[s] if s < len(found) else None for s in node.srcs]
        known = [mask for mask in srcs if mask is not None]
        mask: int | None = None
        if node.op is Op.SLICE:
            chosen = selected(module, len(found), whole)
            mask = chosen[0] if chosen is not None else None
        elif node.op is Op.CONST and node.value in (0, 1):
            mask = whole * node.value
        elif node.op in (Op.NOT, Op.AND, Op.OR) and len(known) == len(srcs):
            mask = known[0]
            for other in known[1:]:
                mask = mask & other if node.op is Op.AND else mask | other
            mask = whole & ~mask if node.op is Op.NOT else mask
        found.append(mask)
    return found


def _gated(module: Module, masks: Masks, whole: int) -> Module:
    ids = [i for i, n in enumerate(module.nodes) if n.op is Op.INPUT and n.name == "dataflow"]
    if not ids:
        return module
    enabled = _worth_gating(module, masks, whole)
    isolated = _worth_isolating(module, masks, enabled, whole)
    if not enabled and not isolated:
        return module
    return _Gating(module, ids[0], whole).result(enabled, isolated)


def _worth_gating(module: Module, masks: Masks, whole: int) -> dict[int, int]:
    """The dataflows under which each register loads, where a gate saves more than it spends."""
    bits: dict[int, int] = {}
    found: dict[int, int] = {}
    for i, node in enumerate(module.nodes):
        loads = node.op is Op.REG or (node.op is Op.DELAY and len(node.srcs) == node.value == 1)
        data = loads and not node.resets and node.bits > 1
        if data and masks[i] not in (0, whole):
            found[i] = masks[i]
            bits[masks[i]] = bits.get(masks[i], 0) + node.bits
    return {i: mask for i, mask in found.items() if _gate_pays(bits[mask], mask, whole)}


def _gate_pays(bits: int, mask: int, whole: int) -> bool:
    idle = (whole & ~mask).bit_count()
    return bits >= LEAST_BITS and bits * idle > GATE_BITS * whole.bit_count()


def _worth_isolating(
    module: Module, masks: Masks, enabled: Mapping[int, int], whole: int
) -> dict[int, int]:
    """The dataflows under which each multiplier matters, where others would make it work in vain."""
    still = _still(module, enabled, whole)
    found = {}
    for i, node in enumerate(module.nodes):
        if node.op is not Op.MUL or len(set(node.srcs)) == 1:
            continue
        idle = whole & ~masks[i]
        for source in node.srcs:
            idle &= ~still[source]
        operands = [module.nodes[s] for s in node.srcs]
        zero = all(n.range[0] <= 0 <= n.range[1] for n in (node, *operands))
        if zero and idle and _isolation_pays([n.bits for n in operands], idle, whole):
            found[i] = masks[i]
    return found


def _isolation_pays(bits: Sequence[int], idle: int, whole: int) -> bool:
    """Energy goes with area: of the multiplier in the idle share of the time, of the multiplexers always."""
    saved = COSTS.multiplier_bit * bits[0] * bits[1] * idle.bit_count()
    return saved > COSTS.mux_bit * min(bits) * whole.bit_count()


def _still(module: Module, enabled: Mapping[int, int], whole: int) -> Masks:
    """Per node, the dataflows under which its value doesn't change."""
    still: list[int] = []
    for i, node in enumerate(module.nodes):
        srcs = [still[s] if s < i else 0 for s in node.srcs]
        mask = whole
        if node.op is Op.REG:
            mask = 0
        elif node.op in (Op.INPUT, Op.MEMORY, Op.INSTANCE, Op.PORT, Op.WIRE):
            mask = whole if node.name == "dataflow" and node.op is Op.INPUT else 0
        elif node.op is Op.MUX and (chosen := selected(module, node.srcs[0], whole)):
            mask = srcs[1] & chosen[0] | srcs[2] & chosen[1]
        else:
            for source in srcs:
                mask &= source
        still.append(mask | whole & ~enabled.get(i, whole))
    return still


@dataclass
class _Gating:
    """Builds a module again, the id and what is decoded from it first."""

    module: Module
    id_at: int
    whole: int
    nodes: list[Node] = field(default_factory=list)
    bits: dict[tuple[int, bool], int] = field(default_factory=dict)
    active: dict[int, int] = field(default_factory=dict)

    def result(self, enabled: Mapping[int, int], isolated: Mapping[int, int]) -> Module:
        """The module with these enables and zeros."""
        module = self.module
        where = {self.id_at: self._add(module.nodes[self.id_at])}
        for mask in sorted({*enabled.values(), *isolated.values()}):
            self.active[mask] = self._decoded(mask)
        late = []
        for i, node in enumerate(module.nodes):
            if i in where:
                continue
            if node.op in (Op.REG, Op.WIRE):
                late.append(i)
                where[i] = self._add(node)
                continue
            srcs = tuple(where[s] for s in node.srcs)
            if i in isolated:
                srcs = self._isolated(srcs, isolated[i])
            if i in enabled:
                srcs = (*srcs, self.active[enabled[i]])
            where[i] = self._add(node.reading(srcs))
        for i in late:
            srcs = tuple(where[s] for s in module.nodes[i].srcs)
            self._late(where[i], srcs, enabled.get(i))
        outputs = tuple((name, where[node]) for name, node in module.outputs)
        return replace(module, nodes=tuple(self.nodes), outputs=outputs)

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _new(self, node: Node) -> int:
        return self._add(node.meant("gating: what the running dataflow uses"))

    def _late(self, at: int, srcs: tuple[int, ...], mask: int | None) -> None:
        """Give the sources of a register or wire; an enable that it has stays a condition."""
        if mask is not None:
            enable = self.active[mask]
            if len(srcs) == 2:
                enable = self._new(Node(Op.AND, (srcs[1], enable), 0, 1))
            srcs = (srcs[0], enable)
        self.nodes[at] = self.nodes[at].reading(srcs)

    def _isolated(self, srcs: tuple[int, ...], mask: int) -> tuple[int, ...]:
        """The sources of a multiplier, the narrower one zero under the other dataflows."""
        narrow = 0 if self.nodes[srcs[0]].bits < self.nodes[srcs[1]].bits else 1
        operand = self.nodes[srcs[narrow]]
        zero = self._new(Node(Op.CONST, (), 0, 0))
        chosen = self._new(
            Node(Op.MUX, (self.active[mask], srcs[narrow], zero), *operand.range, name=ISOLATED)
        )
        return (chosen, srcs[1]) if narrow == 0 else (srcs[0], chosen)

    def _decoded(self, mask: int) -> int:
        """One bit that tells whether the id is in the set, named after it."""
        members = [d for d in range(self.whole.bit_length()) if mask >> d & 1]
        name = "active_" + "_".join(map(str, members))
        width = (self.whole.bit_length() - 1).bit_length()
        terms = [[self._bit(k, up) for k, up in cube] for cube in _cubes(mask, width)]
        products = [
            term[0] if len(term) == 1 else self._new(Node(Op.AND, tuple(term), 0, 1))
            for term in terms
        ]
        if len(products) == 1 and len(terms[0]) > 1:
            at = products[0]
            self.nodes[at] = replace(self.nodes[at], name=name)
            return at
        return self._new(Node(Op.OR, tuple(products), 0, 1, name=name))

    def _bit(self, k: int, up: bool) -> int:
        """A bit of the id, or its inverse."""
        if (k, up) not in self.bits:
            if up:
                at = self._new(Node(Op.SLICE, (0,), 0, 1, value=k, extent=1))
            else:
                at = self._new(Node(Op.NOT, (self._bit(k, True),), 0, 1))
            self.bits[k, up] = at
        return self.bits[k, up]


def _cubes(mask: int, width: int) -> list[list[tuple[int, bool]]]:
    """Disjoint products of bits that cover the set, which is neither empty nor everything: split by the
    highest bit unless both halves agree."""
    if width == 0:
        return [[]] if mask else []
    half = 1 << (width - 1)
    low, high = mask & ((1 << half) - 1), mask >> half
    if low == high:
        return _cubes(low, width - 1)
    return [
        [*cube, (width - 1, up)]
        for up, part in ((False, low), (True, high))
        for cube in _cubes(part, width - 1)
    ]
