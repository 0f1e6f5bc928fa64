"""An FU's part in the reduction: the chain of sums across FUs, and the root's accumulator."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.combine import reduced
from lego.back.plan.array.fu_kind import FuKind, SumKind, SumStages, parts_of, spans_of, union
from lego.back.plan.array.ports import FIRST, sum_in, sum_out, total_in
from lego.back.plan.array.sums import (
    accumulated_terms,
    accumulates_held,
    identity,
    sum_range,
    sum_span,
)
from lego.ir.adg import Adg
from lego.ir.fused import FusedAdg
from lego.ir.operation import Reduction

__all__ = ["reduce_merged", "reduce_sums"]

Range = tuple[int, int]

(OUT,) = (port.name for port in sum_out(split=False))


def reduce_sums(
    b: Builder, fused: FusedAdg, kind: FuKind, contribution: int, stages: SumStages
) -> None:
    """The chain, then the root's accumulator."""
    b.origin = "sum of the FUs before"
    total = contribution
    chain = [part if part is not None and part.tree < 0 else None for part in kind.sums]
    if any(chain):
        total = _chain(b, fused, chain, contribution)
        if stages.chained:
            total = b.stage(total, 1, name="sum")
        if kind.gives_sum:
            b.output(OUT, total)
    b.origin = "result"
    roots = [part if part is not None and part.root else None for part in kind.sums]
    if any(roots):
        _accumulate(b, fused, roots, _treed(b, fused, roots, total), stages.held)


def _treed(b: Builder, fused: FusedAdg, sums: Sequence[SumKind | None], total: int) -> int:
    """The FU's own total, or at the root of a tree outside that tree's."""
    trees = {part.tree for _, part in parts_of(fused, sums)} - {-1}
    inputs = {
        tree: b.input(
            total_in(tree).name,
            union(sum_span(adg) for adg, part in parts_of(fused, sums) if part.tree == tree),
        )
        for tree in sorted(trees)
    }
    return b.choose([None if part is None else inputs.get(part.tree, total) for part in sums])


def reduce_merged(
    b: Builder, fused: FusedAdg, kind: FuKind, contribution: int, stages: SumStages
) -> None:
    """One adder and register: a chain's sum under some dataflows, the accumulator under others."""
    b.origin = "sum of the FUs before, or result"
    parts = list(parts_of(fused, kind.sums))
    span = spans_of(parts)
    acc = b.reg(span, name="acc", resets=False)
    links = _chain_inputs(b, parts)
    others: list[int | None] = []
    for layer, part in zip(fused.layers, kind.sums, strict=True):
        other = None
        if part is not None and part.link >= 0:
            other = links[part.link]
        elif part is not None and part.root and accumulates_held(layer.adg):
            other = b.mux(b.input(FIRST.name), b.const(identity(layer.adg)), acc)
        others.append(other)
    value = _treed(b, fused, kind.sums, contribution)
    claim = union(sum_range(adg, accumulated_terms(adg, part.sums)) for adg, part in parts)
    total = combined(b, fused, kind.sums, value, others, span, claim)
    b.drive(acc, b.wrap(total, span))
    if kind.gives_sum:
        b.output(OUT, acc)
    if any(part.root for _, part in parts):
        b.output("result", b.wrap(acc, fused.buffers()[-1].word))


def _chain(b: Builder, fused: FusedAdg, sums: Sequence[SumKind | None], contribution: int) -> int:
    """Add what the FU before brings; a dataflow that starts here adds the identity."""
    parts = list(parts_of(fused, sums))
    inputs = _chain_inputs(b, parts)
    if not inputs:
        return contribution
    brought = [None if part is None else inputs.get(part.link) for part in sums]
    claim = union(sum_range(adg, part.sums) for adg, part in parts)
    return combined(b, fused, sums, contribution, brought, spans_of(parts), claim)


def _chain_inputs(b: Builder, parts: Sequence[tuple[Adg, SumKind]]) -> dict[int, int]:
    """The ports that bring sums of other FUs, by number."""
    return {
        link: b.input(
            sum_in(link, split=False)[0].name,
            union(sum_span(adg) for adg, part in parts if part.link == link),
        )
        for link in sorted({part.link for _, part in parts} - {-1})
    }


def combined(
    b: Builder,
    fused: FusedAdg,
    used: Sequence[object | None],
    left: int,
    rights: Sequence[int | None],
    span: Range,
    claim: Range,
) -> int:
    """Under the running dataflow, the reduction of `left` and its own of `rights`, or `left` alone
    where that is None, in the interval `span`; it never leaves `claim`.

    Every dataflow that is in use has a primitive of its own here; they are shared later.
    """
    layers = [
        layer if part is not None else None for layer, part in zip(fused.layers, used, strict=True)
    ]
    values = [
        None
        if layer is None
        else left
        if right is None
        else reduced(b, layer.adg.reduction, left, right)
        for layer, right in zip(layers, rights, strict=True)
    ]
    total = b.choose(values)
    grows = any(
        right is not None
        and layer is not None
        and layer.adg.reduction not in (Reduction.MAX, Reduction.MIN)
        for layer, right in zip(layers, rights, strict=True)
    )
    return b.wrap(total, span, claim) if grows else total


def _accumulate(
    b: Builder, fused: FusedAdg, roots: Sequence[SumKind | None], total: int, held: bool
) -> None:
    """The root: accumulate over the held counters, if any, and give the result out."""
    if held:
        parts = list(parts_of(fused, roots))
        span = spans_of(parts)
        claim = union(sum_range(adg, accumulated_terms(adg, part.sums)) for adg, part in parts)
        acc = b.reg(span, name="acc", resets=False)
        summed = combined(b, fused, roots, acc, [total] * len(roots), span, claim)
        b.drive(acc, b.wrap(b.mux(b.input(FIRST.name), total, summed), span))
        total = acc
    b.output("result", b.wrap(total, fused.buffers()[-1].word))
