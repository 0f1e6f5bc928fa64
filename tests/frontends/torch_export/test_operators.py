"""Operators of PyTorch, each as loop nests against PyTorch itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from frontends.torch_export.tracer import trace  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from lego.ir.kinds import Kind, kind_of, total_macs  # noqa: E402
from sim.compare import differences  # noqa: E402
from sim.network import execute  # noqa: E402
from tests.frontends.torch_export.compare import compare  # noqa: E402
from tests.spoiled import spoiled  # noqa: E402


class Call(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


def randn(*shape: int) -> Any:
    values = np.random.default_rng(sum(shape)).standard_normal(shape)
    return torch.tensor(values.tolist())


X = randn(2, 6, 4)
IMAGE = randn(2, 8, 9, 7)
PIXELS = randn(1, 8, 6, 6)

ELEMENTWISE = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "relu6": F.relu6,
    "leaky": lambda x: F.leaky_relu(x, 0.2),
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sin": torch.sin,
    "square": torch.square,
    "pow3": lambda x: x**3,
    "rsqrt": lambda x: (x.abs() + 1).rsqrt(),
    "log2": lambda x: torch.log2(x.abs() + 1),
    "reciprocal": lambda x: 1 / (x.abs() + 1),
    "clamp": lambda x: x.clamp(-0.5, 0.7),
    "clamp_low": lambda x: x.clamp(min=0.1),
    "sign": torch.sign,
    "round": torch.round,
    "rsub": lambda x: 1.5 - x,
    "alpha": lambda x: torch.add(x, x, alpha=0.3),
    "compare": lambda x: ((x > 0) & (x <= 1) | (x >= 1.5) & (x != 0)).float(),
    "where": lambda x: torch.where(x > 0, x, -2.0),
    "masked": lambda x: x.masked_fill(x < 0, 7.0),
    "floor_div": lambda x: x.div(0.3, rounding_mode="floor"),
    "broadcast": lambda x: x + x[:, :1] * x[:1, 0, :],
    "cast": lambda x: x.to(torch.float64).float() + x.int(),
    "in_place": lambda x: (x * 2).relu_().add_(1).mul_(x),
    "int8": lambda x: (x * 40).round().clamp(-128, 127).to(torch.int8),
    "modulo_256": lambda x: (
        (x * 40).to(torch.int8) * (x * 9).to(torch.int8) + x.sign().to(torch.int8)
    ),
    "fp8": lambda x: (
        (x * 50).to(torch.float8_e4m3fn).float() + (x * 50).to(torch.float8_e5m2).float()
    ),
    "half": lambda x: (x.half() * 0.3).float() + x.bfloat16().float(),
    "pow_tensor": lambda x: x.abs().pow(x),
    "pow_of_number": lambda x: 0.9**x,
    "maximum": lambda x: torch.maximum(x, -x * 2) + torch.minimum(x, x * x),
    "any": lambda x: (x * 1.2).int().any(1),
    "whole_quotient": lambda x: (x * 1e15).long() // 3 + (x * 1e15).long() // -7,
    "shift": lambda x: (
        ((x * 1000).int() >> 3) + torch.bitwise_right_shift((x * 90).int(), (x.abs() * 2).int())
    ),
    "infinite": lambda x: torch.where(x > 0, float("inf"), x).amin(1),
    "ones": lambda x: x + torch.ones_like(x) * torch.arange(4),
}
LAYOUT = {
    "transpose": lambda x: x.transpose(0, 2) * 2,
    "permute": lambda x: x.permute(2, 0, 1) + 0.0,
    "reshape": lambda x: x.reshape(4, 12) * 2,
    "heads": lambda x: x.reshape(2, 6, 2, 2).transpose(1, 2).reshape(4, 12) * 2,
    "slice": lambda x: x[:, 1:6:2, -2:] * 2,
    "select": lambda x: x[1, :, 2] * 2,
    "expand": lambda x: x[:, :1].expand(2, 5, 4) * 2,
    "repeat": lambda x: x.repeat(2, 1, 3) * 2,
    "interleave": lambda x: x.repeat_interleave(3, dim=1) * 2,
    "flip": lambda x: x.flip(0, 2) * 2,
    "roll": lambda x: x.roll((1, -2), (0, 1)) * 2,
    "cat": lambda x: torch.cat([x, x[:, :2] * 2, x[:, 3:4]], 1),
    "stack": lambda x: torch.stack([x, x * 2], 1),
    "chunk": lambda x: x.chunk(3, 1)[1] * x.split(2, 1)[2],
    "unbind": lambda x: x.unbind(1)[3] * 2,
    "pad": lambda x: F.pad(x, (1, 2, 0, 3), value=0.5),
    "movedim": lambda x: x.movedim(0, -1) * 2,
    "unflatten": lambda x: x.unflatten(1, (3, 2)).flatten(2) * 2,
    "squeeze": lambda x: x[:, :1].squeeze(1).unsqueeze(-1) * 2,
    "t": lambda x: x[0].t() * 2,
    "mT": lambda x: x.mT * 2,
    "slice_of_merged": lambda x: x.transpose(1, 2).reshape(2, 24)[:, 3:17:2] * 2,
    "odd_split": lambda x: x.permute(1, 0, 2).reshape(4, 12)[:, 1:] * 2,
    "tile_slice": lambda x: x.repeat(1, 2, 1)[:, 3:9] * 2,
}
REDUCTIONS = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean((0, 2), keepdim=True),
    "max": lambda x: x.amax(-1),
    "min": lambda x: x.amin(0),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(-1),
    "argmax": lambda x: x.argmax(1),
    "argmin": lambda x: x.argmin(),
    "max_dim": lambda x: x.max(2),
    "cumsum": lambda x: x.cumsum(1),
    "var": lambda x: x.var(1, unbiased=False),
    "norm": lambda x: x.norm(dim=-1),
    "layer_norm": lambda x: F.layer_norm(x, (6, 4)),
    "rms_norm": lambda x: F.rms_norm(x, (4,), eps=1e-5),
    "any": lambda x: (x > 2).any(1),
    "topk": lambda x: x.topk(3, 1),
    "least": lambda x: x.topk(2, largest=False),
    "sort": lambda x: x.sort(1, descending=True),
    "argsort": lambda x: x.argsort(-1),
    "stable": lambda x: x.round().sort(dim=1, stable=True),
    "stable_down": lambda x: x.round().argsort(dim=1, stable=True, descending=True),
    "cumsum_split": lambda x: x.reshape(2, 2, 12).transpose(1, 2).reshape(2, 24).cumsum(1),
}
IMAGES = {
    "conv": lambda x: F.conv2d(x, randn(6, 8, 3, 3), randn(6), stride=2, padding=1),
    "grouped": lambda x: F.conv2d(x, randn(12, 2, 3, 2), groups=4, dilation=(2, 1)),
    "depthwise": lambda x: F.conv2d(x, randn(8, 1, 5, 5), padding=2, groups=8),
    "same": lambda x: F.conv2d(x, randn(4, 8, 3, 3), padding="same", dilation=2),
    "pointwise": lambda x: F.conv2d(x, randn(4, 8, 1, 1)),
    "transposed": lambda x: F.conv_transpose2d(
        x, randn(8, 3, 3, 3), randn(6), stride=2, padding=1, output_padding=1, groups=2
    ),
    "conv1d": lambda x: F.conv1d(x[:, :, 0], randn(4, 8, 3), padding=1),
    "conv3d": lambda x: F.conv3d(x[:, :, None], randn(2, 8, 1, 3, 3)),
    "transposed1d": lambda x: F.conv_transpose1d(x[:, :, 0], randn(8, 3, 4), stride=3),
    "max_pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "max_pool_int": lambda x: (
        F.max_pool2d(x.int() - 9, 3, 2, 1) + F.max_pool2d(x.to(torch.int8) - 9, 2, padding=1)
    ),
    "avg_pool": lambda x: F.avg_pool2d(x, 2),
    "padded_pool": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "global_pool": lambda x: F.adaptive_avg_pool2d(x, 1),
    "group_norm": lambda x: F.group_norm(x, 4, randn(8), randn(8)),
    "batch_norm": lambda x: F.batch_norm(x, randn(8), randn(8).abs() + 0.1, randn(8), randn(8)),
    "nearest": lambda x: F.interpolate(x, scale_factor=2) * 2,
    "bicubic": lambda x: F.interpolate(x, size=(13, 10), mode="bicubic"),
    "area_down": lambda x: F.interpolate(x, size=(4, 5), mode="area"),
    "area_up": lambda x: F.interpolate(x, size=(18, 10), mode="area"),
    "one_for_all": lambda x: F.linear(x[:1, :, :1].expand(3, 8, 4, 7), randn(5, 7)),
    "bilinear": lambda x: F.interpolate(x, size=(18, 10), mode="bilinear"),
    "conv_of_view": lambda x: F.conv2d(x[:, 2:6, 1:8], randn(3, 4, 3, 3), padding=1),
    "conv_of_pixels": lambda x: F.conv2d(F.pixel_shuffle(x, 2), randn(3, 2, 3, 3), padding=1),
    "unshuffle": lambda x: F.pixel_unshuffle(x[:, :, :8, :6], 2) * 2,
    "one_pixel": lambda x: F.conv2d(F.adaptive_avg_pool2d(x, 1), randn(3, 8, 3, 3), padding=1),
}
PRODUCTS = {
    "linear": lambda x: F.linear(x, randn(5, 4), randn(5)),
    "matmul": lambda x: x @ x.transpose(1, 2),
    "broadcast": lambda x: x.unsqueeze(1) @ randn(3, 4, 5),
    "vector": lambda x: x @ randn(4),
    "bmm": lambda x: torch.bmm(x, x.transpose(1, 2)),
    "addmm": lambda x: torch.addmm(randn(6), x[0], randn(4, 6), alpha=0.5),
    "baddbmm": lambda x: torch.baddbmm(randn(2, 6, 6), x, x.transpose(1, 2)),
    "einsum": lambda x: torch.einsum("bik,bjk->bij", x, x * 2),
    "einsum_dots": lambda x: torch.einsum("...k,kn->...n", x, randn(4, 3)),
    "outer": lambda x: torch.outer(x[0, 0], x[1, 1]),
    "attention": lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1),
    "causal": lambda x: F.scaled_dot_product_attention(x, x * 2, x + 1, is_causal=True),
    "masked": lambda x: F.scaled_dot_product_attention(
        x, x, x, attn_mask=torch.ones(6, 6, dtype=torch.bool).tril(2)
    ),
    "additive": lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=randn(6, 6), scale=0.3),
    "integers": lambda x: (x * 40).to(torch.int8).int() @ (x * 30).to(torch.int8).int().mT,
    "integer_linear": lambda x: F.linear((x * 40).int(), torch.arange(20).reshape(5, 4).int()),
    "linear_attention": lambda x: (
        (x.relu().transpose(1, 2) @ x).transpose(1, 2) @ x.relu().transpose(1, 2)
    ),
}
EVERY = [
    *((f"elementwise {k}", f, X) for k, f in ELEMENTWISE.items()),
    *((f"layout {k}", f, X) for k, f in LAYOUT.items()),
    *((f"reduction {k}", f, X) for k, f in REDUCTIONS.items()),
    *((f"image {k}", f, IMAGE) for k, f in IMAGES.items()),
    *((f"product {k}", f, X) for k, f in PRODUCTS.items()),
]


@pytest.mark.parametrize(("function", "operand"), [e[1:] for e in EVERY], ids=[e[0] for e in EVERY])
def test_an_operator_is_its_loop_nests(function: Callable[..., Any], operand: Any) -> None:
    compare(Call(function), [operand])


def test_grouped_queries_read_keys_at_a_step_of_zero() -> None:
    """Four query heads on two key heads: no copy of keys or values."""

    def attend(q: Any, k: Any, v: Any) -> Any:
        k, v = (x[:, :, None].expand(1, 2, 2, 5, 4).reshape(1, 4, 5, 4) for x in (k, v))
        return F.scaled_dot_product_attention(q, k, v)

    traced = compare(Call(attend), [randn(1, 4, 5, 4), randn(1, 2, 5, 4), randn(1, 2, 5, 4) * 2])
    kinds = [kind_of(step) for step in traced.network.steps]
    assert kinds.count(Kind.ARRAY) == 2
    assert Kind.MOVE not in kinds
    (scores, _) = (op for op in traced.network.operations if kind_of(op) is Kind.ARRAY)
    keys = next(p for p in scores.inputs if p.buffer == traced.network.inputs[1])
    silent = [
        loop.extent
        for k, loop in enumerate(scores.loops)
        if not any(row[k] for row in keys.map.rows)
    ]
    assert sorted(silent) == [2, 5]  # query heads per key head, and queries


@pytest.mark.parametrize(
    "function",
    [
        lambda x, i: F.embedding(i, x[0]),
        lambda x, i: x[:, i],
        lambda x, i: x.index_select(1, i[0]),
        lambda x, i: x[0][i[0], i[1] % 4],
        lambda x, i: torch.gather(x, 1, i[:, :, None].expand(2, 3, 4)),
    ],
)
def test_tables_are_read_at_indices_that_are_data(function: Callable[..., Any]) -> None:
    traced = compare(Call(function), [X, torch.tensor([[0, 5, 2], [3, 3, 1]])])
    assert any(place.indirect for op in traced.network.operations for place in op.inputs)


def test_multiply_accumulates_are_counted() -> None:
    traced = compare(
        nn.Sequential(nn.Conv2d(8, 4, 3, padding=1), nn.Flatten(), nn.Linear(144, 10)), [PIXELS]
    )
    assert total_macs(traced.network) == 4 * 8 * 9 * 36 + 144 * 10
    assert traced.network.parameters == 4 * 8 * 9 + 4 + 144 * 10 + 10


def test_what_depends_on_no_input_is_folded() -> None:
    traced = compare(
        Call(lambda x: x + torch.arange(4).float().sin().outer(torch.ones(1)).t()), [X]
    )
    assert len(traced.network.operations) == 1


def test_names_are_module_paths() -> None:
    traced = compare(nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4))), [X])
    names = [op.name for op in traced.network.operations]
    assert names == ["0.linear", "0.linear.bias", "1.0.linear", "1.0.linear.bias"]


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_unsigned_integers_beside_numbers(dtype: str) -> None:
    """PyTorch traces them and doesn't compute them on CPUs; NumPy does."""
    values = np.array([0, 1, 40000, 65535, 700], dtype=dtype)
    x = torch.from_numpy(values)
    for function in (lambda x: x + 100, lambda x: x * 3, lambda x: x - 1):
        network = trace(Call(function), [x]).network
        found = execute(network, {network.inputs[0]: x})[network.outputs[0]]
        assert (found.numpy() == function(values)).all()
        assert found.numpy().dtype == values.dtype


def test_formats_that_dont_meet_are_refused() -> None:
    with pytest.raises(LegoError, match="uint64 and int64 aren't computed with"):
        trace(Call(lambda x: x + 100), [torch.tensor([1, 2]).to(torch.uint64)])


def test_a_long_sort_is_the_hosts() -> None:
    traced = trace(Call(lambda x: x.topk(2, dim=1)), [randn(2, 5000)])
    assert traced.network.calls == traced.network.steps
    assert all("sort" in call.reason for call in traced.network.calls)


def test_a_wrong_nest_is_noticed() -> None:
    """A sum that is scaled by another number than the module's."""
    module = nn.Sequential(nn.Linear(4, 4), nn.GELU())
    traced = trace(module.eval(), [X])
    *first, last = traced.network.operations
    network = replace(traced.network, steps=(*first, spoiled(last, 1.001)))
    found = differences(replace(traced, network=network), module, [X])
    assert [each.node for each in found if not each.close] == [traced.network.outputs[0], "gelu"]


class Stacked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Call(lambda x: torch.fft.fft(x).real)

    def forward(self, x: Any) -> Any:
        return self.inner(x)


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        (Stacked(), "E402", "inner.fft_fft: operator aten.fft_fft.default"),
        (Call(lambda x: x * 2 if x.sum() > 0 else x), "E401", "can't be exported"),
        (Call(lambda x: x[x > 0]), "E40", "mask|dynamic|exported"),
        (Call(lambda x: F.pad(x, (1, 1), mode="reflect")), "E402", "reflect"),
        (Call(lambda x: x[:, :0] * 2), "E402", "without elements"),
        (Call(lambda x: (x * 9).int() & 6), "E402", "bits of int32"),
        (Call(lambda x: ~(x * 9).int()), "E402", "bits of int32"),
    ],
)
def test_what_can_not_be_lowered_is_said(module: nn.Module, code: str, said: str) -> None:
    with pytest.raises(LegoError, match=said) as caught:
        trace(module, [X])
    assert caught.value.code.startswith(code)
