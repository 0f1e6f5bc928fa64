"""From the architectures of single dataflows to one shared by all of them.

Inputs are bound to operand ports, every region of FUs gets one source per dataflow and port, and every tensor
gets one bank function for all dataflows that use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lego.diag import InternalError
from lego.front.bank_use import nodes_of
from lego.front.banking import shared_banks
from lego.front.binding import Binding, bindings, fixed_cost, identity, plans_at
from lego.front.candidates import Option, Port, port_of
from lego.front.choice import Choice, cost_of, exact, heuristic, sources_of
from lego.front.wide import widened
from lego.ir.adg import Adg, Fu, InputPlan, OutputPlan, Source
from lego.ir.checks.check import checked
from lego.ir.fused import FusedAdg, Fusion, Layer, Method, Plan, single
from lego.ir.hardware import MemoryStyle

__all__ = ["fuse"]


def fuse(
    name: str,
    adgs: Sequence[Adg],
    method: Method = Method.EXACT,
    style: MemoryStyle = MemoryStyle.CHEAPEST,
    limits: Mapping[str, int] | None = None,
) -> FusedAdg:
    """One design that runs any of the dataflows; their counters and axes are equally many.

    `limits`: bits that banks may have, by tensor.
    """
    if len(adgs) == 1:
        one = replace(single(adgs[0]), name=name)
        return checked(widened(one, style, limits))
    return checked(widened(_fused(name, adgs, method, style), style, limits))


def _fused(name: str, adgs: Sequence[Adg], method: Method, style: MemoryStyle) -> FusedAdg:
    """The same with a bank per macro."""
    adgs = _with_shared_banks(adgs, style)
    fus = _box(adgs)
    if method is Method.NAIVE:
        binding = identity(adgs)
        cost = fixed_cost(adgs, binding) + sum(
            cost_of(port, _standalone(port), shared=False) for port in _ports(fus, adgs, binding)
        )
        return _design(name, adgs, binding, Fusion(str(method), cost, 0))
    best, bound = _cheapest(fus, adgs, method)
    linked = [replace(adg, inputs=_linked(adg, k, best)) for k, adg in enumerate(adgs)]
    return _design(name, linked, best.binding, Fusion(str(method), best.cost, bound))


@dataclass(frozen=True, slots=True)
class _Priced:
    """A binding, its ports with what was chosen for each, and what all costs."""

    binding: Binding
    ports: tuple[tuple[Port, Choice], ...]
    cost: int


def _cheapest(fus: Sequence[Fu], adgs: Sequence[Adg], method: Method) -> tuple[_Priced, int]:
    """The cheapest binding and choice, and below what none can cost; 0 if not all were looked at."""
    best: _Priced | None = None
    bound = None
    known: dict[object, tuple[Port, Choice]] = {}
    every, complete = bindings(adgs)
    for base, binding in sorted((fixed_cost(adgs, each), each) for each in every):
        if best is not None and base >= best.cost:
            break  # no links cost less than nothing
        ports = [_solved(fus, adgs, binding, k, method, known) for k in range(_n_ports(binding))]
        cost = base + sum(choice.cost for _, choice in ports)
        low = base + sum(choice.bound for _, choice in ports)
        bound = low if bound is None else min(bound, low)
        if best is None or cost < best.cost:
            best = _Priced(binding, tuple(ports), cost)
    if best is None:
        raise InternalError("there is no binding")
    return best, bound or 0 if complete else 0


def _box(adgs: Sequence[Adg]) -> list[Fu]:
    """All FUs that some dataflow uses."""
    return sorted({fu for adg in adgs for fu in adg.dataflow.fus()})


def _n_ports(binding: Binding) -> int:
    return 1 + max(max(ports) for ports in binding)


def _port(fus: Sequence[Fu], adgs: Sequence[Adg], binding: Binding, number: int) -> Port:
    plans = plans_at(adgs, binding, number)
    bits = max(plan.tensor.format.bits for plan in plans if plan is not None)
    pairs = [None if plan is None else (adg, plan) for adg, plan in zip(adgs, plans, strict=True)]
    return port_of(fus, pairs, bits)


def _ports(fus: Sequence[Fu], adgs: Sequence[Adg], binding: Binding) -> list[Port]:
    return [_port(fus, adgs, binding, k) for k in range(_n_ports(binding))]


def _solved(
    fus: Sequence[Fu],
    adgs: Sequence[Adg],
    binding: Binding,
    number: int,
    method: Method,
    known: dict[object, tuple[Port, Choice]],
) -> tuple[Port, Choice]:
    """A port and its choice; a set of inputs that met at another port before is known."""
    key = tuple(None if p is None else p.name for p in plans_at(adgs, binding, number))
    if key not in known:
        port = _port(fus, adgs, binding, number)
        guess = heuristic(port)
        best = exact(port) if method is Method.EXACT else None
        known[key] = port, best or guess
    return known[key]


def _linked(adg: Adg, layer: int, bound: _Priced) -> tuple[InputPlan, ...]:
    """The inputs with their chosen links."""
    found = []
    for plan, number in zip(adg.inputs, bound.binding[layer], strict=True):
        sources = sources_of(*bound.ports[number], layer)
        links = tuple(Source(*sources[fu]) for fu in adg.dataflow.fus())
        found.append(replace(plan, sources=links))
    return tuple(found)


def _standalone(port: Port) -> dict[tuple[int, int], Option]:
    """For each region the cheapest option of each dataflow by itself."""
    return {
        (r, k): min(options, key=lambda o: (o.delay, o))
        for r, region in enumerate(port.regions)
        for k, options in enumerate(region.options)
        if options
    }


def _design(name: str, adgs: Sequence[Adg], binding: Binding, fusion: Fusion) -> FusedAdg:
    layers = tuple(Layer(adg, ports) for adg, ports in zip(adgs, binding, strict=True))
    return FusedAdg("lego/adg/3", name, _names(layers), layers, fusion)


def _names(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Names of the memories: the operand's if all dataflows agree, else by port."""
    ports = max(max(layer.ports) for layer in layers) + 1
    wanted = []
    for port in range(ports):
        plans = [plan for layer in layers if (plan := layer.input(port)) is not None]
        wanted.append((f"in{port}", {plan.name for plan in plans}))
    wanted.append(("out", {layer.adg.output.name for layer in layers}))
    names: list[str] = []
    for general, own in wanted:
        name = next(iter(own)) if len(own) == 1 else general
        while name.lower() in (other.lower() for other in names):
            name = f"my_{name}"
        names.append(name)
    return tuple(names)


def _with_shared_banks(adgs: Sequence[Adg], style: MemoryStyle) -> list[Adg]:
    """Every tensor gets one bank function for all dataflows that read, or write, it."""
    groups: dict[tuple[bool, str], list[tuple[int, Plan]]] = {}
    for k, adg in enumerate(adgs):
        for plan in adg.operands():
            writes = isinstance(plan, OutputPlan)
            groups.setdefault((writes, plan.tensor.name), []).append((k, plan))
    found: dict[tuple[int, str], Plan] = {}
    for members in groups.values():
        nodes = [nodes_of(adgs[k], plan, style) for k, plan in members]
        for (k, plan), banking in zip(members, shared_banks(nodes), strict=True):
            found[k, plan.name] = replace(plan, banking=banking)
    return [
        replace(
            adg,
            inputs=tuple(found[k, plan.name] for plan in adg.inputs),  # type: ignore[misc]
            output=found[k, adg.output.name],  # type: ignore[arg-type]
        )
        for k, adg in enumerate(adgs)
    ]
