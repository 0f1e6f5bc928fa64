"""Intervals of steps, and bounds in one order: a lower one, then an upper one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lego.ir import intervals
from lego.ir.intervals import Interval
from lego.ir.vector.chain import NotAChain, Operand, SlotFn, Source, Step

__all__ = ["result_span", "tidied"]

_RESULT: dict[SlotFn, Callable[[Interval, Interval], Interval]] = {
    SlotFn.ADD: intervals.added,
    SlotFn.MUL: intervals.multiplied,
    SlotFn.MAX: intervals.larger,
    SlotFn.MIN: intervals.smaller,
}

MOST_SHIFT = 63


def result_span(fn: SlotFn, span: Interval, operand: Operand) -> Interval:
    """The interval of `fn(v, operand)`. Raises NotAChain for shifts that aren't to the right."""
    if fn is not SlotFn.SHIFT:
        return _RESULT[fn](span, operand.span)
    low, high = operand.span
    if not 0 <= low <= high <= MOST_SHIFT or operand.source is Source.STREAM:
        raise NotAChain(f"a shift by {low} to {high}")
    return intervals.hull(intervals.reduced(span, low), intervals.reduced(span, high))


def tidied(span: Interval, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same chain with bounds that are constants in one order, and neighbours of one kind as one.

    `span` is the interval before the first step.
    """
    found: list[Step] = []
    for step in steps:
        _append(found, step)
    for k, step in enumerate(found):
        if step.operand is not None:
            step = replace(step, span=result_span(step.fn, span, step.operand))
        found[k], span = step, step.span
    return tuple(found)


def _append(steps: list[Step], step: Step) -> None:
    """One more step; a lower bound passes an upper one that is no lower."""
    bound = _bound(step)
    before = _bound(steps[-1]) if steps else None
    if bound is None or before is None:
        steps.append(step)
        return
    last = steps[-1]
    if last.fn is step.fn:
        is_tighter = bound > before if step.fn is SlotFn.MAX else bound < before
        steps[-1] = step if is_tighter else last
    elif step.fn is SlotFn.MAX and bound <= before:
        steps.pop()
        _append(steps, step)
        steps.append(last)
    else:
        steps.append(step)


def _bound(step: Step) -> int | None:
    """The constant that a step bounds by."""
    operand = step.operand
    if step.fn not in (SlotFn.MAX, SlotFn.MIN) or operand is None:
        return None
    is_known = operand.source is Source.IMMEDIATE and not operand.buffer
    return operand.value if is_known else None
