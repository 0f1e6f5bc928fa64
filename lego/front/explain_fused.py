"""Why a fused array looks as it does: ports, what the dataflows share, costs, and then each dataflow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lego.front.bank_use import nodes_of
from lego.front.banking import least_banks
from lego.front.explain import explain, why_banks
from lego.front.wide import areas
from lego.ir.adg import Fu, InputPlan
from lego.ir.banking import Banking
from lego.ir.costs import COSTS
from lego.ir.fused import FusedAdg, Layer, MemoryPlan

__all__ = ["explain_design"]

_HOW = {
    "naive": "every dataflow keeps its own sources",
    "heuristic": "most-shared sources first",
    "exact": "0-1 programme over regions of alike FUs",
}


def explain_design(fused: FusedAdg) -> str:
    """Text for people: one section for what is shared, one per dataflow."""
    if len(fused.layers) == 1:
        adg = fused.layers[0].adg
        why = [
            f"  banks of {p.name}: {why_banks([nodes_of(adg, p)])}"
            for p in adg.operands()
            if p.banking.wide == 1
        ]
        wide = [f"  memory {m.name}: {_why_wide(fused, m)}" for m in fused.buffers() if m.wide > 1]
        return "\n".join([explain(adg), *why, *wide])
    lines = [*_shared(fused)]
    for k, layer in enumerate(fused.layers):
        lines += ["", f"dataflow {k}, {layer.label}", explain(layer.adg)]
    return "\n".join(lines)


def _shared(fused: FusedAdg) -> Iterator[str]:
    size = "x".join(map(str, fused.sizes))
    yield f"{fused.name}: {len(fused.layers)} dataflows in one array of {size} FUs"
    fusion = fused.fusion
    yield f"  fusion: {fusion.method}, {_HOW[str(fusion.method)]}"
    gap = "no bound known"
    if fusion.bound:
        part = (fusion.cost - fusion.bound) / fusion.cost
        gap = "proved least" if fusion.optimal else f"at most {part:.1%} above the least"
    cost = f"{fusion.cost / 1000:,.0f} um2 modelled, {gap}"
    yield f"  links, multiplexers, bodies and operand memories with a macro per bank: {cost}"
    for buffer in fused.buffers():
        yield from _port(fused, buffer)


def _port(fused: FusedAdg, buffer: MemoryPlan) -> Iterator[str]:
    kind = "results" if buffer.output else f"operand port {buffer.index}"
    users = [
        f"{layer.label} {plan.name}"
        for layer, plan in zip(fused.layers, buffer.plans, strict=True)
        if plan is not None
    ]
    yield f"  {kind}, memory {buffer.name}: {', '.join(users)}"
    if not buffer.output:
        yield from _sources(fused, buffer)
    shapes = ", ".join(f"{count} of {depth} words" for count, depth in buffer.depths)
    yield f"    {buffer.n_banks} banks: {shapes} of {buffer.bits} bits"
    if buffer.wide > 1:
        yield f"    {_why_wide(fused, buffer)}"
    yield from _banks(fused, buffer)


def _why_wide(fused: FusedAdg, buffer: MemoryPlan) -> str:
    """Macros with wide words, and what they save."""
    mine, alone = (f"{area / 1000:,.0f} um2" for area in areas(fused, buffer))
    macros = f"{buffer.n_macros} macros" if buffer.n_macros > 1 else "one macro"
    return (
        f"in {macros} with words of {buffer.wide} elements: {mine} modelled with what "
        f"their use takes; with a macro per bank {alone}"
    )


def _sources(fused: FusedAdg, buffer: MemoryPlan) -> Iterator[str]:
    """How many sources the FUs multiplex, and what that costs; then the delay reuse, which fusion
    takes as it is."""
    sources: dict[Fu, set[object]] = {}
    taps: dict[Fu, int] = {}
    for layer, plan in _inputs(fused, buffer):
        own = "" if fused.shared else layer.label
        for fu, source in zip(layer.adg.dataflow.fus(), plan.sources, strict=True):
            key: object = "node" if source.link is None else (source.link, source.delay)
            sources.setdefault(fu, set()).add((own, key))
            if source.link is not None:
                taps[source.link] = max(taps.get(source.link, 0), source.delay)
    counts = Counter(len(found) for found in sources.values())
    spread = ", ".join(f"{n} FUs with {k}" for k, n in sorted(counts.items()))
    yield f"    sources per FU: {spread}"
    muxes = sum((k - 1) * n for k, n in counts.items()) * buffer.bits
    registers = sum(taps.values()) * buffer.bits
    area = (muxes * COSTS.mux_bit + registers * COSTS.register_bit) / 1000
    yield f"    cost: {muxes} multiplexer bits, {registers} link register bits, {area:,.0f} um2"
    yield from _delays(fused, buffer)


def _inputs(fused: FusedAdg, buffer: MemoryPlan) -> Iterator[tuple[Layer, InputPlan]]:
    """What the dataflows read at a buffer of operands."""
    for layer, plan in zip(fused.layers, buffer.plans, strict=True):
        if isinstance(plan, InputPlan):
            yield layer, plan


def _delays(fused: FusedAdg, buffer: MemoryPlan) -> Iterator[str]:
    """Inputs and registers of delay reuse, if there is any."""
    reused: set[object] = set()
    fifos: dict[object, int] = {}
    for layer, plan in _inputs(fused, buffer):
        own = "" if fused.shared else layer.label
        for number, reuse in enumerate(plan.delays):
            for fu in reuse.fus:
                giver = tuple(a - d for a, d in zip(fu, reuse.shift, strict=True))
                line = own, giver, number if reuse.programmable else "fixed"
                reused.add((fu, line, 0 if reuse.programmable else reuse.delay))
                fifos[line] = max(fifos.get(line, 0), reuse.delay)
    if reused:
        bits = sum(fifos.values()) * buffer.bits
        yield (
            f"    besides, {len(reused)} inputs for delay reuse and {bits} register bits in its "
            "lines and FIFOs, which fusion doesn't decide"
        )


def _banks(fused: FusedAdg, buffer: MemoryPlan) -> Iterator[str]:
    """Per tensor its bank function, and how it compares with the lower bound."""
    groups: dict[str, list[int]] = {}
    for k, plan in enumerate(buffer.plans):
        if plan is not None:
            groups.setdefault(plan.tensor.name, []).append(k)
    for tensor, layers in groups.items():
        plans = [plan for k in layers if (plan := buffer.plans[k]) is not None]
        nodes = [nodes_of(fused.layers[k].adg, p) for k, p in zip(layers, plans, strict=True)]
        least, banking = least_banks(nodes), plans[0].banking
        proof = "as many as act at once" if banking.n_banks == least else f"{least} act at once"
        bank = " , ".join(_terms(banking)) or "0"
        if banking.wide > 1:
            along = f" along d{banking.along}" if banking.along >= 0 else ", of which it uses one"
            bank += f" in words of {banking.wide}{along}"
        yield f"    {tensor}: bank {bank}; {banking.n_banks} banks, {proof}"
        if banking.wide == 1:
            yield f"      {why_banks(nodes)}"


def _terms(banking: Banking) -> Iterator[str]:
    """A bank's digits as text, such as ``(d0/2+d1) mod 4``."""
    parts = zip(banking.counts, banking.gcds, banking.skews, strict=True)
    for j, (count, g, skew) in enumerate(parts):
        if count > 1:
            own = f"d{j}+{banking.shift}" if banking.shift and j == banking.along else f"d{j}"
            if g > 1:
                own = f"({own})/{g}" if "+" in own else f"{own}/{g}"
            added = [own, *(f"d{i}" for i, a in enumerate(skew) if a)]
            yield f"({'+'.join(added)}) mod {count}"
