"""Networks in number formats, against NumPy that is written from the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from frontends.models.build import build
from frontends.torch_export.tracer import Traced, trace
from lego.diag import LegoError
from lego.ir.formats import FLOAT32, INT32
from lego.ir.kinds import Kind, kind_of
from lego.ir.operation import operands
from lego.quantise.apply import in_formats
from lego.quantise.network import Quantised
from lego.quantise.scheme import SCHEMES, Scheme, scheme_named
from sim.bit_true import BIT_TRUE
from sim.calibrate import observed, prepared
from sim.compare import given_to, relative
from sim.network import execute

pytestmark = pytest.mark.filterwarnings("ignore")
Values = dict[str, torch.Tensor]


def ran(
    module: nn.Module, args: Sequence[Any], scheme: Scheme, device: str = "cpu", **named: Any
) -> tuple[Traced, Quantised, Values]:
    module = module.eval().requires_grad_(False)
    traced = trace(module, tuple(args), named, name="net")
    given = {k: v.to(device) for k, v in given_to(traced, module, args, named).items()}
    made = in_formats(traced.network, scheme)
    ready = prepared(made, given, observed(traced.network, [given]))
    return traced, made, execute(made.network, ready, arithmetic=BIT_TRUE)


def whole(values: np.ndarray, scale: np.ndarray, largest: int) -> np.ndarray:
    return np.clip(np.rint(values / scale), -largest, largest).astype(np.int64)


def over(values: np.ndarray, largest: int, axes: tuple[int, ...] | None = None) -> np.ndarray:
    most = np.abs(values.astype(np.float64)).max(axis=axes, keepdims=axes is not None)
    return (most / largest).astype(np.float32)


def written_by_array(traced: Traced, made: Quantised) -> list[str]:
    return [op.output.buffer for op in made.network.operations if kind_of(op) is Kind.ARRAY]


def test_a_linear_layer_in_int8() -> None:
    torch.manual_seed(1)
    layer, x = nn.Linear(40, 6, bias=False), torch.randn(5, 40)
    traced, made, values = ran(layer, [x], SCHEMES["w8a8"])
    w, a = layer.weight.numpy(), x.numpy()
    sw, sa = over(w, 127, (1,)), over(a, 127)
    sums = whole(a, sa, 127) @ whole(w, sw, 127).T
    (found,) = written_by_array(traced, made)
    assert np.array_equal(values[found].numpy().reshape(sums.shape), sums)
    want = sums.astype(np.float32) * sa * sw.T
    assert np.array_equal(values[traced.network.outputs[0]].numpy(), want)


def test_int4_weights_have_a_scale_per_group() -> None:
    torch.manual_seed(2)
    layer, x = nn.Linear(256, 6, bias=False), torch.randn(5, 256)
    traced, made, values = ran(layer, [x], SCHEMES["w4a8_g128"])
    w, a = layer.weight.numpy().reshape(6, 2, 128), x.numpy()
    sw, sa = over(w, 7, (2,)), over(a, 127)
    parts = np.einsum("mgk,ngk->mng", whole(a, sa, 127).reshape(5, 2, 128), whole(w, sw, 7))
    (found,) = written_by_array(traced, made)
    assert np.array_equal(np.sort(values[found].numpy().ravel()), np.sort(parts.ravel()))
    scaled = parts.astype(np.float32) * sa * sw[None, :, :, 0]
    want = scaled[..., 0] + scaled[..., 1]
    assert np.array_equal(values[traced.network.outputs[0]].numpy(), want)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_has_a_scale_per_channel(groups: int) -> None:
    torch.manual_seed(3)
    layer = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=groups)
    x = torch.randn(2, 4, 9, 8)
    traced, _, values = ran(layer, [x], SCHEMES["w8a8"])
    w, sa = layer.weight.numpy(), over(x.numpy(), 127)
    sw = over(w, 127, (1, 2, 3))
    q, r = (torch.tensor(whole(v, s, 127)).double() for v, s in ((x.numpy(), sa), (w, sw)))
    sums = nn.functional.conv2d(q, r, stride=2, padding=1, groups=groups).float().numpy()
    want = sums * sa * sw[:, 0, 0, 0][:, None, None] + layer.bias.numpy()[:, None, None]
    assert np.array_equal(values[traced.network.outputs[0]].numpy(), want)


@pytest.mark.parametrize("taps", [3, 1])
def test_a_transposed_convolution_has_one_scale(taps: int) -> None:
    """A kernel smaller than its stride leaves pixels that are 0."""
    torch.manual_seed(4)
    layer, x = nn.ConvTranspose2d(3, 5, taps, stride=2, bias=False), torch.randn(1, 3, 4, 4)
    traced, _, values = ran(layer, [x], SCHEMES["w8a8"])
    w, sa, sw = layer.weight.numpy(), over(x.numpy(), 127), over(layer.weight.numpy(), 127)
    q, r = (torch.tensor(whole(v, s, 127)).double() for v, s in ((x.numpy(), sa), (w, sw)))
    sums = nn.functional.conv_transpose2d(q, r, stride=2).float().numpy()
    assert np.array_equal(values[traced.network.outputs[0]].numpy(), sums * sa * sw)


@pytest.mark.parametrize(
    ("name", "kind", "largest"),
    [("fp8", torch.float8_e4m3fn, 448), ("fp8_e5m2", torch.float8_e5m2, 57344)],
)
def test_eight_bit_floating_point(name: str, kind: torch.dtype, largest: int) -> None:
    torch.manual_seed(5)
    layer, x = nn.Linear(20, 4, bias=False), torch.randn(3, 20)
    traced, _, values = ran(layer, [x], SCHEMES[name])
    scales = [over(v.numpy(), largest) for v in (x, layer.weight)]
    a, w = (
        (v / float(s)).to(kind).float().numpy()
        for v, s in zip((x, layer.weight), scales, strict=True)
    )
    want = np.zeros((3, 4), np.float32)
    for k in range(20):
        want = want + a[:, k : k + 1] * w[:, k]
    found = values[traced.network.outputs[0]].numpy()
    assert np.array_equal(found, want * scales[0] * scales[1])


class Twice(nn.Module):
    """Two products without anything between."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(30, 9, bias=False), nn.Linear(9, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x))


def test_rescaling_by_a_shift() -> None:
    torch.manual_seed(6)
    module, x = Twice(), torch.randn(5, 30)
    traced, made, values = ran(module, [x], SCHEMES["w8a8_shift"])
    (multiplier,) = made.multipliers
    float_run = execute(traced.network, given_to(traced, module, [x], {}))
    between = float_run[multiplier.result.source].numpy()
    w = module.first.weight.numpy()
    sa, sw, sy = over(x.numpy(), 127), over(w, 127, (1,)), over(between, 127)
    sums = whole(x.numpy(), sa, 127) @ whole(w, sw, 127).T
    n = int(values[multiplier.shift])
    exact = [Fraction(float(sa)) * Fraction(float(s)) / Fraction(float(sy)) for s in sw[:, 0]]
    m = [int(v) for v in values[multiplier.name].ravel()]
    assert all(
        abs(Fraction(a, 2**n) / b - 1) < Fraction(1, 2**29) for a, b in zip(m, exact, strict=True)
    )
    assert 2**30 <= max(m) <= 2**31
    want = [
        [max(-127, min(127, (int(v) * m[k] + 2 ** (n - 1)) >> n)) for k, v in enumerate(row)]
        for row in sums
    ]
    rounded = next(name for name in values if name == f"{multiplier.result.source}.int8")
    assert values[rounded].tolist() == want


NETWORKS = ("resnet_tiny", "llama3_tiny", "sana_tiny", "can_depthwise_tiny")
BOUNDS = {"bf16": 0.03, "w8a8": 0.15, "w8a8_shift": 0.15, "fp8": 0.25}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_contraction_is_in_the_formats(name: str) -> None:
    sample = build(name, device="cpu")
    for key, scheme in SCHEMES.items():
        traced, made, values = ran(sample.module, sample.args, scheme, **sample.kwargs)
        formats = {b.name: b.format for b in made.network.buffers}
        for op in made.network.operations:
            if kind_of(op) is Kind.ARRAY:
                read = {formats[op.inputs[k].buffer] for k in operands(op.output.body)}
                assert read <= {scheme.activations, scheme.weights}
                assert formats[op.output.buffer] == (INT32 if scheme.integer else FLOAT32)
        if key in BOUNDS:
            want = tree_leaves(sample.module(*sample.args, **sample.kwargs))[0]
            error = relative(values[traced.network.outputs[0]], want)
            assert error is not None
            assert error < BOUNDS[key]


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(LegoError, match="w8a8") as caught:
        scheme_named("w9a9")
    assert caught.value.code == "E421"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
@pytest.mark.parametrize("key", SCHEMES)
def test_cuda_gives_the_same_bits(key: str) -> None:
    sample = build("llama3_tiny", device="cpu")
    traced, _, here = ran(sample.module, sample.args, SCHEMES[key])
    _, _, there = ran(sample.module, sample.args, SCHEMES[key], "cuda")
    for name in traced.network.outputs:
        assert torch.equal(here[name], there[name].cpu())
