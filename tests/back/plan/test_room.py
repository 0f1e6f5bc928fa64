"""A chip with room: its registers, and that they are all that an operation changes."""

from __future__ import annotations

import pytest

from frontends.yaml import load_text
from lego.back.backend import lower
from lego.back.plan.design import DesignPlan, plan_of
from lego.back.plan.room import free_reuses, innermost
from lego.back.rtl.verilog import to_verilog
from lego.designs import designs_of
from lego.program import configure

GEMM = """name: chip
operations:
  - name: mm
    loops: {m: 8, n: 8, k: 6}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 4, n: 4}, temporal: [m, n, k], control: systolic}
architecture:
  array: [4, 4]
  memories: {X: 512, W: 512, Y: 2048}
  room: {counters: 5, trips: 100, reduction: 900}
"""


def design(text: str) -> DesignPlan:
    (fused,) = designs_of(load_text(text))
    return plan_of(fused)


def test_counters_and_trips_are_what_room_says() -> None:
    plan = design(GEMM)
    bits = {spec.name: spec.bits for spec in plan.registers}
    assert {f"trip{k}" for k in range(5)} <= bits.keys() and "trip5" not in bits
    assert all(bits[f"trip{k}"] == 7 for k in range(5))
    assert bits["Y_hold"] == 5 and "X_hold" not in bits  # what isn't held has no register


def test_memories_are_as_large_as_the_chip_says() -> None:
    for buffer in design(GEMM).buffers:
        total = buffer.n_banks * buffer.depth * buffer.bits // 8
        assert total == {"X": 512, "W": 512, "Y": 2048}[buffer.name]


def test_a_tensor_never_gets_less_than_it_needs() -> None:
    text = GEMM.replace("  memories: {X: 512, W: 512, Y: 2048}\n", "")
    for buffer in design(text).buffers:
        assert all(buffer.depth >= plan.banking.depth(plan.tensor.shape) for plan in buffer.used())


def test_an_operation_of_other_trips_makes_the_same_chip() -> None:
    """What the loops' bounds would build in is in registers: the Verilog is the same but for names."""
    texts = [to_verilog(lower(design(GEMM.replace("k: 6", f"k: {k}"))).dag, []) for k in (6, 9, 30)]
    assert texts[0] == texts[1] == texts[2]


def test_without_room_they_differ() -> None:
    bare = GEMM.replace("  room: {counters: 5, trips: 100, reduction: 900}\n", "")
    texts = [to_verilog(lower(design(bare.replace("k: 6", f"k: {k}"))).dag, []) for k in (6, 30)]
    assert texts[0] != texts[1]


@pytest.mark.parametrize(("bound", "ragged"), [(8, 4), (7, 3), (5, 1), (4, 4), (3, 3), (1, 1)])
def test_edges_are_what_is_left_of_a_loop(bound: int, ragged: int) -> None:
    plan = design(GEMM)
    registers = configure(plan, {"m": bound}).registers
    assert registers["bound0"] == 4 and registers["ragged0"] == ragged
    assert registers["edge0"] == 1 << 2  # the counters of m, n and k are the last three


def test_masks_name_the_innermost_counters() -> None:
    assert innermost(5, 0) == 0
    assert innermost(5, 2) == 0b11000
    assert configure(design(GEMM)).registers["Y_hold"] == 0b10000


def test_delay_reuses_of_fixed_length_can_be_off() -> None:
    text = """name: window
operations:
  - name: conv
    loops: {oh: 4, ow: 8, kh: 3, kw: 3}
    statement: "Y[oh,ow] += X[oh+kh,ow+kw] * W[kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {oh: 2, ow: 4}, temporal: [oh, ow, kh, kw], control: broadcast}
architecture: {array: [2, 4], read_cost: 30, room: {counters: 4}}
"""
    plan = design(text)
    found = {k for buffer in plan.operands for k in free_reuses(buffer)}
    names = {spec.name for spec in plan.registers}
    assert found and all(f"X_delay{k}" in names for k in found)
    assert all(configure(plan).registers[f"X_delay{k}"] == 1 for k in found)
