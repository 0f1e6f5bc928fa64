"""Bit-width inference over the whole graph: every node as wide as the values that reach it.

Within a module intervals follow from the sources. Across modules an input port holds what any of its
instances is given, and an instance's output what the module's output holds; registers hold what they are
given. Sums are bounded by what the lowering knows about the loops (`claim`). The iteration starts from the
declared intervals, which are right, and every round can only make them smaller; so it may stop at any
round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lego.back.graph.widths import interval
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["check_narrowed", "narrow_widths"]

Range = tuple[int, int]

ROUNDS = 4

_DECLARED = (Op.CONST, Op.MEMORY, Op.SLICE, Op.CAT, Op.AND, Op.OR, Op.NOT, Op.EQ, Op.LT)
"""Their interval doesn't depend on those of the sources."""

_GIVEN = frozenset((*_DECLARED, Op.INPUT, Op.INSTANCE, Op.CHECK))
"""What one round in a module leaves as it is."""


def narrow_widths(dag: Dag) -> Dag:
    """Return `dag` with the least intervals that follow; ports of the top and of RAMs stay."""
    ranges = {module.name: [_declared(node) for node in module.nodes] for module in dag.modules}
    known = {module.name: module for module in dag.modules}
    stale = set(ranges)
    for _ in range(ROUNDS):
        _evaluate_all(dag, known, ranges, stale)
        given = _given(dag, ranges)
        for module in dag.modules[:-1]:
            if not _is_fixed(module) and _receive(module, given, ranges[module.name]):
                stale.add(module.name)
        if not stale:
            break
    _evaluate_all(dag, known, ranges, stale)  # what reads the ports that the last round narrowed
    return Dag(tuple(_rebuilt(module, known, ranges) for module in dag.modules))


def _evaluate_all(
    dag: Dag, known: Mapping[str, Module], ranges: dict[str, list[Range]], stale: set[str]
) -> None:
    """A round in all modules that are `stale`, or hold one that is or changes; afterwards those that changed
    are."""
    changed: set[str] = set()
    for module in dag.modules:
        inside = {node.text for node in module.nodes if node.op is Op.INSTANCE}
        if not (stale | changed).isdisjoint({module.name, *inside}):
            before = list(ranges[module.name])
            _evaluate(module, known, ranges, fixed=_is_fixed(module) or module is dag.top)
            if ranges[module.name] != before:
                changed.add(module.name)
    stale.clear()
    stale |= changed


def _declared(node: Node) -> Range:
    return (0, 0) if node.low is None else node.range


def _is_fixed(module: Module) -> bool:
    """RAMs stand for macros, whose ports are given."""
    return any(node.op is Op.MEMORY for node in module.nodes)


def _evaluate(
    module: Module, known: Mapping[str, Module], ranges: dict[str, list[Range]], *, fixed: bool
) -> None:
    """One round of intervals in a module, from the sources' present ones."""
    spans = ranges[module.name]
    kept = {node for _, node in module.outputs} if fixed else set()
    outputs: dict[str, dict[str, int]] = {}
    for i, node in enumerate(module.nodes):
        if node.op is Op.PORT:
            child = module.nodes[node.srcs[0]].text
            if child not in outputs:
                outputs[child] = dict(known[child].outputs)
            spans[i] = ranges[child][outputs[child][node.text]]
        elif i not in kept and node.op not in _GIVEN:
            spans[i] = _follow(node, spans, spans[i])


def _follow(node: Node, spans: list[Range], now: Range) -> Range:
    """The interval of a primitive that isn't in `_GIVEN`."""
    srcs = [spans[s] for s in node.srcs]
    match node.op:
        case Op.WRAP:
            return _wrapped(node, srcs[0], now)
        case Op.WIRE:
            return _within(srcs[0], now)
        case Op.REG | Op.DELAY:
            found = _joined(srcs[0], (node.value, node.value)) if node.op is Op.REG else srcs[0]
            return _within(_joined(found, (0, 0)) if node.resets else found, now)
    return _within(interval(node, srcs), now)


def _wrapped(node: Node, source: Range, now: Range) -> Range:
    low, high = node.range
    if low <= source[0] and source[1] <= high:
        now = _within(source, now)
    return now if node.claim is None else _within(node.claim, now)


def _within(found: Range, now: Range) -> Range:
    """What is in both; the old interval if that is nothing (a part that never runs)."""
    low, high = max(found[0], now[0]), min(found[1], now[1])
    return (low, high) if low <= high else now


def _joined(a: Range, b: Range) -> Range:
    return min(a[0], b[0]), max(a[1], b[1])


def _given(dag: Dag, ranges: Mapping[str, list[Range]]) -> dict[tuple[str, str], Range]:
    """What the instances of each module are given, by module and port."""
    found: dict[tuple[str, str], Range] = {}
    for module in dag.modules:
        for node in module.nodes:
            if node.op is Op.INSTANCE:
                for port, source in zip(node.ports, node.srcs, strict=True):
                    span = ranges[module.name][source]
                    key = node.text, port
                    found[key] = _joined(found[key], span) if key in found else span
    return found


def _receive(module: Module, given: Mapping[tuple[str, str], Range], spans: list[Range]) -> bool:
    """Whether an input port is narrower than before."""
    narrower = False
    for i, node in enumerate(module.nodes):
        if node.op is Op.INPUT and (module.name, node.name) in given:
            before, spans[i] = spans[i], _within(given[module.name, node.name], spans[i])
            narrower |= spans[i] != before
    return narrower


def _rebuilt(
    module: Module, known: Mapping[str, Module], ranges: Mapping[str, list[Range]]
) -> Module:
    """The module with the new intervals; where an instance's port is wider than what it is given,
    or reads it with another sign, a wrap stands between."""
    spans = ranges[module.name]
    nodes: list[Node] = []
    where: list[int] = []
    for i, node in enumerate(module.nodes):
        if node.op is Op.INSTANCE:
            child = known[node.text]
            ports = {n.name: k for k, n in enumerate(child.nodes) if n.op is Op.INPUT}
            srcs = []
            for port, source in zip(node.ports, node.srcs, strict=True):
                span = ranges[child.name][ports[port]]
                given = nodes[where[source]]
                wrapped = Node(Op.WRAP, (where[source],), *span)
                if (given.bits, given.signed) == (wrapped.bits, wrapped.signed):
                    srcs.append(where[source])
                else:
                    nodes.append(wrapped)
                    srcs.append(len(nodes) - 1)
            node = node.reading(tuple(srcs))
        elif node.op is not Op.CHECK:
            node = node.within(*spans[i])
        where.append(len(nodes))
        nodes.append(node)
    for i, old in enumerate(module.nodes):
        if old.op is not Op.INSTANCE:
            nodes[where[i]] = nodes[where[i]].reading(tuple(where[s] for s in old.srcs))
    outputs = tuple((name, where[node]) for name, node in module.outputs)
    return replace(module, nodes=tuple(nodes), outputs=outputs)


def check_narrowed(before: Dag, after: Dag) -> None:
    """Raise InternalError unless `after` has the primitives of `before`, each as before, or narrower
    and wide enough for what its sources give it."""
    for old, new in zip(before.modules, after.modules, strict=True):
        declared = set()
        wraps: dict[int, Node] = {}
        for at, was, now in _matched(old, new):
            if was.op in (Op.INSTANCE, Op.CHECK):
                continue
            if was.op is Op.WRAP:
                wraps[at] = was
            if now.range == was.range:
                declared.add(at)
            elif now.range[0] < was.range[0] or now.range[1] > was.range[1]:
                raise InternalError(f"{now} of {new.name} is wider than before")
        spans = [_declared(node) for node in new.nodes]
        for i, node in enumerate(new.nodes):
            need = _unwrapped(wraps[i], spans[node.srcs[0]]) if i in wraps else _needed(node, spans)
            if (
                i not in declared
                and need is not None
                and (need[0] < spans[i][0] or need[1] > spans[i][1])
            ):
                raise InternalError(f"%{i} of {new.name} is too narrow for {need}")


def _unwrapped(was: Node, source: Range) -> Range:
    """The values that a wrap can have: its source's if they fit in it, where nothing more is claimed."""
    low, high = was.range
    need = source if low <= source[0] and source[1] <= high else (low, high)
    return need if was.claim is None else _within(was.claim, need)


def _needed(node: Node, spans: list[Range]) -> Range | None:
    """The interval that a node must hold, whatever it declares; None if that is its own affair."""
    srcs = [spans[s] for s in node.srcs]
    match node.op:
        case Op.INPUT | Op.PORT | Op.INSTANCE | Op.CHECK | Op.WRAP:
            return None
        case Op.REG | Op.DELAY | Op.WIRE:
            return srcs[0]
        case op if op in _DECLARED:
            return None
    return interval(node, srcs)


def _matched(old: Module, new: Module) -> Iterator[tuple[int, Node, Node]]:
    """Nodes of both that correspond, and the new one's place; `new` may have more wraps."""
    position = 0
    for node in old.nodes:
        while new.nodes[position].op is Op.WRAP and node.op is not Op.WRAP:
            position += 1
        other = new.nodes[position]
        if (other.op, other.name, other.value, other.extent) != (
            node.op,
            node.name,
            node.value,
            node.extent,
        ):
            raise InternalError(f"width inference changed the primitives of {old.name}")
        yield position, node, other
        position += 1
    if position != len(new.nodes):
        raise InternalError(f"width inference added to {old.name}")
