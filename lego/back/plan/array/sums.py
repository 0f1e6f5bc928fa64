"""Reductions of the bodies' values: primitives, and the intervals of values and sums."""

from __future__ import annotations

from lego.back.graph.body import build_body
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.adg import Adg
from lego.ir.formats import Integer
from lego.ir.operation import Reduction

__all__ = [
    "accumulated_terms",
    "accumulates_held",
    "element_terms",
    "has_chains",
    "has_trees",
    "identity",
    "sum_range",
    "sum_span",
    "wraps_in",
]

Range = tuple[int, int]


def identity(adg: Adg) -> int:
    """Identity of the reduction in the output's format."""
    if adg.reduction is Reduction.MAX:
        return adg.output_format.low
    if adg.reduction is Reduction.MIN:
        return adg.output_format.high
    return 0


def wraps_in(adg: Adg) -> Integer | None:
    """The format in which sums wrap, so that only its bits count of a contribution;

    None for other reductions.
    """
    return adg.output_format if adg.reduction is Reduction.ADD else None


def contribution_range(adg: Adg) -> Range:
    """Interval of one masked contribution."""
    b = Builder("range", "fu")
    spans = [(p.tensor.format.low, p.tensor.format.high) for p in adg.inputs]
    given = [b.input(f"x{i}", span) for i, span in enumerate(spans)]
    b.output("y", build_body(b, adg.op.body, given, into=wraps_in(adg)))
    module = infer_widths(b.build())
    low, high = module.nodes[dict(module.outputs)["y"]].range
    if adg.reduction is Reduction.ASSIGN:
        return low, high
    return min(low, identity(adg)), max(high, identity(adg))


def sum_span(adg: Adg) -> Range:
    """Interval of sums before their terms are counted: that of the output's format."""
    fmt = adg.output_format
    return (fmt.low, fmt.high) if adg.reduction is Reduction.ADD else contribution_range(adg)


def sum_range(adg: Adg, terms: int) -> Range:
    """Interval of the reduction of `terms` contributions, wrapped to the output if wider."""
    low, high = contribution_range(adg)
    if adg.reduction is not Reduction.ADD:
        return low, high
    low, high = min(low * terms, low), max(high * terms, high)
    fmt = adg.output_format
    return (low, high) if fmt.low <= low and high <= fmt.high else (fmt.low, fmt.high)


def accumulates_held(adg: Adg) -> bool:
    """Whether roots accumulate over held counters."""
    return adg.output.hold > 0 and adg.reduction is not Reduction.ASSIGN


def accumulated_terms(adg: Adg, sums: int) -> int:
    """Contributions that meet in a root's accumulator."""
    trips = adg.dataflow.trips(adg.op)
    if adg.reduction is not Reduction.ASSIGN:
        for trip in trips[len(trips) - adg.output.hold :]:
            sums *= trip
    return max(sums, adg.terms)


def element_terms(adg: Adg) -> int:
    """Most contributions that one element gets."""
    return max(adg.op.terms, adg.terms)


def has_trees(adg: Adg) -> bool:
    """Whether some FUs without skew between them reduce into one element."""
    return any(len(level) > 1 for c in adg.output.classes for level in c.levels)


def has_chains(adg: Adg) -> bool:
    """Whether some sums travel between levels of different skew."""
    return any(len(c.levels) > 1 for c in adg.output.classes)
