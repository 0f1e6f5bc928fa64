"""Runs of the vector engine over words that follow no rule, or one that nests of counters know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from lego.ir.vector.plan import COUNTERS
from lego.mapping.nests import Counter, nests_of

__all__ = ["vector_runs"]

Array = NDArray[np.int64]


def _name(column: str, end: str) -> str:
    """The register of a column: of its first value, or of its step."""
    if column == "rotate":
        return f"rotate_{end}" if end != "address" else column
    return f"{column}_{end}"


def vector_runs(
    columns: Mapping[str, Array], inner: Mapping[str, Array] | None = None
) -> Iterator[dict[str, int]]:
    """Registers of runs that go through words, in their order.

    `columns` has words by stream, `a`, `b` and `d`, and under `rotate` lanes, for every element; `inner` what
    is added to them at each of the points that are reduced to one element.
    """
    window = _window(columns, inner)
    names = tuple(columns)
    room = COUNTERS - len(window)
    for nest in nests_of(np.stack([columns[name] for name in names], axis=1), room):
        found = {"inner": len(window)}
        every = (*nest.counters, *window)
        for k in range(COUNTERS - len(every)):
            found |= {f"trip{k}": 0} | {_name(name, f"step{k}"): 0 for name in names}
        for k, (trips, steps) in enumerate(every, start=COUNTERS - len(every)):
            found[f"trip{k}"] = trips - 1
            found |= {_name(n, f"step{k}"): s for n, s in zip(names, steps, strict=True)}
        found |= {_name(n, "address"): first for n, first in zip(names, nest.base, strict=True)}
        yield found


def _window(columns: Mapping[str, Array], inner: Mapping[str, Array] | None) -> tuple[Counter, ...]:
    """The counters of what is reduced. Raises ValueError if they are no single nest."""
    if inner is None:
        return ()
    count = len(next(iter(inner.values())))
    rows = [inner.get(name, np.zeros(count, dtype=np.int64)) for name in columns]
    nests = nests_of(np.stack(rows, axis=1), COUNTERS - 1)
    if len(nests) != 1:
        raise ValueError("what is reduced to an element is no nest of counters")
    return nests[0].counters
