"""Pipeline registers that a clock asks for, and what the lowering leaves to passes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BEST", "NO_STAGES", "Stages", "Ways"]


@dataclass(frozen=True, slots=True)
class Stages:
    """Pipeline registers beyond those that every design has, which a fast clock asks for.

    `events`: between the counters and the address generators; `banks`: behind the choice of the addresses
    of operands' banks; `commits`: behind the choice of what results' banks are asked; `read`: behind what a
    data node reads, and as many levels of them as many FUs need; `choice`: behind an FU's choice of its
    operands; `sums`: around the adders of banks; `products`: inside multipliers; `carries`: inside the adders
    of FUs; `selects`: no registers, but the upper half of a sum in memory is added with and without a carry,
    and chosen by it.
    """

    events: bool = False
    banks: bool = False
    commits: bool = False
    read: bool = False
    choice: bool = False
    sums: bool = False
    products: bool = False
    carries: bool = False
    selects: bool = False


NO_STAGES = Stages()


@dataclass(frozen=True, slots=True)
class Ways:
    """What the lowering leaves to passes that run; without them, it is a straightforward one.

    `matched`: operands and masks arrive when that saves registers, and not all together. `shared`: chains
    of sums and accumulators have one register where no dataflow needs both, the banks of a data node one
    adder, dataflows one rotator, and addresses registers before they are chosen. `balanced`: there is time
    for an FU's reductions as trees only, not as the chains that are lowered. `narrow`: switches route what
    data nodes meet at some timestamp, and not all banks to all nodes; banks add with the bits that sums
    fill.
    """

    matched: bool = True
    shared: bool = True
    balanced: bool = True
    narrow: bool = True


BEST = Ways()
