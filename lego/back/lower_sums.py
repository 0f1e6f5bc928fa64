"""Where results add to what memory holds: at every bank, or at data nodes that turn over banks of their own.

The banks of one node never add in one cycle, so one unit per node can add for all of them. A bank's word passes the choice
among the node's banks and a register, is added to, and is written from a register: three requests later at the earliest
memory itself has the sum, so three sums are forwarded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.back.bank_view import BankView
from lego.back.builder import Builder
from lego.back.passes.widths import infer_widths
from lego.back.sums import combine, element_terms, identity, sum_range
from lego.ir.adg import Adg, OutputPlan
from lego.ir.dag import Module, bits_for
from lego.ir.fused import Buffer, FusedAdg
from lego.ir.workload import Reduction

__all__ = [
    "FORWARDED",
    "accumulates",
    "adds_alike",
    "adds_at_nodes",
    "combined",
    "n_units",
    "spans_in_memory",
    "start_of",
    "sum_unit",
]

Range = tuple[int, int]

FORWARDED = 3
"""Requests until a unit's sum is in memory, and cycles until it is written."""

WORTH = 2
"""A unit, with the choice among banks, costs about as much as adders at so many banks."""


def accumulates(buffer: Buffer, bank: int) -> bool:
    """Whether some dataflow adds to what the bank holds."""
    return any(
        isinstance(plan, OutputPlan) and plan.accumulates and bank < plan.banking.n_banks
        for plan in buffer.plans
    )


def adds_at_nodes(fused: FusedAdg, buffer: Buffer) -> bool:
    """Whether data nodes have the adders and not their banks: no bank meets two nodes, and nodes have several."""
    banks = sum(accumulates(buffer, bank) for bank in range(buffer.n_banks))
    private = all(view.private for view in _adding(fused, buffer))
    return private and WORTH * n_units(fused, buffer) < banks


def n_units(fused: FusedAdg, buffer: Buffer) -> int:
    """Data nodes that add at once, under the dataflow with most of them."""
    return max((len(view.nodes) for view in _adding(fused, buffer)), default=0)


def _adding(fused: FusedAdg, buffer: Buffer) -> Iterator[BankView]:
    for layer, plan in zip(fused.layers, buffer.plans, strict=True):
        if isinstance(plan, OutputPlan) and plan.accumulates:
            yield BankView(layer.adg, plan)


def sum_unit(fused: FusedAdg, buffer: Buffer, prefix: str) -> Module:
    """The adder of a data node. A request comes with its `data`, and tells by `again1` to `again3` whether the request so many
    cycles before was for the same element; a cycle later come the word that memory has (`stored`), and whether none was before
    (`visit`); the sum leaves 3 cycles after the request. Sums have the bits that their terms can fill."""
    b = Builder(f"{prefix}_sums_{buffer.name}", "memory", len(fused.layers))
    spans = spans_in_memory(fused)
    adding = [
        s for s, layer in zip(spans, fused.layers, strict=True) if layer.adg.output.accumulates
    ]
    span = min(low for low, _ in adding), max(high for _, high in adding)
    b.origin = "the sum so far"
    total = b.reg(span, name="total", resets=False)
    first, second, third = (
        b.delay(b.input(f"again{k}"), 2 if k == 1 else 1, resets=True, name=f"again{k}")
        for k in range(1, FORWARDED + 1)
    )
    stored = b.wrap(b.input("stored", (0, (1 << buffer.bits) - 1)), span)
    kept = b.mux(third, b.delay(total, 1, name="total"), stored)
    visit = b.input("visit")
    kept = b.mux(visit, start_of(b, fused, span), b.mux(second, total, kept), name="kept")
    again = b.all([first, b.invert(b.delay(visit, 1, name="visit"))])
    old = b.mux(again, total, b.delay(kept, 1, name="kept"), name="old")
    b.origin = "sum"
    data = b.delay(b.wrap(b.input("data", buffer.word), span), 2, name="data")
    active = b.delay(b.input("en"), 2, resets=True, name="en")
    b.drive(total, combined(b, fused, old, data, span, None, spans), active)
    b.output("sum", total)
    return infer_widths(b.build())


def spans_in_memory(fused: FusedAdg) -> list[Range]:
    """Interval of what memory holds of an element, per dataflow."""
    return [_span(layer.adg) for layer in fused.layers]


def _span(adg: Adg) -> Range:
    """Interval of an element's sums; of its format where they start from what the host wrote."""
    fmt = adg.output_format
    return sum_range(adg, element_terms(adg)) if adg.output.injective else (fmt.low, fmt.high)


def start_of(b: Builder, fused: FusedAdg, word: Range) -> int:
    """What the running dataflow adds an element's first contribution to."""
    adgs = [layer.adg for layer in fused.layers]
    starts = [b.const(identity(a)) if a.output.accumulates else None for a in adgs]
    return b.wrap(b.choose(starts), word)


def adds_alike(fused: FusedAdg, spans: Sequence[Range], word: Range) -> bool:
    """Whether, in every dataflow that adds in memory, zero and any word add to that word."""
    return all(
        layer.adg.reduction is Reduction.ADD and bits_for(*span) == bits_for(*word)
        for layer, span in zip(fused.layers, spans, strict=True)
        if layer.adg.output.accumulates
    )


def combined(
    b: Builder,
    fused: FusedAdg,
    old: int,
    data: int,
    word: Range,
    other: int | None,
    spans: Sequence[Range],
) -> int:
    """The running dataflow's reduction of two words, in these intervals; `other` for those that don't add in memory."""
    sums = []
    for layer, span in zip(fused.layers, spans, strict=True):
        left, right = b.wrap(old, span), b.wrap(data, span)
        summed = combine(b, layer.adg.reduction, left, right, span)
        sums.append(b.wrap(summed, word) if layer.adg.output.accumulates else other)
    return b.choose(sums)
