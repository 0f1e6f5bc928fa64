"""Clock period: by OpenSTA where it is installed, else from ABC's delays per module."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lego.diag import LegoError
from lego.ppa.library import Library
from lego.ppa.synthesis import Netlist
from lego.tools import run

__all__ = ["Timing", "clock_of"]

SETUP_PS = 120.0
"""Clock-to-output plus setup of a flip-flop, added to ABC's combinational delays."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Minimum period in ps, how it was found, and where the longest path lies."""

    period_ps: int
    method: str
    path: str


def clock_of(netlist: Netlist, library: Library, scratch: Path, access_ps: int) -> Timing:
    """The minimum clock period, at least the SRAM's access time plus a flip-flop."""
    found = _by_sta(netlist, library, scratch) if shutil.which("sta") else None
    found = found or _by_abc(netlist)
    memory = round(access_ps + SETUP_PS)
    if memory > found.period_ps:
        return Timing(memory, found.method + "; SRAM access time by the macro model", "SRAM access")
    return found


def _by_abc(netlist: Netlist) -> Timing:
    worst = max(netlist.delays_ps, key=lambda m: (netlist.delays_ps[m], m), default="")
    delay = netlist.delays_ps.get(worst, 0.0)
    method = (
        "ABC's longest combinational path of any one module, plus 120 ps for a flip-flop; "
        "paths that cross modules are not seen (install opensta for static timing analysis)"
    )
    return Timing(round(delay + SETUP_PS), method, worst)


def _by_sta(netlist: Netlist, library: Library, scratch: Path) -> Timing | None:
    """Static timing analysis; None if OpenSTA can't read the netlist."""
    source = netlist.path.read_text()
    (scratch / "sta.v").write_text(re.sub(r"\bsigned\b", "", source))
    script = scratch / "sta.tcl"
    script.write_text(
        f"read_liberty {library.path}\nread_verilog {scratch / 'sta.v'}\n"
        f"link_design {netlist.top}\ncreate_clock -name clk -period 1 [get_ports clk]\n"
        "report_checks -path_delay max -format full -digits 4\n"
        "report_worst_slack -max -digits 4\nexit\n"
    )
    try:
        done = run(
            ["sta", "-no_splash", "-exit", str(script)], cwd=scratch, timeout_s=1200, check=False
        )
    except LegoError:
        return None
    slack = re.search(r"worst slack\s+(?:max\s+)?(-?[0-9.]+)", done.stdout)
    if done.returncode or slack is None:
        return None
    ends = re.findall(r"(?:Startpoint|Endpoint): (\S+)", done.stdout)[:2]
    period = 1000 * (1 - float(slack.group(1)))
    return Timing(round(period), "OpenSTA, one corner, no wire load", " -> ".join(ends))
