"""The module of a shape made of somebody else's macros: black boxes, and the logic that joins them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.sram.arrange import held_bits
from lego.back.sram.model import lanes_written, ports_of
from lego.back.sram.share import Shape
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
    lanes = max(1, cell.masks)
    if cell.mask:
        mask = b.input(cell.mask, (0, (1 << lanes) - 1))
        write = *write[:2], b.mux(write[2], _active(b, cell, mask), b.const(0))
    b.output(cell.read_data, b.memory(read, write, cell.words, cell.bits, lanes))
    return replace(infer_widths(b.build()), clocks=cell.clocks)


def _active(b: Builder, cell: SramCell, mask: int) -> int:
    """A mask from what is on when high to what the macro takes, or back."""
    if cell.mask not in cell.active_low:
        return mask
    return b.op(Op.CAT, *(b.invert(b.slice(mask, k, 1)) for k in range(cell.masks)))


def sram_wrapper(
    name: str, shape: Shape, bands: Sequence[Band], cells: Mapping[str, SramCell]
) -> Module:
    """An SRAM of a shape, words, bits and lanes that are written apart, made of these macros.

    The words' upper address bits tell the band, which alone is enabled; as they were when a word was
    read, they choose among what the bands give.
    """
    b, (words, bits, lanes) = Builder(name, "memory"), shape
    (raddr, ren), (waddr, wdata, wen) = ports_of(b, words, bits)
    written = lanes_written(b, wen, lanes)
    found = b.const(0)
    for k, band in enumerate(bands):
        here, there = (_here(b, at, words, band, len(bands)) for at in (raddr, waddr))
        read = _local(b, raddr, words, band), b.all([ren, *here])
        write = _Write(_local(b, waddr, words, band), wdata, [wen, *there], written, lanes)
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
    write: _Write,
) -> int:
    """The macros of one band; returns the word that they give."""
    parts, start = [], 0
    for k, cell in enumerate(cells):
        own = held_bits(cell, start, bits, write.lanes)
        wires = dict(_wires(b, cell, read, write.part(b, cell, start, own, bits // write.lanes)))
        given = b.instance(black_box(cell), f"macro_{number}_{k}", wires)[cell.read_data]
        parts.append(b.slice(given, 0, own))
        start += own
    return b.op(Op.CAT, *parts) if len(parts) > 1 else parts[0]


@dataclass(frozen=True, slots=True)
class _Write:
    """The write port of a band: address, word, enables, and the lanes that are written, a bit of each."""

    address: int
    data: int
    enables: Sequence[int]
    written: int
    lanes: int

    def part(
        self, b: Builder, cell: SramCell, start: int, own: int, lane: int
    ) -> tuple[int, int, int, int]:
        """Address, data, enable and mask of a macro that holds so many bits of the words."""
        data = b.slice(self.data, start, own)
        every = b.const((1 << cell.masks) - 1)
        if self.lanes == 1:
            return self.address, data, b.all(self.enables), every
        bits = [b.slice(self.written, at // lane, 1) for at in range(start, start + own)]
        if own <= lane:
            return self.address, data, b.all([*self.enables, bits[0]]), every
        mask = [*bits[:: cell.mask_bits], *[b.const(0)] * cell.masks][: cell.masks]
        return self.address, data, b.all(self.enables), b.op(Op.CAT, *mask)


def _wires(
    b: Builder, cell: SramCell, read: tuple[int, int], write: tuple[int, int, int, int]
) -> Iterator[tuple[str, int]]:
    """What is at each pin of a macro."""
    address = (0, (1 << index_bits(cell.words)) - 1)
    yield cell.read_address, b.wrap(read[0], address)
    yield cell.write_address, b.wrap(write[0], address)
    yield cell.write_data, b.wrap(write[1], (0, (1 << cell.bits) - 1))
    for pins, enable in ((cell.read_enables, read[1]), (cell.write_enables, write[2])):
        for pin in pins:
            yield pin, b.invert(enable) if pin in cell.active_low else enable
    if cell.mask:
        yield cell.mask, _active(b, cell, b.wrap(write[3], (0, (1 << cell.masks) - 1)))
    for pin, ties in cell.ties:
        yield pin, b.wrap(b.const(int(ties, 2)), (0, (1 << len(ties)) - 1))
