"""Synthesis in a process of its own: `python -m lego.ppa.yosys_worker JOB.json`.

The job names files and modules that this program generated; no text of a user is in any pass.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TypedDict


def main(job_file: str) -> None:
    """Run the job: read, synthesise, map, and write statistics and a netlist."""
    from pyosys import libyosys as ys

    job = json.loads(Path(job_file).read_text())
    design = ys.Design()
    for command in (*_synthesis(job), *_mapping(job)):
        ys.run_pass(command, design)


class SynthesisJob(TypedDict):
    """What the job file holds: names of modules and files, and how to map."""

    verilog: str
    top: str
    macros: list[str]
    macro_liberty: str
    liberty: str
    gate_bits: int
    flat: bool
    categories: dict[str, list[str]]
    constraints: str
    target_ps: int
    stat: str
    netlist: str
    graph: str


def _synthesis(job: SynthesisJob) -> list[str]:
    """From Verilog to cells of Yosys's own."""
    top = job["top"]
    liberty = job["macro_liberty"]
    return [
        f"read_verilog {job['verilog']}",
        *([f"read_liberty -lib -ignore_miss_func -overwrite {liberty}"] if liberty else []),
        *(f"blackbox {name}" for name in job["macros"]),
        f"hierarchy -check -top {top}",
        *(_flattened(top, job["categories"]) if job["flat"] else [f"synth -top {top}"]),
    ]


def _mapping(job: SynthesisJob) -> list[str]:
    """From there to cells of the library, and what is written of them."""
    liberty = job["liberty"]
    gates = f"clockgate -liberty {liberty} -min_net_size {job['gate_bits']}"
    return [
        *([gates] if job["gate_bits"] else []),
        f"dfflibmap -liberty {liberty}",
        "opt",
        f"abc -liberty {liberty} -constr {job['constraints']} -D {job['target_ps']}",
        "opt_clean",
        f"tee -q -o {job['stat']} stat -liberty {liberty} -json",
        "splitnets",  # OpenSTA reads no concatenation on the left of an assignment
        "opt_clean -purge",
        "rename -enumerate",  # cells and nets without a name are called the same in both files
        f"write_verilog -noattr -noexpr -nohex -nodec {job['netlist']}",
        f"write_json {job['graph']}",
    ]


def _flattened(top: str, categories: dict[str, list[str]]) -> list[str]:
    """Flatten and optimise words across all borders, then part the logic by origin for what works on gates.

    `src` is the one attribute that flattening and the passes on words hand on to what they make of
    a cell. Gates lose it, so each category's cells become a module ``TOP_$CATEGORY`` before there
    are gates; what has no category stays in the top.
    """
    marks = [
        f'setattr -set src "from_{category}" ' + " ".join(f"{name}/t:$*" for name in modules)
        for category, modules in categories.items()
    ]
    parts = [f'setattr -set submod "${c}" a:src=*from_{c}*' for c in categories]
    return [
        "proc",
        "memory",  # memories that aren't black boxes become registers, which keep their mark
        "setattr -unset src c:* w:* p:*",
        *marks,
        f"synth -flatten -top {top} -run begin:fine",
        "delete t:$scopeinfo",
        "memory_map",
        *parts,
        "submod",
        f"synth -top {top} -run fine:",
    ]


if __name__ == "__main__":
    main(sys.argv[1])
