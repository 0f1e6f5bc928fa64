"""Binding of a hundred layers of networks to one chip: python -m benchmarks.bind [--chip FILE] [NAME...]

Per layer (`benchmarks/layers.py`) its dataflows, runs, cycles from the first timestamp of each run to its
last, utilisation (iterations per FU and cycle), and milliseconds of processor time that choosing tiles and
binding them took: the first time, and the median of three more. From one time to the next only small tables
of numbers are kept, divisors and how many values sums of steps have.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.layers import layers, operation_of
from frontends.yaml import load_workload
from lego.bind.result import Refusal
from lego.bind.site import Site, sites_of
from lego.bind.tiles import Tiling, tiled
from lego.designs import designs_of
from lego.ir.array import ArrayOperation, Tensor

__all__ = ["main"]

CHIP = Path(__file__).resolve().parents[1] / "workloads" / "onto" / "edge_chip.yaml"
TIMES = 4


@dataclass(frozen=True)
class Row:
    """A layer, what it became, and how long that took each time, in ms."""

    network: str
    name: str
    op: ArrayOperation
    found: Tiling | list[Refusal]
    took: list[float]

    @property
    def again(self) -> float:
        """The median after the first time."""
        return statistics.median(self.took[1:])


def measured(
    sites: Sequence[Site], op: ArrayOperation, tensors: dict[str, Tensor]
) -> tuple[Tiling | list[Refusal], list[float]]:
    """The operation on the chip, and how long that took each time."""
    took: list[float] = []
    for _ in range(TIMES):
        begun = time.process_time()
        found = tiled(sites, op, tensors)
        took.append(1000 * (time.process_time() - begun))
    return found, took


def text_of(row: Row, labels: Sequence[str], fus: int) -> str:
    """A line of the table."""
    times = f"{row.took[0]:.0f} | {row.again:.0f}"
    if not isinstance(row.found, Tiling):
        return f"| {row.network} | {row.name} | refused: {'; '.join(map(str, row.found))} | | | | {times} |"
    flows = ", ".join(labels[k] for k in row.found.dataflows)
    busy = float(row.found.utilisation(fus))
    return (
        f"| {row.network} | {row.name} | {flows} | {len(row.found.runs):,} | {row.found.cycles:,} "
        f"| {busy:.1%} | {times} |"
    )


def summary(network: str, rows: Sequence[Row], fus: int) -> str:
    """A line for the layers of a network, each counted once."""
    tilings = [row.found for row in rows if isinstance(row.found, Tiling)]
    work = sum(tiling.op.iterations for tiling in tilings)
    cycles = sum(tiling.cycles for tiling in tilings)
    again = [row.again for row in rows]
    return (
        f"| {network} | {len(rows)} | {len(rows) - len(tilings)} | {sum(len(t.runs) for t in tilings):,} "
        f"| {work / (fus * cycles):.1%} | {min(float(t.utilisation(fus)) for t in tilings):.1%} "
        f"| {max(row.took[0] for row in rows):.0f} | {statistics.median(again):.0f} | {max(again):.0f} |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bind.py", description=__doc__)
    parser.add_argument("--chip", type=Path, default=CHIP, help="workload file of the chip")
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names; all by default")
    given = parser.parse_args(arguments)
    (chip,) = designs_of(load_workload(given.chip))
    sites, labels = sites_of(chip), [layer.label for layer in chip.layers]
    print("| network | layer | dataflow | runs | cycles | utilisation | first, ms | again, ms |")
    print("|---|---|---|---|---|---|---|---|")
    rows: list[Row] = []
    for network, layer in layers():
        if given.names and not any(part in layer[0] for part in given.names):
            continue
        op, tensors = operation_of(layer)
        rows.append(Row(network, layer[0], op, *measured(sites, op, tensors)))
        print(text_of(rows[-1], labels, chip.n_fus), flush=True)
    print(
        "\n| network | layers | refused | runs | utilisation | least | first, ms | again, ms | at most |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for network in dict.fromkeys(row.network for row in rows):
        print(summary(network, [row for row in rows if row.network == network], chip.n_fus))
    if rows:
        print(summary("all", rows, chip.n_fus))


if __name__ == "__main__":
    main()
