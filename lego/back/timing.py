"""The schedule of one design: when things happen, relative to a timestamp's issue at its FU."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.bank_view import BankView
from lego.back.lower_fu import FuKind, Pick, PortKind, build_fu, masking_axes
from lego.back.passes.delay_matching import Arrival, match_delays
from lego.back.passes.widths import infer_widths
from lego.back.registers import address_bits
from lego.ir.adg import Adg
from lego.ir.fused import Buffer, FusedAdg
from lego.ir.workload import Reduction

__all__ = [
    "Schedule",
    "accumulates_held",
    "has_chains",
    "has_trees",
    "is_staged",
    "read_latency",
    "schedule",
    "settling",
]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Cycles after the issue of a timestamp, for an FU without skew.

    Attributes
    ----------
    operand : an operand is at its FU, by port.
    valid : the mask of an axis is used, by axis.
    contribution : the body's masked value is ready.
    chained, held : sums have a register to travel; results accumulate in the FUs.
    trees : cycles that the reduction of one level takes, per dataflow; 0 without trees.
    totals : the sum that the root commits or accumulates is ready, per dataflow.
    results : the value to commit is ready, per dataflow.
    tails : cycles from the last issue to the end of the last commit, per dataflow.
    settle : cycles from the start to the first issue, in which the dataflow id reaches every FU.
    """

    operand: tuple[int, ...]
    valid: dict[int, int]
    contribution: int
    chained: bool
    held: bool
    trees: tuple[int, ...]
    totals: tuple[int, ...]
    results: tuple[int, ...]
    tails: tuple[int, ...]
    settle: int

    @property
    def total(self) -> int:
        """The sum inside an FU is ready."""
        return self.contribution + self.chained


def settling(fused: FusedAdg) -> int:
    """Cycles that a register which the whole design looks at takes to reach all of it, by a tree."""
    return 3 if len(fused.layers) > 1 or fused.halves > 1 else 0


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


def accumulates_held(adg: Adg) -> bool:
    """Whether roots accumulate over held counters."""
    return adg.output.hold > 0 and adg.reduction is not Reduction.ASSIGN


def schedule(fused: FusedAdg) -> Schedule:
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
    raw = build_fu(fused, "generic", kind, chained=False, held=False)
    module = infer_widths(raw.build())
    arrivals = {f"valid{axis}": Arrival(0, False, 1) for axis in axes}
    latency = [read_latency(fused, buffer) for buffer in buffers[:-1]]
    for buffer in buffers[:-1]:
        low = latency[buffer.index]
        arrivals[f"{buffer.name}_link0"] = Arrival(low, False, address_bits(buffer.depth))
    _, timing = match_delays(module, arrivals, fused.n_fus)
    contribution = timing.outputs["contribution"]
    trees = tuple(_tree_depth(adg) for adg in layers)
    chained = any(has_chains(adg) and not has_trees(adg) for adg in layers)
    held = any(accumulates_held(adg) for adg in layers)
    totals = tuple(
        contribution + (tree + has_chains(adg) if has_trees(adg) else chained)
        for adg, tree in zip(layers, trees, strict=True)
    )
    results = tuple(total + held for total in totals)
    accumulates = any(adg.output.accumulates for adg in layers)
    skews = [max(adg.dataflow.skew(c.root) for c in adg.output.classes) for adg in layers]
    return Schedule(
        operand=tuple(timing.inputs.get(f"{b.name}_link0", latency[b.index]) for b in buffers[:-1]),
        valid={axis: timing.inputs[f"valid{axis}"] for axis in axes},
        contribution=contribution,
        chained=chained,
        held=held,
        trees=trees,
        totals=totals,
        results=results,
        settle=settling(fused),
        tails=tuple(
            max(1, result + skew + accumulates) for result, skew in zip(results, skews, strict=True)
        ),
    )


def _tree_depth(adg: Adg) -> int:
    widest = max(len(level) for c in adg.output.classes for level in c.levels)
    return (widest - 1).bit_length()
