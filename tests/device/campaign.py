"""Random networks against their reference, the functional model and RTL: python -m tests.device.campaign

The functional model must leave what the operations say, and the RTL, on a bus that pauses and answers out of
order, every byte of tensors that the functional model leaves.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import dataclass

import numpy as np

from frontends.yaml.load import load_text
from lego.device.compile import compiled
from lego.device.memory_map import DATA
from lego.diag import LegoError
from lego.runtime.functional import FunctionalDevice
from sim.device.dram import CHANNELS, Dram
from sim.device.rtl import placed
from sim.device.session import expected, inputs_for
from tests.device.chips import edge, edge_rtl
from tests.device.random_networks import drawn_network

__all__ = ["Verdict", "drawn_dram", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What became of a network: why it is refused, or commands and cycles; without RTL there are none."""

    refused: str = ""
    commands: int = 0
    cycles: int = 0

    def __str__(self) -> str:
        return self.refused or f"{self.commands} commands, {self.cycles} cycles"


def drawn_dram(seed: int) -> Dram:
    """A memory of some latency and bandwidth, with pauses of all channels or of some."""
    r = random.Random(seed)
    stalls = {c: r.choice([0, 20, 128, 230]) for c in CHANNELS} if r.random() < 0.5 else {}
    return Dram(
        latency=r.randint(1, 100),
        answer=r.randint(1, 100),
        rate=r.choice([16, 16, r.randint(3, 15)]),
        shared=r.random() < 0.3,
        stall=r.choice([0, 20, 128]),
        stalls=stalls,
        seed=seed,
        mixed=r.random() < 0.5,
        order=r.randrange(3),
        depth=r.choice([64, 64, r.randint(1, 8)]),
    )


def judge(seed: int, *, rtl: bool = True) -> Verdict:
    """Compile the network of a seed and run it everywhere; only refusals by code E307 and E308 are told."""
    chip, workload = edge(), load_text(drawn_network(seed))
    try:
        made = compiled(chip, workload, seed=seed)
    except LegoError as error:
        if error.code not in ("E307", "E308"):
            raise
        return Verdict(f"{error.code}: {error.message}")
    inputs = inputs_for(made, workload, seed)
    wanted = expected(workload, {**made.constants, **inputs})
    model = FunctionalDevice(chip, seed)
    for name, values in model.run(made.program, inputs).items():
        assert np.array_equal(values, wanted[name]), f"{seed}: the model's {name}"
    if not rtl:
        return Verdict(commands=len(made.program.commands))
    run = edge_rtl().run(made.program, inputs, dram=drawn_dram(seed), most=1 << 20, seed=seed)
    at = placed(made.program, inputs).bases[DATA]
    left = np.frombuffer(run.memory, np.uint8)[at : at + made.program.data_bytes]
    differ = np.flatnonzero(left != model.segments[DATA])
    assert not len(differ), f"{seed}: byte {differ[0]} of tensors, and {len(differ) - 1} more"
    return Verdict(commands=len(made.program.commands), cycles=run.cycles)


def main() -> None:
    """Judge networks, a line each, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first network")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--no-rtl", action="store_true")
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.count):
        try:
            verdict = str(judge(seed, rtl=not options.no_rtl))
            kind = verdict.split(" of '")[0] if verdict.startswith("E") else "as it should be"
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is told, and the next one judged
            verdict, kind = f"WRONG: {error!r}", "wrong"
        tally[kind] += 1
        print(f"{seed}: {verdict}", flush=True)
    for kind, count in sorted(tally.items()):
        print(f"{count} {kind}")


if __name__ == "__main__":
    main()
