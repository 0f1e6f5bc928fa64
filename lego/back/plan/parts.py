"""Which modules of a graph are what, by name; passes keep the names."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Parts"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Names of modules.

    Attributes
    ----------
    fus : kinds of FUs.
    sequencer, agus : of the control; one address generator per memory.
    memories : by memory.
    banks : kinds of banks, with the RAM that each holds.
    """

    fus: tuple[str, ...]
    sequencer: str
    agus: tuple[str, ...]
    memories: tuple[str, ...]
    banks: tuple[tuple[str, str], ...]
