"""Pin re-use: adders, multipliers, minima and maxima of different dataflows become one unit.

The lowering gives every dataflow its own primitives and chooses among their results. Here those that never
matter under one dataflow together share a unit whose pins choose instead; a dataflow that hands a value on,
where others add to it, adds zero. Only what saves area by the table of costs is done.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace

from lego.back.graph.builder import Builder
from lego.back.graph.prune import prune
from lego.back.graph.widths import infer_widths
from lego.back.passes.analysis.pin_groups import SHARED, Unit, alone, joined, pairs
from lego.back.passes.analysis.usage import every, selected, usage_within
from lego.back.passes.delays import earliest
from lego.diag import InternalError
from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["share_pins"]

Leaves = tuple[int | None, ...]
"""Per dataflow the chosen value; None where the choice doesn't matter."""


def share_pins(dag: Dag) -> Dag:
    """Return `dag` with shared primitives, in modules that hold no others."""
    whole = every(dag)
    return Dag(tuple(_shared(module, whole) for module in dag.modules))


def _shared(module: Module, whole: int) -> Module:
    held = {node.op for node in module.nodes} & {Op.INSTANCE, Op.WIRE, Op.MEMORY}
    if held or whole == 1 or not any(n.name == "dataflow" for n in module.nodes):
        return module
    work = _Merging(module, usage_within(module, whole), whole)
    work.hand_on()
    work.times = earliest(work.module)
    units = work.grouped()
    return work.rebuilt(units) if units else module


class _Merging:
    """One module while its units are found; new nodes are appended and ordered at the end."""

    def __init__(self, module: Module, masks: list[int], whole: int) -> None:
        self.module, self.masks, self.whole = module, list(masks), whole
        self.times: list[int] = []
        self.own = len(module.nodes)
        self.b = Builder.of(module, whole.bit_length())
        self.b.origin = "pins: the running dataflow's operand"
        self.choices = _choices(module, masks, whole)

    def hand_on(self) -> None:
        """Where a choice takes a value that others of its values add to, let it add zero."""
        users = _users(self.module)
        for root, leaves in list(self.choices.items()):
            ops = {
                leaf: source
                for leaf in dict.fromkeys(leaves)
                if leaf is not None and _reduces(self.module.nodes[leaf]) and len(users[leaf]) == 1
                for source in self.module.nodes[leaf].srcs
                if source in leaves
            }
            if ops:
                leaf, source = next(iter(ops.items()))
                self.choices[root] = self._handed(leaves, self.module.nodes[leaf].op, source)

    def _handed(self, leaves: Leaves, op: Op, source: int) -> Leaves:
        other = self.b.const(0) if op is Op.ADD else source
        node = Node(op, (source, other), *self.b.nodes[source].range)
        self.b.nodes.append(node)
        self._know()
        virtual = len(self.b.nodes) - 1
        self.masks[virtual] = sum(1 << d for d, leaf in enumerate(leaves) if leaf == source)
        return tuple(virtual if leaf == source else leaf for leaf in leaves)

    def _know(self) -> None:
        """Nodes that were added matter as their users say; none yet."""
        self.masks += [0] * (len(self.b.nodes) - len(self.masks))
        self.module = replace(self.module, nodes=tuple(self.b.nodes))

    def _alone(self) -> list[Unit]:
        """A unit for every primitive that may be shared."""
        return [
            alone(self.module, i, self.masks[i])
            for i, node in enumerate(self.module.nodes)
            if node.op in SHARED and len(node.srcs) == 2 and self.masks[i]
        ]

    def grouped(self) -> list[Unit]:
        """Join the two units that save most, until none do; those of more than one primitive."""
        units = self._alone()
        known: dict[tuple[Unit, Unit], Unit] = {}
        while True:
            best: tuple[int, Unit, Unit, Unit] | None = None
            for first, second in pairs(units):
                if self._kind(first) != self._kind(second):
                    continue
                if (first, second) not in known:
                    known[first, second] = joined(self.module, first, second)
                unit = known[first, second]
                gain = first.cost + second.cost - unit.cost + self._muxes(first, second)
                if gain > (best[0] if best else 0) and self._is_acyclic(units, unit):
                    best = gain, first, second, unit
            if best is None:
                return [unit for unit in units if len(unit.members) > 1]
            units = [u for u in units if u not in best[1:3]] + [best[3]]

    def _kind(self, unit: Unit) -> tuple[Op, int, int]:
        """What must be alike: a unit that waits for the later of two would make all that follows late."""
        node = self.module.nodes[unit.members[0]]
        return node.op, node.latency, self.times[unit.members[0]]

    def _muxes(self, first: Unit, second: Unit) -> int:
        """What the choices among both units' results cost, that become one."""
        bits = 0
        for leaves in self.choices.values():
            if set(leaves) & set(first.members) and set(leaves) & set(second.members):
                both = {*first.members, *second.members} & set(leaves)
                bits += max(self.module.nodes[m].bits for m in both)
        return bits * COSTS.mux_bit

    def _is_acyclic(self, units: list[Unit], unit: Unit) -> bool:
        """Whether no unit would wait for itself, with this one as well."""
        kept = [u for u in units if not set(u.members) & set(unit.members)]
        return _ordered(self._contracted([*kept, unit])) is not None

    def _contracted(self, units: list[Unit]) -> dict[int, set[int]]:
        """What every node reads, a unit's members being its first."""
        nodes = self.b.nodes
        first = {m: unit.members[0] for unit in units for m in unit.members}
        reads: dict[int, set[int]] = {}
        for i, node in enumerate(nodes):
            srcs = () if node.op is Op.REG else node.srcs
            if i in self.choices:
                srcs = (node.srcs[0], *(leaf for leaf in self.choices[i] if leaf is not None))
            reads.setdefault(first.get(i, i), set()).update(first.get(s, s) for s in srcs)
        return reads

    def rebuilt(self, units: list[Unit]) -> Module:
        """The module with these units."""
        b, instead = self.b, dict[int, int]()
        for unit in units:
            instead |= dict.fromkeys(unit.members, self._place(unit))
        new: dict[int, int] = {}
        for root, leaves in self.choices.items():
            if not instead.keys().isdisjoint(leaves):
                values = [v if v is None else instead.get(v, self._given(v)) for v in leaves]
                new[root] = self._as(b.choose(values), root)
        for member, place in instead.items():
            new[member] = self._as(place, member)
        outputs = tuple((name, new.get(node, node)) for name, node in self.module.outputs)
        return _sorted(replace(self.module, nodes=tuple(b.nodes), outputs=outputs), new)

    def _given(self, leaf: int) -> int:
        """The leaf, or the value that a primitive hands on which found no unit."""
        return leaf if leaf < self.own else self.b.nodes[leaf].srcs[0]

    def _place(self, unit: Unit) -> int:
        """Append a unit behind the choice of its pins."""
        b, first = self.b, self.b.nodes[unit.members[0]]
        pins = []
        for sources in zip(*unit.pins, strict=True):
            values: list[int | None] = [None] * self.whole.bit_length()
            for member, source in zip(unit.members, sources, strict=True):
                for d in range(self.whole.bit_length()):
                    if self.masks[member] >> d & 1:
                        values[d] = source
            pins.append(b.choose(values))
        self._infer()
        b.nodes.append(replace(first, srcs=tuple(pins), low=None, high=None))
        self._infer()
        return len(b.nodes) - 1

    def _infer(self) -> None:
        self.b.nodes[:] = infer_widths(self.b.build()).nodes

    def _as(self, node: int, old: int) -> int:
        """The node with the interval of the one that it stands for."""
        self._infer()
        span = self.module.nodes[old].range
        return node if self.b.nodes[node].range == span else self.b.wrap(node, span)


def _reduces(node: Node) -> bool:
    return node.op in (Op.ADD, Op.MIN, Op.MAX) and node.latency == 0


def _users(module: Module) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in module.nodes]
    for i, node in enumerate(module.nodes):
        for source in node.srcs:
            found[source].append(i)
    for _, node_id in module.outputs:
        found[node_id].append(-1)
    return found


def _choices(module: Module, masks: list[int], whole: int) -> dict[int, Leaves]:
    """The multiplexers that choose by the dataflow id and aren't only part of such a choice themselves."""
    users = _users(module)
    inner = {
        i
        for i, node in enumerate(module.nodes)
        if node.op is Op.MUX and selected(module, node.srcs[0], whole) is not None
    }
    roots = [i for i in sorted(inner) if masks[i] and not set(users[i]) <= inner]
    return {root: _leaves(module, root, masks[root], whole) for root in roots}


def _leaves(module: Module, root: int, mask: int, whole: int) -> Leaves:
    found: list[int | None] = []
    for d in range(whole.bit_length()):
        at: int | None = root if mask >> d & 1 else None
        while at is not None:
            node = module.nodes[at]
            split = selected(module, node.srcs[0], whole) if node.op is Op.MUX else None
            if split is None:
                break
            at = node.srcs[1] if split[0] >> d & 1 else node.srcs[2]
        found.append(at)
    return tuple(found)


def _ordered(reads: Mapping[int, set[int]]) -> list[int] | None:
    """Nodes after what they read, else in the order of their numbers; None if some wait for themselves."""
    waits = {node: len(srcs) for node, srcs in reads.items()}
    users: dict[int, list[int]] = {}
    for node, srcs in reads.items():
        for source in srcs:
            users.setdefault(source, []).append(node)
    ready = [node for node, count in sorted(waits.items()) if not count]
    order = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for user in users.get(node, ()):
            waits[user] -= 1
            if not waits[user]:
                heapq.heappush(ready, user)
    return order if len(order) == len(waits) else None


def _sorted(module: Module, new: Mapping[int, int]) -> Module:
    """The module with nodes replaced, its live nodes in an order that is one."""
    nodes = [node.reading(tuple(new.get(s, s) for s in node.srcs)) for node in module.nodes]
    live: set[int] = {i for i, node in enumerate(nodes) if node.op in (Op.INPUT, Op.CHECK)}
    stack = [*sorted(live), *(node for _, node in module.outputs)]
    while stack:
        at = stack.pop()
        live.add(at)
        stack += [s for s in nodes[at].srcs if s not in live]
    reads = {i: set() if nodes[i].op is Op.REG else set(nodes[i].srcs) for i in sorted(live)}
    order = _ordered(reads)
    if order is None:
        raise InternalError(f"units of {module.name} wait for themselves")
    place = {old: at for at, old in enumerate(order)}
    kept = tuple(nodes[i].reading(tuple(place[s] for s in nodes[i].srcs)) for i in order)
    outputs = tuple((name, place[node]) for name, node in module.outputs)
    return prune(replace(module, nodes=kept, outputs=outputs))
