"""Error codes of pricing: title, meaning, remedy."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: dict[str, tuple[str, str, str]] = {
    "E801": (
        "cell library not readable",
        "The Liberty file is missing, too large, or isn't plain Liberty text.",
        "Give an uncompressed Liberty file with --liberty.",
    ),
    "E802": (
        "synthesis failed",
        "Yosys stopped, or left cells that the library doesn't have.",
        "Read its last lines in the message.",
    ),
    "E803": (
        "cell library incomplete",
        "The library has no plain flip-flop or no inverter, or lacks areas or timing tables.",
        "Use a standard-cell library with NLDM tables.",
    ),
    "E804": (
        "manifest can't be priced",
        "The manifest names modules, files or macros that the Verilog doesn't have.",
        "Compile the workload again.",
    ),
    "E805": (
        "switching activity not readable",
        "activity.saif isn't a SAIF file, or belongs to another design.",
        "Simulate again, or delete activity.saif.",
    ),
    "E806": (
        "clock out of range",
        "The clock period must lie between 0.01 and 10,000 ns.",
        "Give a period in nanoseconds.",
    ),
    "E807": (
        "combinational loop",
        "The netlist has a loop without a register, so it has no delay.",
        "Please report it with the workload file.",
    ),
}
