"""Semaphores, by which runs of engines wait for each other."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.commands import ENGINES, SEMAPHORES
from lego.ir.dag import Module, Op

__all__ = ["LEVEL_BITS", "build_semaphores"]

LEVEL_BITS = 4


def build_semaphores(prefix: str) -> Module:
    """The module `PREFIX_semaphores`: sixteen counters of 4 bits, 0 at first.

    Ports
    -----
    wait0.. : per engine, the semaphores that its next start takes from, as bits.
    granted0.. : whether all of these are above 0.
    start0.. : pulse: each of these goes down by one at the end of the cycle.
    signal0.. : per engine, the semaphores that go up by one at the end of the cycle; several engines may
        signal one.
    clear : all go to 0.
    levels : all counters side by side, the first lowest.

    Simulators stop where a semaphore overflows, or two engines take from one in the same cycle.
    """
    b = Builder(f"{prefix}_semaphores", "control")
    span = (0, (1 << SEMAPHORES) - 1)
    waits = [b.input(f"wait{e}", span) for e in range(ENGINES)]
    starts = [b.input(f"start{e}") for e in range(ENGINES)]
    signals = [b.input(f"signal{e}", span) for e in range(ENGINES)]
    levels, granted = [], [[] for _ in range(ENGINES)]  # type: list[int], list[list[int]]
    for k in range(SEMAPHORES):
        level = b.reg((0, (1 << LEVEL_BITS) - 1), name=f"level{k}")
        wanted = [b.slice(mask, k, 1) for mask in waits]
        takes = [b.all([start, want]) for start, want in zip(starts, wanted, strict=True)]
        _count(b, level, [b.slice(mask, k, 1) for mask in signals], takes)
        above = b.invert(b.eq(level, b.const(0)))
        for each, want in zip(granted, wanted, strict=True):
            each.append(b.any([above, b.invert(want)]))
        levels.append(level)
    for e, each in enumerate(granted):
        b.output(f"granted{e}", b.all(each))
    b.output("levels", b.cat(levels))
    return infer_widths(b.build())


def _count(b: Builder, level: int, raises: list[int], takes: list[int]) -> None:
    """The level goes up and down; it never overflows, and one engine at most takes."""
    most = b.const((1 << LEVEL_BITS) - 1)
    after = b.op(Op.SUB, b.add(level, b.popcount(raises)), b.any(takes))
    clear = b.input("clear")
    b.drive(level, b.mux(clear, b.const(0), b.wrap(after, (0, (1 << LEVEL_BITS) - 1))))
    b.check(b.invert(b.less(most, after)), b.invert(clear))
    b.check(b.less(b.popcount(takes), b.const(2)), b.invert(clear))
