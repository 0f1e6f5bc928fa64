"""RTLIL to Verilog in a process of its own: `python -m lego.back.rtl.yosys_worker IN.il OUT.v TOP BOX...`.

Yosys numbers names and reuses the numbers, and some passes go by them: in a process that did
something before, the same modules may be printed in other words.
"""

from __future__ import annotations

import sys

from pyosys import libyosys as ys

from lego.back.rtl.explicit import extend_operands, fold_comparisons


def main(source: str, target: str, top: str, *boxes: str) -> None:
    """Simplify processes and all, and print, but not the modules `boxes`. The names are generated ones.

    Without a `top` all modules are printed.
    """
    design = ys.Design()
    for command in (
        f"read_rtlil {source}",
        f"hierarchy -check -top {top}" if top else "hierarchy -check",
        *(f"blackbox {box}" for box in boxes),
        *("proc_clean", "proc_mux", "proc_dff", "proc_clean"),  # no latches, ROMs or initial values
        "opt_expr -keepdc",
        "wreduce -keepdc",
    ):
        ys.run_pass(command, design)
    fold_comparisons(design)
    for command in ("opt_expr -keepdc", "opt_clean -purge"):
        ys.run_pass(command, design)
    extend_operands(design)
    ys.run_pass(f"write_verilog -noattr {target}", design)


if __name__ == "__main__":
    main(*sys.argv[1:])
