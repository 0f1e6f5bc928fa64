"""The module of a shape made of somebody else's macros: black boxes, and the logic that joins them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.sram.model import ports_of
from lego.ir.dag import Module, Op, index_bits
from lego.ir.sram import Band, SramCell

__all__ = ["black_box", "sram_wrapper"]


def black_box(cell: SramCell) -> Module:
    """A macro's ports, around a RAM that stands for what is inside."""
    b = Builder(cell.module, "memory")
    address, word = (0, (1 << index_bits(cell.words)) - 1), (0, (1 << cell.bits) - 1)
    reads, writes = (
        [b.invert(b.input(pin)) if pin in cell.active_low else b.input(pin) for pin in pins]
        for pins in (cell.read_enables, cell.write_enables)
    )
    for pin, bits in cell.ties:
        b.input(pin, (0, (1 << len(bits)) - 1))
    read = b.input(cell.read_address, address), b.all(reads)
    write = b.input(cell.write_address, address), b.input(cell.write_data, word), b.all(writes)
    b.output(cell.read_data, b.memory(read, write, cell.words, cell.bits))
    return replace(infer_widths(b.build()), clocks=cell.clocks)


def sram_wrapper(
    name: str, words: int, bits: int, bands: Sequence[Band], cells: Mapping[str, SramCell]
) -> Module:
    """An SRAM of so many words made of these macros.

    The words' upper address bits tell the band, which alone is enabled; as they were when a word was
    read, they choose among what the bands give.
    """
    b = Builder(name, "memory")
    (raddr, ren), (waddr, wdata, wen) = ports_of(b, words, bits)
    found = b.const(0)
    for k, band in enumerate(bands):
        here, there = (_here(b, at, words, band, len(bands)) for at in (raddr, waddr))
        read = _local(b, raddr, words, band), b.all([ren, *here])
        write = _local(b, waddr, words, band), wdata, b.all([wen, *there])
        word = _band(b, k, [cells[c] for c in band.cells], bits, read, write)
        if k:
            held = b.reg((0, 1), name=f"read_{k}", resets=False)
            b.drive(held, here[0], ren)
            word = b.mux(held, word, found)
        found = word
    b.output("rdata", found)
    return infer_widths(b.build())


def _here(b: Builder, address: int, words: int, band: Band, bands: int) -> list[int]:
    """Whether an address is in a band: its upper bits are the band's number; nothing if there is one."""
    if bands == 1:
        return []
    low = band.height.bit_length() - 1
    upper = b.slice(address, low, index_bits(words) - low)
    return [b.eq(upper, b.const(band.start >> low))]


def _local(b: Builder, address: int, words: int, band: Band) -> int:
    """The address in a band, whose height is a power of two unless it is the only one."""
    return b.slice(address, 0, min(index_bits(words), index_bits(band.height)))


def _band(
    b: Builder,
    number: int,
    cells: Sequence[SramCell],
    bits: int,
    read: tuple[int, int],
    write: tuple[int, int, int],
) -> int:
    """The macros of one band; returns the word that they give."""
    parts, start = [], 0
    for k, cell in enumerate(cells):
        own = min(cell.bits, bits - start)
        data = b.slice(write[1], start, own)
        wires = dict(_wires(b, cell, read, (write[0], data, write[2])))
        given = b.instance(black_box(cell), f"macro_{number}_{k}", wires)[cell.read_data]
        parts.append(b.slice(given, 0, own))
        start += own
    return b.op(Op.CAT, *parts) if len(parts) > 1 else parts[0]


def _wires(
    b: Builder, cell: SramCell, read: tuple[int, int], write: tuple[int, int, int]
) -> Iterator[tuple[str, int]]:
    """What is at each pin of a macro."""
    address = (0, (1 << index_bits(cell.words)) - 1)
    yield cell.read_address, b.wrap(read[0], address)
    yield cell.write_address, b.wrap(write[0], address)
    yield cell.write_data, b.wrap(write[1], (0, (1 << cell.bits) - 1))
    for pins, enable in ((cell.read_enables, read[1]), (cell.write_enables, write[2])):
        for pin in pins:
            yield pin, b.invert(enable) if pin in cell.active_low else enable
    for pin, bits in cell.ties:
        yield pin, b.wrap(b.const(int(bits, 2)), (0, (1 << len(bits)) - 1))
