"""Folds an array for drawing: along each axis, FUs that are all alike are shown once.

An axis folds if, in every operand, the FUs from the third to the last but one get their value the same
way; then the first three and the last are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from lego.ir.adg import Adg, Fu, InputPlan, OutputPlan

__all__ = ["Fold", "fold_of"]

SHORT = 6


@dataclass(frozen=True, slots=True)
class Fold:
    """Coordinates that are drawn per axis, and how many each gap leaves out (0: none)."""

    kept: tuple[tuple[int, ...], ...]
    hidden: tuple[int, ...]

    def fus(self) -> list[Fu]:
        """FUs that are drawn."""
        return list(itertools.product(*self.kept))

    def shows(self, fu: Fu) -> bool:
        """Whether an FU is drawn."""
        return all(x in kept for x, kept in zip(fu, self.kept, strict=True))


def fold_of(adg: Adg, *, every: bool = False) -> Fold:
    """How to draw the array; `every` FU if asked."""
    kept, hidden = [], []
    for axis, size in enumerate(adg.dataflow.sizes):
        folds = not every and size > SHORT and _alike(adg, axis, range(2, size - 1))
        kept.append((0, 1, 2, size - 1) if folds else tuple(range(size)))
        hidden.append(size - 4 if folds else 0)
    return Fold(tuple(kept), tuple(hidden))


def _alike(adg: Adg, axis: int, places: Sequence[int]) -> bool:
    fus = list(adg.dataflow.fus())
    for plan in adg.operands():
        kinds = _kinds(plan, fus)
        first: dict[Fu, object] = {}
        for fu in fus:
            if fu[axis] in places:
                line = (*fu[:axis], *fu[axis + 1 :])
                if first.setdefault(line, kinds[fu]) != kinds[fu]:
                    return False
    return True


def _kinds(plan: InputPlan | OutputPlan, fus: Sequence[Fu]) -> dict[Fu, object]:
    """How each FU gets, or passes on, its value: a direction, or the data node."""
    if isinstance(plan, InputPlan):
        return {
            fu: "node"
            if source.link is None
            else "broadcast"
            if not source.delay
            else _step(fu, source.link)
            for fu, source in zip(fus, plan.sources, strict=True)
        }
    kinds: dict[Fu, object] = {}
    for group in plan.classes:
        for before, level in zip((None, *group.levels), group.levels, strict=False):
            for fu in level:
                first = fu if before is None else before[0]
                kinds[fu] = (
                    "root" if fu == group.root else ("sum", len(level) > 1, _step(fu, first))
                )
    return kinds


def _step(fu: Fu, other: Fu) -> Fu:
    return tuple(a - b for a, b in zip(fu, other, strict=True))
