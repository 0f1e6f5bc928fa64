"""Lints generated RTL with Verilator, outside the waivers that come with it."""

from __future__ import annotations

from pathlib import Path

from lego.ir.sram import MODELS_FILE, SRAM_FILE
from lego.tools import run
from sim.model import verilator_home

__all__ = ["lint"]

TIMEOUT_S = 300.0


def lint(verilog: Path) -> list[str]:
    """Messages of `verilator --lint-only -Wall` that no waiver of the .vlt file beside the Verilog covers;
    SRAMs and the models of their macros are in files beside it."""
    home = verilator_home()
    names = (f"{verilog.stem}.vlt", SRAM_FILE, MODELS_FILE)
    beside = [verilog.with_name(name) for name in names]
    others = [str(path) for path in beside if path.is_file()]
    done = run(
        [str(home / "bin" / "verilator_bin"), "--lint-only", "-Wall", *others, str(verilog)],
        cwd=verilog.parent,
        timeout_s=TIMEOUT_S,
        env={"VERILATOR_ROOT": str(home)},
        check=False,
    )
    return [line for line in done.stderr.splitlines() if line.startswith("%")]
