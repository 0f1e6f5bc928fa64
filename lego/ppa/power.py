"""Power from the cells of the netlist and the activity of the simulated run.

Each net toggles at the mean rate of the category that drives it, the clock's twice a cycle, those
behind clock gates as often as the gate is open. A toggle takes ``C V^2 / 2`` for the pins and the
wire of the net, and what the library's tables say for the cells at it (`lego.ppa.inner`), at the
slews and loads of the timing analysis. Leakage is the library's. SRAM energy is the macro model's
per access, for every access that the simulated run made; SRAM leakage isn't modelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lego.ir.device import Device
from lego.ppa.activity import Activity
from lego.ppa.circuit import HIGH, LOW, OPEN, Circuit
from lego.ppa.gates import Gates, clock_rates
from lego.ppa.inner import Counting, inner_fj
from lego.ppa.library import Library
from lego.ppa.sram import price_of
from lego.ppa.sta import Analysis

__all__ = [
    "METHOD",
    "Energy",
    "Power",
    "Toggles",
    "energy_of",
    "power_of",
    "sram_power_uw",
    "toggles_of",
]

METHOD = (
    "C V^2/2 of pins and wire per toggle of a net, and the library's internal energy at the "
    "slews and loads of the timing analysis, mean over states; nets toggle at the mean "
    "simulated activity of the category that drives them, the clock twice a cycle, and "
    "behind clock gates in the share of the simulated cycles in which they are open; leakage "
    "from the library; SRAM energy per simulated access by the macro model, without leakage; "
    "activity is zero-delay, so glitches aren't counted"
)

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Power:
    """Microwatts of one category: charging nets, inside cells, all of both for clocks, leakage."""

    switching_uw: int
    internal_uw: int
    clock_uw: int
    leakage_uw: int

    @property
    def total_uw(self) -> int:
        """The sum."""
        return self.switching_uw + self.internal_uw + self.clock_uw + self.leakage_uw


@dataclass(slots=True)
class Energy:
    """fJ per cycle of one category, and its leakage in nW.

    Attributes
    ----------
    nets, clock_nets : charging nets that its cells drive.
    ports, clock_port : charging its pins on nets that ports of the design drive.
    cells, clock_cells : inside its cells, at pins on other nets, and on the clock's.
    """

    nets: float = 0.0
    clock_nets: float = 0.0
    ports: float = 0.0
    clock_port: float = 0.0
    cells: float = 0.0
    clock_cells: float = 0.0
    leakage_nw: float = 0.0

    def __add__(self, other: Energy) -> Energy:
        return Energy(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def total_fj(self) -> float:
        """Energy per cycle without leakage."""
        return (
            self.nets
            + self.clock_nets
            + self.ports
            + self.clock_port
            + self.cells
            + self.clock_cells
        )


def power_of(
    circuit: Circuit,
    analysis: Analysis,
    library: Library,
    category: Callable[[str], str],
    activity: Activity,
    period_ps: int,
) -> tuple[dict[str, Power], Gates]:
    """Power per category at the given clock period; `category` tells a module's. And what is known
    of clock gates."""
    gates = clock_rates(circuit, activity.high)
    toggles = toggles_of(circuit, library, category, activity.rate, gates.rates)
    found = energy_of(circuit, analysis, library, toggles)
    frequency_ghz = 1000 / period_ps
    return {
        name: Power(
            round((e.nets + e.ports) * frequency_ghz),
            round(e.cells * frequency_ghz),
            round((e.clock_nets + e.clock_port + e.clock_cells) * frequency_ghz),
            round(e.leakage_nw / 1000),
        )
        for name, e in found.items()
    }, gates


@dataclass(frozen=True, slots=True)
class Toggles:
    """How often each net toggles, and who drives it.

    Attributes
    ----------
    names : categories.
    owners : per cell, the category of each instance, by its number.
    driver : per net the category that drives it; -1 for what no cell drives.
    rates : toggles per cycle of each net.
    on_clock : whether a net is the clock's, gated or not.
    """

    names: tuple[str, ...]
    owners: dict[str, Ints]
    driver: Ints
    rates: Floats
    on_clock: NDArray[np.bool_]


def toggles_of(
    circuit: Circuit,
    library: Library,
    category: Callable[[str], str],
    rate: Callable[[str], float],
    clocks: Mapping[int, float],
) -> Toggles:
    """Give every net its rate.

    Parameters
    ----------
    category : of a module; SRAM macros are `memory` wherever they are.
    rate : toggles per cycle of nets that a category drives; what a port drives is `control`.
    clocks : toggles per cycle of the nets of the clock.
    """
    modules = [category(module.name) for _, module in circuit.scopes]
    names = tuple(sorted({*modules, "control", "memory"}))
    owners = _owners(circuit, library, names, modules)
    driver = _drivers(circuit, owners)
    by_category = np.array([rate(name) for name in names])
    rates = by_category[np.where(driver < 0, names.index("control"), driver)]
    rates[[LOW, HIGH, OPEN]] = 0.0
    nets = list(clocks)
    rates[nets] = [clocks[net] for net in nets]
    on_clock = np.zeros(circuit.n_nets, dtype=bool)
    on_clock[nets] = True
    return Toggles(names, owners, driver, rates, on_clock)


def _owners(
    circuit: Circuit, library: Library, names: Sequence[str], modules: Sequence[str]
) -> dict[str, Ints]:
    """By cell, the number of each instance's category: its module's, or that of memories."""
    of_scope = np.array([names.index(name) for name in modules])
    memory = names.index("memory")
    return {
        kind: of_scope[held.scope] if kind in library.cells else np.full(len(held.nets), memory)
        for kind, held in circuit.instances.items()
    }


def energy_of(
    circuit: Circuit,
    analysis: Analysis,
    library: Library,
    toggles: Toggles,
    counting: Counting | None = None,
) -> dict[str, Energy]:
    """Energy per category; `counting` as `inner_fj` has it."""
    found = [Energy() for _ in toggles.names]
    per_ff = library.voltage**2 / 2 * toggles.rates
    charge = analysis.load_ff.max(axis=1) * per_ff
    _add(found, ("nets", "clock_nets"), toggles.driver, charge, toggles.on_clock)
    inner = inner_fj(circuit, analysis.slew_ps, analysis.load_ff, toggles.rates, counting)
    for kind, held in circuit.instances.items():
        owner = toggles.owners[kind]
        for slot, (name, _) in enumerate(held.slots):
            nets, pin = held.nets[:, slot], held.cell.pins[name]
            clocked = toggles.on_clock[nets]
            _add(found, ("cells", "clock_cells"), owner, inner[kind][:, slot], clocked)
            own = max(pin.rise_ff, pin.fall_ff) * per_ff[nets] * (toggles.driver[nets] < 0)
            _add(found, ("ports", "clock_port"), owner, own, clocked)
        leaks = np.full(len(owner), held.cell.leakage_nw)
        _add(found, ("leakage_nw", ""), owner, leaks, np.zeros(len(owner), dtype=bool))
    return dict(zip(toggles.names, found, strict=True))


def _drivers(circuit: Circuit, owners: Mapping[str, Ints]) -> Ints:
    """Per net the category that drives it; -1 for what no cell drives."""
    driver = np.full(circuit.n_nets, -1)
    for kind, held in circuit.instances.items():
        for slot, (name, _) in enumerate(held.slots):
            if held.cell.pins[name].direction != "input":
                driver[held.nets[:, slot]] = owners[kind]
    driver[[LOW, HIGH, OPEN]] = -1
    return driver


def _add(
    found: Sequence[Energy],
    names: tuple[str, str],
    owner: Ints,
    energy: Floats,
    second: NDArray[np.bool_],
) -> None:
    """Add energies to their owners: to the first quantity, or the second where that is said."""
    for name, counts in zip(names, (~second, second), strict=True):
        known = counts & (owner >= 0)
        if known.any():
            sums = np.bincount(owner[known], weights=energy[known], minlength=len(found))
            for each, value in zip(found, sums.tolist(), strict=True):
                setattr(each, name, getattr(each, name) + value)


def sram_power_uw(device: Device, activity: Activity, period_ps: int) -> dict[str, int]:
    """Microwatts of each operand's SRAM macros, which are accessed alike; registers count as logic."""
    count: dict[str, int] = {}
    energy: dict[str, int] = {}
    for m in device.srams:
        count[m.operand] = count.get(m.operand, 0) + m.count
        price = price_of(m, device).energy_fj * m.count
        energy[m.operand] = energy.get(m.operand, 0) + price
    span = max(1, activity.cycles) * period_ps
    return {
        operand: round(1000 * energy[operand] * activity.accesses.get(operand, 0) / (many * span))
        for operand, many in count.items()
    }
