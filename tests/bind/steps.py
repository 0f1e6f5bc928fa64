"""Whether any address steps serve an operand: every step that a memory's size allows is tried."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from lego.bind.site import Port

Vector = tuple[int, ...]
Read = tuple[tuple[Vector, Vector], Vector]
"""Timestamp and FU, and the element that is to be there."""


@dataclass(frozen=True)
class Steps:
    """The search for one operand; `output`: an element is at one index, too."""

    port: Port
    trips: Vector
    output: bool
    reads: Sequence[Read]

    def exist(self) -> bool:
        """Whether there are some."""
        moving = [
            k
            for k, n in enumerate(self.trips)
            if n > 1 and k in self.port.stepped and any(t[k] for (t, _), _ in self.reads)
        ]
        sides = {k: self._alone(k, moving) for k in moving}
        moving.sort(key=lambda k: len(sides[k]))
        return self._extended(moving, sides, {})

    def _alone(self, counter: int, moving: Sequence[int]) -> list[Vector]:
        """Steps of a counter that serve what is read while the others stand still, the nearest to 0 first."""
        found = self._small(counter, ())
        found = [step for step in found if self._serves({counter: step}, moving)]
        return sorted(found, key=lambda step: (sum(map(abs, step)), step))

    def _small(self, counter: int, known: Vector) -> list[Vector]:
        """Steps that begin so and that the memory has words for, by how far they move by themselves."""
        j, last = len(known), self.trips[counter] - 1
        if j == len(self.port.moduli):
            return [known]
        modulus, found = self.port.moduli[j], list[Vector]()
        residue = self.port.plan.time[j][counter] % modulus
        for first, by in ((residue, modulus), (residue - modulus, -modulus)):
            for step in itertools.count(first, by):
                reached = [1 + abs(a) * last for a in (*known, step)]
                rest = [1] * (len(self.port.moduli) - len(reached))
                if self.port.depth((*reached, *rest)) > self.port.words:
                    break
                found += self._small(counter, (*known, step))
        return found

    def _extended(
        self, left: Sequence[int], sides: dict[int, list[Vector]], steps: dict[int, Vector]
    ) -> bool:
        """Whether these steps of some counters go with some of those that are left."""
        if not self._serves(steps, (*steps, *left)):
            return False
        if not left:
            return True
        return any(
            self._extended(left[1:], sides, {**steps, left[0]: step}) for step in sides[left[0]]
        )

    def _serves(self, steps: dict[int, Vector], moving: Sequence[int]) -> bool:
        """Whether indices tell elements and fit the memory, as long as no other counter moves."""
        still = [k for k in moving if k not in steps]
        known: dict[Vector, Vector] = {}
        back: dict[Vector, Vector] = {}
        for (t, s), element in self.reads:
            if any(t[k] for k in still):
                continue
            index = tuple(
                sum(a * x for a, x in zip(row, s, strict=True))
                + sum(step[j] * t[k] for k, step in steps.items())
                for j, row in enumerate(self.port.plan.space)
            )
            if known.setdefault(index, element) != element:
                return False
            if self.output and back.setdefault(element, index) != index:
                return False
        return not known or self.port.depth(self._shape(list(known))) <= self.port.words

    def _shape(self, indices: Sequence[Vector]) -> Vector:
        sides = zip(*indices, strict=True)
        return tuple(
            (offset + min(side)) % modulus + max(side) - min(side) + 1
            for side, offset, modulus in zip(
                sides, self.port.plan.offset, self.port.moduli, strict=True
            )
        )
