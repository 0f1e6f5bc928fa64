"""Kinds of functional units: what an FU's place in the array asks for in every dataflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lego.back.plan.array.sums import sum_span
from lego.ir.adg import Adg, Fu
from lego.ir.fused import FusedAdg
from lego.ir.intervals import hull
from lego.ir.operation import Reduction

__all__ = [
    "FuKind",
    "Pick",
    "PortKind",
    "SumKind",
    "SumStages",
    "mask_numbers",
    "mask_port",
    "mask_signal",
    "masking_axes",
    "parts_of",
    "spans_of",
    "union",
]

Range = tuple[int, int]


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
    masks : axes beyond whose bound this FU may stand, so that its contribution must not count, and
        inequalities of the domain, numbered after the axes.
    gives_sum : another FU takes its sum.
    bare : the contribution leaves; a tree outside reduces it.
    """

    ports: tuple[PortKind, ...]
    masks: tuple[tuple[int, ...] | None, ...]
    sums: tuple[SumKind | None, ...]
    gives_sum: bool
    bare: bool


@dataclass(frozen=True, slots=True)
class SumStages:
    """What stands behind the contribution, alike in all FUs of a design.

    `chained`: sums have a register, so that they can travel; `held`: results accumulate in the FU;
    `merged`: one adder and register do both. `split`: bits of the lower half of sums, whose upper half adds a
    cycle later; 0 for whole sums.
    """

    chained: bool = False
    held: bool = False
    merged: bool = False
    split: int = 0


def masking_axes(adg: Adg, fu: Fu) -> tuple[int, ...]:
    """Axes whose loop's bound masks the contribution of an FU, then the domain's inequalities, numbered
    after the axes.

    The first FU along an axis is within the bound in every trip. Where the output tells the loop's
    value, an FU beyond the bound adds to an element of its own, which isn't committed. Assignments
    aren't committed outside the domain.
    """
    if adg.reduction is Reduction.ASSIGN:
        return ()
    axes = tuple(
        axis
        for axis, (loop, at) in enumerate(zip(adg.dataflow.spatial_loops, fu, strict=True))
        if at > 0
        and not (adg.output.injective and any(row[loop] for row in adg.op.output.map.rows))
    )
    first = len(adg.dataflow.sizes)
    return axes + tuple(range(first, first + len(adg.op.domain)))


def mask_numbers(masks: Iterable[Sequence[int] | None]) -> list[int]:
    """The masks that some dataflow has."""
    return sorted({number for mask in masks if mask for number in mask})


def mask_signal(adg: Adg, mask: int, fu: Fu) -> str:
    """The control's signal that a mask of an FU is."""
    axes = len(adg.dataflow.sizes)
    at = fu[mask] if mask < axes else adg.guards[mask - axes].at(fu)
    return mask_port(mask, at)


def mask_port(mask: int, at: int) -> str:
    """Port of one comparison: a mask's value with a constant of FUs."""
    return f"valid{mask}_{at}"


def parts_of(fused: FusedAdg, sums: Sequence[SumKind | None]) -> Iterator[tuple[Adg, SumKind]]:
    """The dataflows that have a part in the sums, with it."""
    return ((layer.adg, part) for layer, part in zip(fused.layers, sums, strict=True) if part)


def union(spans: Iterable[Range]) -> Range:
    """The interval around all of them."""
    return hull(*spans)


def spans_of(parts: Iterable[tuple[Adg, SumKind]]) -> Range:
    """The interval of the sums of all parts."""
    return union(sum_span(adg) for adg, _ in parts)
