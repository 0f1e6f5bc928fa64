"""Interval arithmetic in unbounded integers; an interval is its least and its largest value."""

from __future__ import annotations

__all__ = [
    "Interval",
    "absolute",
    "added",
    "hull",
    "larger",
    "multiplied",
    "negated",
    "raised",
    "reduced",
    "smaller",
    "subtracted",
]

Interval = tuple[int, int]


def added(x: Interval, y: Interval) -> Interval:
    """Of sums."""
    return x[0] + y[0], x[1] + y[1]


def subtracted(x: Interval, y: Interval) -> Interval:
    """Of differences."""
    return x[0] - y[1], x[1] - y[0]


def multiplied(x: Interval, y: Interval) -> Interval:
    """Of products."""
    corners = [a * b for a in x for b in y]
    return min(corners), max(corners)


def negated(x: Interval) -> Interval:
    """Of negative values."""
    return -x[1], -x[0]


def absolute(x: Interval) -> Interval:
    """Of absolute values."""
    low, high = x
    least = 0 if low <= 0 <= high else min(abs(low), abs(high))
    return least, max(abs(low), abs(high))


def larger(*intervals: Interval) -> Interval:
    """Of the largest of values, one from each."""
    return max(low for low, _ in intervals), max(high for _, high in intervals)


def smaller(*intervals: Interval) -> Interval:
    """Of the least of values, one from each."""
    return min(low for low, _ in intervals), min(high for _, high in intervals)


def hull(*intervals: Interval) -> Interval:
    """Of a value that is in one of them."""
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def raised(x: Interval, by: int) -> Interval:
    """Of values shifted left."""
    return x[0] << by, x[1] << by


def reduced(x: Interval, by: int) -> Interval:
    """Of values shifted right, rounded down."""
    return x[0] >> by, x[1] >> by
