"""The schedule of one design: when things happen, relative to a timestamp's issue at its FU."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.lower_fu import FuKind, Pick, build_fu, masking_loops
from lego.back.passes.delay_matching import Arrival, match_delays
from lego.back.passes.widths import infer_widths
from lego.back.registers import address_bits
from lego.ir.adg import Adg, InputPlan
from lego.ir.workload import Reduction

__all__ = ["Schedule", "read_latency", "schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Cycles after the issue of a timestamp, for an FU without skew.

    Attributes
    ----------
    operand : an input operand is at its FU, by name.
    valid : the mask of a loop is used, by loop name.
    contribution : the body's masked value is ready.
    tree : cycles that the reduction of one level takes.
    total : the (chained) sum is ready.
    result : the value to commit is ready.
    tail : cycles from the last issue to the end of the last commit.
    """

    operand: dict[str, int]
    valid: dict[str, int]
    contribution: int
    tree: int
    total: int
    result: int
    tail: int


def read_latency(plan: InputPlan) -> int:
    """Cycles from the address to the data node's value."""
    return 1 if plan.banking.fixed and plan.tensor.pad is None else 2


def has_trees(adg: Adg) -> bool:
    """Whether some FUs without skew between them reduce into one element."""
    return any(len(level) > 1 for c in adg.output.classes for level in c.levels)


def has_chains(adg: Adg) -> bool:
    """Whether some sums travel between levels of different skew."""
    return any(len(c.levels) > 1 for c in adg.output.classes)


def schedule(adg: Adg) -> Schedule:
    """Match the delays of the generic FU; everything else follows by counting."""
    picks = tuple(Pick.LINK for _ in adg.inputs)
    masks = masking_loops(adg, tuple(size - 1 for size in adg.dataflow.sizes))
    kind = FuKind(picks, (False,) * len(picks), False, False, False, 1, True, False, masks)
    module = infer_widths(build_fu(adg, "generic", kind).build())
    arrivals = {f"valid_{loop}": Arrival(0, False, 1) for loop in masks}
    for plan in adg.inputs:
        arrivals[f"{plan.name}_link"] = Arrival(read_latency(plan), False, address_bits(plan))
    _, timing = match_delays(module, arrivals, adg.dataflow.n_fus)
    contribution = timing.outputs["contribution"]
    widest = max(len(level) for c in adg.output.classes for level in c.levels)
    tree = (widest - 1).bit_length()
    total = contribution + tree + has_chains(adg)
    held = adg.output.hold > 0 and adg.reduction is not Reduction.ASSIGN
    result = total + held
    skew = max(adg.dataflow.skew(c.root) for c in adg.output.classes)
    return Schedule(
        operand={p.name: timing.inputs.get(f"{p.name}_link", read_latency(p)) for p in adg.inputs},
        valid={loop: timing.inputs[f"valid_{loop}"] for loop in masks},
        contribution=contribution,
        tree=tree,
        total=total,
        result=result,
        tail=max(1, result + skew + adg.output.accumulates),
    )
