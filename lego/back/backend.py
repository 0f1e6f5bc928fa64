"""The back end as a whole: from an architecture to a graph of primitives after the passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lego.back.lower.core import Lowered, build
from lego.back.passes.widths import narrow_widths
from lego.back.pipeline import DEFAULT, Options, Step, chosen, optimise
from lego.back.plan.design import DesignPlan, plan_of
from lego.back.schedule.estimate import stages_for
from lego.back.schedule.stages import NO_STAGES, Stages, Ways
from lego.back.sram.share import with_shared_srams
from lego.ir.checks.check import checked
from lego.ir.fused import FusedAdg
from lego.tell import Tell, silent

__all__ = ["lower"]


def lower(
    design: DesignPlan | FusedAdg,
    options: Options = DEFAULT,
    watch: Callable[[Step], None] | None = None,
    tell: Tell = silent,
) -> Lowered:
    """All modules of the accelerator after the passes that `options` ask for, with one SRAM per shape;

    `watch` sees each pass, `tell` hears what begins.
    """
    tell("lowering to primitives", 0, 0)
    passes, plan = chosen(options), plan_of(design)
    ways = Ways("delays" in passes, "pins" in passes, "reductions" in passes, "widths" in passes)
    found, stages = build(plan, ways), NO_STAGES
    while (asked := _asked(found, plan, stages, options.clock_ps)) != stages:
        found, stages = build(plan, ways, stages=asked), asked
    dag = optimise(found.dag, options, watch, tell)
    return replace(found, dag=checked(with_shared_srams(dag)))


def _asked(found: Lowered, plan: DesignPlan, stages: Stages, clock_ps: int | None) -> Stages:
    """The stages that the clock asks for. They show in the design without any; that with them is the last."""
    if clock_ps is None or stages != NO_STAGES:
        return stages
    return stages_for(narrow_widths(found.dag), found.parts, plan, clock_ps)
