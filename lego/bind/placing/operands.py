"""The operands of an operation that is spread over axes and counters: placements, and delay reuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lego.bind.freedom import Freedom
from lego.bind.misfit import Misfit
from lego.bind.placing.access import Access
from lego.bind.placing.bounds import Bounds, steps_of
from lego.bind.placing.place import place
from lego.bind.placing.placement import Placement
from lego.bind.placing.reuse import Found, meets_always, reuses_of
from lego.bind.placing.windows import windows_of
from lego.bind.placing.wires import tells
from lego.bind.site import Port, Site
from lego.bind.strips import Allowed, Assignment, Strip
from lego.ir.adg import InputPlan
from lego.ir.affine import AffineMap
from lego.ir.array import ArrayOperation, Tensor
from lego.ir.delay_reuse import DelayReuse

__all__ = ["Operands", "Placed"]

Vector = tuple[int, ...]
Placed = tuple[Placement, tuple[DelayReuse, ...]]
"""A placement, and the delay reuses that go with it."""


@dataclass(frozen=True)
class Operands:
    """What is the same under all assignments; placements that were found are kept.

    `distinct`: iterations that differ in a loop of the output's indices write different elements.
    """

    site: Site
    freedom: Freedom
    op: ArrayOperation
    tensors: Mapping[str, Tensor]
    distinct: bool
    bounds: Bounds
    _placed: dict[object, Placement | str] = field(default_factory=dict)
    _told: dict[object, bool] = field(default_factory=dict)
    _misfits: dict[object, Misfit] = field(default_factory=dict)
    _reused: dict[object, Found] = field(default_factory=dict)
    _failed: dict[int, int] = field(default_factory=dict)

    def placed(self, given: Assignment, pauses: Vector) -> list[Placed] | Misfit:
        """Of the inputs in the chip's order, then of the output."""
        accesses = [self.op.inputs[k] for k in given.order] + [self.op.output]
        found: dict[int, Placed] = {}
        for n in sorted(range(len(accesses)), key=lambda n: -self._failed.get(n, 0)):
            port, access = self.site.ports[n], accesses[n]
            reached = self._access(port, access.map, given)
            key = n, access.tensor, _alike(port, reached)
            one = self._misfits.get(key) or self._served(
                port, reached, self.tensors[access.tensor], pauses
            )
            if isinstance(one, Misfit):
                self._misfits[key] = one
                self._failed[n] = self._failed.get(n, 0) + 1
                return one
            found[n] = one
        return [found[n] for n in range(len(accesses))]

    def allowed(self, order: Vector, axes: Sequence[Strip | None]) -> Allowed:
        """Which strips the innermost counter may have, if axes have these."""
        last, known = len(self.site.limits) - 1, dict[Strip, bool]()
        covers = tuple(strip.count if strip else 1 for strip in axes)

        def may(counter: int, strip: Strip) -> bool:
            if counter != last:
                return True
            if strip not in known:
                known[strip] = all(
                    self._agrees(n, k, axes, covers, strip) for n, k in enumerate(order)
                )
            return known[strip]

        return may

    def _agrees(
        self, port: int, k: int, axes: Sequence[Strip | None], covers: Vector, inner: Strip
    ) -> bool:
        access = self.op.inputs[k].map
        reached = Access((), steps_of(access, axes), access.offset, (), covers)
        (step,) = steps_of(access, [inner])
        return meets_always(
            self.site, self.freedom, self.site.inputs[port], reached, step or (), inner.count
        )

    def _access(self, port: Port, access: AffineMap, given: Assignment) -> Access:
        """How strips reach a tensor."""
        reached = Access(
            steps_of(access, given.counters),
            steps_of(access, given.axes),
            access.offset,
            given.trips,
            tuple(strip.count if strip else 1 for strip in given.axes),
            tuple(self._ragged(given)),
        )
        if port is self.site.output and not self.site.adg.output.injective:  # all FUs commit
            every = tuple(axis.size for axis in self.site.axes)
            return replace(reached, covers=every, ragged=())
        return reached

    def _ragged(self, given: Assignment) -> Iterator[tuple[int, int, int]]:
        for axis, strip in enumerate(given.axes):
            if strip and strip.ragged:
                yield axis, strip.counter, strip.ragged

    def _served(
        self, port: Port, reached: Access, tensor: Tensor, pauses: Vector
    ) -> Placed | Misfit:
        """A placement, with as many delay reuses on as fit."""
        output = port is self.site.output
        key = port.name, output, reached.axes, reached.covers
        if key not in self._told:
            self._told[key] = tells(port, reached)
        if not self._told[key]:
            text = f"FUs are wired to one index of {port.name}, and would need different elements"
            return Misfit("c" if output else "b", text, 3)
        failed = Misfit("e", "", 4)
        for reuses in reuses_of(self.site, self.freedom, port, reached, pauses, self._reused):
            if isinstance(reuses, Misfit):
                return reuses
            found = self._crowded(port, reached) or self._place(port, reuses.access, tensor)
            if isinstance(found, Placement):
                return found, reuses.delays
            failed = Misfit("e", found, 4)
        return failed

    def _crowded(self, port: Port, reached: Access) -> str:
        """Why no placement fits the memory, if that can be told before one is sought."""
        ports = self.site.ports
        least = self.bounds.reached(next(n for n, p in enumerate(ports) if p is port), reached)
        if least <= port.words:
            return ""
        return (
            f"{port.name} needs banks of {least} words or more, they have {port.words}: "
            f"a larger memory, or a smaller tile"
        )

    def _place(self, port: Port, access: Access, tensor: Tensor) -> Placement | str:
        """A placement; what is known from another assignment isn't sought again."""
        key = port.name, port is self.site.output, access, tensor.name
        if key not in self._placed:
            self._placed[key] = self._found(port, access, tensor)
        return self._placed[key]

    def _found(self, port: Port, access: Access, tensor: Tensor) -> Placement | str:
        """A placement with free steps, if there are such; else, or if it is too large, with wired ones."""
        output = port is self.site.output
        windows = windows_of(port, access, tensor)
        if isinstance(windows, str):
            return windows
        merges = output and not self.distinct
        given = replace(access, merges=merges, windows=windows.windows)
        found: Placement | str = ""
        for free in (True, False) if self.freedom.steps and port.loose != port.moduli else (False,):
            found = place(port, replace(given, free=free), output=output)
            if isinstance(found, Placement):
                return replace(found, extents=windows.extents)
        return found


def _alike(port: Port, access: Access) -> object:
    """What an access has in common with others that fit if it does: counters that are wired alike may change
    places."""
    plan = port.plan
    delays = plan.delays if isinstance(plan, InputPlan) else ()
    ragged = {counter: (axis, bound) for axis, counter, bound in access.ragged}
    moves = []
    for k, step in enumerate(access.time):
        if step is None:
            continue
        wired = tuple(row[k] % m for row, m in zip(plan.time, port.moduli, strict=True))
        back = tuple(reuse.dt[k] for reuse in delays)
        seen = tuple(plan.time[dim][k] for dim, _ in port.compared)
        if any(step) or any(wired) or any(back) or any(seen):
            moves.append((step, access.trips[k], wired, back, seen, ragged.get(k, (-1, 0))))
    return access.axes, access.covers, tuple(sorted(moves))
