"""A mapped netlist as Yosys's `write_json` writes it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

__all__ = ["Bit", "RawCell", "RawDesign", "RawModule", "RawNet", "RawPort"]

Bit = int | str
"""The number of a net in its module, or a constant: ``0``, ``1``, ``x`` or ``z``."""


class RawPort(TypedDict):
    """A port of a module, the lowest bit first."""

    direction: str
    bits: list[Bit]


class RawCell(TypedDict):
    """An instance of a library cell or a module, with what is at its ports."""

    type: str
    connections: dict[str, list[Bit]]


class RawNet(TypedDict):
    """A name of bits; `offset` is the number of the first, 0 if it isn't there."""

    bits: list[Bit]
    offset: NotRequired[int]


class RawModule(TypedDict):
    """A module by the names of what is in it."""

    ports: dict[str, RawPort]
    cells: dict[str, RawCell]
    netnames: dict[str, RawNet]


class RawDesign(TypedDict):
    """All modules by their names."""

    modules: dict[str, RawModule]
