"""SRAMs made of macros are what a plain memory is, in their graph and in their Verilog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from frontends.yaml.sram_map import load_sram_map
from lego.back.rtl.verilog import sram_verilog
from lego.back.sram.arrange import arranged
from lego.back.sram.model import sram_model
from lego.back.sram.wrapper import black_box, sram_wrapper
from lego.ir.checks.check import check
from lego.ir.dag import Dag, Module
from lego.ir.sram import SramMap
from tests.back.machine import Machine

ROOT = Path(__file__).resolve().parents[3]
MAP = ROOT / "workloads" / "srams" / "made_up.yaml"


@pytest.fixture(scope="module")
def made_up() -> SramMap:
    return load_sram_map(MAP)


def shape(seed: int) -> tuple[int, int, int]:
    """Small and large ones, and those at the edges of macros; half with lanes that are written apart."""
    r = Random(seed)
    words = r.choice([1, 2, 63, 64, 65, 128, 129, 300, 513, 1025, r.randint(1, 2600)])
    bits = r.choice([1, 7, 8, 9, 31, 32, 33, 64, r.randint(1, 70)])
    lane, lanes = r.choice([1, 4, 8, 8, 16, 24]), r.choice([2, 3, 4, 5, 8, 16])
    return (words, lane * lanes, lanes) if seed % 2 else (words, bits, 1)


def wrapped(made_up: SramMap, size: tuple[int, int, int], name: str = "sram") -> Module:
    cells, (words, bits, lanes) = {cell.module: cell for cell in made_up.cells}, size
    return sram_wrapper(name, size, arranged(words, bits, made_up.cells, lanes), cells)


def test_masks_of_macros_are_used(made_up: SramMap) -> None:
    """Eight lanes of a byte are a macro with a mask, or eight columns; lanes of 12 bits are columns of 2."""
    names = [band.cells for band in arranged(64, 64, made_up.cells, 8)]
    assert names == [("MU2P_64X8",) * 8]  # 8 * 690.5 um2, less than 6350
    (band,) = arranged(128, 128, made_up.cells, 16)
    assert band.cells == ("MU2P_128X64M",) * 2
    (band,) = arranged(64, 24, made_up.cells, 2)
    assert band.cells == ("MU2P_64X8",) * 4


@pytest.mark.parametrize("seed", range(40))
def test_the_graph_is_a_plain_memory(seed: int, made_up: SramMap) -> None:
    """Random reads and writes, but for those of one word in one cycle, which no design makes."""
    words, bits, lanes = shape(seed)
    module = wrapped(made_up, (words, bits, lanes))
    boxes = [black_box(cell) for cell in made_up.cells]
    check(Dag((*boxes, module)))
    plain, joined = Machine(sram_model("plain", words, bits, lanes)), Machine(module, boxes)
    r, written = Random(seed), dict[int, int]()
    for cycle in range(600):
        waddr = cycle if cycle < min(words, 100) else r.randrange(words)
        raddr = r.choice(list(written) or [waddr])
        wen = int(cycle < 100 or r.random() < 0.5)
        given = {
            "waddr": waddr,
            "wen": wen,
            "wdata": r.getrandbits(bits),
            "raddr": raddr,
            "ren": int(bool(written) and r.random() < 0.7 and not (wen and raddr == waddr)),
        }
        if lanes > 1:
            known = waddr in written and r.random() < 0.8
            given["wmask"] = r.getrandbits(lanes) if known else (1 << lanes) - 1
        ours, theirs = joined.cycle(given)["rdata"], plain.cycle(given)["rdata"]
        if written and cycle > 200:
            assert ours == theirs
        if wen:
            written[waddr] = given["wdata"]


BENCH = """\
module bench_{k}(input clk, output reg wrong);
  reg [31:0] seed = {k} + 1, n = 0;
  reg [{a}:0] waddr = 0, raddr = 0;
  reg [{d}:0] wdata = 0;
  reg [{m}:0] wmask = 0;
  reg wen = 0, ren = 0, known = 0;
  wire [{d}:0] ours, theirs;
  joined_{k} joined(.clk(clk), .raddr(raddr), .ren(ren), .rdata(ours),
      .waddr(waddr), .wdata(wdata), .wen(wen){mask});
  plain_{k} plain(.clk(clk), .raddr(raddr), .ren(ren), .rdata(theirs),
      .waddr(waddr), .wdata(wdata), .wen(wen){mask});
  reg [31:0] w, r;
  initial wrong = 0;
  always @(posedge clk) begin
    n <= n + 1;
    w = n < {words} ? n : $urandom % {words};
    r = $urandom % {words};
    waddr <= w[{a}:0];
    raddr <= r[{a}:0];
    wdata <= {{12{{$urandom}}}} ^ {{$urandom, $urandom, $urandom}};
    wmask <= n < {words} ? ~0 : $urandom;
    wen <= n < {words} || $urandom % 2 == 0;
    ren <= n > {words} && r != w && $urandom % 4 != 0;
    if (ren) known <= 1;
    if (known && ours !== theirs) wrong <= 1;
  end
endmodule
"""

TOP = """\
module tb;
  reg clk = 0;
  always #1 clk = !clk;
  wire [{most}:0] wrong;
{benches}
  initial begin
    #20000 $display("wrong %b", wrong);
    $finish;
  end
endmodule
"""


def test_the_verilog_is_a_plain_memory(made_up: SramMap, tmp_path: Path) -> None:
    """Sixteen shapes in Verilator, with models that spoil a word that is read while it is written."""
    shapes = [shape(seed) for seed in range(100, 116)]
    boxes = [black_box(cell) for cell in made_up.cells]
    modules = [wrapped(made_up, s, name=f"joined_{k}") for k, s in enumerate(shapes)]
    plain = [sram_model(f"plain_{k}", *s) for k, s in enumerate(shapes)]
    text = sram_verilog(Dag((*boxes, *modules, *plain)), [box.name for box in boxes])
    benches = []
    for k, (words, bits, lanes) in enumerate(shapes):
        a = max(1, (words - 1).bit_length()) - 1
        mask = ", .wmask(wmask)" * (lanes > 1)
        text += BENCH.format(k=k, a=a, d=bits - 1, m=lanes - 1, words=words, mask=mask)
        benches.append(f"  bench_{k} b{k}(.clk(clk), .wrong(wrong[{k}]));")
    text += TOP.format(most=len(shapes) - 1, benches="\n".join(benches))
    (tmp_path / "tb.sv").write_text(text)
    (tmp_path / "models.v").write_bytes(made_up.models)
    verilator = str(Path(sys.executable).with_name("verilator-cli"))
    options = ["-CFLAGS", "-std=gnu++20 -fcoroutines", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include"]
    command = [verilator, "--binary", "--timing", "-Wno-fatal", "-Wno-lint", *options]
    command += ["--top-module", "tb", "tb.sv", "models.v"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(["./obj_dir/Vtb"], cwd=tmp_path, check=True, capture_output=True)
    assert f"wrong {'0' * len(shapes)}" in done.stdout.decode()
