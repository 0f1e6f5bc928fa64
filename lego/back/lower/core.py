"""All modules of an accelerator: registers, control, memories and array, and the top that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.lower.array.array import LoweredArray, lower_array
from lego.back.lower.control.control import LoweredControl, lower_control
from lego.back.lower.memory.memory import LoweredMemory, lower_memory
from lego.back.lower.registers import host_side
from lego.back.lower.taps import Taps
from lego.back.lower.top import build_top
from lego.back.plan.design import DesignPlan, plan_of
from lego.back.plan.parts import Parts
from lego.back.schedule.stages import BEST, NO_STAGES, Stages, Ways
from lego.back.schedule.times import Schedule, schedule
from lego.ir.checks.check import checked
from lego.ir.dag import Dag, Module, Op
from lego.ir.fused import FusedAdg

__all__ = ["Lowered", "build"]


@dataclass(frozen=True, slots=True)
class Lowered:
    """A design before any pass, its schedule, and which of its modules are what."""

    dag: Dag
    times: Schedule
    parts: Parts


def build(
    given: DesignPlan | FusedAdg, ways: Ways = BEST, *, stages: Stages = NO_STAGES
) -> Lowered:
    """All modules of the accelerator before any pass: FUs and trees have latencies and a contract."""
    design = plan_of(given)
    times, taps = schedule(design, ways, stages=stages), Taps()
    array = lower_array(design, times, taps)
    memories = [lower_memory(design, buffer, times, taps) for buffer in design.buffers]
    control = lower_control(design, times, taps)
    commands = host_side(design, late=stages.events)
    inner = [memory.module for memory in memories]
    top = build_top(design, commands, control.module, inner, array.module)
    held = [*array.fus, *array.others, control.sequencer, *control.agus]
    held += [m for memory in memories for m in (*memory.rams, *memory.banks, *memory.units)]
    modules = (*held, *commands, control.module, *inner, array.module, top)
    return Lowered(checked(Dag(modules)), times, _parts(array, control, memories))


def _parts(
    array: LoweredArray, control: LoweredControl, memories: Sequence[LoweredMemory]
) -> Parts:
    return Parts(
        fus=tuple(module.name for module in array.fus),
        sequencer=control.sequencer.name,
        agus=tuple(module.name for module in control.agus),
        memories=tuple(memory.module.name for memory in memories),
        banks=tuple((bank.name, _ram(bank)) for memory in memories for bank in memory.banks),
    )


def _ram(bank: Module) -> str:
    """The RAM that a bank holds, in each of its halves."""
    (name,) = {node.text for node in bank.nodes if node.op is Op.INSTANCE}
    return name
