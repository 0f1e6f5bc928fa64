"""Registers of a design; their values for given loop bounds are in `register_values`.

Everything that depends on run-time sizes is a register that the host computes: trip counts,
bounds of ragged loops, tensor extents, base addresses, and address steps. The hardware only adds
and compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lego.back.plan.array.fifo import capacities, segments
from lego.back.plan.memory.bank_view import Views
from lego.back.plan.memory.nests import digit_nests
from lego.back.plan.room import (
    REVISIT,
    digit_first,
    digit_step,
    edge_register,
    free_reuses,
    held,
    hold_register,
    ragged_register,
)
from lego.ir.adg import Adg, OutputPlan
from lego.ir.affine import AffineMap
from lego.ir.dag import bits_for
from lego.ir.fused import FusedAdg, MemoryPlan, Plan
from lego.ir.gaps import longest_after, longest_before
from lego.ir.guard import Guard
from lego.ir.operation import Loop

__all__ = [
    "GAP_AFTER",
    "GAP_BEFORE",
    "RESUME",
    "Reader",
    "RegisterSpec",
    "access_of",
    "address_bits",
    "array_bits",
    "delay_register",
    "levels",
    "loop_on",
    "moving_counters",
    "needs_extent",
    "pause_register",
    "register_specs",
    "row_registers",
]

RESUME = "resume"
"""Register that tells a run to go on from what the memory of results holds. Dataflows whose memory the host
preloads do so in every run, and go by no register."""

GAP_AFTER, GAP_BEFORE = "gap_after", "gap_before"
"""Registers that keep runs apart which follow each other (see :mod:`lego.ir.gaps`)."""


class Reader(StrEnum):
    """What looks at a register, and so when it may change: those of counters and addresses with the first
    timestamp of a run, as what they say travels with it; others when no run is under way."""

    COUNTERS = "counters"  # the sequencer, while it issues timestamps
    ADDRESSES = (
        "addresses"  # the address generators, a cycle later where a register stands before them
    )
    BEHIND = "behind"  # what acts some cycles behind a timestamp's issue


@dataclass(frozen=True, slots=True)
class RegisterSpec:
    """One register: its port name, the largest value it must hold, and what it means.

    `settles`: much of the design looks at it, some cycles later, through a tree of registers; `at_once`:
    some of the design looks at it without that, too. `reader`: what looks at it.
    """

    name: str
    high: int
    about: str
    settles: bool = False
    at_once: bool = False
    reader: Reader = Reader.COUNTERS

    @property
    def bits(self) -> int:
        """Width in bits."""
        return bits_for(0, self.high)


def address_bits(depth: int) -> int:
    """Bits of a word address in a bank of so many words."""
    return bits_for(0, depth - 1)


def array_bits(buffer: MemoryPlan) -> int:
    """Bits of an address of the array's: of a word in a bank, and above them perhaps of the half."""
    return address_bits(buffer.depth) + buffer.half_bits


def levels(plans: Sequence[Plan | None]) -> tuple[int, ...]:
    """Counters that the element depends on in any layer, outermost first."""
    rows = [row for plan in plans if plan is not None for row in plan.time]
    return tuple(sorted({k for row in rows for k, step in enumerate(row) if step}))


def moving_counters(fused: FusedAdg, plans: Sequence[Plan | None]) -> tuple[int, ...]:
    """Counters that can move the element; with room all can."""
    return levels(plans) if fused.room is None else tuple(range(fused.n_counters))


def row_registers(views: Views) -> tuple[int, ...]:
    """Dimensions of a memory whose bank digit can carry into the row in any layer."""
    return tuple(sorted({j for view in views if view is not None for j in view.rows}))


def needs_extent(adg: Adg, plan: Plan, access: AffineMap) -> tuple[int, ...]:
    """Dimensions whose index must be compared with the tensor's extent.

    A bare loop that the tensor is as long as can't leave it: FUs beyond the bound are masked.
    """
    if isinstance(plan, OutputPlan):
        return adg.checked_dims
    if plan.tensor.pad is None:
        return ()
    return tuple(
        j
        for j, (row, offset) in enumerate(zip(access.rows, access.offset, strict=True))
        if offset
        or sorted(row)[-1:] != [1]
        or sum(map(abs, row)) != 1
        or adg.op.loops[row.index(1)].extent > plan.tensor.shape[j]
    )


def access_of(adg: Adg, plan: Plan) -> AffineMap:
    """The access map behind a plan."""
    if isinstance(plan, OutputPlan):
        return adg.op.output.map
    return adg.op.inputs[[p.name for p in adg.inputs].index(plan.name)].map


def register_specs(
    fused: FusedAdg, buffers: Sequence[MemoryPlan], views: Sequence[Views]
) -> tuple[RegisterSpec, ...]:
    """All registers of the design, in address order;

    `views` tell how the layers meet the banks of each memory.
    """
    specs = []
    if len(fused.layers) > 1:
        about = ", ".join(f"{k}: {layer.label}" for k, layer in enumerate(fused.layers))
        about = f"dataflow id; {about}"
        most = len(fused.layers) - 1
        specs.append(RegisterSpec("dataflow", most, about, settles=True, reader=Reader.BEHIND))
    if fused.halves > 1:
        about, behind = "half of the memories in use", not fused.travels
        reader = Reader.BEHIND if behind else Reader.COUNTERS
        specs.append(RegisterSpec("half", fused.halves - 1, about, behind, behind, reader))
    if any(layer.adg.output.resumes and layer.adg.output.injective for layer in fused.layers):
        about = "1: results are combined with what their memory holds, and not with a neutral value"
        specs.append(RegisterSpec(RESUME, 1, about))
    for k, trips in enumerate(fused.trips()):
        names = [layer.adg.dataflow.temporal[k] for layer in fused.layers]
        about = _each([d.name if d.loop >= 0 else "no loop" for d in names])
        specs.append(RegisterSpec(f"trip{k}", trips - 1, f"trips of {about}, less one"))
    for k, most in enumerate(fused.longest_pauses()):
        if most:
            counters = [layer.adg.dataflow.temporal[k].name for layer in fused.layers]
            about = f"idle cycles after a round of {_each(counters)}"
            specs.append(RegisterSpec(pause_register(k), most, about))
    specs += _gap_specs(fused)
    for axis in range(len(fused.sizes)):
        loops = [loop_on(layer.adg, axis) for layer in fused.layers]
        if any(loops):
            high = max(loop.extent for loop in loops if loop)
            about = _each([loop.name if loop else "no loop" for loop in loops])
            specs += _bound_specs(fused, axis, high, about)
    for k in range(max(len(layer.adg.op.domain) for layer in fused.layers)):
        guards = [_guard_of(layer.adg, k) for layer in fused.layers]
        high = max(guard.high + 1 for guard in guards if guard)
        about = _each([_described(layer.adg, k) for layer in fused.layers])
        specs.append(RegisterSpec(f"guard{k}", high, f"what must stay below: {about}"))
    for buffer, met in zip(buffers, views, strict=True):
        specs += _address_specs(fused, buffer, met)
    return tuple(specs)


def _bound_specs(fused: FusedAdg, axis: int, high: int, about: str) -> Iterator[RegisterSpec]:
    if fused.room is None:
        yield RegisterSpec(f"bound{axis}", high, f"bound of {about}")
        return
    size = fused.sizes[axis]
    yield RegisterSpec(f"bound{axis}", size, f"FUs along axis {axis} that count: {about}")
    where = f"FUs along axis {axis} that count in the last trips of the counters in edge{axis}"
    yield RegisterSpec(ragged_register(axis), size, where)
    which = f"counters in whose last trips ragged{axis} FUs count, a bit each"
    yield RegisterSpec(edge_register(axis), (1 << fused.n_counters) - 1, which)


def _room_specs(fused: FusedAdg, buffer: MemoryPlan, views: Views) -> Iterator[RegisterSpec]:
    """Registers of a memory that only chips with room have."""
    counters = (1 << fused.n_counters) - 1
    if held(buffer):
        about = f"counters that {buffer.name} is held over, a bit each"
        yield RegisterSpec(hold_register(buffer), counters, about)
    if buffer.output and any(layer.adg.output.accumulates for layer in fused.layers):
        about = "counters over which results are accumulated in memory, a bit each"
        yield RegisterSpec(REVISIT, counters, about)
    for nest in digit_nests(views, free=True):
        about = f"of the {'rest' if nest.rest else 'bank digit'} of dimension {nest.dim}"
        high, at = nest.radix - 1, Reader.ADDRESSES
        first, name = digit_first(buffer.name, nest), f"first value {about}"
        yield RegisterSpec(first, high, name, reader=at)
        for k in range(fused.n_counters):
            step = digit_step(buffer.name, nest, k)
            yield RegisterSpec(step, high, f"step {k} {about}", reader=at)
    for k in free_reuses(buffer):
        about = f"delay reuse {k}: in use"
        yield RegisterSpec(delay_register(buffer, k), 1, about, reader=Reader.ADDRESSES)


def _gap_specs(fused: FusedAdg) -> Iterator[RegisterSpec]:
    """The registers that keep runs apart, where they can follow each other at once."""
    if not fused.queue:
        return
    adgs = [layer.adg for layer in fused.layers]
    for name, most, side in (
        (GAP_AFTER, max(map(longest_after, adgs)), "after the run, before one"),
        (GAP_BEFORE, max(map(longest_before, adgs)), "before the run, after one"),
    ):
        if most:
            yield RegisterSpec(name, most, f"least idle cycles {side} of the same dataflow")


def _guard_of(adg: Adg, k: int) -> Guard | None:
    return adg.guards[k] if k < len(adg.op.domain) else None


def _described(adg: Adg, k: int) -> str:
    if k >= len(adg.op.domain):
        return "nothing"
    return adg.op.domain[k].describe([loop.name for loop in adg.op.loops])


def _each(names: Sequence[str]) -> str:
    """What something means per dataflow; once if it is the same in all."""
    if len(set(names)) == 1:
        return names[0]
    return " or ".join(f"{name} ({k})" for k, name in enumerate(names))


def loop_on(adg: Adg, axis: int) -> Loop | None:
    """The loop along an axis of the array, if there is one."""
    loop = adg.dataflow.spatial_loops[axis]
    return adg.op.loops[loop] if loop >= 0 else None


def _address_specs(fused: FusedAdg, buffer: MemoryPlan, views: Views) -> Iterator[RegisterSpec]:
    name, high, at = buffer.name, (1 << address_bits(buffer.depth)) - 1, Reader.ADDRESSES
    yield RegisterSpec(f"{name}_base", high, f"first word address of {name}", reader=at)
    for k in moving_counters(fused, buffer.plans):
        counters = [layer.adg.dataflow.temporal[k].name for layer in fused.layers]
        about = f"words per step of {_each(counters)}"
        yield RegisterSpec(f"{name}_step{k}", high, about, reader=at)
    for j in row_registers(views):
        about = f"words per row step of dimension {j}"
        yield RegisterSpec(f"{name}_row{j}", high, about, settles=True, reader=Reader.BEHIND)
    extents = _extents(fused, buffer)
    for j, extent in sorted(extents.items()):
        yield RegisterSpec(f"{name}_extent{j}", extent, f"elements of dimension {j}", reader=at)
    for k, depth in sorted(capacities(buffer).items()):
        parts = segments(depth, depth)
        lengths = " ".join(map(str, parts[1:]))
        about = f"delay reuse {k}: bit 0 in use, then FIFO segments of {lengths or 'no'} cycles"
        high = (1 << len(parts)) - 1
        register = delay_register(buffer, k)
        yield RegisterSpec(register, high, about, settles=True, reader=Reader.BEHIND)
    if fused.room is not None:
        yield from _room_specs(fused, buffer, views)


def pause_register(counter: int) -> str:
    """Register that tells how long to wait after a round of a counter and those inside it."""
    return f"pause{counter}"


def delay_register(buffer: MemoryPlan, number: int) -> str:
    """Register that programmes the FIFOs of a delay reuse."""
    return f"{buffer.name}_delay{number}"


def _extents(fused: FusedAdg, buffer: MemoryPlan) -> dict[int, int]:
    """Largest extent of every dimension that some layer compares with."""
    extents: dict[int, int] = {}
    for layer, plan in zip(fused.layers, buffer.plans, strict=True):
        if plan is not None:
            for j in needs_extent(layer.adg, plan, access_of(layer.adg, plan)):
                extents[j] = max(extents.get(j, 1), plan.tensor.shape[j])
    return extents
