"""Operations on one chip that wasn't compiled from them: python -m benchmarks.onto [--chip FILE] [NAME...]

Per operation its dataflows, runs, and utilisation: iterations per FU and cycle from the first timestamp of a
run to its last, operands in memory, and the same with the tails of all runs. `seconds` is what binding took.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from frontends.yaml import load_text, load_workload
from lego.back.plan.design import plan_of
from lego.back.schedule.times import schedule
from lego.bind.site import sites_of
from lego.bind.tiles import Tiling, tiled
from lego.designs import designs_of
from lego.ir.array import narrowed

__all__ = ["OPERATIONS", "main", "text_of"]

CHIP = Path(__file__).resolve().parents[1] / "workloads" / "onto" / "edge_chip.yaml"
_CONV = "Y[oc,oh,ow] += X[ic,{x}] * W[oc,ic,kh,kw]"
_MM = "Y[m,n] += X[m,k] * W[k,n]"
OPERATIONS = {
    "product 256x256x256": ("m: 256, n: 256, k: 256", _MM, ""),
    "3x3, 64 to 64, 14x14": (
        "oc: 64, oh: 14, ow: 14, ic: 64, kh: 3, kw: 3",
        _CONV.format(x="oh+kh-1,ow+kw-1"),
        "64, 14, 14",
    ),
    "pointwise 96 to 24, 28x28": (
        "oc: 24, oh: 28, ow: 28, ic: 96",
        "Y[oc,oh,ow] += X[ic,oh,ow] * W[oc,ic]",
        "",
    ),
    "depthwise 3x3, 96, 14x14": (
        "c: 96, oh: 14, ow: 14, kh: 3, kw: 3",
        "Y[c,oh,ow] += X[c,oh+kh-1,ow+kw-1] * W[c,kh,kw]",
        "96, 14, 14",
    ),
    "stem 3x3 stride 2, 3 to 32, 112x112": (
        "oc: 32, oh: 112, ow: 112, ic: 3, kh: 3, kw: 3",
        _CONV.format(x="2*oh+kh-1,2*ow+kw-1"),
        "3, 224, 224",
    ),
    "QK^T, 4 heads of 64, 64x64": (
        "h: 4, i: 64, j: 64, d: 64",
        "Y[h,i,j] += X[h,i,d] * W[h,j,d]",
        "",
    ),
    "GEMV 1024x1024": ("n: 1024, k: 1024", "Y[n] += X[k] * W[k,n]", ""),
}
"""By name the loops, the statement, and the shape of a padded X."""


def text_of(loops: str, statement: str, shape: str) -> str:
    """A workload of one operation."""
    more = f"    pad: {{X: 0}}\n    shapes: {{X: [{shape}]}}\n" if shape else ""
    return (
        f'name: wanted\noperations:\n  - name: op\n    loops: {{{loops}}}\n    statement: "{statement}"\n'
        f"    formats: {{X: int8, W: int8, Y: int32}}\n{more}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="onto.py", description=__doc__)
    parser.add_argument("--chip", type=Path, default=CHIP, help="workload file of the chip")
    parser.add_argument("names", nargs="*", metavar="NAME", help="operations, all by default")
    given = parser.parse_args(arguments)
    (chip,) = designs_of(load_workload(given.chip))
    sites, tails = sites_of(chip), schedule(plan_of(chip)).tails
    fus = chip.n_fus
    print("| operation | dataflow | runs | cycles | utilisation | with tails | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name, spec in OPERATIONS.items():
        if given.names and name not in given.names:
            continue
        tensors, (op,) = narrowed(load_text(text_of(*spec)))
        begun = time.monotonic()
        found = tiled(sites, op, {tensor.name: tensor for tensor in tensors})
        seconds = time.monotonic() - begun
        if not isinstance(found, Tiling):
            print(f"| {name} | refused: {'; '.join(map(str, found))} | | | | | {seconds:.1f} |")
            continue
        flows = ", ".join(chip.layers[k].label for k in found.dataflows)
        whole = found.cycles + sum(tails[run.bound.dataflow] for run in found.runs)
        busy = float(found.utilisation(fus)), op.iterations / (fus * whole)
        print(
            f"| {name} | {flows} | {len(found.runs)} | {found.cycles:,} | {busy[0]:.1%} | {busy[1]:.1%} "
            f"| {seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
