"""When data nodes read."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.control.registers import Registers
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import delay_register
from lego.back.plan.room import first_port
from lego.back.plan.signals import fetch_port
from lego.ir.adg import InputPlan
from lego.ir.fused import MemoryPlan

__all__ = ["build_enables", "served"]


def build_enables(b: Builder, registers: Registers, design: DesignPlan, buffer: MemoryPlan) -> None:
    """`en`: a data node reads; `reuseN`: a delay reuse holds; `fetch_N`: a node that it serves reads."""
    if buffer.output:
        return
    plans = [plan for plan in buffer.plans if plan is None or isinstance(plan, InputPlan)]
    en = _reads(b, buffer, plans)
    b.output("en", en)
    reuse = []
    for number in range(max((len(p.delays) for p in plans if p is not None), default=0)):
        each = [
            None if p is None else _reuse(b, registers, design, buffer, p, number) for p in plans
        ]
        reuse.append(b.choose(each))
        b.output(f"reuse{number}", reuse[-1])
    for numbers in served(design, buffer):
        unserved = [b.invert(reuse[number]) for number in numbers]
        b.output(fetch_port(numbers), b.all([en, *unserved]))


def _reads(b: Builder, buffer: MemoryPlan, plans: Sequence[InputPlan | None]) -> int:
    """Whether data nodes that no delay reuse serves read."""
    zeros = [
        None if p is None else b.input(first_port(buffer, p)) if p.hold else b.const(1)
        for p in plans
    ]
    running = b.input("running")
    held = b.choose(zeros)
    return running if held == b.const(1) else b.all([running, held])


def served(design: DesignPlan, buffer: MemoryPlan) -> list[tuple[int, ...]]:
    """The sets of delay reuses, but the empty one, by which it is told whether words are read."""
    views = [view for view in design.views[buffer.index] if view and not buffer.output]
    found = {levels for view in views for word in view.words for levels in word.levels}
    return sorted(found - {()})


def _reuse(
    b: Builder,
    registers: Registers,
    design: DesignPlan,
    buffer: MemoryPlan,
    plan: InputPlan,
    number: int,
) -> int:
    """Whether the source of a delay reuse lies in the domain."""
    if number >= len(plan.delays):
        return b.const(0)
    reuse = plan.delays[number]
    tests = []
    if reuse.programmable or design.fused.room is not None:
        tests.append(b.slice(registers.bring(delay_register(buffer, number)), 0, 1))
    for k, (step, trips) in enumerate(zip(reuse.dt, design.fused.trips(), strict=True)):
        count = b.input(f"count{k}", (0, trips - 1)) if step else -1
        if step > 0:
            tests.append(b.invert(b.less(count, b.const(step))))
        elif step < 0:
            trip = registers.bring(f"trip{k}")
            tests.append(b.invert(b.less(trip, b.add(count, b.const(-step)))))
    return b.all(tests)
