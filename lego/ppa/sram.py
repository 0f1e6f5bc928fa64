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

__all__ = ["MODEL", "MacroPrice", "macro"]

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
