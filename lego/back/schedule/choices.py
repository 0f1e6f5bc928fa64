"""What the lowering chooses: how FUs' sums travel and are held, in how many pieces they add, and what
dataflows share.
"""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.plan.array.halves import can_split, split_of
from lego.back.plan.array.sums import accumulates_held, has_chains, has_trees
from lego.back.plan.design import DesignPlan
from lego.back.schedule.stages import Stages, Ways
from lego.ir.adg import Adg

__all__ = ["Choices", "choices_of"]


@dataclass(frozen=True, slots=True)
class Choices:
    """See :class:`lego.back.schedule.times.Schedule` for what the fields mean."""

    chained: bool
    held: bool
    merged: bool
    split: int
    gathered: bool
    trees: tuple[int, ...]


def choices_of(design: DesignPlan, ways: Ways, stages: Stages) -> Choices:
    """What all FUs and the results' memory have."""
    adgs = design.adgs
    chains = [has_chains(adg) and not has_trees(adg) for adg in adgs]
    holds = [accumulates_held(adg) for adg in adgs]
    chained, held = any(chains), any(holds)
    both = any(a and b for a, b in zip(chains, holds, strict=True))
    splits = stages.carries and (chained or held) and can_split(adgs)
    return Choices(
        chained=chained,
        held=held,
        merged=ways.shared and chained and held and not both,
        split=split_of(adgs) if splits else 0,
        gathered=ways.shared and design.at_nodes,
        trees=tuple(_tree_depth(adg) for adg in adgs),
    )


def _tree_depth(adg: Adg) -> int:
    widest = max(len(level) for c in adg.output.classes for level in c.levels)
    return (widest - 1).bit_length()
