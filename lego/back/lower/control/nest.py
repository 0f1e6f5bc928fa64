"""Affine functions of the counters, kept by adders that follow the sequencer's events.

Event `k` means: at the end of this cycle counter `k` steps and all counters inside it return to
zero. For every counter that the function depends on, a register keeps the value at the start of
that counter's current trip; an event adds one step to the register of the stepping counter and
copies the sum to the registers inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.ir.dag import Op

__all__ = ["Events", "affine_value", "digit_nest"]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Events:
    """Control of the nests: `begin` loads initial values, `step[k]` is event k (one-hot).

    `still[k]`, where it is told, is set unless a counter outside k steps.
    """

    begin: int
    step: tuple[int, ...]
    counters: tuple[int, ...]
    still: tuple[int, ...] = ()


def affine_value(
    b: Builder,
    events: Events,
    coefficients: Sequence[Sequence[int]],
    offsets: Sequence[int],
    span: Range,
    name: str,
) -> int:
    """`coefficients . t + offset`, each per dataflow; `span` bounds the value in all of them."""
    width = len(coefficients[0])
    used = [k for k in range(width) if any(row[k] for row in coefficients)]
    offset = b.choose([b.const(value) for value in offsets])
    if not used:
        return offset
    if len(used) == 1 and len({row[used[0]] for row in coefficients}) == 1:
        value = b.times(events.counters[used[0]], coefficients[0][used[0]])
        return b.add(value, offset) if any(offsets) else value
    steps = {k: b.choose([b.const(row[k]) for row in coefficients]) for k in used}
    return _nest(b, events, steps, offset, span, name, {})[0]


def _selected(
    b: Builder, events: Events, used: Sequence[int], states: Sequence[int], init: int
) -> int:
    """State at the start of the trip that the current event leaves: nearest level outside it."""
    if events.still:
        ends = [0, *used]
        words = [
            (b.any(events.step[low:high]), state)
            for low, high, state in zip(ends, used, [init, *states], strict=False)
            if low < high
        ]
        return _joined(b, [*words, (events.still[used[-1]], states[-1])])
    value = states[-1]
    for i in range(len(used) - 1, -1, -1):
        below = [events.step[e] for e in range(used[i])]
        outer = states[i - 1] if i else init
        value = b.mux(b.any(below), outer, value) if below else value
    return value


def _joined(b: Builder, words: Sequence[tuple[int, int]]) -> int:
    """The word whose select is set, or 0; never two are."""
    zero = b.const(0)
    kept = [word for word in words if word[1] != zero]
    if len(kept) < 2:
        return b.mux(*kept[0], zero) if kept else zero
    return b.op(Op.ONEHOT, *(node for word in kept for node in word))


def _increment(b: Builder, events: Events, steps: Mapping[int, int]) -> int:
    if events.still:
        return _joined(b, [(events.step[k], steps[k]) for k in sorted(steps)])
    value = b.const(0)
    for k in sorted(steps):
        value = b.mux(events.step[k], steps[k], value)
    return value


def _store(
    b: Builder, events: Events, used: Sequence[int], states: Sequence[int], init: int, new: int
) -> None:
    for k, state in zip(used, states, strict=True):
        moved = b.any([events.begin, *events.step[: k + 1]])
        b.drive(state, b.mux(events.begin, init, new), moved)


def _nest(
    b: Builder,
    events: Events,
    steps: Mapping[int, int],
    init: int,
    span: Range,
    name: str,
    extra: Mapping[int, int],
    first: int | None = None,
) -> tuple[int, int]:
    used = sorted(steps)
    states = [b.reg(span, name=f"{name}_at{k}") for k in used]
    base = _selected(b, events, used, states, init)
    total = b.add(base, _increment(b, events, steps))
    for condition, amount in extra.items():
        total = b.add(total, b.mux(condition, amount, b.const(0)))
    new = b.wrap(total, span)
    _store(b, events, used, states, init if first is None else first, new)
    return states[-1], new


def address_nest(
    b: Builder,
    events: Events,
    steps: Mapping[int, int],
    init: int,
    bits: int,
    name: str,
    carries: Mapping[int, int],
    first: int | None = None,
) -> int:
    """Address modulo `2**bits`: register `steps`, plus an amount for each carry that is set; `first` is what
    it starts from in a run that begins, if that isn't `init`."""
    if not steps:
        return init
    return _nest(b, events, steps, init, (0, (1 << bits) - 1), name, carries, first)[0]


def digit_nest(
    b: Builder,
    events: Events,
    used: Sequence[int],
    told: Callable[[], tuple[Mapping[int, int], int, int]],
    radix: int,
    name: str,
    carry_in: int | None,
) -> tuple[int, int]:
    """A digit of an affine value in mixed radix; returns the digit and its carry out.

    What is `told` is the digit of each counter's coefficient, and the first digit, in this run and in one
    that begins. The carry is that of the current event.
    """
    states = [b.reg((0, radix - 1), name=f"{name}_at{k}") for k in used]
    steps, start, first = told()
    base = _selected(b, events, used, states, start)
    total = b.add(base, _increment(b, events, steps))
    if carry_in is not None:
        total = b.add(total, carry_in)
    carry = b.invert(b.less(total, b.const(radix)))
    reduced = b.wrap(
        b.add(total, b.const(-radix)), (0, (1 << max(1, (radix - 1).bit_length())) - 1)
    )
    new = b.wrap(b.mux(carry, reduced, total), (0, max(1, (1 << (radix - 1).bit_length()) - 1)))
    _store(b, events, used, states, first, new)
    return states[-1], carry
