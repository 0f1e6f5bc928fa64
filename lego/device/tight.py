"""Tiles in as few words as binding finds: what has little room can't be spread, nor copied without need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from lego.bind.result import Bound
from lego.bind.search import Binder
from lego.bind.site import Port, Site
from lego.bind.tiles import Tiling
from lego.ir.array import Access, ArrayOperation, Tensor
from lego.ir.engines import BEAT_BYTES

__all__ = ["tightened"]

FACTORS = (1, 2, 4, 8)
"""Rooms that are tried, in those that a tile's elements fill."""


def tightened(tiling: Tiling, sites: Sequence[Site], tensors: Mapping[str, Tensor]) -> Tiling:
    """The same tiles in the same cycles, their operands in as few words of the first room that suffices."""
    found: dict[int, Bound] = {}
    for run in tiling.runs:
        if id(run.bound) not in found:
            site = sites[run.bound.dataflow]
            found[id(run.bound)] = _tight(run.bound, site, tensors)
    runs = tuple(replace(run, bound=found[id(run.bound)]) for run in tiling.runs)
    return replace(tiling, runs=runs)


def _tight(bound: Bound, site: Site, tensors: Mapping[str, Tensor]) -> Bound:
    """The tile in the least of a few rooms that binding accepts."""
    given = bound.assignment
    least = [
        _words(bound.op, bound.op.inputs[k], port)
        for port, k in zip(site.inputs, given.order, strict=True)
    ]
    used = [placed.words for placed in bound.placements[:-1]]
    axes = tuple(-1 if strip is None else strip.loop for strip in given.axes)
    for factor in FACTORS:
        rooms = [min(factor * n, port.words) for n, port in zip(least, site.inputs, strict=True)]
        if all(n <= room for n, room in zip(used, rooms, strict=True)):
            return bound
        ports = tuple(
            replace(port, words=room) for port, room in zip(site.inputs, rooms, strict=True)
        )
        narrow = Binder.of(replace(site, inputs=ports))
        made = narrow.bind(bound.op, tensors, (given.order, axes))
        if isinstance(made, Bound) and made.cycles <= bound.cycles:
            return made
    return bound


def _words(op: ArrayOperation, access: Access, port: Port) -> int:
    """Words of a bank that the elements fill which a tile touches, lanes in whole beats."""
    sizes = []
    for row in access.map.rows:
        span = sum(abs(c) * (n - 1) for c, n in zip(row, op.extents, strict=True)) + 1
        sizes.append(span)
    banks = port.plan.banking.n_banks
    whole = max((n + -n % BEAT_BYTES) * prod(sizes) // n for n in sizes) if sizes else 1
    return -(-whole // banks)
