"""What the control says at every timestamp, from the loops themselves: no counter, no adder, no register."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

from lego.back.lower.array.array import LoweredArray, lower_array
from lego.back.lower.control.control import LoweredControl, lower_control
from lego.back.lower.memory.memory import LoweredMemory, lower_memory
from lego.back.lower.taps import Taps
from lego.back.plan.array.fu_kind import mask_port
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.turn import digit_name, turn_name, turn_of
from lego.back.plan.register_values import register_values
from lego.back.plan.registers import access_of, address_bits, needs_extent
from lego.back.plan.signals import fetch_port, inside_port, variant_port
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.back.schedule.times import Schedule, schedule
from lego.ir.adg import Adg, Fu, InputPlan
from lego.ir.fused import MemoryPlan, Plan
from lego.ir.program import Program
from lego.program import configure
from tests.back.designs import design_of

ACTING = re.compile(r"launch|running|step\d+|last\d+|.*_en|.*_fetch(_\d+)+")
"""Signals of the control that are 0 unless a timestamp is issued."""


FAST = Stages(*[True] * len(fields(Stages)))
"""All pipeline registers that a clock may ask for."""


@dataclass(frozen=True)
class Rooms:
    """A design lowered as far as the graphs of its rooms."""

    design: DesignPlan
    times: Schedule
    taps: Taps
    array: LoweredArray
    memories: tuple[LoweredMemory, ...]
    control: LoweredControl


def rooms_of(text: str, stages: Stages = NO_STAGES) -> Rooms:
    design = design_of(text)
    times, taps = schedule(design, stages=stages), Taps()
    array = lower_array(design, times, taps)
    memories = tuple(lower_memory(design, buffer, times, taps) for buffer in design.buffers)
    return Rooms(design, times, taps, array, memories, lower_control(design, times, taps))


@dataclass(frozen=True)
class Timeline:
    """One run of a dataflow at given bounds."""

    design: DesignPlan
    layer: int
    program: Program

    @property
    def adg(self) -> Adg:
        return self.design.adgs[self.layer]

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        return tuple(self.program.bounds[loop.name] for loop in self.adg.op.loops)

    @cached_property
    def trips(self) -> tuple[int, ...]:
        return tuple(
            1 if d.loop < 0 else len(range(0, self.bounds[d.loop], d.step))
            for d in self.adg.dataflow.temporal
        )

    @cached_property
    def timestamps(self) -> list[tuple[int, ...]]:
        """In the order in which they are issued."""
        return list(itertools.product(*map(range, self.trips)))

    @cached_property
    def pauses(self) -> tuple[int, ...]:
        """Idle cycles after a round of each counter and those inside it."""
        registers = self.program.registers
        return tuple(registers.get(f"pause{k}", 0) for k in range(len(self.trips)))

    @cached_property
    def issued(self) -> dict[tuple[int, ...], int]:
        """The cycle in which each timestamp is issued, counted from the first one's."""
        found, cycle = {}, 0
        for t in self.timestamps:
            found[t], cycle = cycle, cycle + 1
            at_end = [x == n - 1 for x, n in zip(t, self.trips, strict=True)]
            cycle += sum(pause for k, pause in enumerate(self.pauses) if all(at_end[k:]))
        return found

    @cached_property
    def span(self) -> int:
        """Cycles from the first issue to the last, both included."""
        return self.issued[self.timestamps[-1]] + 1

    def paused(self, pauses: Mapping[int, int]) -> Timeline:
        """The run with other idle cycles after rounds of these counters."""
        every = [pauses.get(k, 0) for k in range(len(self.trips))]
        shapes = {
            plan.tensor.name: self.program.layouts[plan.name].shape for plan in self.adg.operands()
        }
        bases = dict.fromkeys(self.program.layouts, 0)
        registers = register_values(
            self.design, self.layer, self.program.bounds, shapes, bases, pauses=every
        )
        return replace(self, program=replace(self.program, registers=registers))

    def point(self, t: tuple[int, ...], fu: Fu) -> tuple[int, ...]:
        """The values of all loops."""
        flow = self.adg.dataflow
        found = [0] * len(self.bounds)
        for dim, count in zip(flow.temporal, t, strict=True):
            if dim.loop >= 0:
                found[dim.loop] += dim.step * count
        for loop, at in zip(flow.spatial_loops, fu, strict=True):
            if loop >= 0:
                found[loop] += at
        return tuple(found)

    def counts(self, t: tuple[int, ...], fu: Fu) -> bool:
        """Whether an FU is within the loops."""
        point = self.point(t, fu)
        return all(x < n for x, n in zip(point, self.bounds, strict=True)) and all(
            sum(a * x for a, x in zip(each.coefficients, point, strict=True)) < each.limit
            for each in self.adg.op.domain
        )

    def element(self, plan: Plan, t: tuple[int, ...], fu: Fu) -> tuple[int, ...]:
        """The element that an FU uses."""
        access, point = access_of(self.adg, plan), self.point(t, fu)
        return tuple(
            sum(a * x for a, x in zip(row, point, strict=True)) + offset
            for row, offset in zip(access.rows, access.offset, strict=True)
        )

    def shape(self, plan: Plan) -> tuple[int, ...]:
        return self.program.layouts[plan.name].shape

    def fetched(self, plan: InputPlan, t: tuple[int, ...], fu: Fu) -> bool:
        """Whether the data node of an FU reads."""
        inner = t[len(t) - plan.hold :]
        return not any(inner) and not any(
            self.reused(plan, number, t) for number in plan.levels(fu)
        )

    def reused(self, plan: InputPlan, number: int, t: tuple[int, ...]) -> bool:
        """Whether the timestamp at which another FU used the value is one of this run."""
        reuse = plan.delays[number]
        before = tuple(x - step for x, step in zip(t, reuse.dt, strict=True))
        if before not in self.issued:
            return False
        late = self.issued[t] - self.issued[before] + self.adg.dataflow.skew(reuse.shift)
        if not reuse.programmable:
            assert late == reuse.delay
            return True
        return late > 0 and (late <= reuse.delay or not any(self.pauses))

    def commits(self, t: tuple[int, ...], fu: Fu) -> bool:
        """Whether the data node of a root writes an element, at the end of the counters that it holds."""
        output, op = self.adg.output, self.adg.op
        held = range(len(t) - output.hold, len(t))
        if any(t[k] != self.trips[k] - 1 for k in held):
            return False
        if self.adg.guarded_commits and not self.counts(t, fu):
            return False
        loops = enumerate(zip(self.point(t, fu), self.bounds, strict=True))
        told = [x < n for k, (x, n) in loops if any(row[k] for row in op.output.map.rows)]
        if output.injective and not all(told):
            return False
        element = self.element(output, t, fu)
        return all(0 <= element[j] < self.shape(output)[j] for j in self.adg.checked_dims)

    def signals(self, t: tuple[int, ...]) -> dict[str, int]:
        """All signals of the control that tell something about a timestamp."""
        found: dict[str, int] = {"running": 1}
        ends = [int(x == n - 1) for x, n in zip(t, self.trips, strict=True)]
        for held in range(len(t) + 1):
            found[f"zero{held}"] = int(not any(t[len(t) - held :]))
            found[f"last{held}"] = int(all(ends[len(t) - held :]))
        output = self.adg.output
        found["visit"] = int(output.injective and not any(t[k] for k in output.revisit))
        found |= self._masks(t)
        for buffer in self.design.buffers:
            view = self.design.views[buffer.index][self.layer]
            if view is not None:
                told = dict(self._addresses(buffer, view, t))
                found |= {f"{buffer.name}_{name}": value for name, value in told.items()}
        return found

    def _masks(self, t: tuple[int, ...]) -> dict[str, int]:
        found = {}
        flow = self.adg.dataflow
        for fu in flow.fus():
            point = self.point(t, fu)
            for axis, loop in enumerate(flow.spatial_loops):
                if fu[axis]:
                    found[mask_port(axis, fu[axis])] = int(point[loop] < self.bounds[loop])
            for k, (each, guard) in enumerate(
                zip(self.adg.op.domain, self.adg.guards, strict=True)
            ):
                left = sum(a * x for a, x in zip(each.coefficients, point, strict=True))
                found[mask_port(len(flow.sizes) + k, guard.at(fu))] = int(left < each.limit)
        return found

    def _addresses(
        self, buffer: MemoryPlan, view: BankView, t: tuple[int, ...]
    ) -> Iterator[tuple[str, int]]:
        plan, layout = view.plan, self.program.layouts[view.plan.name]
        banking, size = plan.banking, 1 << address_bits(buffer.depth)
        least = tuple(
            low + sum(a * x for a, x in zip(row, t, strict=True))
            for low, row in zip(view.least, plan.time, strict=True)
        )
        word = layout.word(least)
        rows = [g * stride for g, stride in zip(banking.gcds, layout.strides, strict=True)]
        for variant in {(), *view.variants}:
            carried = sum(rows[j] * times for j, times in variant)
            yield variant_port(variant), (word + carried) % size
        for j in view.rows:
            yield f"row{j}", rows[j] % size
        for j in view.moving:
            count, name = banking.counts[j], digit_name(plan, j)
            digit = banking.digits(banking.moved(least))[j] % count
            yield name, digit
            yield from ((f"{name}_is{v}", int(digit == v)) for v in range(count))
            turn = turn_of(view, j, narrow=True)
            if not turn.plain:
                yield turn_name(plan, j, turn), (digit - turn.low) % count >> turn.start
        for fu in view.nodes:
            element = self.element(plan, t, fu)
            for j in needs_extent(self.adg, plan, access_of(self.adg, plan)):
                inside = 0 <= element[j] < layout.shape[j]
                yield inside_port(j, view.shift(fu)[j]), int(inside)
            if isinstance(plan, InputPlan):
                yield fetch_port(plan.levels(fu)), int(self.fetched(plan, t, fu))
                yield from (
                    (f"reuse{k}", int(self.reused(plan, k, t))) for k in range(len(plan.delays))
                )
        if isinstance(plan, InputPlan):
            yield fetch_port(()), int(not any(t[len(t) - plan.hold :]))

    def taps(self, taps: Taps, cycle: int) -> dict[str, int]:
        """All taps in a cycle, counted from the first issue; 0 where no timestamp is behind them, but for
        steps of rows, which are registers. While the counters pause, nothing acts and the rest stands.
        """
        found = {}
        for port, tap in taps.asked.items():
            at = cycle - tap.delay
            stands = re.fullmatch(r".*_row\d+", tap.signal)
            known = stands or 0 <= at < self.span
            told = self.told[min(max(at, 0), self.span - 1)]
            found[port] = told.get(tap.signal, 0) if known else 0
        return found

    @cached_property
    def told(self) -> list[dict[str, int]]:
        """What is told in each cycle from the first issue to the last."""
        found: list[dict[str, int]] = []
        for t in self.timestamps:
            while len(found) < self.issued[t]:
                idle = {name for name in found[-1] if ACTING.fullmatch(name)}
                found.append(found[-1] | dict.fromkeys(idle, 0))
            found.append(self.signals(t))
        return found


def runs_of(design: DesignPlan, seed: int, count: int = 2) -> Iterator[Timeline]:
    """Every dataflow at its full bounds, and so often at random smaller ones."""
    r = random.Random(seed)
    for k, adg in enumerate(design.adgs):
        yield Timeline(design, k, configure(design, dataflow=k))
        for _ in range(count):
            bounds = {loop.name: r.randint(1, loop.extent) for loop in adg.op.loops}
            yield Timeline(design, k, configure(design, bounds, dataflow=k))


def tensor_of(run: Timeline, plan: Plan, r: random.Random) -> dict[tuple[int, ...], int]:
    """Random elements of a tensor."""
    fmt = plan.tensor.format
    return {
        element: r.randint(fmt.low, fmt.high)
        for element in itertools.product(*map(range, run.shape(plan)))
    }
