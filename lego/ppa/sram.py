"""An analytical model of SRAM macros with one read and one write port at 45 nm.

It is an estimate, said so wherever its figures appear. Per macro of ``N = bits x depth`` cells in a
square of ``n = sqrt(N)``: area ``1.6 (0.374 N + 7.5 n + 100)`` um2 (0.374 um2 is a published
45 nm 6T cell; 1.6 for the second port; the rest is periphery), energy per access
``bits (0.02 + 0.000445 n)`` pJ, access time ``0.25 + 0.0011 n`` ns. The constants are fitted to
CACTI 7 at 45 nm, 16 KB x 64 bit, single port: 0.051 mm2 and 11.6 pJ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lego.ir.dag import index_bits
from lego.ir.device import Device, Macro
from lego.ir.sram import SramCell

__all__ = ["MODEL", "BlackBox", "MacroPrice", "black_boxes", "macro", "price_of"]

MODEL = (
    "analytical, fitted to CACTI 7 at 45 nm (16 KB x 64 bit: 0.051 mm2, 11.6 pJ); 1R1W factor 1.6"
)


@dataclass(frozen=True, slots=True)
class MacroPrice:
    """Price of one macro."""

    area_nm2_k: int
    energy_fj: int
    access_ps: int


def macro(bits: int, depth: int) -> MacroPrice:
    """Area in 1e-3 um2, energy per access in fJ, access time in ps."""
    cells = bits * depth
    side = math.sqrt(cells)
    area = 1.6 * (0.374 * cells + 7.5 * side + 100)
    return MacroPrice(
        round(area * 1000),
        round(bits * (0.02 + 0.000445 * side) * 1000),
        round((0.25 + 0.0011 * side) * 1000),
    )


@dataclass(frozen=True, slots=True)
class BlackBox:
    """A macro as synthesis and timing see it: pins with their bits, and its price."""

    module: str
    clocks: tuple[str, ...]
    inputs: tuple[tuple[str, int], ...]
    output: tuple[str, int]
    price: MacroPrice


def black_boxes(device: Device) -> tuple[BlackBox, ...]:
    """The macros in a device, each once: those of its map, or one per shape that isn't registers."""
    shapes = {m.module: m for m in device.srams if not m.registers and not m.bands}
    return (*map(_shape, shapes.values()), *map(_cell, device.sram_cells))


def price_of(macro_: Macro, device: Device) -> MacroPrice:
    """One SRAM: area of all its macros, energy of an access, which is of one band; its slowest macro."""
    if macro_.registers:
        return MacroPrice(0, 0, 0)
    if not macro_.bands:
        return macro(macro_.bits, macro_.depth)
    prices = {box.module: box.price for box in black_boxes(device)}
    area = energy = 0
    for band in macro_.bands:
        words = min(band.height, macro_.depth - band.start)
        area += sum(prices[cell].area_nm2_k for cell in band.cells)
        energy += words * sum(prices[cell].energy_fj for cell in band.cells)
    slowest = max(prices[cell].access_ps for band in macro_.bands for cell in band.cells)
    return MacroPrice(area, round(energy / macro_.depth), slowest)


def _shape(m: Macro) -> BlackBox:
    address = index_bits(m.depth)
    inputs = [("raddr", address), ("ren", 1), ("waddr", address), ("wdata", m.bits), ("wen", 1)]
    inputs += [("wmask", m.lanes)] if m.lanes > 1 else []
    return BlackBox(m.module, ("clk",), tuple(inputs), ("rdata", m.bits), macro(m.bits, m.depth))


def _cell(c: SramCell) -> BlackBox:
    address, model = index_bits(c.words), macro(c.bits, c.words)
    inputs = [(pin, 1) for pin in (*c.read_enables, *c.write_enables)]
    inputs += [(c.read_address, address), (c.write_address, address), (c.write_data, c.bits)]
    inputs += [(pin, len(bits)) for pin, bits in c.ties]
    inputs += [(c.mask, c.masks)] if c.mask else []
    price = MacroPrice(
        c.area or model.area_nm2_k, c.energy or model.energy_fj, c.access or model.access_ps
    )
    return BlackBox(c.module, c.clocks, tuple(inputs), (c.read_data, c.bits), price)
