"""Proves with Yosys that a host can't tell two designs apart, by induction over matched signals."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Set
from pathlib import Path

from sim.yosys import run_passes, silence

__all__ = ["proven_equivalent"]

ROUNDS = 12

# The host looks at its read data only while they are valid.
OBSERVED = """
module observed(input clk, input rst, input start, input host_en, input host_we,
  input [{a}:0] host_addr, input [{d}:0] host_wdata,
  output seen_busy, output seen_done, output seen_rvalid, output [{d}:0] seen_rdata);
  wire [{d}:0] word;
  assign seen_rdata = seen_rvalid ? word : 0;
  {top} design(.clk(clk), .rst(rst), .start(start), .host_en(host_en), .host_we(host_we),
    .host_addr(host_addr), .host_wdata(host_wdata), .busy(seen_busy), .done(seen_done),
    .host_rvalid(seen_rvalid), .host_rdata(word));
endmodule
"""


def proven_equivalent(golden: str, mutant: str, top: str, *, depth: int = 5) -> bool:
    """Whether equal inputs give equal outputs for ever, from any state that the two share.

    First the modules that differ are compared alone; where that fails, the whole designs, seen
    through the host port. False means not proven, not different.
    """
    with tempfile.TemporaryDirectory(prefix="lego-equivalent-") as name, silence():
        scratch = Path(name)
        ours, theirs = _modules(golden), _modules(mutant)
        changed = [module for module, text in ours.items() if theirs.get(module) != text]
        if all(_proven(scratch, golden, mutant, module, depth) for module in changed):
            return True
        if top not in ours or "host_rvalid" not in ours[top]:
            return False
        host = OBSERVED.format(
            top=top, a=_high(ours[top], "host_addr"), d=_high(ours[top], "host_wdata")
        )
        return _proven(scratch, golden + host, mutant + host, "observed", depth)


def _modules(verilog: str) -> dict[str, str]:
    """Text of every module by name."""
    found = re.finditer(r"^module (\w+)\(.*?^endmodule", verilog, re.MULTILINE | re.DOTALL)
    return {m.group(1): m.group(0) for m in found}


def _high(module: str, port: str) -> str:
    found = re.search(rf"input \[(\d+):0\] {port};", module)
    return found.group(1) if found else "0"


def _proven(scratch: Path, golden: str, mutant: str, top: str, depth: int) -> bool:
    """Greatest set of matched signals that is inductive; true if it holds the outputs.

    Signals that can't be proven equal are matched no more, and the proof starts again.
    """
    for side, text in (("golden", golden), ("mutant", mutant)):
        _flatten(scratch, side, text, top)
    outputs = set(re.findall(r"output (?:\[\d+:0\] )?(\w+)", _modules(golden)[top]))
    apart: set[str] = set()
    for _ in range(ROUNDS):
        status = _status(scratch, apart, depth)
        if "Equivalence successfully proven!" in status:
            return True
        failed = set(re.findall(r"Unproven \$equiv \S+ \\(\S+)_gold", status))
        if not failed - apart or failed & outputs:
            return False
        apart |= failed
    return False


def _flatten(scratch: Path, side: str, text: str, top: str) -> None:
    """One side as a single module of that name, in RTLIL."""
    (scratch / f"{side}.v").write_text(text)
    run_passes(
        f"read_verilog {scratch}/{side}.v",
        f"hierarchy -top {top}",
        "proc",
        "flatten",
        "memory -nomap",
        "memory_map",
        "opt_clean",
        f"rename {top} {side}",
        f"write_rtlil {scratch}/{side}.il",
    )


def _status(scratch: Path, apart: Set[str], depth: int) -> str:
    """What Yosys says of the proof with these signals matched no more."""
    (scratch / "apart").write_text("".join(f"{name}\n" for name in sorted(apart)))
    run_passes(
        f"read_rtlil {scratch}/golden.il",
        f"read_rtlil {scratch}/mutant.il",
        f"equiv_make -blacklist {scratch}/apart golden mutant both",
        "hierarchy -top both",
        "opt -full",
        f"equiv_simple -seq {depth}",
        f"equiv_induct -seq {depth}",
        f"tee -q -o {scratch}/status equiv_status",
    )
    return (scratch / "status").read_text()
