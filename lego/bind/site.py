"""A dataflow of a chip as binding sees it: what registers and memories can hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lego.back.plan.array.sums import accumulated_terms, sum_range
from lego.back.plan.design import DesignPlan, plan_of
from lego.back.plan.memory.adders import spans_in_memory
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.registers import access_of, moving_counters, needs_extent
from lego.bind.linear import dot
from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.banking import Banking
from lego.ir.fused import FusedAdg, MemoryPlan, Plan

__all__ = ["Axis", "Port", "Site", "sites_of"]

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of the array.

    Attributes
    ----------
    size : FUs along it.
    most : the largest bound that its register holds, 0 if it has none.
    counter, step : an FU at `s` counts where ``step * counter + s`` is below the bound; -1: no counter.
    """

    size: int
    most: int
    counter: int
    step: int


@dataclass(frozen=True, slots=True)
class Port:
    """An operand of the chip.

    Attributes
    ----------
    words : of a bank.
    stepped : counters that have an address step.
    moduli : per dimension, address steps are wired modulo this; 1: they are free.
    loose : the same on a chip whose bank digits are registers: those that turn are free, if nodes never meet,
        whatever moves them, as they act all at once in a window over the banks.
    compared : dimensions whose index is compared with an extent, each with the largest extent.
    indices : per FU, in the dataflow's order, its index from that of FU zero: ``F_S s``.
    nodes : per FU, the number of the one at the end of its links, which has a data node.
    served : per FU, delay reuses by number, each with the number of the FU that it takes values from.
    sizes : FUs along each axis.
    """

    plan: Plan
    words: int
    stepped: tuple[int, ...]
    moduli: tuple[int, ...]
    loose: tuple[int, ...]
    compared: tuple[tuple[int, int], ...]
    indices: tuple[tuple[int, ...], ...] = ()
    nodes: tuple[int, ...] = ()
    served: tuple[tuple[tuple[int, int], ...], ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Of the operand."""
        return self.plan.name

    @property
    def held(self) -> range:
        """Counters over which a value is held."""
        counters = len(self.plan.time[0]) if self.plan.time else 0
        return range(counters - self.plan.hold, counters)

    @property
    def holds_freely(self) -> bool:
        """Whether values that are held could be so over any counters: not where banks serve nodes in turn, or
        delays serve them, since turns and delays follow from the counters."""
        delays = self.plan.delays if isinstance(self.plan, InputPlan) else ()
        return self.plan.hold > 0 and not (self.plan.banking.shared or delays)

    @property
    def needs_delays(self) -> bool:
        """Whether macros of several banks are read at one row only since delay reuse serves some nodes."""
        delays = self.plan.delays if isinstance(self.plan, InputPlan) else ()
        return self.plan.banking.wide > 1 and any(reuse.opening for reuse in delays)

    def depth(self, shape: tuple[int, ...]) -> int:
        """Words of a bank that a tensor of this shape takes."""
        return int(self.plan.banking.depth(shape))


@dataclass(frozen=True, slots=True)
class Site:
    """A dataflow of a chip.

    Attributes
    ----------
    limits : most trips per counter.
    held_sum, stored_sum : intervals of what an FU accumulates, and of what memory does.
    """

    design: DesignPlan
    index: int
    limits: tuple[int, ...]
    axes: tuple[Axis, ...]
    inputs: tuple[Port, ...]
    output: Port
    held_sum: tuple[int, int]
    stored_sum: tuple[int, int]

    @property
    def adg(self) -> Adg:
        """Its architecture."""
        return self.design.fused.layers[self.index].adg

    @property
    def ports(self) -> tuple[Port, ...]:
        """Inputs in order, then the output."""
        return (*self.inputs, self.output)

    @property
    def n_fus(self) -> int:
        """FUs of the dataflow."""
        return math.prod(axis.size for axis in self.axes)

    def counter_name(self, counter: int) -> str:
        """For people."""
        dim = self.adg.dataflow.temporal[counter]
        return f"counter {counter} ({dim.name})" if dim.loop >= 0 else f"spare counter {counter}"

    def axis_name(self, axis: int) -> str:
        """For people."""
        loop = self.adg.dataflow.spatial_loops[axis]
        return f"axis {axis}" + (f" ({self.adg.op.loops[loop].name})" if loop >= 0 else "")


def sites_of(chip: FusedAdg, tiles: int = 1) -> tuple[Site, ...]:
    """The dataflows of a chip, by their ids.

    `tiles`: so many operands of one kind find room in a memory beside each other, where it has parts.
    """
    design = plan_of(chip)
    return tuple(_site(design, index, tiles) for index in range(len(chip.layers)))


def _site(design: DesignPlan, index: int, tiles: int) -> Site:
    adg = design.fused.layers[index].adg
    room = design.fused.room is not None
    highs = {spec.name: spec.high for spec in design.registers}
    counters = zip(
        adg.dataflow.temporal, adg.dataflow.trips(adg.op), design.fused.trips(), strict=True
    )
    members = max(sum(map(len, c.levels)) for c in adg.output.classes)
    *inputs, output = (
        _port(design, adg, (buffer, plan), highs, tiles)
        for buffer, plan in _operands(design, index)
    )
    return Site(
        design,
        index,
        tuple(most if dim.loop < 0 or room else own for dim, own, most in counters),
        tuple(_axis(adg, axis, highs) for axis in range(len(adg.dataflow.sizes))),
        tuple(inputs),
        output,
        sum_range(adg, accumulated_terms(adg, members)),
        spans_in_memory(design.fused)[index],
    )


def _operands(design: DesignPlan, index: int) -> list[tuple[MemoryPlan, Plan]]:
    """The memories of a dataflow's operands: inputs in the operation's order, then the output."""
    layer = design.fused.layers[index]
    numbers = (*layer.ports, design.fused.n_ports)
    return [
        (design.buffers[number], plan)
        for number, plan in zip(numbers, layer.adg.operands(), strict=True)
    ]


def _axis(adg: Adg, axis: int, highs: dict[str, int]) -> Axis:
    flow = adg.dataflow
    loop, most = flow.spatial_loops[axis], highs.get(f"bound{axis}", 0)
    for k, dim in enumerate(flow.temporal):
        if dim.loop == loop >= 0:
            return Axis(flow.sizes[axis], most, k, dim.step)
    return Axis(flow.sizes[axis], most, -1, 0)


def _port(
    design: DesignPlan,
    adg: Adg,
    operand: tuple[MemoryPlan, Plan],
    highs: dict[str, int],
    tiles: int,
) -> Port:
    buffer, plan = operand
    dims = needs_extent(adg, plan, access_of(adg, plan))
    moduli, view = moduli_of(plan.banking), BankView(adg, plan)
    turning = view.turning if _steady(view) else ()
    return Port(
        plan,
        buffer.depth_of(plan.banking.n_banks - 1) // (tiles if buffer.parts > 1 else 1),
        moving_counters(design.fused, buffer.plans),
        moduli,
        tuple(1 if j in turning else m for j, m in enumerate(moduli)),
        tuple((j, highs[f"{buffer.name}_extent{j}"]) for j in dims),
        tuple(tuple(dot(row, fu) for row in plan.space) for fu in adg.dataflow.fus()),
        _nodes(adg, plan),
        tuple(tuple(_served(adg, plan, fu)) for fu in adg.dataflow.fus()),
        adg.dataflow.sizes,
    )


def _served(adg: Adg, plan: Plan, fu: Fu) -> Iterator[tuple[int, int]]:
    """The delay reuses of an FU, each with the number of the FU that it takes values from."""
    if not isinstance(plan, InputPlan):
        return
    for k in plan.levels(fu):
        there = (a - b for a, b in zip(fu, plan.delays[k].shift, strict=True))
        yield k, adg.dataflow.rank(tuple(there))


def _nodes(adg: Adg, plan: Plan) -> tuple[int, ...]:
    """Numbers of the FUs whose data nodes values come from; of their own for results."""
    found = list(range(adg.dataflow.n_fus))
    if not isinstance(plan, InputPlan):
        return tuple(found)
    for n in range(len(found)):
        while (link := plan.sources[found[n]].link) is not None:
            found[n] = adg.dataflow.rank(link)
    return tuple(found)


def _steady(view: BankView) -> bool:
    """Whether nodes act all at once, in a window that any turn of the banks serves: not in macros of several
    banks, which are read at one row."""
    b = view.plan.banking
    if b.wide > 1 or b.shared or any(b.lag) or any(map(any, b.skews)):
        return False
    return all(
        x // g < n
        for fu in view.nodes
        for x, g, n in zip(view.place(fu), b.gcds, b.counts, strict=True)
    )


def moduli_of(banking: Banking) -> tuple[int, ...]:
    """Per dimension, what doesn't change a bank digit that it has or adds to."""
    found = []
    for j, (g, count) in enumerate(zip(banking.gcds, banking.counts, strict=True)):
        others = (
            n for skew, n in zip(banking.skews, banking.counts, strict=True) if skew[j] and n > 1
        )
        found.append(math.lcm(g * count if count > 1 else 1, *others))
    return tuple(found)
