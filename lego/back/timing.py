"""The schedule of one design: when things happen, relative to a timestamp's issue at its FU."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.bank_view import BankView
from lego.back.fu_kind import FuKind, Pick, PortKind, SumStages, masking_axes
from lego.back.lower_fu import build_fu
from lego.back.lower_halves import can_split, split_of
from lego.back.lower_sums import FORWARDED, adds_at_nodes
from lego.back.passes.broadcast import BUFFERED, MAX_FANOUT
from lego.back.passes.delay_matching import Arrival, match_delays
from lego.back.passes.reductions import balanced
from lego.back.passes.widths import infer_widths
from lego.back.registers import address_bits
from lego.back.spread import spread_levels
from lego.back.sums import accumulates_held
from lego.ir.adg import Adg
from lego.ir.fused import Buffer, FusedAdg

__all__ = [
    "BEST",
    "NO_STAGES",
    "Schedule",
    "Stages",
    "Ways",
    "has_chains",
    "has_trees",
    "is_staged",
    "read_latency",
    "schedule",
    "settling",
]


@dataclass(frozen=True, slots=True)
class Stages:
    """Pipeline registers beyond those that every design has, which a fast clock asks for.

    `events`: between the counters and the address generators; `banks`: behind the choice of the banks' addresses;
    `read`: behind what a data node reads, and as many levels of them as many FUs need; `choice`: behind an
    FU's choice of its operands; `sums`: before the adders of banks; `products`: inside multipliers;
    `carries`: inside the adders of FUs.
    """

    events: bool = False
    banks: bool = False
    read: bool = False
    choice: bool = False
    sums: bool = False
    products: bool = False
    carries: bool = False


NO_STAGES = Stages()


@dataclass(frozen=True, slots=True)
class Ways:
    """What the lowering leaves to passes that run; without them, it is a straightforward one.

    `matched`: operands and masks arrive when that saves registers, and not all together. `shared`: chains
    of sums and accumulators have one register where no dataflow needs both, the banks of a data node one adder, dataflows one
    rotator, and addresses registers before they are chosen. `balanced`: there is time for an FU's reductions as trees
    only, not as the chains that are lowered. `narrow`: switches route what data nodes meet at some timestamp, and not all banks
    to all nodes; banks add with the bits that sums fill.
    """

    matched: bool = True
    shared: bool = True
    balanced: bool = True
    narrow: bool = True


BEST = Ways()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Cycles after the issue of a timestamp, for an FU without skew.

    Attributes
    ----------
    operand : an operand is at its FU, by port.
    reads : from the address to the data nodes' values, by port.
    staged : addresses go through registers before the banks, by port; those of results leave a
        cycle earlier for it.
    stages : the pipeline registers that a fast clock asks for.
    valid : the mask of an axis is used, by axis.
    contribution : the body's masked value is ready.
    chained, held : sums have a register to travel; results accumulate in the FUs.
    merged : one adder and register per FU serve both, because no dataflow needs both.
    split : bits of the lower half of FUs' sums, whose upper half is a cycle later; 0 for whole sums.
    narrow : switches route only what data nodes meet, and banks add with the bits that sums fill.
    together : dataflows share what they have alike in memories; `gathered`: what adds to memory has adders at
        data nodes, not at banks.
    trees : cycles that the reduction of one level takes, per dataflow; 0 without trees.
    totals : the sum that the root commits or accumulates is ready, per dataflow.
    results : the value to commit is ready, per dataflow.
    tails : cycles from the last issue to the end of the last commit, per dataflow.
    settle : cycles from the start to the first issue, in which such registers reach every FU.
    """

    operand: tuple[int, ...]
    reads: tuple[int, ...]
    staged: tuple[bool, ...]
    stages: Stages
    valid: dict[int, int]
    contribution: int
    chained: bool
    held: bool
    merged: bool
    split: int
    narrow: bool
    together: bool
    gathered: bool
    trees: tuple[int, ...]
    totals: tuple[int, ...]
    results: tuple[int, ...]
    tails: tuple[int, ...]
    settle: int

    @property
    def total(self) -> int:
        """What an FU's accumulator takes is ready."""
        return self.contribution + (self.chained and not self.merged)


def settling(fused: FusedAdg) -> int:
    """Cycles that a register which the whole design looks at takes to reach all of it, by a tree:
    the dataflow id, the half of the memories, and the delay of FIFOs."""
    several = len(fused.layers) > 1 or fused.halves > 1
    return 3 if several or _fifos(fused) * BUFFERED > MAX_FANOUT else 0


def _fifos(fused: FusedAdg) -> int:
    """Most FIFOs that one register programmes."""
    found = [
        len(reuse.fus)
        for layer in fused.layers
        for plan in layer.adg.inputs
        for reuse in plan.delays
        if reuse.programmable
    ]
    return max(found, default=0)


def is_staged(fused: FusedAdg, buffer: Buffer) -> bool:
    """Whether addresses go through registers before the banks: where several nodes' banks turn, one
    address reaches many banks, too many for the cycle in which it is computed."""
    return not buffer.output and any(
        plan is not None and not BankView(layer.adg, plan).private
        for layer, plan in zip(fused.layers, buffer.plans, strict=True)
    )


def read_latency(fused: FusedAdg, buffer: Buffer) -> int:
    """Cycles from the address to the data nodes' values, alike in all dataflows."""
    if is_staged(fused, buffer):
        return 3
    for layer, plan in zip(fused.layers, buffer.plans, strict=True):
        if plan is not None:
            view = BankView(layer.adg, plan)
            if view.moving or plan.tensor.pad is not None:
                return 2
    return 1 if len({view.tensor.format for view in buffer.used()}) == 1 else 2


def has_trees(adg: Adg) -> bool:
    """Whether some FUs without skew between them reduce into one element."""
    return any(len(level) > 1 for c in adg.output.classes for level in c.levels)


def has_chains(adg: Adg) -> bool:
    """Whether some sums travel between levels of different skew."""
    return any(len(c.levels) > 1 for c in adg.output.classes)


def schedule(fused: FusedAdg, ways: Ways = BEST, *, stages: Stages = NO_STAGES) -> Schedule:
    """Match the delays of the generic FU; everything else follows by counting."""
    layers = [layer.adg for layer in fused.layers]
    buffers = fused.buffers()
    masks = tuple(
        masking_axes(adg, tuple(size - 1 for size in adg.dataflow.sizes)) for adg in layers
    )
    axes = sorted({axis for mask in masks for axis in mask})
    ports = tuple(
        PortKind(tuple(None if p is None else (Pick.LINK, ((-1, 0),)) for p in buffer.plans), False)
        for buffer in buffers[:-1]
    )
    kind = FuKind(ports, masks, (None,) * len(layers), False, True)
    raw = build_fu(
        fused, "generic", kind, SumStages(), chosen=stages.choice, halved=stages.products
    )
    module = infer_widths(raw.build())
    if ways.balanced:
        module = balanced(module)
    staged, reads, latency = _latencies(fused, stages)
    last = max(latency)
    arrivals = {
        f"valid{axis}": Arrival(0 if ways.matched else last, not ways.matched, 1) for axis in axes
    }
    for buffer in buffers[:-1]:
        low = latency[buffer.index] if ways.matched else last
        cost = address_bits(buffer.depth)
        arrivals[f"{buffer.name}_link0"] = Arrival(low, not ways.matched, cost)
    _, timing = match_delays(module, arrivals, fused.n_fus)
    contribution = timing.outputs["contribution"]
    trees = tuple(_tree_depth(adg) for adg in layers)
    chains = [has_chains(adg) and not has_trees(adg) for adg in layers]
    holds = [accumulates_held(adg) for adg in layers]
    chained, held = any(chains), any(holds)
    merged = (
        ways.shared
        and chained
        and held
        and not any(a and b for a, b in zip(chains, holds, strict=True))
    )
    totals = tuple(
        contribution + (tree + has_chains(adg) if has_trees(adg) else chained and not merged)
        for adg, tree in zip(layers, trees, strict=True)
    )
    split = split_of(layers) if stages.carries and (chained or held) and can_split(layers) else 0
    results = tuple(total + held + (split > 0) for total in totals)
    gathered = ways.shared and adds_at_nodes(fused, buffers[-1])
    accumulates = any(adg.output.accumulates for adg in layers)
    late = [
        FORWARDED * adg.output.accumulates if gathered else accumulates * (1 + stages.sums)
        for adg in layers
    ]
    skews = [max(adg.dataflow.skew(c.root) for c in adg.output.classes) for adg in layers]
    return Schedule(
        operand=tuple(timing.inputs.get(f"{b.name}_link0", latency[b.index]) for b in buffers[:-1]),
        reads=tuple(reads),
        staged=(*staged, stages.banks),
        stages=stages,
        valid={axis: timing.inputs[f"valid{axis}"] for axis in axes},
        contribution=contribution,
        chained=chained,
        held=held,
        merged=merged,
        split=split,
        narrow=ways.narrow,
        together=ways.shared,
        gathered=gathered,
        trees=trees,
        totals=totals,
        results=results,
        settle=settling(fused),
        tails=tuple(
            max(1, result + skew + added + stages.events)
            for result, skew, added in zip(results, skews, late, strict=True)
        ),
    )


def _latencies(fused: FusedAdg, stages: Stages) -> tuple[list[bool], list[int], list[int]]:
    """Per input, whether its addresses pass a register, the cycles until its data nodes' values, and until its FUs'."""
    buffers = fused.buffers()[:-1]
    own = [is_staged(fused, buf) for buf in buffers]
    staged = [mine or stages.banks for mine in own]
    reads = [
        read_latency(fused, buf) + (now and not mine)
        for buf, now, mine in zip(buffers, staged, own, strict=True)
    ]
    levels = [spread_levels(fused, buf) for buf in buffers]
    if stages.read:
        reads = [read + max(1, level) for read, level in zip(reads, levels, strict=True)]
        levels = [0] * len(levels)
    latency = [read + level for read, level in zip(reads, levels, strict=True)]
    return staged, reads, latency


def _tree_depth(adg: Adg) -> int:
    widest = max(len(level) for c in adg.output.classes for level in c.levels)
    return (widest - 1).bit_length()
