"""Our power of logic against OpenSTA's with the same toggles: python -m benchmarks.power [--size 4] [NAME...]

Each design runs its first dataflow; its mean activity per category is that of `lego ppa`, the clock
gates are taken to be open, as OpenSTA takes them. mW at the least period, of FUs and of all logic:
what OpenSTA prints; ours where energy inside cells is counted as OpenSTA 2.0.17 counts it
(benchmarks/opensta_power.py says how), which shows that nets, slews, loads, tables and toggles are
the same; as its versions since 2020 count; with each toggle counted once, as `lego ppa` has it,
with gates open; and as `lego ppa` has it, gates as they are and with what ports drive, the clock's
port among them. `nets` is the part that charges nets, theirs and ours. Leakage is in all.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fusion import NAMES, ROOT, shrunk, synthesised
from benchmarks.gating import recorded
from benchmarks.opensta import sta_version
from benchmarks.opensta_power import as_2_0_17, as_since_2020, has_sta, instance_power
from frontends.yaml import load_workload
from lego.back.pipeline import DEFAULT
from lego.designs import designs_of
from lego.ir.device import Device
from lego.ppa.activity import Activity, read_saif
from lego.ppa.gates import clock_rates
from lego.ppa.inner import Counting
from lego.ppa.library import Library, read_library
from lego.ppa.macro_liberty import macro_liberty
from lego.ppa.power import Energy, Toggles, energy_of, power_of, toggles_of
from lego.ppa.sram import black_boxes
from lego.ppa.synthesis import Netlist
from lego.ppa.timing import Timing, clock_of


@dataclass(frozen=True)
class Compared:
    """mW per category: OpenSTA's, ours counted as it counts and as later versions do, ours with
    gates open, ours; and charging nets, theirs and ours."""

    theirs: dict[str, float]
    alike: dict[str, float]
    later: dict[str, float]
    opened: dict[str, float]
    ours: dict[str, float]
    nets: dict[str, tuple[float, float]]


def compare(
    netlist: Netlist, device: Device, library: Library, activity: Activity, scratch: Path
) -> Compared:
    """Both ways; OpenSTA must be installed."""
    timing = clock_of(netlist, library, black_boxes(device))
    circuit, period = timing.circuit, timing.period_ps
    clocks = clock_rates(circuit, {}).rates
    toggles = toggles_of(circuit, library, netlist.category, activity.rate, clocks)
    (scratch / "macros.lib").write_text(macro_liberty(black_boxes(device), library))
    found = instance_power(
        netlist.path.read_text(),
        (library.path, scratch / "macros.lib"),
        circuit,
        netlist.top,
        toggles.rates,
        period,
        scratch,
    )
    theirs = dict.fromkeys(toggles.names, 0.0)
    charged = dict.fromkeys(toggles.names, 0.0)
    for kind, owner in toggles.owners.items():
        for row, number in enumerate(owner.tolist()):
            internal, switching, leakage = found[circuit.name(kind, row).replace(".", "/")]
            theirs[toggles.names[number]] += (internal + switching + leakage) / 1000
            charged[toggles.names[number]] += switching / 1000
    once = _energy(timing, library, toggles)
    alike = _energy(timing, library, toggles, as_2_0_17)
    later = _energy(timing, library, toggles, as_since_2020)
    power, _ = power_of(circuit, timing.analysis, library, netlist.category, activity, period)
    return Compared(
        theirs,
        {name: _mw(e, period) for name, e in alike.items()},
        {name: _mw(e, period) for name, e in later.items()},
        {name: _mw(e, period) for name, e in once.items()},
        {name: p.total_uw / 1000 for name, p in power.items()},
        {name: (charged[name], (e.nets + e.clock_nets) / period) for name, e in once.items()},
    )


def _energy(
    timing: Timing, library: Library, toggles: Toggles, counting: Counting | None = None
) -> dict[str, Energy]:
    return energy_of(timing.circuit, timing.analysis, library, toggles, counting)


def _mw(energy: Energy, period_ps: int) -> float:
    """Without what ports drive."""
    inside = energy.nets + energy.clock_nets + energy.cells + energy.clock_cells
    return inside / period_ps + energy.leakage_nw / 1e6


def measure(name: str, size: int) -> Compared:
    """Compile, simulate, synthesise and compare a design of workloads/."""
    workload = shrunk(load_workload(ROOT / "workloads" / f"{name}.yaml"), size)
    (design,) = designs_of(workload)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        netlist, device = synthesised(design, DEFAULT, scratch)
        saif = recorded(workload, design, device, (scratch / "design.v").read_text(), 0)
        return compare(
            netlist, device, read_library(None), read_saif(saif, device.instances()), scratch
        )


def main() -> None:
    """Print the table, a design as soon as it is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=4)
    parser.add_argument("names", nargs="*", default=["gemm", *NAMES])
    given = parser.parse_args()
    if not has_sta():
        parser.error("OpenSTA isn't installed: sudo apt-get install -y opensta")
    print(f"OpenSTA {sta_version()}")
    heads = ("nets", "nets", "OpenSTA", "alike", "ratio", "later", "open", "ratio", "ours")
    print(f"{'design':14}{'':6}" + "".join(f"{head:>10}" for head in heads))
    for name in given.names:
        c = measure(name, given.size)
        for part, keys in (("FUs", ["fu"]), ("all", list(c.theirs))):
            nets = (sum(c.nets[k][which] for k in keys) for which in (0, 1))
            each = [sum(d[k] for k in keys) for d in (c.theirs, c.alike, c.later, c.opened, c.ours)]
            theirs, alike, later, opened, ours = each
            row = (*nets, theirs, alike, alike / theirs, later, opened, opened / later, ours)
            print(f"{name:14}{part:6}" + "".join(f"{v:10.3f}" for v in row), flush=True)


if __name__ == "__main__":
    main()
