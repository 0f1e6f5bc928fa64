"""Sums in memory as primitives: what banks or units add, and the units that add for data nodes."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.combine import combine
from lego.back.graph.widths import infer_widths
from lego.back.lower.memory.requests import units
from lego.back.lower.memory.side import Side
from lego.back.plan.array.sums import identity
from lego.back.plan.memory.adders import FORWARDED, spans_in_memory
from lego.ir.dag import Module, bits_for
from lego.ir.fused import FusedAdg, MemoryPlan
from lego.ir.operation import Reduction

__all__ = ["add_at_nodes", "combined", "late_sum", "sum_unit"]

Range = tuple[int, int]


def sum_unit(fused: FusedAdg, buffer: MemoryPlan, prefix: str, *, selects: bool) -> Module:
    """The adder of a data node; if it `selects`, the upper half of the sum is chosen by the carry.

    A request comes with its `data`, and tells by `again1` to `again3` whether the request so many cycles
    before was for the same element; a cycle later come the word that memory has (`stored`), and whether
    none was before (`visit`); the sum leaves 3 cycles after the request. Sums have the bits that their
    terms can fill.
    """
    b = Builder(f"{prefix}_sums_{buffer.name}", "memory", len(fused.layers))
    spans = spans_in_memory(fused)
    adding = [
        s for s, layer in zip(spans, fused.layers, strict=True) if layer.adg.output.accumulates
    ]
    span = min(low for low, _ in adding), max(high for _, high in adding)
    b.origin = "the sum so far"
    total = b.reg(span, name="total", resets=False)
    stored = b.wrap(b.input("stored", (0, (1 << buffer.bits) - 1)), span)
    again = [b.input(f"again{k}") for k in range(1, FORWARDED + 1)]
    old = late_sum(b, fused, (total, stored), b.input("visit"), again, span)
    b.origin = "sum"
    data = b.delay(b.wrap(b.input("data", buffer.word), span), 2, name="data")
    active = b.delay(b.input("en"), 2, resets=True, name="en")
    new = combined(b, fused, old, data, span, None, spans, selects=selects)
    b.drive(total, new, active)
    b.output("sum", total)
    return infer_widths(b.build())


def late_sum(
    b: Builder,
    fused: FusedAdg,
    words: tuple[int, int],
    visit: int,
    again: Sequence[int],
    span: Range,
) -> int:
    """What is added to two cycles after a request, of the last sum and the word that was read.

    A first visit adds to the identity, so that no multiplexer stands behind the adder. `again` tells
    whether the requests one, two and three before were for the same element.
    """
    total, stored = words
    first, second, third = (
        b.delay(bit, 1 if k else 2, resets=True, name=f"again{k + 1}")
        for k, bit in enumerate(again)
    )
    kept = b.mux(third, b.delay(total, 1, name="total"), stored)
    kept = b.mux(visit, start_of(b, fused, span), b.mux(second, total, kept), name="kept")
    first = b.all([first, b.invert(b.delay(visit, 1, name="visit"))])
    return b.mux(first, total, b.delay(kept, 1, name="kept"), name="old")


def start_of(b: Builder, fused: FusedAdg, word: Range) -> int:
    """What the running dataflow adds an element's first contribution to."""
    adgs = [layer.adg for layer in fused.layers]
    starts = [b.const(identity(a)) if a.output.accumulates else None for a in adgs]
    return b.wrap(b.choose(starts), word)


def combined(
    b: Builder,
    fused: FusedAdg,
    old: int,
    data: int,
    word: Range,
    other: int | None,
    spans: Sequence[Range],
    *,
    selects: bool = False,
) -> int:
    """The running dataflow's reduction of two words, in these intervals;

    `other` for those that don't add in memory. `selects`: the carry chooses the upper halves of sums.
    """
    sums = []
    for layer, span in zip(fused.layers, spans, strict=True):
        left, right = b.wrap(old, span), b.wrap(data, span)
        if selects and layer.adg.reduction is Reduction.ADD:
            summed = _selected(b, left, right, span)
        else:
            summed = combine(b, layer.adg.reduction, left, right, span)
        sums.append(b.wrap(summed, word) if layer.adg.output.accumulates else other)
    return b.choose(sums)


def _selected(b: Builder, left: int, right: int, span: Range) -> int:
    """A sum whose upper half is added with and without a carry, while the lower half tells which it is."""
    bits = bits_for(*span)
    if bits == 1:
        return combine(b, Reduction.ADD, left, right, span)
    half = bits // 2
    low = b.add(b.slice(left, 0, half), b.slice(right, 0, half))
    one, tops = b.const(1), [b.slice(x, half, bits - half) for x in (left, right)]
    carrying = [b.cat([one, top]) for top in tops]
    carried = b.slice(b.add(carrying[0], carrying[1]), 1, bits - half)
    plain = b.slice(b.add(tops[0], tops[1]), 0, bits - half)
    carry, low = b.slice(low, half, 1), b.slice(low, 0, half)
    return b.wrap(b.mux(carry, b.cat([low, carried]), b.cat([low, plain])), span)


def add_at_nodes(
    b: Builder,
    unit: Module,
    sides: Sequence[Side | None],
    words: Sequence[int],
    sums: Sequence[int],
) -> None:
    """Instantiate the units that add for data nodes; each serves a node of every dataflow with so many."""
    each = [units(side, words) if side else [] for side in sides]
    for k, wire in enumerate(sums):
        found = [mine[k] if k < len(mine) else {"en": b.const(0)} for mine in each]
        names = sorted({name for mine in found for name in mine})
        wires = {name: b.choose([mine.get(name) for mine in found]) for name in names}
        if any(n.name == "dataflow" for n in unit.nodes):
            wires["dataflow"] = b.input("dataflow", (0, b.max_dataflow))
        total = b.instance(unit, f"sums_{k}", wires)["sum"]
        b.connect(wire, b.wrap(total, b.nodes[wire].range))  # below zero where words are unsigned
