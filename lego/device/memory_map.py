"""Where tensors and constants lie in DRAM."""

from __future__ import annotations

from dataclasses import dataclass, field

from lego.device.blocked import Blocked

__all__ = ["CONSTANTS", "DATA", "PROGRAM", "Dram", "Located"]

PROGRAM, CONSTANTS, DATA = 0, 1, 2
"""Segments: commands, what is known when the program is made, and tensors."""

ALIGNMENT = 64
"""Bytes to a multiple of which everything begins."""


@dataclass(frozen=True, slots=True)
class Located:
    """A tensor in DRAM: its layout, and its first byte in its segment."""

    layout: Blocked
    segment: int
    offset: int


@dataclass
class Dram:
    """DRAM as a program fills it.

    Attributes
    ----------
    constants : bytes of that segment.
    tensors : in the data segment, by name.
    size : bytes of the data segment.
    """

    constants: bytearray = field(default_factory=bytearray)
    tensors: dict[str, Located] = field(default_factory=dict)
    size: int = 0

    def constant(self, data: bytes) -> int:
        """Put bytes among the constants; returns where."""
        offset = len(self.constants)
        self.constants += data + bytes(-len(data) % ALIGNMENT)
        return offset

    def tensor(self, layout: Blocked) -> Located:
        """Make room for a tensor."""
        found = Located(layout, DATA, self.size)
        self.tensors[layout.name] = found
        self.size += layout.size + -layout.size % ALIGNMENT
        return found
