"""The sequencer: nested counters over the loops, start and stop, and masks of the loops."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.prune import remove_dead_nodes
from lego.back.graph.widths import infer_widths
from lego.back.lower.control.masks import axis_masks, guard_masks, masked
from lego.back.lower.control.nest import Events
from lego.back.lower.control.registers import Registers
from lego.back.lower.control.starts import starts_of, told_by
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import RESUME, pause_register
from lego.back.plan.room import REVISIT, held, hold_register
from lego.ir.adg import OutputPlan
from lego.ir.dag import Module

__all__ = ["build_sequencer"]


def build_sequencer(design: DesignPlan, tails: Sequence[int]) -> Module:
    """Nested counters; ports: counters, events, flags of the held counters, loop masks."""
    fused = design.fused
    b = Builder(f"{fused.name}_sequencer", "control", len(fused.layers))
    b.origin = "start, stop and counters of the loops"
    trips = fused.trips()
    registers = Registers(b, design)
    starts = starts_of(b, design, tails)
    counters = [b.reg((0, n - 1), name=f"counter{k}") for k, n in enumerate(trips)]
    ends = [b.reg((0, 1), name=f"end{k}") for k in range(len(trips))] if fused.room else []
    last = ends or [b.eq(c, registers.bring(f"trip{k}")) for k, c in enumerate(counters)]
    zero = [b.eq(c, b.const(0)) for c in counters]
    issue, moves = _paced(b, design, registers, starts.running, last)
    step = [
        b.all([moves, *last[k + 1 :], b.invert(last[k])], name=f"event_{k}")
        for k in range(len(trips))
    ]
    finish = b.all([issue, *last], name="finish")
    for k, (counter, trip) in enumerate(zip(counters, trips, strict=True)):
        following = b.mux(
            step[k], b.wrap(b.add(counter, b.const(1)), (0, max(1, trip - 1))), b.const(0)
        )
        b.drive(counter, following, b.any([finish, *step[: k + 1]]))
    _drive_ends(b, registers, ends, counters, step, starts.launch)
    starts.end(registers, finish)
    for name in told_by(design):
        b.output(name, starts.told[name])
    b.output("launch", starts.launch)
    b.output("running", issue)
    for k, counter in enumerate(counters):
        b.output(f"step{k}", step[k])
        b.output(f"count{k}", counter)
    _flags(b, design, registers, issue, zero, last)
    b.origin = "coordinates of FUs that are within the loops"
    axis_masks(b, fused, counters, last, registers)
    b.origin = "inequalities of the domain"
    events = Events(starts.launch, tuple(step), tuple(counters))
    guard_masks(b, fused, events, registers)
    return infer_widths(remove_dead_nodes(b.build()))


def _drive_ends(
    b: Builder,
    registers: Registers,
    ends: Sequence[int],
    counters: Sequence[int],
    step: Sequence[int],
    launch: int,
) -> None:
    """Registers that tell whether counters are in their last trips: wide ones take long to compare, and
    all counters wait for that."""
    for k, end in enumerate(ends):
        trip = registers.bring(f"trip{k}")
        ahead = b.eq(b.add(counters[k], b.const(1)), trip)
        only = b.eq(b.mux(launch, registers.begins(f"trip{k}"), trip), b.const(0))
        b.drive(end, b.mux(step[k], ahead, only), b.any([launch, *step[: k + 1]]))


def _paced(
    b: Builder, design: DesignPlan, registers: Registers, running: int, last: Sequence[int]
) -> tuple[int, int]:
    """Whether a timestamp is issued, and whether counters move behind it; between rounds of counters
    that the host wants apart there are idle cycles."""
    longest = design.fused.longest_pauses()
    ends = {k: b.all(last[k:]) for k, most in enumerate(longest) if most}
    if not ends:
        return running, running
    pauses = {k: registers.bring(pause_register(k)) for k in ends}
    left = b.reg((0, sum(longest)), name="pausing")
    issue = b.all([running, b.eq(left, b.const(0))], name="issue")
    zero = b.const(0)
    asked = [b.all([end, b.invert(b.eq(pauses[k], zero))]) for k, end in ends.items()]
    waits = b.all([issue, b.any(asked), b.invert(b.all(last))], name="pause_now")
    total = zero
    for k, end in ends.items():
        total = b.add(total, b.mux(end, pauses[k], zero))
    span = (0, sum(longest))
    down = b.wrap(b.add(left, b.const(-1)), span)
    idle = b.invert(b.eq(left, zero))
    b.drive(left, b.mux(waits, b.wrap(total, span), down), b.any([waits, idle]))
    resumes = b.all([running, b.eq(left, b.const(1))])
    return issue, b.any([b.all([issue, b.invert(waits)]), resumes])


def _flags(
    b: Builder,
    design: DesignPlan,
    registers: Registers,
    running: int,
    zero: Sequence[int],
    last: Sequence[int],
) -> None:
    """Whether inner counters are in their first and last trips, and whether an element starts anew."""
    for number in range(len(zero) + 1):
        b.output(f"zero{number}", b.all(zero[len(zero) - number :]))
        b.output(f"last{number}", b.all([running, *last[len(zero) - number :]]))
    if design.fused.room is not None:
        _held_flags(b, design, registers, running, zero, last)
    b.output("visit", b.choose([_visit(b, adg.output, registers, zero) for adg in design.adgs]))


def _held_flags(
    b: Builder,
    design: DesignPlan,
    registers: Registers,
    running: int,
    zero: Sequence[int],
    last: Sequence[int],
) -> None:
    """With room: whether the counters that registers name are in their first and last trips."""
    for buffer in design.buffers:
        mask = registers.bring(hold_register(buffer)) if held(buffer) else b.const(0)
        b.output(
            f"zero_{buffer.name}", b.all(masked(b, mask, zero)) if held(buffer) else b.const(1)
        )
        if buffer.output:
            ends = masked(b, mask, last) if held(buffer) else []
            b.output("last_held", b.all([running, *ends]))


def _visit(b: Builder, plan: OutputPlan, registers: Registers, zero: Sequence[int]) -> int:
    """Whether a dataflow meets an element first, and doesn't go on from what memory holds."""
    if not plan.injective:
        return b.const(0)
    anew = [b.invert(registers.bring(RESUME))] if plan.resumes else []
    if REVISIT in registers:
        return b.all([*masked(b, registers.bring(REVISIT), zero), *anew])
    return b.all([*(zero[k] for k in plan.revisit), *anew])
