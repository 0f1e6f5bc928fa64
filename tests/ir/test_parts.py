"""Programs in the parts of memories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lego.diag import LegoError
from lego.ir.checks.check import check_fits
from lego.ir.layout import Layout
from lego.ir.parts import apart, fits, in_part
from tests.back.designs import CHAIN, GEMM, SEVERAL
from tests.sequences import Made, made_of


def parts(text: str, more: str = "") -> Made:
    return made_of(text.replace("architecture: {", f"architecture: {{double_buffer: parts{more}, "))


def layout(base: int, rows: int, memory: str = "X") -> Layout:
    return Layout(memory, "A", 8, (rows,), (1,), (1,), ((0,),), (1,), base, None)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (layout(0, 4), layout(4, 2), True),
        (layout(0, 4), layout(3, 2), False),
        (layout(5, 1), layout(0, 5), True),
        (layout(5, 1), layout(0, 6), False),
        (layout(0, 4), layout(0, 4, "Y"), True),
    ],
)
def test_tensors_apart(one: Layout, other: Layout, said: bool) -> None:
    assert apart(one, other) is apart(other, one) is said


@pytest.mark.parametrize("text", [GEMM, CHAIN, SEVERAL], ids=["gemm", "chain", "several"])
def test_part_1_is_apart_from_part_0_under_all_dataflows(text: str) -> None:
    made = parts(text)
    device = made.device
    every = [made.run(flow)[1] for flow in range(len(device.dataflows))]
    for program in every:
        moved = in_part(device, program, 1)
        check_fits(moved, device)
        assert in_part(device, program, 0) == program
        assert moved.half == int(device.double) == moved.registers.get("half", 0)
        for name, each in moved.layouts.items():
            memory = device.memory(each.memory)
            assert each == replace(program.layouts[name], base=memory.middle)
            if memory.halves == 1:
                assert memory.middle > 0
                assert all(apart(each, other) for run in every for other in run.layouts.values())


def test_bases_count_from_the_part() -> None:
    made = parts(GEMM, ", memories: {X: 64, W: 64, Y: 256}")
    _, program = made.run(0, {"m": 1, "n": 1, "k": 2})
    low = replace(program.layouts["X"], base=3)
    moved = in_part(made.device, replace(program, layouts=program.layouts | {"X": low}), 1)
    middle = made.device.memory("X").middle
    assert moved.layouts["X"].base == moved.registers["X_base"] == middle + 3


def test_what_is_too_large_for_a_part_is_refused_or_stays() -> None:
    made = parts(GEMM.replace("m: 5, n: 3, k: 4", "m: 40, n: 3, k: 10"), ", memories: {X: 500}")
    _, program = made.run(0)
    assert not fits(made.device, program.layouts["X"])
    with pytest.raises(
        LegoError, match=r"^error\[E203\]: 'X' is too large for part 1 of its memory"
    ):
        in_part(made.device, program, 1)
    moved = in_part(made.device, program, 1, strict=False)
    assert moved.layouts["X"].base == 0 < moved.layouts["W"].base


@pytest.mark.parametrize(("text", "part"), [(GEMM, 1), (GEMM, -1), (CHAIN, 2)])
def test_no_such_part(text: str, part: int) -> None:
    made = made_of(text) if text is GEMM else parts(text)
    with pytest.raises(LegoError, match=rf"E203\]: \w+ has no part {part}"):
        in_part(made.device, made.run(0)[1], part)


def test_halves_take_the_place_of_parts() -> None:
    made = made_of(GEMM.replace("architecture: {", "architecture: {double_buffer: yes, "))
    _, program = made.run(0)
    assert in_part(made.device, program, 1) == made.run(0, half=1)[1]
