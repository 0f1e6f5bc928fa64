"""What the architecture of a design satisfies: its layers fit one array, one set of ports and memories."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from lego.ir.banking import Banking
from lego.ir.checks.adg_check import adg_faults
from lego.ir.fused import FusedAdg, Layer

__all__ = ["fused_faults"]


def fused_faults(fused: FusedAdg) -> Iterator[str]:
    """Broken rules: of the design as a whole, then of every layer."""
    if not fused.layers:
        yield "there is no layer"
    yield from _name_faults(fused)
    if fused.halves not in (1, 2) or fused.dma_bits < 0:
        yield f"memories have {fused.halves} halves, the host's data port {fused.dma_bits} bits"
    if fused.parts and (fused.halves > 1) != any(x.adg.output.accumulates for x in fused.layers):
        yield f"the memory of results has {fused.halves} halves, beside memories with parts"
    if fused.queue < 0 or fused.queue & (fused.queue - 1):
        yield f"the queue has {fused.queue} words, no power of two"
    if fused.fusion.bound > fused.fusion.cost:
        yield f"fusion costs {fused.fusion.cost}, less than its bound {fused.fusion.bound}"
    for k, layer in enumerate(fused.layers):
        for fault in chain(_layer_faults(fused, layer), adg_faults(layer.adg)):
            yield f"layer {k}: {fault}"
    used = {port for layer in fused.layers for port in layer.ports}
    for port in sorted(set(range(fused.n_ports)) - used):
        yield f"no layer uses port {port}, {fused.names[port]}"
    yield from _sharing_faults(fused)


def _name_faults(fused: FusedAdg) -> Iterator[str]:
    """Names become Verilog's and files': they differ in more than case."""
    names = [name.lower() for name in fused.names]
    if len(set(names)) != len(names):
        yield f"two memories have one name of {', '.join(fused.names)}"
    labels = [layer.label for layer in fused.layers]
    if len(set(labels)) != len(labels):
        yield f"two dataflows have one name of {', '.join(labels)}"


def _layer_faults(fused: FusedAdg, layer: Layer) -> Iterator[str]:
    first, flow = fused.layers[0].adg.dataflow, layer.adg.dataflow
    if len(flow.temporal) != len(first.temporal) or len(flow.sizes) != len(first.sizes):
        yield "counters or axes aren't as many as in layer 0"
    if len(layer.ports) != len(layer.adg.inputs):
        yield f"{len(layer.ports)} ports for {len(layer.adg.inputs)} inputs"
    if len(set(layer.ports)) != len(layer.ports):
        yield f"two inputs are at one port of {layer.ports}"
    for port in layer.ports:
        if not 0 <= port < fused.n_ports:
            yield f"port {port} is none of {fused.n_ports}"


def _sharing_faults(fused: FusedAdg) -> Iterator[str]:
    """All layers that have a tensor in a memory find its elements in the same banks."""
    for memory in fused.buffers():
        known: dict[str, Banking] = {}
        for plan in memory.used():
            first, mine = known.setdefault(plan.tensor.name, plan.banking), plan.banking
            if _form(first) != _form(mine):
                yield f"layers have {plan.tensor.name} in different banks of memory {memory.name}"
        if len({plan.banking.wide for plan in memory.used()}) > 1:
            yield f"tensors have macros of different widths in memory {memory.name}"


def _form(banking: Banking) -> tuple[object, ...]:
    """What tells the bank of an element."""
    words = banking.wide, banking.along, banking.shift
    return banking.counts, banking.gcds, banking.skews, *words
