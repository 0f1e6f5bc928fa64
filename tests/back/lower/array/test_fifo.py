"""FIFOs as primitives: every setting delays by as many cycles as it says."""

from __future__ import annotations

import pytest

from lego.back.lower.array.fifo import build_fifo
from lego.back.plan.array.fifo import segments, setting
from tests.back.machine import Machine


@pytest.mark.parametrize(("depth", "of"), [(1, 1), (1, 5), (4, 5), (5, 5), (7, 12), (12, 12)])
def test_a_setting_delays_by_its_cycles(depth: int, of: int) -> None:
    parts, bits = segments(depth, of), len(segments(of, of))
    for cycles in range(1, depth + 1):
        machine = Machine(build_fifo("fifo", (-100, 100), parts, bits))
        given = {"depth": setting(cycles, depth, of)} if len(parts) > 1 else {}
        found = machine.run(given | {"value": 50 - k} for k in range(30))
        assert [each["late"] for each in found[cycles:]] == [50 - k for k in range(30 - cycles)]


def test_the_depth_is_a_port_where_it_can_be_set() -> None:
    assert Machine(build_fifo("fifo", (0, 1), (1,), 4)).ports == ["value"]
    assert Machine(build_fifo("fifo", (0, 1), (1, 1), 4)).ports == ["value", "depth"]
