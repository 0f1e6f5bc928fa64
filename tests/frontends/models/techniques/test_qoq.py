"""QoQ's layers and its cache against NumPy: equal in every bit, in the module and in its loop nests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frontends.models.techniques.kv4 import Kv4  # noqa: E402
from frontends.models.techniques.qoq import QoqChannel, QoqGroup  # noqa: E402
from tests.frontends.models.techniques import reference_qoq as reference  # noqa: E402
from tests.frontends.models.techniques.layers import arrays, dense, outliers, run  # noqa: E402
from tests.frontends.models.techniques.ulps import BOUNDS, apart  # noqa: E402

WIDTHS = [256, 384, 200]
"""Inputs of a layer; the last aren't whole groups."""


def same(found: Any, wanted: Any) -> bool:
    """Equal in every element, and of as many."""
    return bool(torch.equal(torch.as_tensor(found).double(), torch.as_tensor(wanted).double()))


@pytest.mark.parametrize("width", WIDTHS)
def test_group_weights_are_the_references(width: int) -> None:
    layer = dense(24, width)
    module = QoqGroup(layer)
    q4, s2, zero, s1 = reference.group_quantised(layer.weight.numpy())
    assert same(module.q4.flatten(1), q4)
    assert same(module.s2[..., 0], s2)
    assert same(module.s1, s1)
    assert same(module.zneg[..., 0].to(torch.int64) % 256, (-zero * s2) % 256)
    assert (module.q4.dtype, module.zneg.dtype, module.s1.dtype) == (
        torch.int8,
        torch.int8,
        torch.float16,
    )
    exact = (q4.reshape(24, -1, 128) - zero[..., None]) * s2[..., None]
    assert exact.min() >= -128 and exact.max() <= 127
    assert q4.max() == 15 and s2.max() > 1


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_layer_by_groups_is_equal_in_every_bit(width: int, bias: bool) -> None:
    layer = dense(24, width, bias=bias)
    x = outliers(5, width)
    q4, s2, zero, s1 = reference.group_quantised(layer.weight.numpy())
    w8 = reference.packed_weights(q4, s2, zero)
    x8, scale = reference.int8_per_token(x.numpy())
    total = x8 @ w8[:, :width].T
    wanted = total.astype(np.float32) * s1.astype(np.float32) * scale
    wanted = wanted + layer.bias.numpy() if bias else wanted
    module = QoqGroup(layer)
    assert same(module(x), wanted)
    traced, values = run(module, x)
    (op,) = arrays(traced)
    left, right = (values[place.buffer] for place in op.inputs)
    assert (left.dtype, right.dtype) == (torch.int8, torch.int8)
    assert values[op.output.buffer].dtype == torch.int32
    assert same(left[:, :width], x8)
    assert same(right.reshape(24, -1), w8)
    assert same(values[op.output.buffer], total)
    assert same(values[traced.network.outputs[0]], wanted)


def test_a_layer_by_channels_is_equal_in_every_bit() -> None:
    """But for the sum of the activations, whose order of addition is free: its rounding to float16
    is compared in units of the last place."""
    layer, x = dense(24, 256), outliers(5, 256)
    q4, s1, szero = reference.channel_quantised(layer.weight.numpy())
    x8, scale = reference.int8_per_token(x.numpy())
    total = x8 @ q4.T
    module = QoqChannel(layer)
    assert same(module.q4, q4) and same(module.s1, s1) and same(module.szero, szero)
    traced, values = run(module, x)
    (op,) = arrays(traced)
    assert [values[p.buffer].dtype for p in op.inputs] == [torch.int8, torch.int8]
    assert same(values[op.inputs[0].buffer], x8)
    assert same(values[op.output.buffer], total)
    (sums,) = (v for v in values.values() if v.dtype == torch.float16 and v.shape == (5, 1))
    exact = x.double().sum(-1, keepdim=True)
    assert apart(sums, exact, fmt="float16") <= BOUNDS["qoq activations"]
    product = total.astype(np.float32) * s1.astype(np.float32) * scale
    wanted = product - szero.astype(np.float32) * sums.float().numpy()
    assert same(values[traced.network.outputs[0]], wanted)
    assert same(module(x), wanted)
    assert float((module(x) - x @ layer.weight.T).norm() / (x @ layer.weight.T).norm()) < 0.3


def test_rows_of_zeros_and_halves() -> None:
    """A token of zeros gives zeros; halves round to even."""
    layer = dense(8, 128)
    x = torch.zeros(3, 128)
    x[1] = torch.arange(128) - 63.5
    x[1, 0], x[2, :4] = 127.0, torch.tensor([127.0, 0.5, 1.5, -2.5])
    traced, values = run(QoqGroup(layer), x)
    (op,) = arrays(traced)
    x8, _ = reference.int8_per_token(x[1:].numpy())
    assert same(values[op.inputs[0].buffer][1:], x8)
    assert values[op.inputs[0].buffer][2, :4].tolist() == [127, 0, 2, -2]
    assert bool((values[traced.network.outputs[0]][0] == 0).all())


def test_cached_keys_are_equal_in_every_bit() -> None:
    x = outliers(1, 3, 7, 64)
    q4, scale, zero, back = reference.kv4(x.numpy())
    kv4 = Kv4()
    parts = kv4.encode(x)
    assert [part.dtype for part in parts] == [torch.int8, torch.float16, torch.float16]
    assert all(same(part, want) for part, want in zip(parts, (q4, scale, zero), strict=True))
    assert same(kv4.decode(parts, x), back)
    assert float((kv4.decode(parts, x) - x).norm() / x.norm()) < 0.2
    assert not same(parts[2], parts[2].round()), "zeros aren't integers"


class Rounded(torch.nn.Module):
    def forward(self, x: Any) -> Any:
        parts = Kv4().encode(x)
        return *parts, Kv4().decode(parts, x)


def test_the_nests_of_cached_keys_are_equal_in_every_bit() -> None:
    x = outliers(1, 3, 7, 64)
    traced, values = run(Rounded(), x)
    for name, want in zip(traced.network.outputs, reference.kv4(x.numpy()), strict=True):
        assert same(values[name], want)
