"""Nests of integers taken out of a network: what the workload computes is what PyTorch computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frontends.torch_export.tracer import trace  # noqa: E402
from frontends.tracing.drafts import Call, Input, Number  # noqa: E402
from frontends.tracing.extract import extract  # noqa: E402
from frontends.tracing.nests import Nests, Term  # noqa: E402
from frontends.yaml import load_text  # noqa: E402
from frontends.yaml.render import render_workload  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from lego.ir.formats import INT8  # noqa: E402
from lego.ir.network import Network, Role  # noqa: E402
from lego.ir.operation import Apply, Fn  # noqa: E402
from sim.reference import execute, format_of, random_tensor  # noqa: E402


class Rounded(torch.nn.Module):
    """The last steps of an integer layer, one after another."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        shifted = x >> 7
        low = torch.minimum(shifted, y)
        return shifted, low, torch.abs(low) + y, x * y


def network() -> Network:
    x = torch.zeros(3, 5, dtype=torch.int32)
    return trace(Rounded(), (x, x), {}, name="rounded").network


def test_integers_are_taken_out_with_shifts() -> None:
    traced = network()
    names = [op.name for op in traced.operations]
    rng = np.random.default_rng(0)
    for name, wanted in zip(names, (lambda a: a >> 7, torch.minimum), strict=False):
        text = render_workload(extract(traced, name))
        workload = load_text(text)
        assert (" >> 7" in text) == (name == names[0])
        (op,) = workload.operations
        buffers = {buffer.name: buffer for buffer in workload.network.buffers}
        given = {
            p.buffer: random_tensor(format_of(buffers[p.buffer]), (3, 5), rng) for p in op.inputs
        }
        bounds = {loop.name: loop.extent for loop in op.loops}
        found = execute(op, buffers, given, bounds, (3, 5)).values
        expected = wanted(*(torch.tensor(value, dtype=torch.int32) for value in given.values()))
        assert (found == expected.numpy()).all()


def test_what_would_wrap_is_refused() -> None:
    traced = network()
    for op in traced.operations[2:]:
        with pytest.raises(LegoError) as caught:
            load_text(render_workload(extract(traced, op.name)))
        assert caught.value.code == "E405"


def test_what_wraps_within_a_body_is_refused() -> None:
    """127 + 127 is -2 in int8, and half of it isn't 127."""
    made = Nests("n")
    a, b = (Term(made.declare(name, (4,), INT8, Role.INPUT), ("i",)) for name in "ab")
    halved = Call(Fn.SHIFT, (Call(Fn.ADD, (Input(0), Input(1))), Number(1)))
    made.nest("wide", "test", ("i",), INT8, [a, b], halved)
    network = made.network(["a", "b"], ["wide.out"])
    step = network.operations[0]
    body = step.output.body
    assert isinstance(body, Apply)
    narrow = replace(body, args=(replace(body.args[0], format=INT8), *body.args[1:]))
    wrapping = replace(step, outputs=(replace(step.output, body=narrow),))
    with pytest.raises(LegoError, match="within the body of wide can leave its format"):
        extract(replace(network, steps=(wrapping,)), "wide")
