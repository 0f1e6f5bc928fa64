"""Where results add to what memory holds: at every bank, or at data nodes that turn over banks of their own.

The banks of one node never add in one cycle, so one unit per node can add for all of them. A bank's word
passes the choice among the node's banks and a register, is added to, and is written from a register: three
requests later at the earliest memory itself has the sum, so three sums are forwarded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.back.plan.array.sums import element_terms, sum_range
from lego.back.plan.memory.bank_view import BankView, Views
from lego.ir.adg import Adg, OutputPlan
from lego.ir.costs import UNIT
from lego.ir.dag import bits_for
from lego.ir.fused import FusedAdg, MemoryPlan
from lego.ir.operation import Reduction

__all__ = ["FORWARDED", "accumulates", "adds_alike", "adds_at_nodes", "n_units", "spans_in_memory"]

Range = tuple[int, int]

FORWARDED = 3
"""Requests until a unit's sum is in memory, and cycles until it is written."""


def accumulates(buffer: MemoryPlan, bank: int) -> bool:
    """Whether some dataflow adds to what the bank holds."""
    return any(
        isinstance(plan, OutputPlan) and plan.accumulates and bank < plan.banking.n_banks
        for plan in buffer.plans
    )


def adds_at_nodes(buffer: MemoryPlan, views: Views) -> bool:
    """Whether data nodes have the adders and not their banks: no bank meets two nodes, and nodes have
    several.
    """
    banks = sum(accumulates(buffer, bank) for bank in range(buffer.n_banks))
    private = all(view.private for view in _adding(views))
    return private and UNIT * n_units(views) < banks


def n_units(views: Views) -> int:
    """Data nodes that add at once, under the dataflow with most of them;

    `views` are those of the results' memory.
    """
    return max((len(view.nodes) for view in _adding(views)), default=0)


def _adding(views: Views) -> Iterator[BankView]:
    for view in views:
        if view is not None and isinstance(view.plan, OutputPlan) and view.plan.accumulates:
            yield view


def spans_in_memory(fused: FusedAdg) -> list[Range]:
    """Interval of what memory holds of an element, per dataflow."""
    return [_span(layer.adg) for layer in fused.layers]


def _span(adg: Adg) -> Range:
    """Interval of an element's sums; of its format where they start from what the host or a run wrote."""
    fmt, plan = adg.output_format, adg.output
    anew = plan.injective and not plan.resumes
    return sum_range(adg, element_terms(adg)) if anew else (fmt.low, fmt.high)


def adds_alike(fused: FusedAdg, spans: Sequence[Range], word: Range) -> bool:
    """Whether, in every dataflow that adds in memory, zero and any word add to that word."""
    return all(
        layer.adg.reduction is Reduction.ADD and bits_for(*span) == bits_for(*word)
        for layer, span in zip(fused.layers, spans, strict=True)
        if layer.adg.output.accumulates
    )
