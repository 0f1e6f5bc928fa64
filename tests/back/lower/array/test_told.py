"""What the control tells FUs: which taps are asked for, and whose word counts under which dataflow."""

from __future__ import annotations

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.array.told import Told
from lego.back.lower.taps import Taps
from lego.back.plan.array.ports import mask
from lego.ir.dag import Op
from tests.back.designs import CHAIN, GEMM, SEVERAL
from tests.back.machine import machine_of
from tests.back.timeline import Rooms, rooms_of


def told_of(text: str) -> tuple[Rooms, Builder, Taps, Told]:
    rooms = rooms_of(text)
    b, taps = Builder("array", "interconnect", len(rooms.design.adgs)), Taps()
    return rooms, b, taps, Told(b, rooms.design, rooms.times, taps)


def test_an_accumulator_starts_anew_when_held_counters_are_zero() -> None:
    """`k` is held; systolic control reaches FU (i, j) i + j cycles later."""
    rooms, _, taps, told = told_of(GEMM)
    for fu, kind in rooms.design.array.kinds.items():
        told.first(kind, fu)
        assert f"zero1_d{rooms.times.total + sum(fu)}" in taps.asked
    assert len(taps.asked) == 3  # skews 0, 1 and 2


def test_masks_are_those_of_the_coordinate() -> None:
    """Sums go along `k`, the first axis: FU (2, 0) stands for k = 2 of the trip."""
    rooms, _, taps, told = told_of(CHAIN)
    kinds = rooms.design.array.kinds
    assert told.masks(kinds[0, 0], (0, 0)) == {}
    assert list(told.masks(kinds[2, 0], (2, 0))) == [mask(0).name]
    assert list(taps.asked) == [f"valid0_2_d{rooms.times.valid[0] + 2}"]


def test_weights_are_new_once_per_trip_of_what_holds_them() -> None:
    rooms, _, taps, told = told_of(CHAIN)
    buffer = rooms.design.operands[1]
    (plan,) = buffer.plans
    port = rooms.design.array.kinds[1, 0].ports[1]
    assert plan.hold == 1  # `m` is innermost
    assert list(told.operand(buffer, port, (1, 0))) == ["W_load"]
    assert list(taps.asked) == [f"W_en_d{rooms.times.operand[1] + 1}"]


@pytest.mark.parametrize("dataflow", range(3))
def test_the_running_dataflow_is_told(dataflow: int) -> None:
    """Where dataflows differ, a tap of the cycle before is chosen, and a register follows."""
    rooms, b, _, told = told_of(SEVERAL)
    fu = (1, 1)
    b.output("first", told.first(rooms.design.array.kinds[fu], fu))
    assert b.nodes[dict(b.build().outputs)["first"]].op is Op.DELAY
    machine = machine_of(b)
    adg = rooms.design.adgs[dataflow]
    at = rooms.times.totals[dataflow] + adg.dataflow.skew(fu) - 1
    mine = f"zero{adg.output.hold}_d{at}" if adg.output.hold else None
    pattern = [1, 0, 0, 1, 0]
    found = machine.run(
        {port: bit if port == mine else 1 - bit for port in machine.ports} | {"dataflow": dataflow}
        for bit in pattern
    )
    assert mine is None or mine in machine.ports
    assert [each["first"] for each in found[1:]] == (pattern[:-1] if mine else [1] * 4)
