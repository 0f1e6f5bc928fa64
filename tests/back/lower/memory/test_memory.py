"""Memories, run cycle by cycle under a control that is told by the loops: what nodes get and leave there."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest

from lego.back.lower.memory.memory import LoweredMemory
from lego.back.lower.node_ports import node_port
from lego.back.plan.memory.bank_view import Mode
from lego.back.plan.registers import address_bits
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.ir.adg import Fu
from lego.ir.dag import index_bits
from lego.ir.fused import MemoryPlan, Plan
from lego.ir.layout import Layout
from lego.ir.operation import Reduction
from tests.back.designs import CHAIN, DESIGNS, IN_TURN
from tests.back.machine import Machine, fitted
from tests.back.timeline import FAST, Rooms, Timeline, rooms_of, runs_of, tensor_of
from tests.designs import with_style

Tensor = dict[tuple[int, ...], int]
DOUBLE = CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes")
WIDE = CHAIN.replace("[3, 2]", "[3, 2], dma_bits: 64")
AT_NODES = """\
name: turning
operations:
  - name: mm
    loops: {m: 5, n: 6, k: 4}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 3, n: 3}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 2, n: 1}, temporal: [n, k, m], control: systolic}
architecture: {array: [3, 3]}
"""
PARTS = DOUBLE.replace("double_buffer: yes", "double_buffer: parts")
OTHERS = {"double": DOUBLE, "parts": PARTS, "wide": WIDE, "at_nodes": AT_NODES}
MACROS = {f"macros_{name}": with_style(text, "wide") for name, text in (DESIGNS | IN_TURN).items()}
MEMORIES = DESIGNS | IN_TURN | MACROS | OTHERS


class Hosted:
    """A memory with a host that reaches its banks; ports that nobody drives are 0."""

    def __init__(self, buffer: MemoryPlan, lowered: LoweredMemory) -> None:
        self.buffer = buffer
        held = (*lowered.rams, *lowered.banks, *lowered.units)
        self.machine = Machine(lowered.module, held)
        self.idle = dict.fromkeys(self.machine.ports, 0)

    def cycle(self, inputs: Mapping[str, int]) -> dict[str, int]:
        known = {name: value for name, value in inputs.items() if name in self.idle}
        return self.machine.cycle(self.idle | known)

    def at(self, bank: int, word: int) -> dict[str, int]:
        lane = bank % self.buffer.lanes
        group = bank // self.buffer.lanes << address_bits(self.buffer.depth)
        return {"host_addr": group + word, "host_mask": 1 << lane}

    def write(self, bank: int, word: int, value: int) -> None:
        bits, lane = self.buffer.bits, bank % self.buffer.lanes
        data = (value & (1 << bits) - 1) << lane * bits
        self.cycle(self.at(bank, word) | {"host_wen": 1, "host_wdata": data})

    def read(self, bank: int, word: int, plan: Plan) -> int:
        self.cycle(self.at(bank, word) | {"host_ren": 1})
        self.cycle(self.at(bank, word))
        lane = bank % self.buffer.lanes * self.buffer.bits
        found = self.cycle(self.at(bank, word))["host_rdata"] >> lane
        return fitted(found, plan.tensor.format.low, plan.tensor.format.high)


def hosted(rooms: Rooms, index: int, run: Timeline) -> tuple[Hosted, MemoryPlan, Plan | None]:
    buffer = rooms.design.buffers[index]
    return Hosted(buffer, rooms.memories[index]), buffer, buffer.plans[run.layer]


def still(run: Timeline) -> dict[str, int]:
    """What stands while the array runs: the registers."""
    return {**run.program.registers, "busy": 1, "half_settled": 0}


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", MEMORIES)
def test_data_nodes_get_their_elements(name: str, stages: Stages) -> None:
    rooms = rooms_of(MEMORIES[name], stages)
    for seed, run in enumerate(runs_of(rooms.design, seed=3)):
        for index in range(len(rooms.design.operands)):
            memory, buffer, plan = hosted(rooms, index, run)
            if plan is not None:
                tensor = tensor_of(run, plan, random.Random(seed))
                layout = run.program.layouts[plan.name]
                for element, value in tensor.items():
                    memory.write(layout.bank(element), layout.word(element), value)
                given = delivered(memory, run, rooms)
                for fu in run.adg.data_nodes(plan):
                    at = rooms.times.operand[index]
                    late = given[at + run.adg.dataflow.skew(fu) :]
                    check_given(
                        run, plan, fu, tensor, [each[node_port(buffer, fu)] for each in late]
                    )


def check_given(run: Timeline, plan: Plan, fu: Fu, tensor: Tensor, given: list[int]) -> None:
    """A node's value is its element, or the pad beside the tensor, at every timestamp at which it reads; an
    FU beyond a loop's bound doesn't use what it gets from beside the tensor.
    """
    for t in run.timestamps:
        element, value = run.element(plan, t, fu), given[run.issued[t]]
        if run.fetched(plan, t, fu) and (element in tensor or run.counts(t, fu)):
            assert value == tensor.get(element, plan.tensor.pad), (plan.name, fu, t)


def delivered(memory: Hosted, run: Timeline, rooms: Rooms) -> list[dict[str, int]]:
    """What the nodes get, from the first issue on."""
    last = max(tap.delay for tap in rooms.taps.asked.values()) + 8
    cycles = range(run.span + last)
    return [memory.cycle(still(run) | run.taps(rooms.taps, cycle)) for cycle in cycles]


def test_designs_have_macros_of_several_banks_in_every_way() -> None:
    """Banks that stand still or move, nodes with banks of their own, at once and in turn."""
    found = {
        (view.mode, bool(view.moving), view.lanes is not None and view.lanes.window)
        for text in MACROS.values()
        for buffer in rooms_of(text, NO_STAGES).design.operands
        if buffer.wide > 1
        for view in rooms_of(text, NO_STAGES).design.views_of(buffer)
        if view.plan.banking.along >= 0
    }
    assert found >= {(Mode.PRIVATE, False, False), (Mode.TURNING, True, True)}
    assert {mode for mode, _, _ in found} >= {Mode.PRIVATE, Mode.TURNING, Mode.IN_TURN}


@pytest.mark.parametrize("stages", [NO_STAGES, FAST], ids=["slow", "fast"])
@pytest.mark.parametrize("name", DESIGNS | IN_TURN | OTHERS)
def test_results_are_kept_and_no_other_word_is_written(name: str, stages: Stages) -> None:
    rooms = rooms_of(MEMORIES[name], stages)
    index = len(rooms.design.operands)
    for seed, run in enumerate(runs_of(rooms.design, seed=4)):
        memory, buffer, plan = hosted(rooms, index, run)
        r, layout = random.Random(seed), run.program.layouts[plan.name]
        words = {
            (bank, word): r.randint(plan.tensor.format.low, plan.tensor.format.high)
            for bank in range(buffer.n_banks)
            for word in range(buffer.depth_of(bank))
        }
        if layout.preload is not None:
            places = map(layout_of(layout), tensor_of(run, plan, r))
            words |= dict.fromkeys(places, layout.preload)
        for place, value in words.items():
            memory.write(*place, value)
        stream, sums = results(rooms, run, r)
        committed(memory, run, rooms, stream)
        for element, value in sums.items():
            old = words[layout_of(layout)(element)]
            words[layout_of(layout)(element)] = value if layout.preload is None else old + value
        for place, value in words.items():
            assert memory.read(*place, plan) == value, place


def layout_of(layout: Layout) -> Callable[[tuple[int, ...]], tuple[int, int]]:
    """The bank and the word of an element."""
    return lambda element: (layout.bank(element), layout.word(element))


def results(
    rooms: Rooms, run: Timeline, r: random.Random
) -> tuple[dict[int, dict[str, int]], Tensor]:
    """What the array's nodes give, by cycle, and what becomes of the elements."""
    output, skew, sums = run.adg.output, run.adg.dataflow.skew, {}
    stream: dict[int, dict[str, int]] = {}
    for t in run.timestamps:
        for fu in run.adg.data_nodes(output):
            at = run.issued[t] + rooms.times.results[run.layer] + skew(fu)
            value = r.randint(-9, 9)
            stream.setdefault(at, {})[node_port(rooms.design.results, fu)] = value
            if run.commits(t, fu):
                add(run, sums, run.element(output, t, fu), value)
    return stream, sums


def add(run: Timeline, tensor: Tensor, element: tuple[int, ...], value: int) -> None:
    match run.adg.reduction:
        case Reduction.ADD:
            tensor[element] = tensor.get(element, 0) + value
        case Reduction.MAX:
            tensor[element] = max(tensor.get(element, value), value)
        case Reduction.MIN:
            tensor[element] = min(tensor.get(element, value), value)
        case Reduction.ASSIGN:
            tensor[element] = value


def committed(
    memory: Hosted, run: Timeline, rooms: Rooms, stream: Mapping[int, Mapping[str, int]]
) -> None:
    """The run up to the end of its tail; where the array has no result to give it gives anything."""
    r, buffer = random.Random(0), rooms.design.results
    ports = [node_port(buffer, fu) for fu in rooms.design.fused.fus()]
    for cycle in range(run.span + rooms.times.tails[run.layer]):
        given = stream.get(cycle, {})
        nodes = {
            port: fitted(given.get(port, r.randint(*buffer.word)), *buffer.word) for port in ports
        }
        memory.cycle(still(run) | run.taps(rooms.taps, cycle) | nodes)


def test_the_host_fills_one_half_while_the_array_reads_the_other() -> None:
    rooms = rooms_of(DOUBLE)
    (run, *_) = runs_of(rooms.design, seed=5, count=0)
    memory, buffer, plan = hosted(rooms, 0, run)
    half = 1 << address_bits(buffer.depth) + index_bits(buffer.groups)
    write = {"host_wen": 1, "busy": 1}
    memory.cycle(write | {"host_addr": 1, "host_wdata": 5})  # the half in use: refused
    memory.cycle(write | {"host_addr": half + 1, "host_wdata": 6})
    assert memory.read(0, 1, plan) != 5
    memory.cycle({"host_ren": 1, "host_addr": half + 1})
    memory.cycle({"host_addr": half + 1})
    assert memory.cycle({"host_addr": half + 1})["host_rdata"] == 6


def test_the_host_writes_operands_while_the_array_reads_others() -> None:
    """What it writes behind the middle is there after the run, and the run is as ever."""
    rooms = rooms_of(PARTS)
    (run, *_) = runs_of(rooms.design, seed=5, count=0)
    memory, buffer, plan = hosted(rooms, 0, run)
    assert plan is not None and buffer.middle > 0
    tensor, layout = tensor_of(run, plan, random.Random(1)), run.program.layouts[plan.name]
    for element, value in tensor.items():
        memory.write(layout.bank(element), layout.word(element), value)
    last = max(tap.delay for tap in rooms.taps.asked.values()) + 8
    given, data = [], 0
    for cycle in range(run.span + last):
        at = memory.at(0, buffer.middle + cycle % buffer.middle)
        data = cycle % 100
        inputs = still(run) | run.taps(rooms.taps, cycle) | at
        given.append(memory.cycle(inputs | {"host_wen": 1, "host_wdata": data}))
    for fu in run.adg.data_nodes(plan):
        late = given[rooms.times.operand[0] + run.adg.dataflow.skew(fu) :]
        check_given(run, plan, fu, tensor, [each[node_port(buffer, fu)] for each in late])
    assert memory.read(0, buffer.middle + (len(given) - 1) % buffer.middle, plan) == data
