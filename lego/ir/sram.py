"""SRAMs with one read and one write port: their shapes, and macros of a memory compiler that make them."""

from __future__ import annotations

from dataclasses import dataclass

from lego.ir.costs import COSTS

__all__ = ["FLOOR", "MODELS_FILE", "PREFIX", "SRAM_FILE", "Band", "SramCell", "SramMap"]
__all__ += ["area_of", "built_words", "in_registers", "sram_name"]

PREFIX = "lego_sram_"
SRAM_FILE = "lego_sram.v"
"""The file of an artefact folder that holds a module per shape."""

MODELS_FILE = "lego_sram_models.v"
"""The copy of the models of macros in an artefact folder."""


def sram_name(words: int, bits: int, lanes: int = 1) -> str:
    """The module of all memories of so many words of so many bits, which have a mask for so many lanes.

    >>> sram_name(256, 32)
    'lego_sram_256x32_1r1w'
    >>> sram_name(64, 128, 16)
    'lego_sram_64x128m8_1r1w'
    """
    mask = f"m{bits // lanes}" if lanes > 1 else ""
    return f"{PREFIX}{words}x{bits}{mask}_1r1w"


FLOOR = 64, 8
"""Words and bits of the smallest macros that memory compilers offer."""


def in_registers(words: int, bits: int) -> bool:
    """Whether a memory is so small that nobody offers a macro: it is priced as registers."""
    return words < FLOOR[0] or bits < FLOOR[1]


def area_of(words: int, bits: int) -> int:
    """Area of a memory in the units of :class:`lego.ir.costs.CostTable`: an SRAM, or registers."""
    if in_registers(words, bits):
        return bits * (COSTS.stored_word_bit + words * COSTS.stored_bit)
    return COSTS.bank + bits * words * COSTS.sram_bit


def built_words(words: int, bits: int) -> int:
    """Words to build for so many: as many, or those of the smallest macro where that takes less area."""
    return min(words, max(words, FLOOR[0]), key=lambda n: (area_of(n, bits), n))


@dataclass(frozen=True, slots=True)
class SramCell:
    """A macro that somebody else makes: one read and one write port, all at a rising clock.

    Attributes
    ----------
    words, bits : its size.
    clocks, read_enables, write_enables : pins that are all connected alike.
    read_address, read_data, write_address, write_data : buses.
    active_low : enables, and the mask, that are on when low.
    ties : pins that are constant, with their bits, the highest first.
    area, energy, access : in 1e-3 um2, fJ per access, and ps; 0 where the model says.
    mask : bus of which each bit lets `mask_bits` bits of a word be written; "" if there is none.
    """

    module: str
    words: int
    bits: int
    clocks: tuple[str, ...]
    read_address: str
    read_enables: tuple[str, ...]
    read_data: str
    write_address: str
    write_enables: tuple[str, ...]
    write_data: str
    active_low: tuple[str, ...] = ()
    ties: tuple[tuple[str, str], ...] = ()
    area: int = 0
    energy: int = 0
    access: int = 0
    mask: str = ""
    mask_bits: int = 0

    @property
    def masks(self) -> int:
        """Bits of the mask."""
        return -(-self.bits // self.mask_bits) if self.mask else 0

    @property
    def pins(self) -> tuple[str, ...]:
        """All of its pins."""
        buses = (self.read_address, self.read_data, self.write_address, self.write_data)
        enables = (*self.read_enables, *self.write_enables, *[self.mask] * bool(self.mask))
        return (*self.clocks, *buses, *enables, *(pin for pin, _ in self.ties))


@dataclass(frozen=True, slots=True)
class Band:
    """Macros side by side, which hold as many words of an SRAM as their `height`, from `start` on."""

    start: int
    height: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SramMap:
    """The macros that there are, and Verilog that models them, b"" where there is none."""

    cells: tuple[SramCell, ...]
    models: bytes = b""
