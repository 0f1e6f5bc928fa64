"""The nest of counters that issues elements, and addresses that move with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.ir.vector.plan import COUNTERS, TRIP_BITS

__all__ = ["Nest", "build_nest", "moving"]


@dataclass(frozen=True, slots=True)
class Nest:
    """Nodes of a nest.

    Attributes
    ----------
    start : the nest begins in the next cycle.
    running : an element is issued in this cycle.
    steps : per counter, whether it goes on after this cycle, and those inside it return to zero.
    first, last : the element is the first, the last, of those that are reduced.
    ends : it is the last of the run.
    """

    start: int
    running: int
    steps: tuple[int, ...]
    first: int
    last: int
    ends: int


def build_nest(b: Builder, start: int, halt: int, registers: Mapping[str, int]) -> Nest:
    """Counters over the trips in `registers`, which are copied at `start`; `halt` ends a run."""
    running = b.reg((0, 1), name="running")
    trips = [_copied(b, start, registers[f"trip{k}"], f"trip{k}_now") for k in range(COUNTERS)]
    inner = _copied(b, start, registers["inner"], "inner_now")
    counts = [b.reg((0, (1 << TRIP_BITS) - 1), name=f"count{k}") for k in range(COUNTERS)]
    at_end = [b.eq(count, trip) for count, trip in zip(counts, trips, strict=True)]
    steps = [
        b.all([running, b.invert(at_end[k]), *at_end[k + 1 :]], name=f"step{k}")
        for k in range(COUNTERS)
    ]
    for k, count in enumerate(counts):
        following = b.mux(steps[k], b.add(count, b.const(1)), b.const(0))
        moves = b.any([start, *steps[: k + 1]])
        b.drive(count, b.wrap(following, (0, (1 << TRIP_BITS) - 1)), moves)
    outer = [b.less(inner, b.const(COUNTERS - k)) for k in range(COUNTERS)]
    zero = [b.any([outer[k], b.eq(counts[k], b.const(0))]) for k in range(COUNTERS)]
    inner_ends = [b.any([outer[k], at_end[k]]) for k in range(COUNTERS)]
    ends = b.all([running, *at_end])
    b.drive(running, b.any([start, b.all([running, b.invert(ends), b.invert(halt)])]))
    return Nest(start, running, tuple(steps), b.all(zero), b.all(inner_ends), ends)


def _copied(b: Builder, start: int, register: int, name: str) -> int:
    """The register as it was when the run began."""
    copy = b.reg(b.nodes[register].range, name=name, resets=False)
    b.drive(copy, register, start)
    return copy


def moving(b: Builder, nest: Nest, first: int, steps: Sequence[int], name: str) -> int:
    """`first` and a step for every trip of each counter that went on, modulo the width of `first`.

    A register per counter keeps the value at the beginning of its trip.
    """
    span = b.nodes[first].range
    amounts = [_copied(b, nest.start, step, f"{name}_step{k}_now") for k, step in enumerate(steps)]
    at = [b.reg(span, name=f"{name}_at{k}", resets=False) for k in range(COUNTERS)]
    sums = [b.wrap(b.add(a, step), span) for a, step in zip(at, amounts, strict=True)]
    for k, register in enumerate(at):
        words = [(nest.start, first), *zip(nest.steps[: k + 1], sums[: k + 1], strict=True)]
        moves = b.any([nest.start, *nest.steps[: k + 1]])
        b.drive(register, b.wrap(b.one_of(words), span), moves)
    return at[-1]
