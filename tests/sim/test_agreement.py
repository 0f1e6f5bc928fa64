"""The two executors of operations share no code, and agree on random ones."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lego.ir.network import Network  # noqa: E402
from lego.ir.operation import Reduction  # noqa: E402
from sim import network, reference  # noqa: E402
from sim.bit_true import BIT_TRUE  # noqa: E402
from sim.dtypes import dtype_of  # noqa: E402
from tests.sim.random_operations import drawn  # noqa: E402

SEEDS = 1000
PARTS = 4
FOUND = (1001118,)
"""Seeds beyond those that once found something."""


@pytest.mark.parametrize("part", range(PARTS))
def test_random_operations_on_integers(part: int) -> None:
    for seed in (*range(part, SEEDS, PARTS), *FOUND):
        made = drawn(seed)
        op, buffers = made.op, made.buffers
        results = tuple(output.buffer for output in op.outputs)
        program = Network("one", tuple(buffers.values()), (op,), tuple(made.given), results)
        given = {
            name: torch.from_numpy(values).to(dtype_of(buffers[name].format))
            for name, values in made.given.items()
        }
        bounds = {loop.name: loop.extent for loop in op.loops}
        shapes = {name: buffers[name].shape for name in results}
        wanted = reference.execute_all(op, buffers, made.given, bounds, shapes)
        for arithmetic in (network.FLOAT, BIT_TRUE):
            found = network.execute(program, given, arithmetic=arithmetic)
            for name, want in zip(results, wanted, strict=True):
                values = found[name].long().numpy()
                np.testing.assert_array_equal(
                    np.where(want.written, values, want.values), want.values, f"seed {seed}"
                )


def test_what_is_drawn_covers_what_operations_can_be() -> None:
    ops = [drawn(seed).op for seed in range(SEEDS)]
    assert sum(bool(op.domain) for op in ops) > 150
    assert sum(len(op.outputs) > 1 for op in ops) > 200
    assert sum(any(place.indirect for place in op.inputs) for op in ops) > 60
    assert sum(any(place.pad is not None for place in op.inputs) for op in ops) > 300
    assert sum(any(output.clipped for output in op.outputs) for op in ops) > 250
    for reduction in Reduction:
        assert sum(op.outputs[0].reduction is reduction for op in ops) > 150
