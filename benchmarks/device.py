"""Cycles of programs on the chip of `workloads/device/edge16.yaml`: in RTL, as predicted, and at least.

`--count` random networks follow those that lie beside it. Prints a table, and in how many other cases, with
memories of other speeds, both numbers are the same.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator

from frontends.yaml.load import load_text
from lego.device.compile import Made, compiled
from lego.diag import LegoError
from lego.ir.vector.chain import NotAChain
from lego.ir.workload import Workload
from lego.perf.play import play
from lego.perf.result import MemoryTiming
from sim.device.dram import Dram
from sim.device.session import inputs_for
from tests.device.chips import NETWORKS, edge_compiled, edge_rtl, network
from tests.device.random_networks import drawn_network

COLUMNS = (
    "network", "operations", "commands", "RTL", "predicted", "error, %",
    "array", "reads", "writes", "RTL / least", "ms",
)  # fmt: skip


def programs(count: int) -> Iterator[tuple[Workload, Made]]:
    """The networks that lie beside the chip, and random ones that it runs."""
    for name in NETWORKS:
        yield network(name), compiled(edge_compiled(), network(name))
    seed = 0
    while count:
        workload = load_text(drawn_network(seed))
        seed += 1
        try:
            made = compiled(edge_compiled(), workload, seed=seed - 1)
        except (LegoError, NotAChain):
            continue
        yield workload, made
        count -= 1


def counted(workload: Workload, made: Made, timing: MemoryTiming) -> int:
    """Cycles in RTL."""
    dram = Dram(latency=timing.latency, answer=timing.answer, rate=timing.rate)
    return edge_rtl().run(made.program, inputs_for(made, workload, 0), dram=dram).cycles


def row(workload: Workload, made: Made) -> str:
    """A line of the table."""
    begun = time.monotonic()
    found = play(edge_compiled(), made.program)
    passed = time.monotonic() - begun
    rtl = counted(workload, made, MemoryTiming())
    stages = [each.name for each in workload.operations]
    error = 100 * (found.cycles - rtl) / rtl
    limit = found.limit
    cells = (
        workload.network.name,
        len(stages),
        len(made.program.commands),
        f"{rtl:,}",
        f"{found.cycles:,}",
        f"{error:.2f}",
        f"{limit.array:,}",
        f"{limit.reads:,}",
        f"{limit.writes:,}",
        f"{rtl / limit.cycles:.2f}",
        f"{1000 * passed:.0f}",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def others(workload: Workload, made: Made, r: random.Random) -> int:
    """The difference with a memory of another speed."""
    timing = MemoryTiming(r.randint(1, 300), r.randint(1, 300), r.randint(1, 16))
    predicted = play(edge_compiled(), made.program, timing).cycles
    return predicted - counted(workload, made, timing)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=24, help="random networks")
    count = parser.parse_args().count
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    r, differences = random.Random(0), []  # noqa: S311 - sizes to try
    for workload, made in programs(count):
        print(row(workload, made), flush=True)
        differences += [others(workload, made, r) for _ in range(4)]
    same = differences.count(0)
    print(f"{same} of {len(differences)} with memories of other speeds are the same")


if __name__ == "__main__":
    main()
