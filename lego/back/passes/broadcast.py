"""Broadcast rewiring: no register drives more than so many pins.

A register that too many sinks read becomes several with the same source, each near some of the sinks; that
source then has more sinks, so the registers before it multiply as well, and a line of delays turns
into a tree. Ports split where the net of one port would be too large. Nothing happens a cycle earlier or
later. Copies are modules of their own, so that synthesis doesn't merge them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lego.back.graph.builder import Builder
from lego.back.graph.limits import BUFFERED, MAX_FANOUT
from lego.back.graph.measure import counts_of
from lego.back.graph.widths import infer_widths
from lego.back.passes.analysis.copies import part_of
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["rewire_broadcasts"]


Sink = tuple[int | str, int, int]
"""(node, place among its sources, copy of that node), or (output port, 0, 0)."""


def rewire_broadcasts(dag: Dag, most: int = MAX_FANOUT) -> Dag:
    """Return `dag` with copies of registers and ports, so that each drives at most `most` pins.

    What isn't a register (the result of logic, an input of the top) keeps its fan-out. Ports are split
    before registers are copied: where few pins are allowed, the copies of a register in a module may be
    more than a port should drive.
    """
    counts = counts_of(dag) | dict.fromkeys(_macros(dag), 0)  # whose ports are given
    loads: dict[tuple[str, str], int] = {}
    pieces: dict[str, dict[str, list[str]]] = {}
    driven = _driven_by_registers(dag, counts)
    split: list[Module] = []
    for module in dag.modules:
        module = _extended(module, pieces)
        once = counts[module.name] == 1
        if once and module is not dag.top and any(n.op is Op.INSTANCE for n in module.nodes):
            module = _split_inputs(module, loads, pieces, most, driven)
        else:
            loads |= _pins(module)
        split.append(module)
    wanted: dict[str, dict[str, list[int]]] = {}
    done: list[Module] = []
    for module in reversed(split):
        if counts[module.name] == 1:
            work = _Splitting(module, loads, wanted, counts, most)
            done += [work.result(), *work.kinds.values()]
        else:
            done.append(module)
    return Dag(tuple(reversed(done)))


def _macros(dag: Dag) -> list[str]:
    """RAM modules, which stand for macros."""
    return [m.name for m in dag.modules if any(node.op is Op.MEMORY for node in m.nodes)]


def _driven_by_registers(dag: Dag, counts: Mapping[str, int]) -> set[tuple[str, str]]:
    """Input ports, as (module, port), whose net starts at a register that may be copied."""
    known = {module.name: module for module in dag.modules}
    outputs = {module.name: dict(module.outputs) for module in dag.modules}
    found: set[tuple[str, str]] = set()
    for module in reversed(dag.modules):
        for node in module.nodes:
            if node.op is not Op.INSTANCE or counts[module.name] != 1:
                continue
            for port, source in zip(node.ports, node.srcs, strict=True):
                start = _unwrapped(module, source)
                if start.op is Op.PORT:
                    child = known[module.nodes[start.srcs[0]].text]
                    if counts[child.name] != 1:
                        continue
                    start = _unwrapped(child, outputs[child.name][start.text])
                inherited = start.op is Op.INPUT and (module.name, start.name) in found
                if start.op is Op.DELAY or inherited:
                    found.add((node.text, port))
    return found


def _unwrapped(module: Module, node: int) -> Node:
    """What a node's bits come from, through wraps."""
    while module.nodes[node].op is Op.WRAP:
        (node,) = module.nodes[node].srcs
    return module.nodes[node]


def _extended(module: Module, pieces: Mapping[str, Mapping[str, list[str]]]) -> Module:
    """Connect the new input ports of instances to what drives the old one."""
    nodes = []
    for node in module.nodes:
        if node.op is Op.INSTANCE and node.text in pieces:
            wires = dict(zip(node.ports, node.srcs, strict=True))
            for port, names in pieces[node.text].items():
                wires |= dict.fromkeys(names, wires[port])
            ports = tuple(wires)
            node = replace(node, ports=ports, srcs=tuple(wires[port] for port in ports))
        nodes.append(node)
    return replace(module, nodes=tuple(nodes))


def _pins(module: Module) -> dict[tuple[str, str], int]:
    """Pins behind every input port; a multiplexer's select drives each of its bits, and a slice is
    only wires."""
    pins: dict[int, int] = {}
    for i in reversed(range(len(module.nodes))):
        node = module.nodes[i]
        for place, source in enumerate(node.srcs):
            selects = (node.op is Op.MUX and place == 0) or (
                node.op is Op.ONEHOT and place % 2 == 0
            )
            many = node.bits if selects else 1
            many = pins.get(i, 1) if node.op in (Op.SLICE, Op.WRAP) else many
            pins[source] = min(BUFFERED, pins.get(source, 0) + many)
    return {
        (module.name, node.name): pins.get(i, 1)
        for i, node in enumerate(module.nodes)
        if node.op is Op.INPUT
    }


def _split_inputs(
    module: Module,
    loads: dict[tuple[str, str], int],
    pieces: dict[str, dict[str, list[str]]],
    most: int,
    driven: set[tuple[str, str]],
) -> Module:
    """One input port per group of at most `most` pins; records the ports' loads and new names.

    A port that no register drives stays whole: synthesis buffers it inside the module.
    """
    sinks = _sinks(module, loads)
    redirect: dict[Sink, tuple[int, int]] = {}
    copies: dict[int, list[Node]] = {}
    for i in reversed(range(len(module.nodes))):
        if module.nodes[i].op is Op.WRAP:
            groups = _groups(sinks.get(i, []), most)
            copies[i] = _wrap_copies(module, i, groups, sinks)
            redirect |= _redirected(i, groups)
    for i, node in enumerate(module.nodes):
        if node.op is not Op.INPUT:
            continue
        if (module.name, node.name) not in driven:
            loads[module.name, node.name] = 1
            continue
        groups = _groups(sinks.get(i, []), most)
        loads[module.name, node.name] = sum(load for _, load in groups[0]) if groups else 0
        for k, group in enumerate(groups[1:], start=1):
            name = part_of(node.name, k)
            copies.setdefault(i, []).append(replace(node, name=name))
            loads[module.name, name] = sum(load for _, load in group)
            pieces.setdefault(module.name, {}).setdefault(node.name, []).append(name)
        redirect |= _redirected(i, groups)
    return _rebuilt(module, redirect, copies)


def _sinks(
    module: Module, loads: Mapping[tuple[str, str], int]
) -> dict[int, list[tuple[Sink, int]]]:
    """Readers of every node, and the pins that each stands for."""
    found: dict[int, list[tuple[Sink, int]]] = {}
    for i, node in enumerate(module.nodes):
        if node.op is Op.CHECK:
            continue
        for place, source in enumerate(node.srcs):
            load = loads.get((node.text, node.ports[place]), 1) if node.op is Op.INSTANCE else 1
            found.setdefault(source, []).append(((i, place, 0), load))
    return found


def _groups(sinks: Sequence[tuple[Sink, int]], most: int) -> list[list[tuple[Sink, int]]]:
    """Neighbouring sinks together, in as few groups as that allows."""
    groups: list[list[tuple[Sink, int]]] = []
    room = 0
    for sink, load in sinks:
        if not groups or load > room:
            groups.append([])
            room = most
        groups[-1].append((sink, load))
        room -= load
    return groups


def _redirected(
    node: int, groups: Sequence[Sequence[tuple[Sink, int]]]
) -> dict[Sink, tuple[int, int]]:
    """Which copy of a node each sink reads, where that isn't the first."""
    return {sink: (node, k) for k, group in enumerate(groups[1:], start=1) for sink, _ in group}


def _wrap_copies(
    module: Module,
    wrap: int,
    groups: Sequence[Sequence[tuple[Sink, int]]],
    sinks: Mapping[int, list[tuple[Sink, int]]],
) -> list[Node]:
    """Copies of a wrap, which is nothing but wires: what it reads drives the pins of each."""
    (source,) = module.nodes[wrap].srcs
    loads = [sum(load for _, load in group) for group in groups] or [0]
    read = sinks[source]
    read[read.index(((wrap, 0, 0), 1))] = (wrap, 0, 0), loads[0]
    read += [((wrap, 0, k), load) for k, load in enumerate(loads[1:], start=1)]
    return [module.nodes[wrap]] * (len(groups) - 1)


def _rebuilt(
    module: Module,
    redirect: Mapping[Sink, tuple[int, int]],
    copies: Mapping[int, Sequence[Node]],
    extra: Sequence[tuple[str, int]] = (),
) -> Module:
    """The module with copies of nodes behind them, read by the sinks in `redirect`.

    A copy that is an instance brings its output port along. `extra` are more output ports.
    """
    if not copies and not extra:
        return module
    place: dict[tuple[int, int], int] = {}
    plan: list[tuple[int, int]] = []
    for i in range(len(module.nodes)):
        for k in range(1 + len(copies.get(i, ()))):
            place[i, k] = len(plan)
            plan.append((i, k))
            if k and copies[i][k - 1].op is Op.INSTANCE:
                place[i, k] = len(plan)
                plan.append((i, -k))
    nodes: list[Node] = []
    first = [place[i, 0] for i in range(len(module.nodes))]
    moved = {sink[0] for sink in redirect}
    for i, k in plan:
        old = module.nodes[i]
        node = copies[i][abs(k) - 1] if k else old
        if k < 0:
            last = (len(nodes) - 1,)
            nodes.append(Node(Op.PORT, last, *old.range, name=f"{node.name}_q", text="q"))
            continue
        if i in moved:
            srcs = tuple(place[redirect.get((i, n, k), (s, 0))] for n, s in enumerate(node.srcs))
        else:
            srcs = tuple(first[s] for s in node.srcs)
        nodes.append(node.reading(srcs))
    outputs = [
        (name, place[redirect.get((name, 0, 0), (node, 0))])
        for name, node in (*module.outputs, *extra)
    ]
    return replace(module, nodes=tuple(nodes), outputs=tuple(outputs))


@dataclass
class _Splitting:
    """Copies registers of one module, from its ends to its beginnings."""

    module: Module
    loads: Mapping[tuple[str, str], int]
    wanted: dict[str, dict[str, list[int]]]
    counts: Mapping[str, int]
    most: int
    kinds: dict[tuple[tuple[int, int], tuple[int, int], int, bool], Module] = field(
        default_factory=dict
    )
    named: set[str] = field(default_factory=set)

    def result(self) -> Module:
        """The module; `wanted` tells instances of which output ports more are needed."""
        module = self.module
        sinks = _sinks(module, self.loads)
        extra: list[tuple[str, int]] = []
        for name, node in module.outputs:
            parts = self.wanted.get(module.name, {}).get(name) or [0]
            names = [part_of(name, k) for k in range(len(parts))]
            extra += [(part, node) for part in names[1:]]
            for part, load in zip(names, parts, strict=True):
                sinks.setdefault(node, []).append(((part, 0, 0), load))
        redirect: dict[Sink, tuple[int, int]] = {}
        copies: dict[int, list[Node]] = {}
        for i in reversed(range(len(module.nodes))):
            here = module.nodes[i]
            groups = _groups(sinks.get(i, []), self.most)
            child = self._child(i) if here.op is Op.PORT else ""
            if child and self.counts[child] == 1:
                parts = [sum(load for _, load in group) for group in groups]
                self.wanted.setdefault(child, {})[here.text] = parts
            if here.op is Op.WRAP:
                copies[i] = _wrap_copies(module, i, groups, sinks)
                redirect |= _redirected(i, groups)
            if len(groups) < 2 or here.op is Op.WRAP:
                continue
            if here.op is Op.DELAY:
                made = [self._copy(i, k) for k in range(1, len(groups))]
                for place, source in enumerate(here.srcs):
                    sinks[source] += [((i, place, k), 1) for k in range(1, len(groups))]
            elif child and self.counts[child] == 1:
                made = [
                    replace(here, name=part_of(here.name, k), text=part_of(here.text, k))
                    for k in range(1, len(groups))
                ]
            else:
                continue
            copies[i] = made
            redirect |= _redirected(i, groups)
        return _rebuilt(module, redirect, copies, extra)

    def _child(self, port: int) -> str:
        return self.module.nodes[self.module.nodes[port].srcs[0]].text

    def _copy(self, i: int, number: int) -> Node:
        node = self.module.nodes[i]
        source = self.module.nodes[node.srcs[0]]
        kind = source.range, node.range, len(node.srcs), node.resets
        if kind not in self.kinds:
            b = Builder(f"{self.module.name}_copy{len(self.kinds)}", self.module.category)
            value = b.input("d", source.range)
            if source.range != node.range:
                value = b.wrap(value, node.range)
            enable = [b.input("en")] if len(node.srcs) == 2 else []
            b.output("q", b.add_node(replace(node, srcs=(value, *enable), name="")))
            self.kinds[kind] = infer_widths(b.build())
        name = f"copy{number}_{node.name or f'n{i}'}"
        if name in self.named:  # another register of the same name
            name = f"copy{number}_{node.name}_n{i}"
        self.named.add(name)
        ports = ("d", "en")[: len(node.srcs)]
        held = self.kinds[kind].name
        return Node(Op.INSTANCE, node.srcs, 0, 0, name=name, text=held, ports=ports)
