"""Bit-true arithmetic: functions against float64, sums against loops that are written out, in
stated order."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from frontends.torch_export.tracer import trace
from lego.ir.formats import INT8, INT32, INT64
from lego.ir.operation import Fn
from sim.bit_true import BIT_TRUE
from sim.compare import given_to
from sim.functions import EXACT_FUNCTIONS
from sim.network import execute

pytestmark = pytest.mark.filterwarnings("ignore")
REFERENCE = {
    Fn.EXP: torch.exp, Fn.LOG: torch.log, Fn.SQRT: torch.sqrt, Fn.RSQRT: torch.rsqrt, Fn.TANH: torch.tanh,
    Fn.ERF: torch.erf, Fn.SIGMOID: torch.sigmoid, Fn.SIN: torch.sin, Fn.COS: torch.cos,
}  # fmt: skip
SPECIAL = torch.tensor([0.0, -0.0, math.inf, -math.inf, math.nan, 1e-42, 88.7, -103.9, 1.0, -1.0])


@pytest.mark.parametrize("fn", REFERENCE)
def test_functions_are_the_nearest_float32(fn: Fn) -> None:
    draw = torch.Generator().manual_seed(1)
    scales = (1e-8, 1e-3, 0.1, 1, 10, 100)
    x = torch.cat([torch.randn(20000, generator=draw) * s for s in scales] + [SPECIAL])
    if fn in (Fn.SIN, Fn.COS):
        x = torch.cat([x, torch.randn(20000, generator=draw).clamp(-3, 3) * 3e8])
    found, want = EXACT_FUNCTIONS[fn](x), REFERENCE[fn](x.double()).float()
    assert found.dtype is torch.float32
    assert torch.equal(found.isnan(), want.isnan())
    assert int((found != want)[~want.isnan()].sum()) <= 1


def test_powers() -> None:
    draw = torch.Generator().manual_seed(2)
    a, b = torch.rand(20000, generator=draw) * 10, torch.randn(20000, generator=draw) * 3
    power = EXACT_FUNCTIONS[Fn.POW]
    assert int((power(a, b) != torch.pow(a.double(), b.double()).float()).sum()) <= 1
    base = torch.tensor([-2.0, -2.0, 0.0, 0.0, 0.0, -1.5, 1.0, -2.0])
    exponent = torch.tensor([3.0, 0.5, 0.0, 2.5, -1.0, -3.0, math.nan, 2.0])
    want = torch.pow(base.double(), exponent.double()).float()
    assert torch.equal(power(base, exponent).nan_to_num(7.0), want.nan_to_num(7.0))


def run(module: nn.Module, *args: torch.Tensor) -> torch.Tensor:
    traced = trace(module.eval(), args, name="net")
    values = execute(traced.network, given_to(traced, module, args, {}), arithmetic=BIT_TRUE)
    return values[traced.network.outputs[0]]


class Product(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_products_are_added_one_after_another(kind: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(3)
    a, b = (
        torch.randn(7, 45, generator=draw).to(kind),
        torch.randn(45, 5, generator=draw).to(kind),
    )
    want = np.zeros((7, 5), np.float32)
    x, y = a.float().numpy(), b.float().numpy()
    for i in range(7):
        for j in range(5):
            total = np.float32(0)
            for k in range(45):
                total = np.float32(total + np.float32(x[i, k] * y[k, j]))
            want[i, j] = total
    assert torch.equal(run(Product(), a, b), torch.tensor(want).to(kind))


def test_a_convolution_adds_channels_then_taps() -> None:
    torch.manual_seed(4)
    layer = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False)
    x = torch.randn(1, 4, 7, 6)
    w, p = layer.weight.detach().numpy(), np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    want = np.zeros((1, 6, 4, 3), np.float32)
    for o, i, j in np.ndindex(6, 4, 3):
        total = np.float32(0)
        for c, u, v in np.ndindex(2, 3, 3):
            product = np.float32(p[0, o // 3 * 2 + c, 2 * i + u, 2 * j + v] * w[o, c, u, v])
            total = np.float32(total + product)
        want[0, o, i, j] = total
    assert torch.equal(run(layer.requires_grad_(False), x), torch.tensor(want))


def test_a_transposed_convolution_adds_taps_then_channels() -> None:
    torch.manual_seed(5)
    layer = nn.ConvTranspose1d(3, 2, 4, stride=2, padding=1, bias=False).requires_grad_(False)
    x = torch.randn(1, 3, 5)
    want = np.zeros((2, 12), np.float32)
    for f, c, o, y in np.ndindex(4, 3, 2, 5):
        product = np.float32(x[0, c, y].item() * np.float32(layer.weight[c, o, f].item()))
        want[o, 2 * y + f] = np.float32(want[o, 2 * y + f] + product)
    assert torch.equal(run(layer, x), torch.tensor(want[None, :, 1:-1]))


class Wrapping(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a.to(torch.int32) @ b.to(torch.int32)


@pytest.mark.parametrize("kind", [torch.int8, torch.int32])
def test_integers_are_exact_and_wrap(kind: torch.dtype) -> None:
    draw = np.random.default_rng(6)
    limits = torch.iinfo(kind)
    a, b = (draw.integers(limits.min, limits.max, s, endpoint=True) for s in ((4, 300), (300, 3)))
    exact = [
        [sum(int(x) * int(y) for x, y in zip(row, col, strict=True)) for col in b.T] for row in a
    ]
    want = [[(v + 2**31) % 2**32 - 2**31 for v in row] for row in exact]
    found = run(Wrapping(), torch.tensor(a).to(kind), torch.tensor(b).to(kind))
    assert found.tolist() == want


class Sum(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(-1)


@pytest.mark.parametrize("length", [1, 2, 5, 16, 37])
def test_rows_are_added_by_halves(length: int) -> None:
    x = torch.randn(3, length, generator=torch.Generator().manual_seed(7))
    size = 1 << (length - 1).bit_length()
    row = np.zeros((3, size), np.float32)
    row[:, :length] = x.numpy()
    while row.shape[1] > 1:
        half = row.shape[1] // 2
        row = row[:, :half] + row[:, half:]
    assert torch.equal(run(Sum(), x), torch.tensor(row[:, 0]))


def test_casts_to_integers_saturate() -> None:
    x = torch.tensor([1.9, -1.9, 200.0, -200.0, math.inf, -math.inf, math.nan, 3e9, 1e30])
    assert BIT_TRUE.cast(x, INT8).tolist() == [1, -1, 127, -128, 127, -128, 0, 127, 127]
    assert BIT_TRUE.cast(x, INT32).tolist()[-2:] == [2**31 - 1] * 2
    assert BIT_TRUE.cast(x, INT64).tolist()[-1] == 2**63 - 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
@pytest.mark.parametrize("fn", REFERENCE)
def test_functions_are_the_same_on_cuda(fn: Fn) -> None:
    x = torch.cat([torch.randn(100000) * 10, SPECIAL])
    found = EXACT_FUNCTIONS[fn](x.cuda()).cpu()
    assert torch.equal(found.nan_to_num(7.0), EXACT_FUNCTIONS[fn](x).nan_to_num(7.0))
