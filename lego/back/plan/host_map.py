"""The address map of the host port."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import address_bits
from lego.ir.dag import index_bits

__all__ = ["HostMap", "host_map"]


@dataclass(frozen=True, slots=True)
class HostMap:
    """Address map of the host port, in words.

    Region 0 holds the registers, region `1 + k` operand k's banks side by side.
    """

    offset_bits: int
    region_bits: int
    data_bits: int
    mask_bits: int = 0

    @property
    def address_bits(self) -> int:
        """Width of a host address."""
        return self.offset_bits + self.region_bits

    def base(self, region: int) -> int:
        """First address of a region."""
        return region << self.offset_bits


def host_map(design: DesignPlan) -> HostMap:
    """Least map that holds all registers and memories."""
    fused, buffers, specs = design.fused, design.buffers, design.registers
    needed = [
        address_bits(buffer.depth) + index_bits(buffer.groups) + buffer.halves - 1
        for buffer in buffers
    ]
    needed.append(index_bits(len(specs)))
    beats = [buffer.lanes * buffer.bits for buffer in buffers] if fused.engines else []
    width = max(
        [32, fused.dma_bits, *beats, *(buffer.bits for buffer in buffers), *(s.bits for s in specs)]
    )
    lanes = max(buffer.lanes for buffer in buffers)
    return HostMap(max(needed), index_bits(1 + len(buffers)), width, lanes if lanes > 1 else 0)
