"""How FUs' sums are cut in halves, so that the upper half adds a cycle later."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.plan.array.fu_kind import union
from lego.back.plan.array.sums import accumulated_terms, sum_range
from lego.ir.adg import Adg
from lego.ir.dag import bits_for
from lego.ir.operation import Reduction

__all__ = ["HALVES", "can_split", "split_of"]


HALVES = ("low", "high")
"""What the names of ports end with that bring or give a half; the upper one is a cycle later."""


def can_split(adgs: Sequence[Adg]) -> bool:
    """Whether no dataflow takes least or largest values."""
    return all(adg.reduction in (Reduction.ADD, Reduction.ASSIGN) for adg in adgs)


def split_of(adgs: Sequence[Adg]) -> int:
    """Bits of the lower half, the same in all FUs: half of those of the longest sum."""
    spans = []
    for adg in adgs:
        members = max(sum(map(len, c.levels)) for c in adg.output.classes)
        spans.append(sum_range(adg, accumulated_terms(adg, members)))
    return (bits_for(*union(spans)) + 1) // 2
