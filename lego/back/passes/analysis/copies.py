"""Names of what broadcast rewiring splits."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["original", "part_of"]

_MARK = "_part"


def part_of(name: str, number: int) -> str:
    """The name of a port's part; the first part keeps the port's."""
    return f"{name}{_MARK}{number}" if number else name


def original(name: str, ports: Collection[str]) -> str:
    """The port, among these, that something is or is a part of; its own name if it is neither."""
    if name in ports:
        return name
    head, mark, number = name.rpartition(_MARK)
    return head if mark and number.isdecimal() and head in ports else name
