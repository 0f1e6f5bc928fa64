"""The functional unit: operand selection, the bodies, masking, and accumulation.

One module per kind of FU; the kind is what its place in the array asks for in every dataflow: the
sources of its operands, whether it passes them on, and its part in the reduction. The dataflow id
selects; what several dataflows have in common exists once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lego.back.builder import Builder
from lego.back.sums import (
    accumulated_terms,
    accumulates_held,
    build_body,
    identity,
    reduced,
    sum_range,
    sum_span,
)
from lego.ir.adg import Adg, Fu
from lego.ir.dag import Node, Op
from lego.ir.fused import FusedAdg
from lego.ir.workload import Reduction

__all__ = [
    "CONTRIBUTION",
    "FuKind",
    "Pick",
    "PortKind",
    "SumKind",
    "SumStages",
    "build_fu",
    "masking_axes",
]

Range = tuple[int, int]

CONTRIBUTION = "contribution_ready"
"""The node whose time is alike in all FUs, whatever their bodies' depths."""


class Pick(StrEnum):
    """Source of one operand in one FU under one dataflow."""

    LINK = "l"  # another FU, always
    NODE = "n"  # the data node, at every timestamp
    HOLD = "h"  # the data node, once per trip of the held counters
    EITHER = "e"  # other FUs where their delay reuse holds, else the data node


@dataclass(frozen=True, slots=True)
class PortKind:
    """One operand port: per dataflow the pick and its links (None: not used), and whether another FU
    takes the operand from this one.

    A link is the number of a delay reuse (-1 for none), and the number of the input that brings it.
    """

    picks: tuple[tuple[Pick, tuple[tuple[int, int], ...]] | None, ...]
    passes: bool


@dataclass(frozen=True, slots=True)
class SumKind:
    """An FU's part in the reduction under one dataflow.

    Attributes
    ----------
    link : number of the input that brings the sum of the FUs before it in the chain, -1 for none.
    before, sums : partial results in that sum, and in this FU's own.
    root : the result leaves for the data node.
    tree : number of the input that brings the root a tree's total, -1 for none.
    """

    link: int
    before: int
    sums: int
    root: bool
    tree: int = -1


@dataclass(frozen=True, slots=True)
class FuKind:
    """What one FU consists of; tuples have one entry per dataflow, None where it is idle.

    Attributes
    ----------
    masks : axes beyond whose bound this FU may stand, so that its contribution must not count.
    gives_sum : another FU takes its sum.
    bare : the contribution leaves; a tree outside reduces it.
    """

    ports: tuple[PortKind, ...]
    masks: tuple[tuple[int, ...] | None, ...]
    sums: tuple[SumKind | None, ...]
    gives_sum: bool
    bare: bool


def masking_axes(adg: Adg, fu: Fu) -> tuple[int, ...]:
    """Axes whose loop's bound masks the contribution of an FU.

    The first FU along an axis is within the bound in every trip. Where the output tells the loop's
    value, an FU beyond the bound adds to an element of its own, which isn't committed.
    """
    if adg.reduction is Reduction.ASSIGN:
        return ()
    return tuple(
        axis
        for axis, (loop, at) in enumerate(zip(adg.dataflow.spatial_loops, fu, strict=True))
        if at > 0
        and not (adg.output.injective and any(row[loop] for row in adg.op.output.map.rows))
    )


@dataclass(frozen=True, slots=True)
class SumStages:
    """What stands behind the contribution, alike in all FUs of a design.

    `chained`: sums have a register, so that they can travel; `held`: results accumulate in the FU;
    `merged`: one adder and register do both.
    """

    chained: bool = False
    held: bool = False
    merged: bool = False


def build_fu(
    fused: FusedAdg, name: str, kind: FuKind, stages: SumStages, *, chosen: bool = False, halved: bool = False
) -> Builder:  # fmt: skip
    """The FU before delay matching; ports are named after memories and axes.

    `chosen`: a register follows the choice of every operand; `halved`: multipliers take two cycles.
    """
    b = Builder(name, "fu", len(fused.layers))
    operands = []
    for buffer, port in zip(fused.buffers()[:-1], kind.ports, strict=True):
        b.origin = f"operand {buffer.name}"
        value = _pick(b, buffer.name, port, buffer.span)
        operand = b.add_node(Node(Op.SHL, (value,), latency=1)) if chosen else value
        operands.append(operand)
        if port.passes:
            b.output(f"{buffer.name}_pass", value)
    bodies: list[int | None] = []
    for layer, mask in zip(fused.layers, kind.masks, strict=True):
        b.origin = f"body of {layer.adg.op.name}"
        given = [operands[p] for p in layer.ports]
        bodies.append(
            None if mask is None else build_body(b, layer.adg.op.body, given, halved=halved)
        )
    b.origin = "contribution, where the FU is within the loops"
    contribution = _masked(b, fused, kind, b.choose(bodies))
    contribution = b.add_node(Node(Op.SHL, (contribution,), name=CONTRIBUTION))
    if kind.bare:
        b.output("contribution", contribution)
    if any(kind.sums):
        reduce = _reduce_merged if stages.merged else _reduce
        reduce(b, fused, kind, contribution, stages)
    return b


def _masked(b: Builder, fused: FusedAdg, kind: FuKind, contribution: int) -> int:
    axes = sorted({axis for mask in kind.masks if mask for axis in mask})
    if not axes:
        return contribution
    valid = b.all([b.input(f"valid{axis}") for axis in axes])
    other = b.choose(
        [
            None if not mask else b.const(identity(layer.adg))
            for layer, mask in zip(fused.layers, kind.masks, strict=True)
        ]
    )
    return b.mux(valid, contribution, other, name="contribution")


def _reduce(
    b: Builder, fused: FusedAdg, kind: FuKind, contribution: int, stages: SumStages
) -> None:
    """The chain, then the root's accumulator."""
    b.origin = "sum of the FUs before"
    total = contribution
    chain = [part if part is not None and part.tree < 0 else None for part in kind.sums]
    if any(chain):
        total = _chain(b, fused, chain, contribution)
        if stages.chained:
            total = b.add_node(Node(Op.SHL, (total,), name="sum", latency=1))
        if kind.gives_sum:
            b.output("sum_out", total)
    b.origin = "result"
    roots = [part if part is not None and part.root else None for part in kind.sums]
    if any(roots):
        _accumulate(b, fused, roots, _treed(b, fused, roots, total), stages.held)


def _treed(b: Builder, fused: FusedAdg, sums: Sequence[SumKind | None], total: int) -> int:
    """The FU's own total, or at the root of a tree outside that tree's."""
    trees = {part.tree for _, part in _parts(fused, sums)} - {-1}
    inputs = {
        tree: b.input(
            f"total_in{tree}",
            _union(sum_span(adg) for adg, part in _parts(fused, sums) if part.tree == tree),
        )
        for tree in sorted(trees)
    }
    return b.choose([None if part is None else inputs.get(part.tree, total) for part in sums])


def _reduce_merged(
    b: Builder, fused: FusedAdg, kind: FuKind, contribution: int, stages: SumStages
) -> None:
    """One adder and register: a chain's sum under some dataflows, the accumulator under others."""
    b.origin = "sum of the FUs before, or result"
    parts = list(_parts(fused, kind.sums))
    span = _spans(parts)
    acc = b.reg(span, name="acc", resets=False)
    links = _chain_inputs(b, parts)
    others: list[int | None] = []
    for layer, part in zip(fused.layers, kind.sums, strict=True):
        other = None
        if part is not None and part.link >= 0:
            other = links[part.link]
        elif part is not None and part.root and accumulates_held(layer.adg):
            other = b.mux(b.input("first"), b.const(identity(layer.adg)), acc)
        others.append(other)
    value = _treed(b, fused, kind.sums, contribution)
    claim = _union(sum_range(adg, accumulated_terms(adg, part.sums)) for adg, part in parts)
    total = combined(b, fused, kind.sums, value, others, span, claim)
    b.drive(acc, b.wrap(total, span))
    if kind.gives_sum:
        b.output("sum_out", acc)
    if any(part.root for _, part in parts):
        b.output("result", b.wrap(acc, fused.buffers()[-1].word))


def _parts(fused: FusedAdg, sums: Sequence[SumKind | None]) -> Iterator[tuple[Adg, SumKind]]:
    return ((layer.adg, part) for layer, part in zip(fused.layers, sums, strict=True) if part)


def _union(spans: Iterable[Range]) -> Range:
    every = list(spans)
    return min(low for low, _ in every), max(high for _, high in every)


def _chain(b: Builder, fused: FusedAdg, sums: Sequence[SumKind | None], contribution: int) -> int:
    """Add what the FU before brings; a dataflow that starts here adds the identity."""
    parts = list(_parts(fused, sums))
    inputs = _chain_inputs(b, parts)
    if not inputs:
        return contribution
    brought = [None if part is None else inputs.get(part.link) for part in sums]
    claim = _union(sum_range(adg, part.sums) for adg, part in parts)
    return combined(b, fused, sums, contribution, brought, _spans(parts), claim)


def _chain_inputs(b: Builder, parts: Sequence[tuple[Adg, SumKind]]) -> dict[int, int]:
    """The ports that bring sums of other FUs, by number."""
    return {
        link: b.input(
            f"sum_in{link}",
            _union(sum_span(adg) for adg, part in parts if part.link == link),
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


def _pick(b: Builder, name: str, port: PortKind, span: Range) -> int:
    """The operand under the running dataflow."""
    kinds = {pick for pick, _ in filter(None, port.picks)}
    if not kinds:
        return b.const(0)
    node = held = 0
    if kinds - {Pick.LINK}:
        node = held = b.input(f"{name}_node", span)
    if Pick.HOLD in kinds:
        register = b.reg(span, name=f"{name}_held", resets=False)
        held = b.mux(b.input(f"{name}_load"), node, register, name=name)
        b.drive(register, held)
    values: list[int | None] = []
    for choice in port.picks:
        if choice is None:
            values.append(None)
            continue
        pick, links = choice
        brought = [(level, b.input(f"{name}_link{link}", span)) for level, link in links]
        if pick is Pick.LINK:
            values.append(brought[0][1])
        elif pick is Pick.EITHER:
            value = held
            for level, other in reversed(brought):
                value = b.mux(b.input(f"{name}_reuse{level}"), other, value, name=name)
            values.append(value)
        else:
            values.append(held)
    return b.choose(values)


def _spans(parts: Iterable[tuple[Adg, SumKind]]) -> Range:
    return _union(sum_span(adg) for adg, _ in parts)


def _accumulate(
    b: Builder, fused: FusedAdg, roots: Sequence[SumKind | None], total: int, held: bool
) -> None:
    """The root: accumulate over the held counters, if any, and give the result out."""
    if held:
        parts = list(_parts(fused, roots))
        span = _spans(parts)
        claim = _union(sum_range(adg, accumulated_terms(adg, part.sums)) for adg, part in parts)
        acc = b.reg(span, name="acc", resets=False)
        summed = combined(b, fused, roots, acc, [total] * len(roots), span, claim)
        b.drive(acc, b.wrap(b.mux(b.input("first"), total, summed), span))
        total = acc
    b.output("result", b.wrap(total, fused.buffers()[-1].word))
