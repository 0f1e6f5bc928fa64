"""How many pins a net may drive."""

from __future__ import annotations

__all__ = ["BUFFERED", "MAX_FANOUT"]


MAX_FANOUT = 16
"""Pins per net."""


BUFFERED = 8
"""Pins behind a port of a small module, at most: synthesis buffers more of them inside."""
