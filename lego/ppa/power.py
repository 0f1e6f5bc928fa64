"""Power from the cells of the netlist and the activity of the simulated run.

Per category: every data input of a cell switches with the category's mean activity; the energy
of a toggle is ``C V^2 / 2`` for the pin, and as much again inside the cell and on its wire. Clock
pins switch twice a cycle. Leakage is the library's. SRAM energy is per access.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lego.ppa.library import Library
from lego.ppa.synthesis import Netlist

__all__ = ["METHOD", "Power", "power_of"]

INTERNAL_FACTOR = 2.0
METHOD = (
    "C V^2/2 per toggle of each cell input at its category's mean simulated activity, doubled for "
    "cell-internal and wire energy; clock pins toggle twice a cycle; leakage from the library; "
    "SRAM energy per access by the macro model"
)


@dataclass(frozen=True, slots=True)
class Power:
    """Microwatts of one category."""

    dynamic_uw: int
    clock_uw: int
    leakage_uw: int


def power_of(
    netlist: Netlist,
    library: Library,
    categories: Mapping[str, str],
    activity: Mapping[str, float],
    period_ps: int,
    default: float,
) -> dict[str, Power]:
    """Power per category at the given clock period."""
    frequency_ghz = 1000 / period_ps
    totals: dict[str, list[float]] = {}
    for module, count in netlist.instances().items():
        if module not in netlist.cells:
            continue
        category = categories.get(module, "control")
        rate = activity.get(category, default)
        sums = totals.setdefault(category, [0.0, 0.0, 0.0])
        for name, many in netlist.cells[module].items():
            cell = library.cells[name]
            energy_fj = library.voltage**2 / 2
            sums[0] += (
                count * many * cell.input_ff * energy_fj * INTERNAL_FACTOR * rate * frequency_ghz
            )
            sums[1] += (
                count * many * cell.clock_ff * energy_fj * INTERNAL_FACTOR * 2 * frequency_ghz
            )
            sums[2] += count * many * cell.leakage_nw / 1000
    return {name: Power(*(round(v) for v in sums)) for name, sums in sorted(totals.items())}
