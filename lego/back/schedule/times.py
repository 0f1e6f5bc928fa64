"""The schedule of one design: when things happen, relative to a timestamp's issue at its FU."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.fu.unit import build_fu
from lego.back.graph.widths import infer_widths
from lego.back.passes.delays import Arrival, PortTimes, match_delays
from lego.back.passes.reductions import balanced
from lego.back.plan.array.fu_kind import FuKind, Pick, PortKind, SumStages, masking_axes
from lego.back.plan.array.sums import has_chains, has_trees
from lego.back.plan.design import DesignPlan, plan_of
from lego.back.plan.memory.adders import FORWARDED
from lego.back.plan.registers import address_bits
from lego.back.schedule.choices import Choices, choices_of
from lego.back.schedule.latencies import Latencies, latencies_of, settling
from lego.back.schedule.stages import BEST, NO_STAGES, Stages, Ways
from lego.ir.dag import Module
from lego.ir.fused import FusedAdg

__all__ = ["Schedule", "schedule"]


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


def schedule(
    given: DesignPlan | FusedAdg, ways: Ways = BEST, *, stages: Stages = NO_STAGES
) -> Schedule:
    """Match the delays of the generic FU; everything else follows by counting."""
    design = plan_of(given)
    adgs = design.adgs
    found, latencies = choices_of(design, ways, stages), latencies_of(design, stages)
    masks, timing = _matched(design, ways, stages, latencies)
    contribution = timing.outputs["contribution"]
    totals = tuple(
        contribution
        + (tree + has_chains(adg) if has_trees(adg) else found.chained and not found.merged)
        for adg, tree in zip(adgs, found.trees, strict=True)
    )
    results = tuple(total + found.held + (found.split > 0) for total in totals)
    operands = zip(design.operands, latencies.operand, strict=True)
    return Schedule(
        operand=tuple(timing.inputs.get(f"{b.name}_link0", own) for b, own in operands),
        reads=latencies.reads,
        staged=(*latencies.staged, stages.commits),
        stages=stages,
        valid={axis: timing.inputs[f"valid{axis}"] for axis in masks},
        contribution=contribution,
        chained=found.chained,
        held=found.held,
        merged=found.merged,
        split=found.split,
        narrow=ways.narrow and design.fused.room is None,
        together=ways.shared,
        gathered=found.gathered,
        trees=found.trees,
        totals=totals,
        results=results,
        settle=settling(design),
        tails=_tails(design, found, stages, results),
    )


def _matched(
    design: DesignPlan, ways: Ways, stages: Stages, latencies: Latencies
) -> tuple[list[int], PortTimes]:
    """The masks of the generic FU, and when its ports have their values."""
    masks, module = _generic(design, stages)
    if ways.balanced:
        module = balanced(module)
    last, late = max(latencies.operand), not ways.matched
    arrivals = {f"valid{axis}": Arrival(last if late else 0, late, 1) for axis in masks}
    for buffer, own in zip(design.operands, latencies.operand, strict=True):
        arrival = Arrival(last if late else own, late, address_bits(buffer.depth))
        arrivals[f"{buffer.name}_link0"] = arrival
    _, timing = match_delays(module, arrivals, design.fused.n_fus)
    return masks, timing


def _generic(design: DesignPlan, stages: Stages) -> tuple[list[int], Module]:
    """An FU with all masks, whose operands all come by links and whose contribution leaves."""
    adgs = design.adgs
    masks = tuple(masking_axes(adg, tuple(size - 1 for size in adg.dataflow.sizes)) for adg in adgs)
    ports = tuple(
        PortKind(tuple(None if p is None else (Pick.LINK, ((-1, 0),)) for p in buffer.plans), False)
        for buffer in design.operands
    )
    kind = FuKind(ports, masks, (None,) * len(adgs), False, True)
    raw = build_fu(
        design.fused, "generic", kind, SumStages(), chosen=stages.choice, halved=stages.products
    )
    return sorted({axis for mask in masks for axis in mask}), infer_widths(raw.build())


def _tails(
    design: DesignPlan, found: Choices, stages: Stages, results: tuple[int, ...]
) -> tuple[int, ...]:
    """Cycles from the last issue to the end of the last commit, per dataflow."""
    accumulates = any(adg.output.accumulates for adg in design.adgs)
    tails = []
    for adg, result in zip(design.adgs, results, strict=True):
        roots = [c.root for c in adg.output.classes]
        skew = max(max(adg.dataflow.skew(fu), adg.output.banking.phase(fu)) for fu in roots)
        late = accumulates * (FORWARDED if stages.sums else 1)
        added = FORWARDED * adg.output.accumulates if found.gathered else late
        tails.append(max(1, result + skew + added + stages.events))
    return tuple(tails)
