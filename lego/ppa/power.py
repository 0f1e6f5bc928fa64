"""Power from the cells of the netlist and the activity of the simulated run.

Per category: every data input of a cell switches with the category's mean activity; the energy
of a toggle is ``C V^2 / 2`` for the pin, and as much again inside the cell and on its wire. Clock
pins switch twice a cycle. Leakage is the library's. SRAM energy is the macro model's per access,
for every access that the simulated run made; SRAM leakage isn't modelled. Clock pins behind a clock gate count
as if it were always open, so that a mean activity never makes a design look better than it is;
`python -m benchmarks.gating` counts what they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lego.ppa.activity import Activity
from lego.ppa.library import Cell, Library
from lego.ppa.sram import macro
from lego.ppa.synthesis import Netlist

__all__ = ["METHOD", "Power", "cell_energy_fj", "power_of", "sram_power_uw"]

INTERNAL_FACTOR = 2.0
METHOD = (
    "C V^2/2 per toggle of each cell input at its category's mean simulated activity, doubled for "
    "cell-internal and wire energy; clock pins toggle twice a cycle, also behind clock gates; "
    "leakage from the library; "
    "SRAM energy per simulated access by the macro model, without leakage; activity is zero-delay, "
    "so glitches aren't counted"
)


@dataclass(frozen=True, slots=True)
class Power:
    """Microwatts of one category."""

    dynamic_uw: int
    clock_uw: int
    leakage_uw: int


def cell_energy_fj(cell: Cell, voltage: float, rate: float) -> tuple[float, float]:
    """Energy per cycle at the data inputs, which toggle at this rate, and at the clock pin."""
    per_ff = voltage**2 / 2 * INTERNAL_FACTOR
    return cell.input_ff * per_ff * rate, cell.clock_ff * per_ff * 2


def power_of(
    netlist: Netlist,
    library: Library,
    activity: Activity,
    period_ps: int,
) -> dict[str, Power]:
    """Power per category at the given clock period."""
    frequency_ghz = 1000 / period_ps
    totals: dict[str, list[float]] = {}
    for module, count in netlist.instances().items():
        if module not in netlist.cells:
            continue
        category = netlist.category(module)
        rate = activity.rate(category)
        sums = totals.setdefault(category, [0.0, 0.0, 0.0])
        for name, many in netlist.cells[module].items():
            cell = library.cells[name]
            data_fj, clock_fj = cell_energy_fj(cell, library.voltage, rate)
            sums[0] += count * many * data_fj * frequency_ghz
            sums[1] += count * many * clock_fj * frequency_ghz
            sums[2] += count * many * cell.leakage_nw / 1000
    return {name: Power(*(round(v) for v in sums)) for name, sums in sorted(totals.items())}


def sram_power_uw(
    macros: Sequence[Mapping[str, Any]], activity: Activity, period_ps: int
) -> dict[str, int]:
    """Microwatts of each operand's SRAM macros."""
    power = {}
    for m in macros:
        price = macro(m["bits"], m["depth"])
        accesses = activity.accesses.get(m["operand"], 0)
        power[m["operand"]] = round(
            1000 * price.energy_fj * accesses / (max(1, activity.cycles) * period_ps)
        )
    return power
