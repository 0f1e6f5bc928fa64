"""Delay matching: registers that align all paths of a module, as few bits as possible.

Every node ``v`` gets an output time ``D_v``; it starts at ``D_v - L_v``. For an edge ``(u, v)``
the value waits ``D_v - L_v - D_u >= 0`` cycles. Waiting registers of one node are shared by all
that it feeds, so node ``u`` costs ``w_u (M_u - D_u)`` with ``M_u >= D_v - L_v`` for all ``v``. The
constraints are differences, the matrix is totally unimodular and the optimum of the linear
programme is integral; the answer is checked in integers before it is used. Edges that close a
feedback loop through a register are left out: their distance is fixed by the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lego.diag import InternalError
from lego.ir.dag import Module, Node, Op

__all__ = ["Arrival", "Timing", "match_delays"]

STILL_PORT = "dataflow"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When an input port may arrive: at `low`, or later at `cost` per cycle if not `fixed`."""

    low: int
    fixed: bool = True
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycle of every input and output port, relative to the timestamp's issue at this FU."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def match_delays(
    module: Module,
    arrivals: Mapping[str, Arrival],
    copies: int = 1,
    pins: Mapping[str, int] | None = None,
) -> tuple[Module, Timing]:
    """Return `module` with waiting registers in place of latencies, and its ports' times.

    `copies` is the number of instances, which weighs registers against the inputs' costs; `pins`
    are times of named nodes.
    """
    edges = _edges(module)
    pinned = {i: (pins or {})[n.name] for i, n in enumerate(module.nodes) if n.name in (pins or {})}
    times = _solve(module, edges, arrivals, copies, pinned)
    _certify(module, edges, arrivals, times)
    if any(times[i] != at for i, at in pinned.items()):
        raise InternalError(f"delay matching of {module.name} moved a pinned node")
    matched = _insert(module, times)
    inputs = {n.name: times[i] for i, n in enumerate(module.nodes) if n.op is Op.INPUT}
    return matched, Timing(inputs, {name: times[node] for name, node in module.outputs})


def _edges(module: Module) -> list[tuple[int, int]]:
    """Data edges without constants, without the dataflow id and what depends on nothing else (they
    stand still during a run), and without those that close a loop through a register."""
    still = _still(module)
    ancestors = {
        i: _ancestors(module, i) for i, node in enumerate(module.nodes) if node.op is Op.REG
    }
    return [
        (u, v)
        for v, node in enumerate(module.nodes)
        for u in node.srcs
        if not still[u] and not (u in ancestors and v in ancestors[u])
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
    import pulp

    problem = pulp.LpProblem("delay_matching", pulp.LpMinimize)
    time = [pulp.LpVariable(f"d{i}", lowBound=0) for i in range(len(module.nodes))]
    latest = {u: pulp.LpVariable(f"m{u}", lowBound=0) for u in sorted({u for u, _ in edges})}
    cost = [copies * module.nodes[u].bits * (latest[u] - time[u]) for u in latest]
    for u in latest:
        problem += latest[u] >= time[u]
    for u, v in edges:
        start = time[v] - _latency(module.nodes[v])
        problem += start >= time[u]
        problem += latest[u] >= start
    for i, node in enumerate(module.nodes):
        if node.op is Op.INPUT:
            arrival = _arrival(arrivals, node.name)
            problem += time[i] == arrival.low if arrival.fixed else time[i] >= arrival.low
            cost.append(arrival.cost * time[i])
        elif _latency(node):
            problem += time[i] >= _latency(node)
        if i in pinned:
            problem += time[i] == pinned[i]
    # Earliest times among equals: a second objective too small to change the first.
    scale = 1 + sum(_latency(n) + 64 for n in module.nodes) * len(module.nodes)
    problem.setObjective(scale * pulp.lpSum(cost) + pulp.lpSum(time))
    status = problem.solve(pulp.HiGHS(msg=False, threads=1))
    if pulp.LpStatus[status] != "Optimal":
        raise InternalError(f"delay matching of {module.name} ended {pulp.LpStatus[status]}")
    return [round(variable.value() or 0) for variable in time]


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
    for i, node in enumerate(module.nodes):
        if node.op is Op.INPUT:
            arrival = _arrival(arrivals, node.name)
            late = times[i] - arrival.low
            if late < 0 or (arrival.fixed and late):
                raise InternalError(f"delay matching of {module.name} moved port {node.name}")


def _insert(module: Module, times: list[int]) -> Module:
    """Rewrite the module: latencies become registers, waits become shared delay chains."""
    nodes: list[Node] = []
    where: dict[int, int] = {}
    waits: dict[tuple[int, int], int] = {}
    kept = set(_edges(module))

    def emit(node: Node) -> int:
        nodes.append(node)
        return len(nodes) - 1

    def delayed(old: int, cycles: int) -> int:
        if cycles == 0:
            return where[old]
        if (old, cycles) not in waits:
            source = delayed(old, cycles - 1)
            low, high = module.nodes[old].range
            waits[old, cycles] = emit(Node(Op.DELAY, (source,), low, high, value=1))
        return waits[old, cycles]

    registers = []
    for i, node in enumerate(module.nodes):
        if node.op is Op.REG:
            registers.append(i)
            where[i] = emit(replace(node, srcs=()))
            continue
        start = times[i] - node.latency
        srcs = tuple(
            delayed(u, start - times[u]) if (u, i) in kept else where[u] for u in node.srcs
        )
        where[i] = emit(replace(node, srcs=srcs, latency=0))
        for _ in range(node.latency):
            low, high = node.range
            where[i] = emit(Node(Op.DELAY, (where[i],), low, high, value=1))
    for i in registers:
        start = times[i] - 1
        srcs = tuple(
            delayed(u, start - times[u]) if (u, i) in kept else where[u]
            for u in module.nodes[i].srcs
        )
        nodes[where[i]] = replace(module.nodes[i], srcs=srcs)
    outputs = tuple((name, where[node]) for name, node in module.outputs)
    return replace(module, nodes=tuple(nodes), outputs=outputs)
