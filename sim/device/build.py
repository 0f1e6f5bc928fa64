"""Builds and runs benches in SystemVerilog that end by themselves, or under cocotb."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lego.tools import Finished, run
from sim.objects import (
    BUILD_TIMEOUT_S,
    HERE,
    ModelOptions,
    base_key,
    cache_root,
    digest,
    fresh_folder,
    link,
    verilator_home,
)

__all__ = ["build_bench", "run_bench"]

INCLUDE = HERE / "device"


def build_bench(
    sources: Mapping[str, str],
    top: str = "tb",
    options: ModelOptions | None = None,
    *,
    cocotb: bool = False,
) -> Path:
    """Path of the executable of these files by name, from the cache or freshly built.

    They may include `dram.svh`; the module `top` has no ports, makes its clock, and ends with `$finish`. With
    `cocotb` it may have ports; files that end in `.vlt` say which of them tests see.
    """
    options = options or ModelOptions()
    included = [path.read_text() for path in sorted(INCLUDE.glob("*.svh"))]
    texts = [text for item in sorted(sources.items()) for text in item]
    key = digest([top, *texts, *included, repr(options), str(cocotb), base_key()])
    program = cache_root() / key / "Vtop"
    if not program.is_file():
        with fresh_folder() as scratch:
            folder = Path(scratch)
            for name, text in sources.items():
                (folder / name).write_text(text)
            _verilate(
                folder, list(sources), top, options, ["--exe", "--vpi"] if cocotb else ["--main"]
            )
            built = link(folder, options, cocotb=cocotb)
            program.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(built, program)
    return program


def _verilate(
    folder: Path, names: Sequence[str], top: str, options: ModelOptions, main: Sequence[str]
) -> None:
    home = verilator_home()
    run(
        [
            str(home / "bin" / "verilator_bin"),
            "--cc", *main, "--timing", "--assert", "-O3", "-Wno-fatal", "-Wno-WIDTH",
            "--x-initial", "unique", "--x-assign", "fast", "--output-split", "20000",
            *(["--trace-fst"] if options.trace == "fst" else []),
            "--prefix", "Vtop", "--top-module", top, "-Mdir", "cpp", f"-I{INCLUDE}", *names,
        ],
        cwd=folder,
        timeout_s=BUILD_TIMEOUT_S,
        env={"VERILATOR_ROOT": str(home)},
    )  # fmt: skip


def run_bench(
    program: Path, folder: Path, plusargs: Sequence[str], *, seed: int = 0, timeout_s: float = 600.0
) -> Finished:
    """Run a bench in a folder; what has no value at first gets one by the seed.

    Raises E602 if it doesn't end in time, and E603 if an assertion failed.
    """
    how = ["+verilator+rand+reset+2", f"+verilator+seed+{seed + 1}"]
    return run([str(program), *plusargs, *how], cwd=folder, timeout_s=timeout_s)
