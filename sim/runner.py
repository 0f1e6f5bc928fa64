"""Runs a model under cocotb over a folder of command streams."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lego.diag import LegoError
from lego.tools import Finished, run

__all__ = ["cocotb_environment", "run_model"]


def run_model(
    model: Path, folder: Path, *, seed: int = 0, trace_file: str = "", timeout_s: float = 3600.0
) -> Finished:
    """Run the model; its cocotb test checks the answers. Raises E702 if cocotb itself failed."""
    arguments = [f"+folder={folder}", "+verilator+rand+reset+2", f"+verilator+seed+{seed + 1}"]
    if trace_file:
        arguments = ["--trace", "--trace-file", trace_file, *arguments]
    done = run(
        [str(model), *arguments],
        cwd=folder,
        timeout_s=timeout_s,
        check=False,
        env=cocotb_environment(folder, "sim.wait_finished", "tb"),
    )
    if not (folder / "results.xml").is_file():
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise LegoError("E702", f"the simulation ended without a result:\n{tail}")
    return done


def cocotb_environment(folder: Path, module: str, top: str) -> dict[str, str]:
    """What makes a model with this top load this Python, and cocotb's tests of a module in it; they find the
    folder in LEGO_STREAMS, and their results in it."""
    import cocotb_tools.config
    import find_libpython

    libpython = find_libpython.find_libpython()
    entry = cocotb_tools.config.pygpi_entry_point()
    return {
        "PATH": f"{os.environ['PATH']}{os.pathsep}{cocotb_tools.config.libs_dir}",
        "PYTHONPATH": os.pathsep.join(p for p in (_root(), *sys.path) if p),
        "PYGPI_PYTHON_BIN": sys.executable,
        "GPI_USERS": f"{libpython};{entry}",
        "COCOTB_TEST_MODULES": module,
        "COCOTB_TOPLEVEL": top,
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_RESULTS_FILE": str(folder / "results.xml"),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "LEGO_STREAMS": str(folder),
    }


def _root() -> str:
    return str(Path(__file__).resolve().parent.parent)
