"""The array, run cycle by cycle under a control that is told by the loops: sums of bodies leave it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping

import pytest

from lego.back.lower.node_ports import node_port
from lego.back.passes.delays import delay_early
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.ir.adg import Fu, OutputClass
from lego.ir.dag import Dag
from lego.ir.expr import evaluate
from lego.ir.operation import Reduction
from tests.back.designs import DESIGNS, IN_TURN
from tests.back.machine import Machine, fitted
from tests.back.timeline import FAST, Rooms, Timeline, rooms_of, runs_of, tensor_of

Tensors = Mapping[str, Mapping[tuple[int, ...], int]]


def array_of(rooms: Rooms) -> Machine:
    array = rooms.array
    dag = delay_early(Dag((*array.fus, *array.others, array.module)))
    return Machine(dag.top, dag.modules)


def given(rooms: Rooms, run: Timeline, tensors: Tensors, r: random.Random) -> list[dict[str, int]]:
    """What the array is told and given, from the first issue on; nodes that don't read bring anything."""
    last = max(tap.delay for tap in rooms.taps.asked.values()) + 8
    cycles = [run.taps(rooms.taps, cycle) for cycle in range(run.span + last)]
    for buffer in rooms.design.operands:
        plan = buffer.plans[run.layer]
        nodes = {fu for each in buffer.plans if each for fu in rooms.design.fused.fus()}
        for inputs, fu in itertools.product(cycles, nodes):
            inputs[node_port(buffer, fu)] = r.randint(*buffer.span)
        for fu in run.adg.data_nodes(plan) if plan is not None else ():
            at = rooms.times.operand[buffer.index]
            for t in run.timestamps:
                element = run.element(plan, t, fu)
                value = tensors[plan.name].get(element, plan.tensor.pad)
                if value is not None and run.fetched(plan, t, fu):
                    cycles[run.issued[t] + at + run.adg.dataflow.skew(fu)][
                        node_port(buffer, fu)
                    ] = value
    return cycles


def contributions(
    run: Timeline, tensors: Tensors, c: OutputClass, t: tuple[int, ...]
) -> Iterator[int]:
    """The values that meet in a root since its held counters started; assignments have one, anywhere."""
    hold = 0 if run.adg.reduction is Reduction.ASSIGN else run.adg.output.hold
    outer = t[: len(t) - hold]
    fus: list[Fu] = [fu for level in c.levels for fu in level]
    for inner in itertools.product(*map(range, run.trips[len(t) - hold :])):
        for fu in fus:
            now = (*outer, *inner)
            if run.counts(now, fu):
                operands = [
                    tensors[plan.name].get(run.element(plan, now, fu), plan.tensor.pad)
                    for plan in run.adg.inputs
                ]
                yield evaluate(run.adg.op.body, operands)


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", DESIGNS | IN_TURN)
def test_results_are_the_reductions_of_bodies(name: str, stages: Stages) -> None:
    rooms = rooms_of((DESIGNS | IN_TURN)[name], stages)
    for seed, run in enumerate(runs_of(rooms.design, seed=6)):
        r = random.Random(seed)
        tensors = {plan.name: tensor_of(run, plan, r) for plan in run.adg.inputs}
        machine = array_of(rooms)
        still = {port: run.program.registers.get(port, 0) for port in machine.ports}
        said = machine.run(still | each for each in given(rooms, run, tensors, r))
        fmt, checked = run.adg.output_format, 0
        for c, t in itertools.product(run.adg.output.classes, run.timestamps):
            values = list(contributions(run, tensors, c, t))
            if run.commits(t, c.root) and values:
                at = run.issued[t] + rooms.times.results[run.layer]
                at += run.adg.dataflow.skew(c.root)
                port = node_port(rooms.design.results, c.root)
                found = fitted(said[at][port], fmt.low, fmt.high)
                assert found == fitted(reduced(run, values), fmt.low, fmt.high), (c.root, t)
                checked += 1
        assert checked


def reduced(run: Timeline, values: list[int]) -> int:
    match run.adg.reduction:
        case Reduction.MAX:
            return max(values)
        case Reduction.MIN:
            return min(values)
        case _:
            return sum(values)
