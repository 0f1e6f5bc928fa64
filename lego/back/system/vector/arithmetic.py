"""Arithmetic of slots, in parts that a fast clock allows.

Products are sums of products of short factors, with a register behind every level. Long sums, and what
they are added to, are :class:`Apart`: their upper bits come a cycle behind the lower ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.ir import intervals
from lego.ir.dag import Op, bits_for
from lego.ir.intervals import Interval

__all__ = [
    "Apart",
    "apart",
    "is_apart",
    "product",
    "product_cycles",
    "product_span",
    "shifted",
    "sum_apart",
    "together",
    "wide_sum",
    "within",
]

WHOLE_SUM = 24
"""Bits of a sum that isn't cut."""

ONE_CYCLE = 34
"""Bits of a sum that takes one cycle."""

LOWER = 24
"""Lower bits of what takes two."""

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


@dataclass(frozen=True, slots=True)
class Apart:
    """A value of which `high`, all but the lower bits, comes a cycle behind `low`."""

    low: int
    high: int


def is_apart(span: Interval) -> bool:
    """Whether sums in an interval are apart."""
    return bits_for(*span) > ONE_CYCLE


def apart(b: Builder, node: int, *, still: bool = False) -> Apart:
    """A whole value taken apart; one that is `still` needs no register."""
    low, high = b.wrap(node, (0, (1 << LOWER) - 1)), b.shr(node, LOWER)
    return Apart(low, high if still else b.delay(high, 1))


def together(b: Builder, value: Apart, span: Interval) -> int:
    """The whole value, a cycle later than its lower bits."""
    high = b.slice(b.wrap(value.high, _upper(span)), 0, bits_for(*_upper(span)))
    low = b.slice(b.delay(value.low, 1), 0, LOWER)
    return b.wrap(b.cat([low, high]), span)


def within(b: Builder, value: Apart, span: Interval) -> Apart:
    """Low bits, read as a word of this interval."""
    return Apart(value.low, b.wrap(value.high, _upper(span)))


def sum_apart(b: Builder, x: Apart, y: Apart, span: Interval) -> Apart:
    """Low bits of `x + y`, a cycle later."""
    whole = b.wrap(b.add(x.low, y.low), (0, (2 << LOWER) - 1))
    low, carry = b.delay(b.slice(whole, 0, LOWER), 1), b.delay(b.slice(whole, LOWER, 1), 1)
    size = bits_for(*_upper(span))
    ends = [b.slice(b.wrap(each.high, _upper(span)), 0, size) for each in (x, y)]
    one, other = b.cat([b.const(1), ends[0]]), b.cat([b.slice(carry, 0, 1), ends[1]])
    high = b.slice(b.wrap(b.add(one, other), (0, (4 << size) - 1)), 1, size)  # with the carry
    return Apart(low, b.delay(b.wrap(high, _upper(span)), 1))


def _upper(span: Interval) -> Interval:
    """All that the upper bits of an interval's word can hold."""
    bits = max(1, bits_for(*span) - LOWER)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if span[0] < 0 else (0, (1 << bits) - 1)


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


def _terms(x: Interval, y: Interval) -> list[_Term]:
    """The products of parts, those next to each other with factors next to each other."""
    return [_times(p, q) for p in _parts(x, LONG_PART) for q in _parts(y, SHORT_PART)]


def _longer_first(x: Interval, y: Interval) -> tuple[Interval, Interval]:
    return (x, y) if bits_for(*x) >= bits_for(*y) else (y, x)


def product_span(x: Interval, y: Interval) -> Interval:
    """The interval that a product is computed in."""
    terms = _terms(*_longer_first(x, y))
    while len(terms) > 1:
        terms = [*_sums(terms), *terms[len(terms) // 2 * 2 :]]
    return terms[0].span


def product_cycles(x: Interval, y: Interval) -> int:
    """Cycles of :func:`product`: one for the parts and one for every level of their sum, but two for levels
    before the last with sums that are apart."""
    terms, cycles = _terms(*_longer_first(x, y)), 1
    while len(terms) > 1:
        cycles += 1 if len(terms) == 2 else _level_cycles(terms)
        terms = [*_sums(terms), *terms[len(terms) // 2 * 2 :]]
    return cycles


def product(b: Builder, x: tuple[int, Interval], y: tuple[int, Interval]) -> int | Apart:
    """The product of two nodes with their intervals, :func:`product_cycles` later; apart if its span is."""
    if bits_for(*x[1]) < bits_for(*y[1]):
        x, y = y, x
    terms = [_multiplied(b, p, q) for p in _cut(b, *x, LONG_PART) for q in _cut(b, *y, SHORT_PART)]
    while len(terms) > 2:
        cycles = _level_cycles(terms)
        pairs = zip(terms[::2], terms[1::2], _sums(terms), strict=False)
        joined = [_added(b, p, q, total, cycles) for p, q, total in pairs]
        rest = terms[len(terms) // 2 * 2 :]
        terms = [*joined, *(_Term(t.span, t.shift, b.delay(t.node, cycles)) for t in rest)]
    if len(terms) == 1:
        return terms[0].node
    (total,) = _sums(terms)
    if not is_apart(total.span):
        return _added(b, terms[0], terms[1], total, 1).node
    low, high = _aligned(b, terms[0], terms[1])
    return sum_apart(b, apart(b, low), apart(b, high), total.span)


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
    return 1 + any(is_apart(total.span) for total in _sums(terms))


def _aligned(b: Builder, p: _Term, q: _Term) -> tuple[int, int]:
    """The nodes of two terms over the lower one's power of two."""
    low, high = (p, q) if p.shift <= q.shift else (q, p)
    return low.node, b.shl(high.node, high.shift - low.shift)


def _added(b: Builder, p: _Term, q: _Term, total: _Term, cycles: int) -> _Term:
    """The sum of two terms, so many cycles later."""
    low, high = _aligned(b, p, q)
    if is_apart(total.span):
        found = sum_apart(b, apart(b, low), apart(b, high), total.span)
        return _Term(total.span, total.shift, together(b, found, total.span))
    node = b.delay(wide_sum(b, low, high, total.span), cycles)
    return _Term(total.span, total.shift, node)


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
