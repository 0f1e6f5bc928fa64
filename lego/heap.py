"""How often Python looks for cycles of garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["rarely_collected"]

ALLOCATIONS = 500_000
"""Objects between two looks at the young ones; Python's own 700 costs a compile a quarter of its time."""

HARDLY = 20_000_000
"""The same where next to nothing is left in cycles: objects that stay are looked at in vain."""


@contextmanager
def rarely_collected(allocations: int = ALLOCATIONS) -> Iterator[None]:
    """Look for garbage rarely: graphs of primitives are many small objects that live long."""
    before = gc.get_threshold()
    gc.set_threshold(max(allocations, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
