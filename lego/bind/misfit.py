"""Why something doesn't fit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Misfit"]


@dataclass(frozen=True, slots=True)
class Misfit:
    """A condition that fails, and why.

    Attributes
    ----------
    condition : `a`: what FUs compute; `b`: links; `c`: which FUs sum; `d`: over which counters values are
        held and summed; `e`: memory.
    reached : how far a way to run the operation got before this.
    """

    condition: str
    reason: str
    reached: int = 0
