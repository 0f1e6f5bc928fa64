"""Both masters of the bus as a copier, with the checker beside them: primitives, and their bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.rtl.verilog import to_verilog
from lego.back.system.axi.checker import build_axi_checker
from lego.back.system.axi.read import build_axi_read
from lego.back.system.axi.write import build_axi_write
from lego.ir.dag import Dag, Module, Op
from sim.device.build import build_bench, run_bench
from sim.device.dram import Dram

BASE, SEGMENT = 0x1_0000_0000, 0x2_0000
"""Address of the first segment, and bytes of each."""


@dataclass(frozen=True)
class Copy:
    """Beats from one byte of memory to another, both counted from the first segment's base."""

    source: int
    target: int
    beats: int

    @property
    def line(self) -> str:
        numbers = (*divmod(self.source, SEGMENT), *divmod(self.target, SEGMENT), self.beats)
        return " ".join(f"{n:x}" for n in numbers)


def copier(burst: int, checked: int) -> Dag:
    """Runs are asked for by `copy_...`, of client 1 of the reads, and written as they come; bursts have at
    most so many beats, and those that pass the checker."""
    read = build_axi_read("copier", burst=burst)
    write = build_axi_write("copier", burst=burst)
    checker = build_axi_checker("copier", burst=checked)
    b = Builder("copier", "control")
    wires = {
        name: b.wire(module.nodes[node].range)
        for module in (read, write)
        for name, node in module.outputs
        if name in ("c1_ready", "c_ready", "r1_valid", "r1_data", "w_ready")
    }
    asked = b.input("copy_valid")
    given: dict[str, int] = {
        "c0_valid": b.const(0),
        "r0_ready": b.const(0),
        "c1_valid": b.all([asked, wires["c_ready"]]),
        "c_valid": b.all([asked, wires["c1_ready"]]),
        "r1_ready": wires["w_ready"],
        "w_valid": wires["r1_valid"],
        "w_data": wires["r1_data"],
        "w_strobe": b.const((1 << 16) - 1),
    }
    for client, kind in (("c1", "source"), ("c", "target")):
        given[f"{client}_segment"] = b.input(f"{kind}_segment", (0, 7))
        given[f"{client}_offset"] = b.input(f"{kind}_offset", (0, (1 << 32) - 1))
        given[f"{client}_beats"] = b.input("beats", (0, 65535))
    outputs: dict[str, int] = {}
    for module, name in ((read, "read"), (write, "write")):
        found = b.instance(module, name, _inputs(b, module, given))
        for port, node in found.items():
            outputs[port if port.startswith("m_axi_") else f"{name}_{port}"] = node
            if port in wires:
                b.connect(wires[port], node)
    b.instance(checker, "bus_checker", _inputs(b, checker, outputs))
    for port, node in outputs.items():
        b.output(port, node)
    b.output("copy_ready", b.all([wires["c_ready"], wires["c1_ready"]]))
    return Dag((read, write, checker, infer_widths(b.build())))


def _inputs(b: Builder, module: Module, given: dict[str, int]) -> dict[str, int]:
    """A module's inputs: what is given, else zero for client 0, else ports of the same name."""
    found = {}
    for node in module.nodes:
        if node.op is Op.INPUT:
            idle = b.const(0) if node.name.startswith("c0_") else None
            port = given.get(node.name, idle)
            found[node.name] = b.input(node.name, node.range) if port is None else port
    return found


CHANNELS = {
    "ar": "valid ready id addr len",
    "r": "valid ready id data resp last",
    "aw": "valid ready id addr len",
    "w": "valid ready data strb last",
    "b": "valid ready id resp",
}


def bench() -> str:
    """A bench that plays copies from a file until all are done, or halts both masters after some cycles."""
    names = [f"{channel}{name}" for channel, line in CHANNELS.items() for name in line.split()]
    dut = "".join(f", .m_axi_{name}({name})" for name in names)
    memory = "".join(f", .{name}" for name in names)
    bases = "".join(
        f", .segment_base{k}(64'h{BASE + k * SEGMENT:x}), .segment_limit{k}(32'h{SEGMENT:x})"
        for k in range(8)
    )
    return f"""`timescale 1ns/1ns
`include "dram.svh"
module tb;
  bit clk, rst, copy_valid, halt;
  wire copy_ready, read_idle, write_idle, write_done, write_error, read_fault, write_fault;
  bit [2:0] source_segment, target_segment;
  bit [31:0] source_offset, target_offset;
  bit [15:0] beats;
  wire arvalid, arready, arid, rvalid, rready, rid, rlast, awvalid, awready, awid;
  wire wvalid, wready, wlast, bvalid, bready, bid;
  wire [63:0] araddr, awaddr, read_fault_address, write_fault_address;
  wire [7:0] arlen, awlen;
  wire [127:0] rdata, wdata;
  wire [15:0] wstrb;
  wire [1:0] rresp, bresp;
  wire [3:0] read_fault_code, write_fault_code;
  copier dut (.clk, .rst, .halt, .copy_valid, .copy_ready, .source_segment, .source_offset,
      .target_segment, .target_offset, .beats, .read_idle, .write_idle, .write_done, .write_error,
      .read_fault, .write_fault, .read_fault_code, .write_fault_code, .read_fault_address,
      .write_fault_address, .cache(4'd3), .prot(3'd2), .qos(4'd0){bases}{dut});
  axi_dram dram (.clk, .rst{memory});
  always #1 clk = !clk;
  int copies, got, asked, done, errors, cycles, first, halt_at, limit;
  initial begin
    $assertoff;
    if (!$value$plusargs("halt_at=%d", halt_at)) halt_at = -1;
    if (!$value$plusargs("limit=%d", limit)) limit = 100000;
    copies = $fopen("copies.txt", "r");
    rst = 1;
    first = -1;
    #8 rst = 0;
    $asserton;
  end
  always @(posedge clk) if (!rst) begin
    cycles <= cycles + 1;
    if (first < 0 && copy_valid) first <= cycles;
    if (!copy_valid || copy_ready) begin
      got = $fscanf(copies, "%h %h %h %h %h", source_segment, source_offset, target_segment,
          target_offset, beats);
      copy_valid <= got == 5;
      if (got == 5) asked <= asked + 1;
    end
    if (halt) copy_valid <= 0;
    done <= done + 32'(write_done);
    errors <= errors + 32'(write_done && write_error);
    if (read_fault) $display("read fault %0d %h", read_fault_code, read_fault_address);
    if (write_fault) $display("write fault %0d %h", write_fault_code, write_fault_address);
    if (cycles == halt_at) halt <= 1;
    if (halt ? read_idle && write_idle : !copy_valid && got != 5 && done == asked) begin
      $display("done %0d errors %0d cycles %0d", done, errors, cycles - first);
      $finish;
    end
    if (cycles >= limit) $fatal(1, "not done in time");
  end
endmodule
"""


@cache
def model(burst: int = 16, checked: int = 16) -> Path:
    verilog = to_verilog(copier(burst, checked))
    return build_bench({"copier.v": verilog, "tb.sv": bench()})


@dataclass(frozen=True)
class Ended:
    """What memory holds after copies, and what the bench said."""

    memory: bytes
    lines: tuple[str, ...]

    @property
    def summary(self) -> tuple[int, int, int]:
        """Runs that were written, those with an error among them, and cycles."""
        (line,) = (line for line in self.lines if line.startswith("done "))
        done, errors, cycles = (int(word) for word in line.split()[1::2])
        return done, errors, cycles


def played(
    program: Path, folder: Path, copies: Sequence[Copy], dram: Dram, before: bytes, *more: str
) -> Ended:
    """Run copies; the assertions of the checker are on."""
    (folder / "copies.txt").write_text("".join(f"{copy.line}\n" for copy in copies))
    (folder / "before.bin").write_bytes(before)
    files = folder / "before.bin", folder / "after.bin"
    said = run_bench(program, folder, [*dram.plusargs(*files), *more], timeout_s=120)
    return Ended((folder / "after.bin").read_bytes(), tuple(said.stdout.splitlines()))
