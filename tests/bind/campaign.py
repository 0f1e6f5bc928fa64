"""Random operations on random chips, and what became of them: python -m tests.bind.campaign [--rtl N]

Bound ones are run as the chip does and by the simulator of architectures, against plain loops; some of them
in Verilog. Refused ones name a condition; where there are few enough ways, all of them are tried.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lego.bind.result import Bound, Refusal
from lego.bind.search import bind
from lego.bind.site import Site, sites_of
from lego.ir.array import ArrayOperation, Tensor
from lego.ir.fused import FusedAdg
from tests.bind.brute import can_run, small
from tests.bind.chips import drawn_chip
from tests.bind.drawing import drawn_operation
from tests.bind.rtl import Run, case_of
from tests.bind.running import expected, ran, random_operands, simulated
from tests.designs import verdicts_of

Drawn = tuple[Site, ArrayOperation, dict[str, Tensor]]


@dataclass
class Tally:
    """What became of operations; by condition those that were refused, and of these those that were shown not
    to run in any way, whatever memory that takes (`proved`) or with banks of the chip's size (`crowded`), and
    those that could (`missed`)."""

    bound: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    incomplete: int = 0
    proved: Counter[str] = field(default_factory=Counter)
    crowded: int = 0
    missed: int = 0
    confirmed: int = 0
    rtl: int = 0

    def __str__(self) -> str:
        refused = ", ".join(f"({c}) {n}" for c, n in sorted(self.refused.items()))
        proved = ", ".join(f"({c}) {n}" for c, n in sorted(self.proved.items()))
        return (
            f"{self.bound} bound, {sum(self.refused.values())} refused: {refused}; "
            f"{self.incomplete} of them with ways left; by trying all ways: {self.confirmed} bound ones "
            f"confirmed, refused ones that can't run: {proved}, and {self.crowded} for want of words, "
            f"{self.missed} that can; {self.rtl} in RTL"
        )


def chips(first: int, count: int) -> Iterator[tuple[int, list[FusedAdg]]]:
    """The next so many seeds that give chips."""
    seed = first
    while count:
        if found := drawn_chip(seed):
            yield seed, found
            count -= 1
        seed += 1


def operations(seed: int, found: Sequence[FusedAdg], each: int) -> Iterator[Drawn]:
    """So many operations on a seed's chips, by turns on their dataflows."""
    sites = [site for chip in found for site in sites_of(chip)]
    for k in range(each):
        site = sites[k % len(sites)]
        yield site, *drawn_operation(site.adg, 1000 * seed + k)


def judge(tally: Tally, seed: int, drawn: Drawn) -> Bound | Refusal:
    """Bind, and check what was said."""
    site, op, tensors = drawn
    found = bind(site, op, tensors)
    if isinstance(found, Bound):
        operands = random_operands(op, tensors, seed)
        wanted = expected(op, tensors, operands)
        assert ran(site, found, tensors, operands) == wanted, f"chip {seed}: {op}"
        assert simulated(site, found, tensors, operands) == wanted, f"chip {seed}: {op}"
        tally.bound += 1
    else:
        assert found.condition in "abcde" and found.reason, f"chip {seed}: {op}"
        tally.refused[found.condition] += 1
        tally.incomplete += not found.complete
    if small(site, op) and site.adg.output.injective and not any(p.compared for p in site.ports):
        try_all(tally, seed, drawn, found)
    return found


def try_all(tally: Tally, seed: int, drawn: Drawn, found: Bound | Refusal) -> None:
    """Whether trying every way says the same."""
    site, op, tensors = drawn
    if isinstance(found, Bound):
        assert can_run(site, op, tensors, memory=True), f"chip {seed}: {op}"
        tally.confirmed += 1
    elif "words" in found.reason and found.condition == "e":
        runs = can_run(site, op, tensors, memory=True, steps=True)
        tally.missed += runs
        tally.crowded += not runs
    elif found.condition != "a":
        assert not can_run(site, op, tensors), f"chip {seed}: {op}\n{found}"
        tally.proved[found.condition] += 1


def campaign(first: int, count: int, each: int, rtl: int = 0) -> Tally:
    """So many operations on each of so many chips; of the bound ones `rtl` are run in Verilog."""
    tally, cases = Tally(), []
    share = -(-rtl // count)
    for seed, found in chips(first, count):
        runs: list[Run] = []
        for site, op, tensors in operations(seed, found, each):
            bound = judge(tally, seed, (site, op, tensors))
            if isinstance(bound, Bound):
                runs.append((site, bound, tensors))
        for chip in found:
            mine = [run for run in runs if run[0].design.fused is chip][: share // len(found) + 1]
            if rtl and mine:
                cases.append(case_of(chip, mine))
                tally.rtl += len(mine)
    for verdict in verdicts_of(cases) if cases else ():
        assert not verdict.failures, f"{verdict.top}: {verdict.failures[:3]}"
    return tally


def main() -> None:
    """Print the tally."""
    parser = argparse.ArgumentParser(prog="campaign.py", description=__doc__)
    parser.add_argument("--first", type=int, default=5000, help="first seed")
    parser.add_argument("--chips", type=int, default=20)
    parser.add_argument("--each", type=int, default=50, help="operations per chip")
    parser.add_argument("--rtl", type=int, default=0, help="of which so many run in Verilog")
    given = parser.parse_args()
    print(campaign(given.first, given.chips, given.each, given.rtl))


if __name__ == "__main__":
    main()
