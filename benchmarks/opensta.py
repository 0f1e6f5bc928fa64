"""OpenSTA's answers about a mapped design, to compare ours with; Debian: apt-get install opensta."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lego.ppa.library import Library
from lego.ppa.macro_liberty import macro_liberty
from lego.ppa.sram import BlackBox
from lego.ppa.synthesis import Netlist
from lego.tools import run

__all__ = ["ask", "least_period_ps", "sta_version"]

TIMEOUT_S = 1200.0


def sta_version() -> str:
    """The version of what is installed."""
    return run(["sta", "-version"], cwd=Path.cwd(), timeout_s=60).stdout.split()[-1]


def ask(
    netlist: Netlist,
    library: Library,
    macros: Sequence[BlackBox],
    scratch: Path,
    commands: str,
    period_ns: float = 1.0,
) -> str:
    """What OpenSTA prints after it has read the design, with a clock of this period on `clk`."""
    (scratch / "sta.v").write_text(re.sub(r"\bsigned\b", "", netlist.path.read_text()))
    (scratch / "macros.lib").write_text(macro_liberty(macros, library))
    (scratch / "sta.tcl").write_text(
        f"read_liberty {{{library.path}}}\nread_liberty macros.lib\nread_verilog sta.v\n"
        f"link_design {netlist.top}\ncreate_clock -name clk -period {period_ns} [get_ports clk]\n"
        f"{commands}\nexit\n"
    )
    argv = ["sta", "-no_splash", "-exit", "sta.tcl"]
    return run(argv, cwd=scratch, timeout_s=TIMEOUT_S).stdout


def least_period_ps(
    netlist: Netlist, library: Library, macros: Sequence[BlackBox], scratch: Path
) -> float:
    """The least period by OpenSTA: one path is reported per group of endpoints, as clock gates may be."""
    checks = "report_checks -path_delay max -format full -digits 5"
    text = ask(netlist, library, macros, scratch, checks)
    return 1000 * (1 - min(map(float, re.findall(r"(-?[0-9.]+)\s+slack", text))))
