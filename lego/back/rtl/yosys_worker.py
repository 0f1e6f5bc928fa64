"""RTLIL to Verilog in a process of its own: `python -m lego.back.rtl.yosys_worker IN.il OUT.v TOP`.

Yosys numbers names and reuses the numbers, and some passes go by them: in a process that did
something before, the same modules may be printed in other words.
"""

from __future__ import annotations

import sys

from pyosys import libyosys as ys

from lego.back.rtl.explicit import extend_operands, fold_comparisons


def main(source: str, target: str, top: str) -> None:
    """Simplify processes and all, and print. The names are generated ones."""
    design = ys.Design()
    for command in (
        f"read_rtlil {source}",
        f"hierarchy -check -top {top}",
        "proc -noopt",
        "opt_expr -keepdc",
        "wreduce -keepdc",
        "opt_clean -purge",
    ):
        ys.run_pass(command, design)
    fold_comparisons(design)
    for command in ("opt_expr -keepdc", "opt_clean -purge"):
        ys.run_pass(command, design)
    extend_operands(design)
    ys.run_pass(f"write_verilog -noattr {target}", design)


if __name__ == "__main__":
    main(*sys.argv[1:])
