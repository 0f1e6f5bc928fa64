"""Delay matching: registers that align all paths of a module, as few bits as possible.

Every node ``v`` gets an output time ``D_v``; it starts at ``D_v - L_v``. For an edge ``(u, v)`` the value
waits ``D_v - L_v - D_u >= 0`` cycles. Waiting registers of one node are shared by all that it feeds, so
node ``u`` costs ``w_u (M_u - D_u)`` with ``M_u >= D_v - L_v`` for all ``v``. The constraints are
differences, the matrix is totally unimodular and the optimum of the linear programme is integral; the
answer is proven least in integers before it is used. What reads a register that depends on it (a feedback
loop) does so in the cycle in which the register takes its next value: no register may come between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lego.back.passes.analysis.difference import DifferenceProgram
from lego.diag import InternalError
from lego.ir.dag import Contract, Dag, Module, Node, Op

__all__ = ["Arrival", "PortTimes", "check_matched", "delay_early", "match_all", "match_delays"]

STILL_PORT = "dataflow"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When an input port may arrive: at `low`, or later at `cost` per cycle if not `fixed`."""

    low: int
    fixed: bool = True
    cost: int = 0


@dataclass(frozen=True, slots=True)
class PortTimes:
    """Cycle of every input and output port, relative to the timestamp's issue at this FU."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def match_delays(
    module: Module,
    arrivals: Mapping[str, Arrival],
    copies: int = 1,
    contract: Contract | None = None,
) -> tuple[Module, PortTimes]:
    """Return `module` with waiting registers in place of latencies, and its ports' times.

    `copies` is the number of instances, which weighs registers against the inputs' costs; `contract`
    gives the times of outputs and named nodes.
    """
    edges = _edges(module)
    pinned = _pinned(module, contract)
    times = _solve(module, edges, arrivals, copies, pinned)
    _certify(module, edges, arrivals, times)
    if any(times[i] != at for i, at in pinned.items()):
        raise InternalError(f"delay matching of {module.name} moved a pinned node")
    matched = _insert(module, times)
    inputs = {n.name: times[i] for i, n in enumerate(module.nodes) if n.op is Op.INPUT}
    return matched, PortTimes(inputs, {name: times[node] for name, node in module.outputs})


def _pinned(module: Module, contract: Contract | None) -> dict[int, int]:
    """Times of outputs and named nodes, by node."""
    if contract is None:
        return {}
    pins, ends = dict(contract.pins), dict(module.outputs)
    found = {i: pins[node.name] for i, node in enumerate(module.nodes) if node.name in pins}
    return found | {ends[name]: at for name, at in contract.outputs}


def match_all(dag: Dag) -> Dag:
    """Match the delays of every module with a contract."""
    return _each(dag, lambda module, times, what: match_delays(module, times, contract=what)[0])


def delay_early(dag: Dag) -> Dag:
    """What a straightforward lowering does: every primitive of a module with a contract as early as
    possible, and a line of registers of its own on every path that waits."""
    return _each(dag, _early)


def _each(dag: Dag, place: Callable[[Module, dict[str, Arrival], Contract], Module]) -> Dag:
    done = []
    for module in dag.modules:
        if module.contract is not None:
            arrivals = {name: Arrival(at) for name, at in module.contract.inputs}
            module = replace(place(module, arrivals, module.contract), contract=None)
        done.append(module)
    return Dag(tuple(done))


def earliest(module: Module) -> list[int]:
    """The first cycle in which each node can have its value, by the module's contract."""
    contract = module.contract or Contract(())
    arrivals = {node.name: Arrival(0) for node in module.nodes if node.op is Op.INPUT}
    arrivals |= {name: Arrival(at) for name, at in contract.inputs}
    return _earliest(module, arrivals, contract)


def _earliest(module: Module, arrivals: Mapping[str, Arrival], contract: Contract) -> list[int]:
    edges, loops, pinned = _edges(module), _loops(module), _pinned(module, contract)
    times = [0] * len(module.nodes)
    for _ in module.nodes:
        before = list(times)
        for i, node in enumerate(module.nodes):
            low = _latency(node)
            if node.op is Op.INPUT:
                low = _arrival(arrivals, node.name).low
            times[i] = max(times[i], low, pinned.get(i, 0))
        for u, v in edges:
            times[v] = max(times[v], times[u] + _latency(module.nodes[v]))
        for u, v in loops:
            times[v] = max(times[v], times[u] - 1 + _latency(module.nodes[v]))
        if times == before:
            break
    return times


def _early(module: Module, arrivals: Mapping[str, Arrival], contract: Contract) -> Module:
    edges, times = _edges(module), _earliest(module, arrivals, contract)
    _certify(module, edges, arrivals, times)
    return _insert(module, times, shared=False)


def check_matched(before: Dag, after: Dag) -> None:
    """Raise InternalError unless `after` is `before` with registers that make all paths of every
    module agree, at the times of its contract."""
    for old, new in zip(before.modules, after.modules, strict=True):
        if old.contract is None:
            if old != new:
                raise InternalError(f"delay matching changed {old.name}, which has no contract")
            continue
        if _skeleton(old) != _skeleton(new):
            raise InternalError(f"delay matching changed the primitives of {old.name}")
        _check_balance(new, old.contract)


def _skeleton(module: Module) -> tuple[object, ...]:
    """The module's primitives without any delay."""
    names: list[int] = []
    kept: list[Node] = []
    for node in module.nodes:
        if node.op is Op.DELAY:
            names.append(names[node.srcs[0]])
        else:
            names.append(len(kept))
            kept.append(node)
    nodes = tuple(replace(n, latency=0, srcs=tuple(names[s] for s in n.srcs)) for n in kept)
    return nodes, tuple((name, names[node]) for name, node in module.outputs)


def _check_balance(module: Module, contract: Contract) -> None:
    """Times follow from the inputs', along the edges and against them; all ways must agree."""
    arrivals, pins = dict(contract.inputs), dict(contract.pins)
    apart: list[list[tuple[int, int]]] = [[] for _ in module.nodes]
    loops = _loops(module)
    for (u, v), early in [(e, 0) for e in _edges(module)] + [(e, 1) for e in loops]:
        cycles = (module.nodes[v].op in (Op.DELAY, Op.REG)) - early
        apart[u].append((v, cycles))
        apart[v].append((u, -cycles))
    times = {
        i: arrivals.get(node.name, 0) for i, node in enumerate(module.nodes) if node.op is Op.INPUT
    }
    reached = list(times)
    while reached:
        u = reached.pop()
        for v, cycles in apart[u]:
            if v not in times:
                times[v] = times[u] + cycles
                reached.append(v)
            elif times[v] != times[u] + cycles:
                raise InternalError(f"paths that meet in %{v} of {module.name} differ")
    for i, node in enumerate(module.nodes):
        if times.get(i, pins.get(node.name)) != pins.get(node.name, times.get(i)):
            raise InternalError(f"{node.name} of {module.name} is late: {times[i]}")
    ends, still = dict(module.outputs), _still(module)
    for name, at in contract.outputs:
        if times.get(ends[name], at) != at and not still[ends[name]]:
            raise InternalError(f"{name} of {module.name} leaves at {times[ends[name]]}, not {at}")


def _edges(module: Module) -> list[tuple[int, int]]:
    """Data edges without constants, without the dataflow id and what depends on nothing else (they
    stand still during a run), and without those that close a loop through a register."""
    still, closing = _still(module), set(_loops(module))
    return [
        (u, v)
        for v, node in enumerate(module.nodes)
        for u in node.srcs
        if not still[u] and (u, v) not in closing
    ]


def _loops(module: Module) -> list[tuple[int, int]]:
    """Edges that close a feedback loop: from a register to what its next value depends on."""
    ancestors = {
        i: _ancestors(module, i) for i, node in enumerate(module.nodes) if node.op is Op.REG
    }
    return [
        (u, v)
        for v, node in enumerate(module.nodes)
        for u in node.srcs
        if u in ancestors and v in ancestors[u]
    ]


def _still(module: Module) -> list[bool]:
    """Per node, whether its value doesn't change while the array runs."""
    still: list[bool] = []
    for node in module.nodes:
        plain = node.op not in (Op.INPUT, Op.REG, Op.WIRE, Op.INSTANCE, Op.PORT)
        known = node.op is Op.INPUT and node.name == STILL_PORT
        still.append(known or (plain and not node.latency and all(still[s] for s in node.srcs)))
    return still


def _ancestors(module: Module, root: int) -> set[int]:
    seen: set[int] = set()
    stack = list(module.nodes[root].srcs)
    while stack:
        node = stack.pop()
        if node not in seen and node != root:
            seen.add(node)
            stack.extend(module.nodes[node].srcs)
    return seen


def _latency(node: Node) -> int:
    return node.latency + (1 if node.op is Op.REG else 0)


def _solve(
    module: Module,
    edges: list[tuple[int, int]],
    arrivals: Mapping[str, Arrival],
    copies: int,
    pinned: Mapping[int, int],
) -> list[int]:
    # Earliest times among equals, a second objective too small to change the first: the answers
    # form a lattice, so exactly one is least, however the solver finds it.
    scale = 1 + sum(_latency(n) + 64 for n in module.nodes) * len(module.nodes)
    problem = DifferenceProgram(f"delay matching of {module.name}")
    time = [problem.variable(1) for _ in module.nodes]
    latest = {u: problem.variable() for u in sorted({u for u, _ in edges})}
    for u, last in latest.items():
        weight = scale * copies * module.nodes[u].bits
        problem.costs[last] += weight
        problem.costs[time[u]] -= weight
        problem.at_least(last, 0, minus=time[u])
    for u, v in edges:
        latency = _latency(module.nodes[v])
        problem.at_least(time[v], latency, minus=time[u])
        problem.at_least(latest[u], -latency, minus=time[v])
    for u, v in _loops(module):
        problem.at_least(time[v], _latency(module.nodes[v]) - 1, minus=time[u])
    for i, node in enumerate(module.nodes):
        if node.op is Op.INPUT:
            arrival = _arrival(arrivals, node.name)
            if arrival.fixed:
                problem.equals(time[i], arrival.low)
            else:
                problem.at_least(time[i], arrival.low)
            problem.costs[time[i]] += scale * arrival.cost
        elif _latency(node):
            problem.at_least(time[i], _latency(node))
        if i in pinned:
            problem.equals(time[i], pinned[i])
    return problem.solve()[: len(module.nodes)]


def _arrival(arrivals: Mapping[str, Arrival], port: str) -> Arrival:
    return Arrival(0) if port == STILL_PORT else arrivals[port]


def _certify(
    module: Module,
    edges: list[tuple[int, int]],
    arrivals: Mapping[str, Arrival],
    times: list[int],
) -> None:
    for u, v in edges:
        if times[v] - _latency(module.nodes[v]) < times[u]:
            raise InternalError(f"delay matching of {module.name} broke edge %{u} -> %{v}")
    for u, v in _loops(module):
        if times[v] - _latency(module.nodes[v]) != times[u] - 1:
            raise InternalError(
                f"delay matching of {module.name} put a register into the loop of %{u}"
            )
    for i, node in enumerate(module.nodes):
        if node.op is Op.INPUT:
            arrival = _arrival(arrivals, node.name)
            late = times[i] - arrival.low
            if late < 0 or (arrival.fixed and late):
                raise InternalError(f"delay matching of {module.name} moved port {node.name}")


def _register(node: Node, source: int) -> Node:
    """A cycle's delay of what the node gives, which is at `source` now."""
    return Node(Op.DELAY, (source,), *node.range, value=1, origin=node.origin)


def _insert(module: Module, times: list[int], *, shared: bool = True) -> Module:
    """Rewrite the module: latencies become registers, waits become delay chains, which all sinks of
    a node share or not."""
    nodes: list[Node] = []
    where: dict[int, int] = {}
    waits: dict[tuple[int, int, int], int] = {}
    kept = set(_edges(module))

    def emit(node: Node) -> int:
        nodes.append(node)
        return len(nodes) - 1

    def delayed(old: int, cycles: int, sink: int) -> int:
        if cycles == 0:
            return where[old]
        key = old, cycles, -1 if shared else sink
        if key not in waits:
            source = delayed(old, cycles - 1, sink)
            waits[key] = emit(_register(module.nodes[old], source))
        return waits[key]

    registers = []
    for i, node in enumerate(module.nodes):
        if node.op is Op.REG:
            registers.append(i)
            where[i] = emit(replace(node, srcs=()))
            continue
        start = times[i] - node.latency
        srcs = tuple(
            delayed(u, start - times[u], i) if (u, i) in kept else where[u] for u in node.srcs
        )
        where[i] = emit(replace(node, srcs=srcs, latency=0))
        for _ in range(node.latency):
            where[i] = emit(_register(node, where[i]))
    for i in registers:
        start = times[i] - 1
        srcs = tuple(
            delayed(u, start - times[u], i) if (u, i) in kept else where[u]
            for u in module.nodes[i].srcs
        )
        nodes[where[i]] = replace(module.nodes[i], srcs=srcs)
    outputs = tuple((name, where[node]) for name, node in module.outputs)
    return replace(module, nodes=tuple(nodes), outputs=outputs)
