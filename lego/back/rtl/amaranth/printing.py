"""Faster versions of how Amaranth prints wires and cells as RTLIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.back import rtlil

__all__ = ["emit_cell", "emit_wire"]


def emit_wire(self: rtlil.Wire, line: rtlil.Emitter) -> None:
    """The lines of a wire."""
    if self.port_kind is not None or self.attributes:
        _EMIT_WIRE(self, line)
        return
    signed = " signed" if self.signed else ""
    line._lines.append(f"{line._indent}wire width {self.width}{signed} {self.name}\n\n")


def emit_cell(self: rtlil.Cell, line: rtlil.Emitter) -> None:
    """The lines of a cell."""
    if self.attributes or not all(map(_is_plain, self.parameters.values())):
        _EMIT_CELL(self, line)
        return
    pad = line._indent
    lines = [f"{pad}cell {self.kind} {self.name}\n"]
    lines += [f"{pad}  parameter \\{key} {value:d}\n" for key, value in self.parameters.items()]
    lines += [f"{pad}  connect \\{key} {value}\n" for key, value in self.ports.items()]
    lines.append(f"{pad}end\n\n")
    line._lines += lines


def _is_plain(value: object) -> bool:
    """Whether a parameter is printed as a decimal number."""
    return isinstance(value, int) and 0 <= value < 2**31 - 1


_EMIT_WIRE: Callable[..., Any] = rtlil.Wire.emit
_EMIT_CELL: Callable[..., Any] = rtlil.Cell.emit
