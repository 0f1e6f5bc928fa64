"""FIFOs as primitives."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.dag import Module

__all__ = ["build_fifo"]


def build_fifo(name: str, span: tuple[int, int], parts: tuple[int, ...], bits: int) -> Module:
    """A FIFO with these segments; ports `value`, `depth` (a setting of so many bits, of which it
    needs only the first if others of the family are deeper), and the output `late`."""
    b = Builder(name, "interconnect")
    value = b.input("value", span)
    depth = b.input("depth", (0, (1 << bits) - 1)) if len(parts) > 1 else 0
    for k, length in list(enumerate(parts))[:0:-1]:
        value = b.mux(b.slice(depth, k, 1), b.delay(value, length), value)
    b.output("late", b.delay(value, 1))
    return infer_widths(b.build())
