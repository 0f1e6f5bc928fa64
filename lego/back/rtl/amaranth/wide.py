"""Modules with very many port bits, around a limit of Amaranth.

Amaranth 0.5 numbers the bits that one cell gives with 16 bits, and counts the input ports of a module as
one cell. Where there are more, every input port is made a cell of its own, and an instance with many
outputs several; in the RTLIL they become what they stand for again.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

__all__ = ["BITS", "INPUT", "is_wide", "joined", "pieces"]

BITS = 1 << 16
"""Bits of one cell."""

INPUT = "lego_input"
"""Type of a cell that stands for an input port."""

_PIECE = "__piece"
_PORT = re.compile(r"parameter \\WIDTH (\d+)\n.*connect \\q (.*)")
_CELL = re.compile(r"^  cell (\S+) (\S+)\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)


def is_wide(bits: Iterable[int]) -> bool:
    """Whether ports of these widths are too many for one cell; clock and reset are counted as well."""
    return sum(bits) + 2 > BITS


def pieces(name: str, outputs: Iterable[tuple[str, int]]) -> list[tuple[str, list[str]]]:
    """Names for an instance and the parts of it that give its outputs, few enough in each."""
    groups: list[list[str]] = [[]]
    room = BITS
    for port, bits in outputs:
        if bits > room:
            groups.append([])
            room = BITS
        groups[-1].append(port)
        room -= bits
    return [(name + f"{_PIECE}{k}" * (k > 0), group) for k, group in enumerate(groups)]


def joined(rtlil: str) -> str:
    """The RTLIL of one module with the cells that stand for ports and parts of instances replaced.

    A cell that stands for an input port has the port's name, its width as a parameter, and one output.
    """
    if _PIECE not in rtlil and INPUT not in rtlil:
        return rtlil
    more: dict[str, str] = {}
    for _, name, body in _CELL.findall(rtlil):
        if _PIECE in name:
            whole = name.split(_PIECE)[0]
            more[whole] = more.get(whole, "") + body
    ports = itertools.count(BITS)

    def replaced(cell: re.Match[str]) -> str:
        kind, name, body = cell.groups()
        if kind == f"\\{INPUT}":
            width, value = _PORT.findall(body)[0]
            return f"  wire width {width} input {next(ports)} {name}\n  connect {value} {name}\n"
        if _PIECE in name:
            return ""
        return f"  cell {kind} {name}\n{body}{more.get(name, '')}  end\n"

    return _CELL.sub(replaced, rtlil)
