"""The behavioural model of an SRAM: what every memory is made of where no macros are given.

A word that is read appears a cycle after its address, and stays until the next is read. FPGA tools make
block RAMs of it.
"""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.dag import Module, index_bits

__all__ = ["Ports", "lanes_written", "ports_of", "sram_model"]

Ports = tuple[tuple[int, int], tuple[int, int, int]]
"""Nodes of the read port (address, enable) and of the write port (address, data, enable)."""


def ports_of(b: Builder, words: int, bits: int) -> Ports:
    """The input ports of the module of a shape, in their order, but for the mask."""
    address = (0, (1 << index_bits(words)) - 1)
    read = b.input("raddr", address), b.input("ren")
    word = (0, (1 << bits) - 1)
    return read, (b.input("waddr", address), b.input("wdata", word), b.input("wen"))


def lanes_written(b: Builder, wen: int, lanes: int) -> int:
    """The lanes that are written, a bit of each: those of the mask, if any are; the enable of one lane."""
    if lanes == 1:
        return wen
    mask = b.input("wmask", (0, (1 << lanes) - 1))
    return b.mux(wen, mask, b.const(0))


def sram_model(name: str, words: int, bits: int, lanes: int = 1) -> Module:
    """A RAM of so many words, with a mask of the `lanes` that are written; words hold anything at first."""
    b = Builder(name, "memory")
    read, (waddr, wdata, wen) = ports_of(b, words, bits)
    write = waddr, wdata, lanes_written(b, wen, lanes)
    b.output("rdata", b.memory(read, write, words, bits, lanes))
    return infer_widths(b.build())
