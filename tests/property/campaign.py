"""Random designs under a style of memories: python -m tests.property.campaign --style at-once --kind single

`single` are one dataflow in RTL, `fused` 1 to 4, `architectures` and `fused-architectures` the same without
RTL. Ends at the first design that computes anything else than NumPy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from lego.ir.fused import Method
from lego.ir.hardware import MemoryStyle
from tests.designs import with_style
from tests.property.generator import Sample, fused_sample, sample
from tests.property.simulate import check_architecture, simulate

Draw = Callable[[int], Sample]

KINDS = {
    "single": (sample, True),
    "fused": (fused_sample, True),
    "architectures": (sample, False),
    "fused-architectures": (fused_sample, False),
}
PER_MODEL = 10


def styled(draw: Draw, style: str) -> Draw:
    """The samples of a generator with this style of memories."""

    def drawn(seed: int) -> Sample:
        found = draw(seed)
        return Sample(with_style(found.text, style), found.bounds)

    return drawn


def legal(draw: Draw, seeds: range, *, rtl: bool) -> int:
    """How many of the seeds are legal; fails if one computes anything else than NumPy."""
    if rtl:
        blocks = range(seeds.start, seeds.stop, PER_MODEL)
        return sum(simulate(draw, range(k, min(k + PER_MODEL, seeds.stop))) for k in blocks)
    methods = (Method.EXACT, Method.HEURISTIC)
    return sum(check_architecture(draw, seed, methods[seed % 2]) for seed in seeds)


def main() -> None:
    """Print how many designs there were."""
    parser = argparse.ArgumentParser(prog="campaign.py", description=__doc__)
    parser.add_argument("--style", choices=[*MemoryStyle], default=MemoryStyle.CHEAPEST)
    parser.add_argument("--kind", choices=[*KINDS], default="single")
    parser.add_argument("--first", type=int, default=1000, help="first seed")
    parser.add_argument("--seeds", type=int, default=500)
    given = parser.parse_args()
    draw, rtl = KINDS[given.kind]
    begin = time.perf_counter()
    seeds = range(given.first, given.first + given.seeds)
    found = legal(styled(draw, given.style), seeds, rtl=rtl)
    took = time.perf_counter() - begin
    print(
        f"{given.kind}, {given.style}: {given.seeds} seeds, {found} designs, none wrong, {took:.0f} s"
    )


if __name__ == "__main__":
    main()
