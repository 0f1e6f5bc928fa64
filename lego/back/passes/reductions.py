"""Reduction extraction: chains of one associative primitive become trees of least depth.

Sums, products, minima and maxima of an FU's body are lowered as they are written, with a register behind
each primitive. Integers aren't rounded and nothing is cut off in between, so that any order gives the same
result. The two operands that are ready first are combined first, which gives the least depth (Huffman's
tree, for maxima). Ports are ready when the module's contract says, and at once without one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lego.back.graph.widths import interval
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["balance_reductions", "balanced", "check_balanced"]

ASSOCIATIVE = (Op.ADD, Op.MUL, Op.MIN, Op.MAX)


def balance_reductions(dag: Dag) -> Dag:
    """Return `dag` with balanced chains in the modules whose delays are still to be matched."""
    return Dag(tuple(m if m.contract is None else balanced(m) for m in dag.modules))


def balanced(module: Module) -> Module:
    """Return `module` with every chain as a tree, where that makes it less deep."""
    ready, parents = _ready(module), _parents(module)
    depths: list[int] = []
    better = {}
    for root, node in enumerate(module.nodes):
        depths.append(_depth(node, depths, ready))
        if node.op in ASSOCIATIVE and node.latency and root not in parents:
            leaves = _leaves(module, parents, root)
            least = _least_depth([depths[leaf] for leaf in leaves], node.latency)
            if least < depths[root]:
                better[root] = leaves
                depths[root] = least
    return _rebuilt(module, parents, better, depths) if better else module


def _ready(module: Module) -> dict[str, int]:
    """The cycle in which each port has its value, by the module's contract; those that it doesn't name have
    it at once.
    """
    return dict(module.contract.inputs) if module.contract else {}


def _depths(module: Module) -> list[int]:
    """The cycle in which each node can have its value, through the latencies of primitives."""
    depths: list[int] = []
    ready = _ready(module)
    for node in module.nodes:
        depths.append(_depth(node, depths, ready))
    return depths


def _depth(node: Node, depths: Sequence[int], ready: Mapping[str, int]) -> int:
    if node.op is Op.INPUT:
        return ready.get(node.name, 0)
    late = node.op in (Op.REG, Op.WIRE)
    before = [] if late else [depths[s] for s in node.srcs]
    return max(before, default=0) + node.latency


def _parents(module: Module) -> dict[int, int]:
    """Of primitives that only one of their own kind reads, that one."""
    users: dict[int, list[int]] = {node: [-1] for _, node in module.outputs}
    for i, node in enumerate(module.nodes):
        for source in node.srcs:
            users.setdefault(source, []).append(i)
    found = {}
    for i, node in enumerate(module.nodes):
        (user, *others) = users.get(i, [-1])
        if node.op in ASSOCIATIVE and not others and user >= 0:
            above = module.nodes[user]
            if (above.op, above.latency) == (node.op, node.latency):
                found[i] = user
    return found


def _leaves(module: Module, parents: Mapping[int, int], at: int) -> list[int]:
    """The operands of the chain that ends here, from left to right."""
    found = []
    for source in module.nodes[at].srcs:
        found += _leaves(module, parents, source) if parents.get(source) == at else [source]
    return found


def _least_depth(depths: Sequence[int], latency: int) -> int:
    depth, _ = _combined(
        [(d, at) for at, d in enumerate(depths)], latency, lambda left, right: len(depths)
    )
    return depth


def _combined(
    ready: Sequence[tuple[int, int]], latency: int, combine: Callable[[int, int], int]
) -> tuple[int, int]:
    """(depth, node) of all, the two that are ready first being combined first.

    What `combine` returns goes behind what is as deep.
    """
    heap = [(depth, at, node) for at, (depth, node) in enumerate(ready)]
    heapq.heapify(heap)
    made = len(heap)
    while len(heap) > 1:
        (_, a, left), (depth, b, right) = heapq.heappop(heap), heapq.heappop(heap)
        pair = (left, right) if a < b else (right, left)
        heapq.heappush(heap, (depth + latency, made, combine(*pair)))
        made += 1
    depth, _, node = heap[0]
    return depth, node


def _rebuilt(
    module: Module,
    parents: Mapping[int, int],
    better: Mapping[int, list[int]],
    depths: Sequence[int],
) -> Module:
    """The module with trees at the places of these roots, and without what they replace."""
    nodes: list[Node] = []
    where: dict[int, int] = {}

    def emit(node: Node) -> int:
        nodes.append(node)
        return len(nodes) - 1

    for i, node in enumerate(module.nodes):
        if _root(parents, i) in better and i in parents:
            continue
        if i in better:
            plain = replace(node, srcs=(), name="", low=None, high=None)

            def combine(left: int, right: int, plain: Node = plain) -> int:
                made = plain.reading((left, right))
                low, high = interval(made, [nodes[left].range, nodes[right].range])
                return emit(made.within(low, high))

            ready = [(depths[leaf], where[leaf]) for leaf in better[i]]
            _, where[i] = _combined(ready, node.latency, combine)
            nodes[where[i]] = replace(nodes[where[i]], name=node.name, low=node.low, high=node.high)
        else:
            where[i] = emit(node)
    for i, old in enumerate(module.nodes):
        if i in where and i not in better:
            nodes[where[i]] = old.reading(tuple(where[s] for s in old.srcs))
    outputs = tuple((name, where[node]) for name, node in module.outputs)
    return replace(module, nodes=tuple(nodes), outputs=outputs)


def _root(parents: Mapping[int, int], at: int) -> int:
    while at in parents:
        at = parents[at]
    return at


def check_balanced(before: Dag, after: Dag) -> None:
    """Raise InternalError unless every module's outputs and registers are the same reductions of the same
    operands, none deeper than before."""
    for old, new in zip(before.modules, after.modules, strict=True):
        if old == new:
            continue
        names: dict[object, int] = {}
        was, now = (_flattened(module, names) for module in (old, new))
        ends = list(zip((n for _, n in old.outputs), (n for _, n in new.outputs), strict=True))
        registers = [[i for i, n in enumerate(m.nodes) if n.op is Op.REG] for m in (old, new)]
        for a, b in zip(*registers, strict=True):
            ends += zip(old.nodes[a].srcs, new.nodes[b].srcs, strict=True)
        deep, flat = _depths(old), _depths(new)
        for a, b in ends:
            if was[a] != now[b] or flat[b] > deep[a]:
                raise InternalError(f"%{b} of {new.name} is another reduction than before")


def _flattened(module: Module, names: dict[object, int]) -> list[int]:
    """What each node computes: equal numbers, equal values. Nested reductions are one, in any order."""
    keys: list[int] = []
    terms: list[tuple[int, ...]] = []
    registers = 0
    for node in module.nodes:
        late = node.op in (Op.REG, Op.WIRE)
        registers += late
        mine: tuple[int, ...] = () if late else tuple(keys[s] for s in node.srcs)
        if node.op in ASSOCIATIVE:
            parts = [
                terms[s]
                if module.nodes[s].op is node.op and module.nodes[s].latency
                else (keys[s],)
                for s in node.srcs
            ]
            mine = tuple(sorted(term for part in parts for term in part))
        plain = replace(node, srcs=(), name="" if node.op in ASSOCIATIVE else node.name)
        key = replace(plain, low=None, high=None), mine, registers if late else 0
        keys.append(names.setdefault(key, len(names)))
        terms.append(mine)
    return keys
