"""How far something is that takes a while: who does it tells who shows it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Tell", "silent"]

Tell = Callable[[str, int, int], None]
"""What is being done now, how many of its steps are done, and how many there are; 0 if nobody knows."""


def silent(_stage: str, _done: int, _steps: int) -> None:
    """Nobody listens."""
