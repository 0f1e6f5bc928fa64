"""Arithmetic of slots, in parts that a fast clock allows.

Long sums are of two parts, a cycle apart if they are very long, and products are sums of products of short
factors, with registers behind every level.
"""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.ir import intervals
from lego.ir.dag import Op, bits_for
from lego.ir.intervals import Interval

__all__ = ["product", "product_cycles", "shifted", "sum_cycles", "timed_sum", "wide_sum"]

WHOLE_SUM = 24
"""Bits of a sum that isn't cut."""

ONE_CYCLE = 34
"""Bits of a sum that takes one cycle."""

LONG_PART, SHORT_PART = 9, 8
"""Bits of the parts of factors, of the longer factor's and the shorter one's."""


def wide_sum(b: Builder, x: int, y: int, span: Interval) -> int:
    """Low bits of `x + y`, read as a word of this interval.

    The upper half of a long one is chosen by the lower one's carry.
    """
    bits = bits_for(*span)
    if bits <= WHOLE_SUM:
        return b.wrap(b.add(x, y), span)
    low, carry = _lower(b, x, y, bits)
    half, rest = _half(bits), bits - _half(bits)
    upper = [b.slice(b.wrap(each, span), half, rest) for each in (x, y)]
    plain = b.add(upper[0], upper[1])
    high = b.mux(carry, b.add(plain, b.const(1)), plain)
    return b.wrap(b.cat([low, b.slice(b.wrap(high, (0, (2 << rest) - 1)), 0, rest)]), span)


def sum_cycles(span: Interval) -> int:
    """Cycles of :func:`timed_sum`."""
    return 1 if bits_for(*span) <= ONE_CYCLE else 2


def timed_sum(b: Builder, x: int, y: int, span: Interval, *, still: bool = False) -> int:
    """Low bits of `x + y`, :func:`sum_cycles` later; if it is `still`, `y` doesn't change meanwhile."""
    bits = bits_for(*span)
    if sum_cycles(span) == 1:
        return b.delay(wide_sum(b, x, y, span), 1)
    low, carry = (b.delay(node, 1) for node in _lower(b, x, y, bits))
    half, rest = _half(bits), bits - _half(bits)
    ends = [b.slice(b.wrap(each, span), half, rest) for each in (x, y)]
    others = b.cat(
        [b.slice(carry, 0, 1), b.slice(ends[1] if still else b.delay(ends[1], 1), 0, rest)]
    )
    with_one = b.cat([b.const(1), b.slice(b.delay(ends[0], 1), 0, rest)])  # one and the carry carry
    high = b.slice(b.wrap(b.add(with_one, others), (0, (4 << rest) - 1)), 1, rest)
    return b.delay(b.wrap(b.cat([b.slice(low, 0, half), high]), span), 1)


def _half(bits: int) -> int:
    return (bits + 1) // 2


def _lower(b: Builder, x: int, y: int, bits: int) -> tuple[int, int]:
    """The lower half of a sum of so many bits, and its carry."""
    size = _half(bits)
    ends = [b.wrap(each, (0, (1 << size) - 1)) for each in (x, y)]
    whole = b.wrap(b.add(ends[0], ends[1]), (0, (2 << size) - 1))
    return b.slice(whole, 0, size), b.slice(whole, size, 1)


@dataclass(frozen=True, slots=True)
class _Term:
    """A power of two times a value of an interval; the node that has the value."""

    span: Interval
    shift: int
    node: int = -1


def product_cycles(x: Interval, y: Interval) -> int:
    """Cycles of the product of two intervals: 1 for the parts, and those of the sums of every level."""
    x, y = (x, y) if bits_for(*x) >= bits_for(*y) else (y, x)
    terms = [_times(p, q) for q in _parts(y, SHORT_PART) for p in _parts(x, LONG_PART)]
    cycles = 1
    while len(terms) > 1:
        cycles += _level_cycles(terms)
        terms = [*_sums(terms), *terms[len(terms) // 2 * 2 :]]
    return cycles


def product(b: Builder, x: tuple[int, Interval], y: tuple[int, Interval]) -> int:
    """The product of two nodes with their intervals, :func:`product_cycles` later."""
    if bits_for(*x[1]) < bits_for(*y[1]):
        x, y = y, x
    terms = [_multiplied(b, p, q) for q in _cut(b, *y, SHORT_PART) for p in _cut(b, *x, LONG_PART)]
    while len(terms) > 1:
        cycles = _level_cycles(terms)
        pairs = zip(terms[::2], terms[1::2], _sums(terms), strict=False)
        joined = [_added(b, p, q, total, cycles) for p, q, total in pairs]
        rest = terms[len(terms) // 2 * 2 :]
        terms = [*joined, *(_Term(t.span, t.shift, b.delay(t.node, cycles)) for t in rest)]
    return terms[0].node


def _parts(span: Interval, part: int) -> list[_Term]:
    """A factor as a sum of short ones; all but the highest are unsigned."""
    bits = bits_for(*span)
    if bits <= part:
        return [_Term(span, 0)]
    sizes = [(start, min(part, bits - start)) for start in range(0, bits, part)]
    found = [_Term((0, (1 << size) - 1), start) for start, size in sizes]
    if span[0] < 0:
        start, size = sizes[-1]
        found[-1] = _Term((-(1 << size - 1), (1 << size - 1) - 1), start)
    return found


def _cut(b: Builder, node: int, span: Interval, part: int) -> list[_Term]:
    """The parts of a factor, with nodes."""
    parts = _parts(span, part)
    if len(parts) == 1:
        return [_Term(span, 0, node)]
    whole = b.wrap(node, span)
    return [
        _Term(p.span, p.shift, b.wrap(b.slice(whole, p.shift, bits_for(*p.span)), p.span))
        for p in parts
    ]


def _times(p: _Term, q: _Term) -> _Term:
    return _Term(intervals.multiplied(p.span, q.span), p.shift + q.shift)


def _multiplied(b: Builder, p: _Term, q: _Term) -> _Term:
    """The product of two parts, a cycle later."""
    found = _times(p, q)
    return _Term(found.span, found.shift, b.delay(b.op(Op.MUL, p.node, q.node), 1))


def _sums(terms: list[_Term]) -> list[_Term]:
    """The sums of neighbours, without nodes."""
    found = []
    for p, q in zip(terms[::2], terms[1::2], strict=False):
        low, high = (p, q) if p.shift <= q.shift else (q, p)
        raised = intervals.raised(high.span, high.shift - low.shift)
        found.append(_Term(intervals.added(low.span, raised), low.shift))
    return found


def _level_cycles(terms: list[_Term]) -> int:
    return max(sum_cycles(total.span) for total in _sums(terms))


def _added(b: Builder, p: _Term, q: _Term, total: _Term, cycles: int) -> _Term:
    """The sum of two terms, so many cycles later."""
    low, high = (p, q) if p.shift <= q.shift else (q, p)
    node = timed_sum(b, low.node, b.shl(high.node, high.shift - low.shift), total.span)
    return _Term(total.span, total.shift, b.delay(node, cycles - sum_cycles(total.span)))


def shifted(b: Builder, x: int, by: int, by_bits: int, span: Interval) -> int:
    """`x / 2^by`, rounded down, of values of an interval; `by` has no sign."""
    found, sign = b.wrap(x, span), b.const(0)
    if span[0] < 0:
        sign = b.mux(b.less(x, b.const(0)), b.const(-1), b.const(0))
    for k in reversed(range(by_bits)):
        is_gone = 1 << k >= bits_for(*span)
        moved = sign if is_gone else b.shr(found, 1 << k)
        found = b.mux(b.slice(by, k, 1), moved, found)
    return found
