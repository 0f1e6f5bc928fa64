"""Sums in two halves: the upper bits add a cycle after the lower ones, with their carry.

A fast clock asks for it where the carry of a whole sum takes too long. It costs an FU a register for the
carry and for the upper half of what it adds, and a root one for the lower half of its result; a sum on its
way through the array has as many registers as before, as its halves travel a cycle apart. Only additions
have halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.plan.array.fu_kind import FuKind, SumKind, SumStages, parts_of, union
from lego.back.plan.array.halves import HALVES
from lego.back.plan.array.ports import FIRST, FuPort, sum_in, sum_out, total_in
from lego.back.plan.array.sums import accumulated_terms, accumulates_held, sum_range, sum_span
from lego.ir.dag import bits_for
from lego.ir.fused import FusedAdg

__all__ = ["reduce_halves"]

Range = tuple[int, int]


def _word(span: Range) -> Range:
    """All that the bits of an interval's values can hold."""
    bits = bits_for(*span)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if span[0] < 0 else (0, (1 << bits) - 1)


@dataclass(frozen=True, slots=True)
class Halves:
    """The nodes of a value's lower bits, unsigned, and of its upper bits."""

    low: int
    high: int


class Split:
    """Makes halves, and whole values of them; `at` is the number of lower bits."""

    def __init__(self, b: Builder, at: int) -> None:
        self.b, self.at = b, at

    def above(self, span: Range) -> Range:
        """Interval of the upper half."""
        return span[0] >> self.at, span[1] >> self.at

    def of(self, value: int, span: Range) -> Halves:
        """The halves of a value in this interval."""
        upper = self.above(span)
        high = self.b.slice(value, self.at, bits_for(*upper))
        return Halves(self.b.slice(value, 0, self.at), self.b.wrap(high, upper))

    def inputs(self, ports: Sequence[FuPort], span: Range) -> Halves:
        """What two ports bring, a value in this interval."""
        low, high = (port.name for port in ports)
        return Halves(
            self.b.input(low, (0, (1 << self.at) - 1)), self.b.input(high, self.above(span))
        )

    def outputs(self, ports: Sequence[FuPort], value: Halves) -> None:
        """Give a value out by two ports."""
        for port, node in zip(ports, (value.low, value.high), strict=True):
            self.b.output(port.name, node)

    def registers(self, name: str, span: Range) -> Halves:
        """Registers for a value in this interval."""
        spans = (0, (1 << self.at) - 1), _word(self.above(span))
        made = (
            self.b.reg(each, name=f"{name}_{half}", resets=False)
            for each, half in zip(spans, HALVES, strict=True)
        )
        return Halves(*made)

    def drive(self, registers: Halves, value: Halves) -> None:
        """Give the registers' next value."""
        self.b.drive(registers.low, value.low)
        self.b.drive(registers.high, value.high)

    def choose(self, values: Sequence[Halves | None]) -> Halves:
        """The value of the running dataflow; None: it doesn't matter."""
        lows = [None if value is None else value.low for value in values]
        highs = [None if value is None else value.high for value in values]
        return Halves(self.b.choose(lows), self.b.choose(highs))

    def unless(self, condition: int, value: Halves) -> Halves:
        """The value, or zero under the condition, which is told with its lower half."""
        zero = self.b.const(0)
        return Halves(
            self.b.mux(condition, zero, value.low), self.b.mux(condition, zero, value.high)
        )

    def add(self, left: Halves, right: Halves, claim: Range) -> Halves:
        """The sum, which never leaves `claim`, nor do the terms."""
        bits = (0, (1 << self.at) - 1)
        low = self.b.add(self.b.wrap(left.low, bits), self.b.wrap(right.low, bits))
        carry = self.b.stage(self.b.slice(low, self.at, 1), 1)
        upper = self.above(claim)
        left_high, right_high = (self.b.wrap(each.high, _word(upper)) for each in (left, right))
        total = self.b.add(self.b.add(left_high, right_high), self.b.wrap(carry, (0, 1)))
        high = self.b.wrap(total, _word(upper), upper)
        return Halves(self.b.slice(low, 0, self.at), high)

    def whole(self, value: Halves, claim: Range) -> int:
        """Both halves as one value, which never leaves `claim`."""
        low = self.b.wrap(value.low, (0, (1 << self.at) - 1))
        high = self.b.wrap(value.high, _word(self.above(claim)))
        return self.b.wrap(self.b.cat([low, high]), _word(claim), claim)


def reduce_halves(
    b: Builder, fused: FusedAdg, kind: FuKind, contribution: int, stages: SumStages
) -> None:
    """The chain, then the root's accumulator; or what does both."""
    split = Split(b, stages.split)
    span = infer_widths(b.build()).nodes[contribution].range
    value = split.of(contribution, span)
    if stages.merged:
        _merged(split, fused, kind, value)
    else:
        _separate(split, fused, kind, value, stages)


def _merged(split: Split, fused: FusedAdg, kind: FuKind, value: Halves) -> None:
    b = split.b
    b.origin = "sum of the FUs before, or result"
    claim = _claim(fused, kind.sums)
    acc = split.registers("acc", claim)
    links = _links(split, fused, kind.sums)
    others: list[Halves | None] = []
    for layer, part in zip(fused.layers, kind.sums, strict=True):
        other = None if part is None else Halves(b.const(0), b.const(0))
        if part is not None and part.link >= 0:
            other = links[part.link]
        elif part is not None and part.root and accumulates_held(layer.adg):
            other = split.unless(b.input(FIRST.name), acc)
        others.append(other)
    total = _treed(split, fused, kind.sums, value)
    split.drive(acc, split.add(total, split.choose(others), claim))
    if kind.gives_sum:
        split.outputs(sum_out(split=True), acc)
    if any(part.root for _, part in parts_of(fused, kind.sums)):
        b.output("result", b.wrap(split.whole(acc, claim), fused.buffers()[-1].word))


def _separate(
    split: Split, fused: FusedAdg, kind: FuKind, value: Halves, stages: SumStages
) -> None:
    b = split.b
    b.origin = "sum of the FUs before"
    chain = [part if part is not None and part.tree < 0 else None for part in kind.sums]
    if any(chain):
        links = _links(split, fused, chain)
        if links:
            zero = Halves(b.const(0), b.const(0))
            brought = [None if part is None else links.get(part.link, zero) for part in chain]
            value = split.add(value, split.choose(brought), _claim(fused, chain, held=False))
        if stages.chained:
            value = Halves(*(_registered(b, node) for node in (value.low, value.high)))
        if kind.gives_sum:
            split.outputs(sum_out(split=True), value)
    b.origin = "result"
    roots = [part if part is not None and part.root else None for part in kind.sums]
    if any(roots):
        claim = _claim(fused, roots)
        value = _treed(split, fused, roots, value)
        if stages.held:
            acc = split.registers("acc", claim)
            kept = split.unless(b.input(FIRST.name), acc)
            split.drive(acc, split.add(value, kept, claim))
            value = acc
        b.output("result", b.wrap(split.whole(value, claim), fused.buffers()[-1].word))


def _registered(b: Builder, node: int) -> int:
    return b.stage(node, 1, name="sum")


def _claim(fused: FusedAdg, sums: Sequence[SumKind | None], *, held: bool = True) -> Range:
    """What this FU's sums never leave, also over the held counters or not."""
    return union(
        sum_range(adg, accumulated_terms(adg, part.sums) if held else part.sums)
        for adg, part in parts_of(fused, sums)
    )


def _links(split: Split, fused: FusedAdg, sums: Sequence[SumKind | None]) -> dict[int, Halves]:
    """The ports that bring sums of other FUs, by number."""
    parts = list(parts_of(fused, sums))
    return {
        link: split.inputs(
            sum_in(link, split=True),
            union(sum_span(adg) for adg, part in parts if part.link == link),
        )
        for link in sorted({part.link for _, part in parts} - {-1})
    }


def _treed(split: Split, fused: FusedAdg, sums: Sequence[SumKind | None], value: Halves) -> Halves:
    """The FU's own sum, or at the root of a tree outside that tree's."""
    parts = list(parts_of(fused, sums))
    brought: dict[int, Halves] = {}
    for tree in sorted({part.tree for _, part in parts} - {-1}):
        span = union(sum_span(adg) for adg, part in parts if part.tree == tree)
        brought[tree] = split.of(split.b.input(total_in(tree).name, span), span)
    return split.choose([None if part is None else brought.get(part.tree, value) for part in sums])
