"""Counts the accesses of every SRAM macro in a simulation, by lines added to the macro's model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Counts", "counted", "read_counts"]

Counts = dict[str, tuple[int, int]]

# Until the first reset has reached every register, the enables are random.
WARM_UP_CYCLES = 64
COUNTER = """
  integer counted_cycles = 0, counted_reads = 0, counted_writes = 0, counted_log;
  string counted_folder;
  always @(posedge clk) begin
    counted_cycles <= counted_cycles + 1;
    if (ren && counted_cycles >= {warm_up}) counted_reads <= counted_reads + 1;
    if (wen && counted_cycles >= {warm_up}) counted_writes <= counted_writes + 1;
  end
  final if ($value$plusargs("folder=%s", counted_folder)) begin
    counted_log = $fopen({{counted_folder, "/accesses"}}, "a");
    $fwrite(counted_log, "%m %0d %0d\\n", counted_reads, counted_writes);
    $fclose(counted_log);
  end
"""


def counted(verilog: str, macros: Sequence[str]) -> str:
    """The design with counters in its SRAM macros, for `read_counts` after the run."""
    names = "|".join(re.escape(name) for name in macros)
    counter = COUNTER.format(warm_up=WARM_UP_CYCLES)
    return re.sub(
        rf"^(module (?:{names})\(.*?)^endmodule",
        lambda m: f"{m.group(1)}{counter}endmodule",
        verilog,
        flags=re.MULTILINE | re.DOTALL,
    )


def read_counts(folder: Path, top: str) -> Counts:
    """(reads, writes) of each macro of a design by its path, after the first cycles; {} if nobody counted."""
    path = folder / "accesses"
    lines = path.read_text().splitlines() if path.is_file() else []
    found = (re.fullmatch(rf"tb\.bench_{top}\.dut\.(\S+) (\d+) (\d+)", line) for line in lines)
    return {m.group(1): (int(m.group(2)), int(m.group(3))) for m in found if m}
