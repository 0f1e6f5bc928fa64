"""The nest that issues elements: when, and what of them is the first and the last of a reduction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.nest import Total, build_nest
from lego.ir.vector.plan import COUNTERS

__all__ = ["STREAMS", "Issue", "build_issue_nest"]

STREAMS = {"a": "a_address", "b": "b_address", "d": "d_address", "rotate": "rotate"}
"""What moves with the counters: the prefix of its steps, and its first value."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Nodes of the element that is issued in a cycle.

    Attributes
    ----------
    running : there is one.
    first, last : it is the first, the last, of those that are reduced.
    ends : it is the last of the run.
    moving : addresses and the rotation, as :data:`STREAMS` calls their first values.
    """

    running: int
    first: int
    last: int
    ends: int
    moving: Mapping[str, int]


def build_issue_nest(b: Builder, start: int, halt: int, registers: Mapping[str, int]) -> Issue:
    """Elements from the cycle after `start`, by `registers` as they are then; `halt` ends a run."""
    running = b.reg((0, 1), name="running")
    trips = [_copied(b, start, registers, f"trip{k}") for k in range(COUNTERS)]
    inner = _copied(b, start, registers, "inner")
    streams = {prefix: first for prefix, first in STREAMS.items() if first in registers}
    totals = [_total(b, start, registers, *each) for each in streams.items()]
    nest = build_nest(b, "count", trips, totals, start, running)
    outer = [b.less(inner, b.const(COUNTERS - k)) for k in range(COUNTERS)]
    zero = [b.eq(counter, b.const(0)) for counter in nest.counters]
    at_end = [b.eq(counter, trip) for counter, trip in zip(nest.counters, trips, strict=True)]
    first, last = (
        b.all([b.any([out, bit]) for out, bit in zip(outer, bits, strict=True)])
        for bits in (zero, at_end)
    )
    ends = b.all([running, nest.last])
    b.drive(running, b.any([start, b.all([running, b.invert(ends), b.invert(halt)])]))
    moving = dict(zip(streams.values(), nest.values, strict=True))
    return Issue(running, first, last, ends, moving)


def _total(b: Builder, start: int, registers: Mapping[str, int], prefix: str, first: str) -> Total:
    """An address, or the rotation."""
    steps = [_copied(b, start, registers, f"{prefix}_step{k}") for k in range(COUNTERS)]
    return Total(f"{prefix}_at", b.nodes[registers[first]].bits, registers[first], steps)


def _copied(b: Builder, start: int, registers: Mapping[str, int], name: str) -> int:
    """A register as it was when the run began."""
    copy = b.reg(b.nodes[registers[name]].range, name=f"{name}_now", resets=False)
    b.drive(copy, registers[name], start)
    return copy
