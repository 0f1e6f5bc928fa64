"""The plan of a design: what follows from its architecture, each thing computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lego.back.plan.array.kinds import ArrayPlan, array_plan
from lego.back.plan.array.links import link_plan
from lego.back.plan.array.spread import spread_levels
from lego.back.plan.memory.adders import adds_at_nodes, n_units
from lego.back.plan.memory.bank_view import BankView, Views
from lego.back.plan.registers import RegisterSpec, register_specs
from lego.ir.adg import Adg
from lego.ir.fused import FusedAdg, MemoryPlan, single

__all__ = ["DesignPlan", "plan_of"]


@dataclass(frozen=True)
class DesignPlan:
    """What the lowering, the schedule and programs know of a design.

    Attributes
    ----------
    buffers : the memories: operands by port, then the results.
    views : how a layer meets the banks of a memory, by memory and layer; None where it doesn't use it.
    registers : all registers, in address order.
    at_nodes : data nodes have the adders of sums in memory, and not their banks; `units` of them add at once.
    programmed : most FIFOs that one register programmes.
    """

    fused: FusedAdg
    buffers: tuple[MemoryPlan, ...]
    views: tuple[Views, ...]
    registers: tuple[RegisterSpec, ...]
    at_nodes: bool
    units: int
    programmed: int

    @cached_property
    def spread(self) -> tuple[int, ...]:
        """Levels of registers that a data node's value needs to reach all FUs that use it in one cycle, by
        memory.
        """
        return tuple(spread_levels(self.fused, buffer) for buffer in self.buffers)

    @cached_property
    def array(self) -> ArrayPlan:
        """The kinds of all FUs, and the links between them."""
        links = [
            link_plan(self.fused, buffer, spread=self.spread[buffer.index] > 0)
            for buffer in self.operands
        ]
        return array_plan(self.fused, links)

    @property
    def results(self) -> MemoryPlan:
        """The memory of the results."""
        return self.buffers[-1]

    @property
    def operands(self) -> tuple[MemoryPlan, ...]:
        """The memories of operands, by port."""
        return self.buffers[:-1]

    @property
    def adgs(self) -> list[Adg]:
        """The architecture of every dataflow."""
        return [layer.adg for layer in self.fused.layers]

    def views_of(self, buffer: MemoryPlan) -> Iterator[BankView]:
        """How the layers that use a memory meet its banks."""
        return (view for view in self.views[buffer.index] if view is not None)


def plan_of(design: DesignPlan | FusedAdg | Adg) -> DesignPlan:
    """The plan of a design; a plan is its own."""
    if isinstance(design, DesignPlan):
        return design
    fused = single(design) if isinstance(design, Adg) else design
    buffers = fused.buffers()
    views = tuple(_views(fused, buffer) for buffer in buffers)
    results = views[-1]
    return DesignPlan(
        fused=fused,
        buffers=buffers,
        views=views,
        registers=register_specs(fused, buffers, views),
        at_nodes=adds_at_nodes(buffers[-1], results),
        units=n_units(results),
        programmed=_programmed(fused),
    )


def _views(fused: FusedAdg, buffer: MemoryPlan) -> Views:
    return tuple(
        None if plan is None else BankView(layer.adg, plan)
        for layer, plan in zip(fused.layers, buffer.plans, strict=True)
    )


def _programmed(fused: FusedAdg) -> int:
    found = [
        len(reuse.fus)
        for layer in fused.layers
        for plan in layer.adg.inputs
        for reuse in plan.delays
        if reuse.programmable
    ]
    return max(found, default=0)
