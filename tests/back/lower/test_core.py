"""Whole designs before any pass, run cycle by cycle: a host writes operands, starts, and reads results."""

from __future__ import annotations

import itertools
import random

import pytest

from lego.back.lower.core import Lowered, build
from lego.back.lower.top import memory_instance
from lego.back.passes.delays import delay_early
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import host_map
from lego.back.plan.registers import address_bits
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.ir.dag import Op
from lego.ir.expr import evaluate
from lego.ir.fused import Plan
from lego.ir.operation import Reduction
from lego.program import configure
from tests.back.designs import CHAIN, DESIGNS, GEMM, IN_TURN, SEVERAL
from tests.back.machine import Machine, fitted
from tests.back.timeline import FAST, Timeline, rooms_of, runs_of, tensor_of


class Host:
    """The accelerator, by its host port."""

    def __init__(self, design: DesignPlan, lowered: Lowered) -> None:
        dag = delay_early(lowered.dag)
        self.design, self.map = design, host_map(design)
        self.machine = Machine(dag.top, dag.modules)
        self.idle = dict.fromkeys(self.machine.ports, 0)

    def cycle(self, **inputs: int) -> dict[str, int]:
        return self.machine.cycle(self.idle | inputs)

    def write(self, address: int, value: int) -> None:
        data = value & (1 << self.map.data_bits) - 1
        self.cycle(host_en=1, host_we=1, host_addr=address, host_wdata=data)

    def read(self, address: int) -> int:
        self.cycle(host_en=1, host_addr=address)
        self.cycle(host_addr=address)
        found = self.cycle(host_addr=address)
        assert found["host_rvalid"] == 1
        return found["host_rdata"]

    def place(self, run: Timeline, plan: Plan, element: tuple[int, ...]) -> int:
        layout = run.program.layouts[plan.name]
        names = self.design.fused.names
        (buffer,) = (b for b in self.design.buffers if b.plans[run.layer] is plan)
        bank = layout.bank(element) << address_bits(buffer.depth)
        return self.map.base(1 + names.index(buffer.name)) + bank + layout.word(element)


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", DESIGNS | IN_TURN)
def test_a_host_gets_what_the_loops_say(name: str, stages: Stages) -> None:
    rooms = rooms_of((DESIGNS | IN_TURN)[name], stages)
    host = Host(rooms.design, build(rooms.design, stages=stages))
    runs = [*runs_of(rooms.design, seed=7, count=1)]
    if name == "rounds":  # operands are held while counters pause
        few = configure(rooms.design, {"m": 4, "n": 3, "k": 1})
        runs.append(Timeline(rooms.design, 0, few))
    for seed, run in enumerate(runs):
        r, output = random.Random(seed), run.adg.output
        tensors = {plan.name: tensor_of(run, plan, r) for plan in run.adg.inputs}
        for plan in run.adg.inputs:
            for element, value in tensors[plan.name].items():
                host.write(host.place(run, plan, element), value)
        preload = run.program.layouts[output.name].preload
        for element in tensor_of(run, output, r) if preload is not None else ():
            host.write(host.place(run, output, element), preload)
        for address, register in enumerate(rooms.design.registers):
            host.write(address, run.program.registers[register.name])
            assert host.read(address) == run.program.registers[register.name]
        cycles = [host.cycle(start=1)["busy"]]
        while host.cycle()["busy"]:
            cycles.append(1)
        length = run.span + rooms.times.tails[run.layer] + rooms.times.settle
        assert len(cycles) == length + 1  # in the first one the start is seen
        assert stages.events or length == run.program.cycles
        fmt = run.adg.output_format
        for element, value in expected(run, tensors).items():
            found = host.read(host.place(run, output, element))
            assert fitted(found, fmt.low, fmt.high) == fitted(value, fmt.low, fmt.high), element


def expected(
    run: Timeline, tensors: dict[str, dict[tuple[int, ...], int]]
) -> dict[tuple[int, ...], int]:
    """The output by plain loops over the domain."""
    found: dict[tuple[int, ...], int] = {}
    op = run.adg.op
    for point in itertools.product(*map(range, run.bounds)):
        if all(
            sum(a * x for a, x in zip(each.coefficients, point, strict=True)) < each.limit
            for each in op.domain
        ):
            operands = [
                tensors[plan.name].get(access.map(point), plan.tensor.pad)
                for plan, access in zip(run.adg.inputs, op.inputs, strict=True)
            ]
            value, at = evaluate(op.body, operands), op.output.map(point)
            old = found.get(at)
            if old is None or op.reduction is Reduction.ASSIGN:
                found[at] = value
            elif op.reduction is Reduction.ADD:
                found[at] = old + value
            else:
                found[at] = (max if op.reduction is Reduction.MAX else min)(old, value)
    return found


def test_modules_are_told_by_what_they_are() -> None:
    design = rooms_of(SEVERAL).design
    lowered = build(design)
    parts, modules = lowered.parts, {m.name: m for m in lowered.dag.modules}
    named = [*parts.fus, parts.sequencer, *parts.agus, *parts.memories]
    named += [name for pair in parts.banks for name in pair]
    assert set(named) <= set(modules)
    assert len(parts.agus) == len(parts.memories) == 3
    assert all(modules[name].category == "fu" for name in parts.fus)
    held = {n.name: n.text for n in lowered.dag.top.nodes if n.op is Op.INSTANCE}
    assert [held[memory_instance(name)] for name in design.fused.names] == list(parts.memories)


@pytest.mark.parametrize(("text", "fus"), [(GEMM, 4), (CHAIN, 6)])
def test_the_array_holds_every_fu(text: str, fus: int) -> None:
    lowered = build(rooms_of(text).design)
    (array,) = (m for m in lowered.dag.modules if m.name.endswith("_array"))
    held = [n for n in array.nodes if n.op is Op.INSTANCE and n.text in lowered.parts.fus]
    assert len(held) == fus
