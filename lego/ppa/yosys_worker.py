"""Synthesis in a process of its own: `python -m lego.ppa.yosys_worker JOB.json`.

The job names files and modules that this program generated; no text of a user is in any pass.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(job_file: str) -> None:
    """Run the job: read, synthesise, map, and write statistics and a netlist."""
    from pyosys import libyosys as ys

    job = json.loads(Path(job_file).read_text())
    design = ys.Design()
    liberty = job["liberty"]
    commands = [f"read_verilog {job['verilog']}"]
    commands += [f"blackbox {name}" for name in job["macros"]]
    commands += [
        f"hierarchy -check -top {job['top']}",
        f"synth {'-flatten ' if job['flat'] else ''}-top {job['top']}",
    ]
    if job["gate_bits"]:
        commands.append(f"clockgate -liberty {liberty} -min_net_size {job['gate_bits']}")
    commands += [
        f"dfflibmap -liberty {liberty}",
        "opt",
        f"abc -liberty {liberty} -constr {job['constraints']} -D {job['target_ps']}",
        "opt_clean",
        f"tee -q -o {job['stat']} stat -liberty {liberty} -json",
        "splitnets",  # OpenSTA reads no concatenation on the left of an assignment
        "opt_clean -purge",
        f"write_verilog -noattr -noexpr -nohex -nodec {job['netlist']}",
    ]
    for command in commands:
        ys.run_pass(command, design)


if __name__ == "__main__":
    main(sys.argv[1])
