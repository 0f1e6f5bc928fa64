"""Networks in integers only: small modules, against formulas and against real numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

import torch
from torch import Tensor, nn
from torch.nn import functional

from frontends.torch_export.tracer import Traced, trace
from lego.diag import LegoError
from lego.ir.constants import Constant, number_of
from lego.ir.formats import INT8, INT16, INT32, Integer
from lego.ir.kinds import is_contraction
from lego.ir.network import Role
from lego.ir.operation import Apply, Body, Fn, Operation, Reduction, Value
from lego.quantise.access import leaves
from lego.quantise.integer import InIntegers, in_integers
from sim.compare import given_to
from sim.integers import calibrated, run_in_numpy, run_in_torch
from sim.network import execute

pytestmark = pytest.mark.filterwarnings("ignore")
Arrays = dict[str, NDArray[Any]]


class Of(nn.Module):
    """A function of the input and of parts."""

    def __init__(self, call: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.call, self.parts = call, nn.ModuleList(parts)

    def forward(self, *x: Tensor) -> Tensor:
        return self.call(*x, *self.parts)


def ran(
    module: nn.Module, *shapes: Sequence[int], residual: Integer = INT32
) -> tuple[Traced, InIntegers, Arrays, Arrays]:
    """The trace, the network, what it holds after a run and what the module's nests hold; PyTorch
    and NumPy agree about every integer."""
    torch.manual_seed(3)
    module = module.eval().requires_grad_(False)
    for parameter in module.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.4)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.5, 2)
    samples = [tuple(torch.randn(*shape) for shape in shapes) for _ in range(4)]
    traced = trace(module, samples[0], name="net")
    made = calibrated(
        traced.network, [given_to(traced, module, args, {}) for args in samples], residual=residual
    )
    inputs = {k: x.numpy() for k, x in zip(traced.network.inputs, samples[0], strict=True)}
    found, again = run_in_torch(made, inputs), run_in_numpy(made, inputs)
    assert found.keys() == again.keys()
    assert all(np.array_equal(found[name], again[name]) for name in found)
    real = execute(traced.network, given_to(traced, module, samples[0], {}))
    return traced, made, found, {name: value.numpy() for name, value in real.items()}


def steps_of(made: InIntegers) -> list[str]:
    """What each step is: a contraction, a sum, a maximum, a rounding of so many tensors, or a copy."""
    return [kind(op, made) for op in made.network.operations]


def kind(op: Operation, made: InIntegers) -> str:
    if is_contraction(op):
        return "product"
    if op.output.reduction is not Reduction.ASSIGN:
        return "sum" if op.output.reduction is Reduction.ADD else "maximum"
    if isinstance(op.output.body, Value):
        return "copy"
    names = [place.buffer for place in op.inputs]
    return f"round {sum(made.network.buffer(n).role is not Role.CONSTANT for n in names)}"


def noise(name: str, made: InIntegers, found: Arrays, real: Arrays) -> float:
    """The largest error of a tensor, in its steps."""
    off = np.abs(made.real(name, found[name]) - real[name])
    return float(off.max() / made.scales[name])


def test_a_linear_layer_by_its_formula() -> None:
    traced, made, found, real = ran(nn.Linear(40, 6), (5, 40))
    (x,), (out,) = traced.network.inputs, traced.network.outputs
    (w,) = (b.name for b in made.network.buffers if b.format == INT8 and b.role is Role.PARAMETER)
    assert steps_of(made) == ["product", "round 1"]
    weights, bias = (real[traced_name(traced, name)] for name in ("weight", "bias"))
    sw, sx, sy = np.abs(weights).max(1) / 127, made.scales[x], made.scales[out]
    assert np.array_equal(found[w], np.rint(weights / sw[:, None]))
    body = made.network.steps[-1].output.body  # type: ignore[union-attr]
    n = shift_of(body)
    m = np.rint(sx * sw / sy * 2.0**n)
    h = np.rint(bias / sy * 2.0**n) + 2 ** (n - 1)
    assert m.max() <= INT16.high
    assert np.abs(h).max() <= INT32.high
    assert max(m.max() / 2**15, np.abs(h).max() / 2**31) > 0.49
    sums = found[x].astype(np.int64) @ found[w].T.astype(np.int64)
    want = np.clip((sums * m.astype(np.int64) + h.astype(np.int64)) >> n, -128, 127)
    assert np.array_equal(found[out], want)
    assert noise(out, made, found, real) < 2


def traced_name(traced: Traced, name: str) -> str:
    (found,) = (buffer for buffer, held in traced.parameters.items() if held == name)
    return found


def shift_of(body: Any) -> int:
    while not (isinstance(body, Apply) and body.fn is Fn.SHIFT):
        body = body.args[1]
    return int(number_of(body.args[1]))


def conv(c_in: int, c_out: int, *rest: Any, **named: Any) -> list[nn.Module]:
    return [nn.Conv2d(c_in, c_out, *rest, bias=False, **named), nn.BatchNorm2d(c_out)]


def both(x: Tensor, one: nn.Module, other: nn.Module) -> Tensor:
    return one(x) + other(x)


CASES: dict[str, tuple[nn.Module, tuple[int, ...], list[str], float]] = {
    "norm and bound": (
        nn.Sequential(*conv(3, 5, 3, 2, 1), nn.ReLU6()), (1, 3, 9, 9), ["product", "round 1"], 3,
    ),
    "depthwise": (
        nn.Sequential(*conv(6, 6, 3, 1, 1, groups=6), nn.Hardtanh(-1, 2)), (1, 6, 7, 7),
        ["product", "round 1"], 3,
    ),
    "grouped": (nn.Sequential(*conv(6, 8, 3, groups=2)), (1, 6, 7, 7), ["product", "round 1"], 3),
    "alone": (nn.Conv2d(3, 4, 1, bias=False), (1, 3, 5, 5), ["product", "round 1"], 3),
    "residual": (
        Of(lambda x, a: functional.relu(a(x) + x), nn.Sequential(*conv(5, 5, 3, 1, 1))),
        (1, 5, 6, 6), ["product", "round 2"], 3,
    ),
    "residual first": (Of(lambda x, a: x - a(x), nn.Linear(7, 7)), (4, 7), ["product", "round 2"], 3),
    "two contractions": (
        Of(both, nn.Sequential(*conv(5, 4, 1)), nn.Sequential(*conv(5, 4, 3, 1, 1))), (1, 5, 6, 6),
        ["product", "round 1", "product", "round 2"], 4,
    ),
    "three terms": (
        Of(lambda x, a, b: a(x) + b(x) + x, nn.Linear(6, 6), nn.Linear(6, 6)), (3, 6),
        ["product", "round 1", "product", "round 2", "round 2"], 5,
    ),
    "bounds before a sum": (
        Of(lambda x, a: functional.relu(a(x)) + functional.relu(x), nn.Linear(6, 6)), (3, 6),
        ["round 1", "product", "round 1", "round 2"], 4,
    ),
    "pools": (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), nn.Flatten(),
                      nn.Linear(16, 3)),
        (1, 3, 10, 10), ["product", "round 1", "maximum", "sum", "round 1", "product", "round 1"], 6,
    ),
    "a mean with a sum after it": (
        Of(lambda x, a: a(x).mean((2, 3)) * 2 + 1, nn.Conv2d(3, 4, 3)), (1, 3, 8, 8),
        ["product", "round 1", "sum", "round 1"], 4,
    ),
    "renamed": (
        Of(lambda x, a: a(x.transpose(1, 2).reshape(1, 24)).relu(), nn.Linear(24, 5)), (1, 4, 6),
        ["product", "round 1"], 3,
    ),
    "a pool of what is negative": (
        Of(lambda x, a: a(x.clamp(max=-1)), nn.MaxPool2d(3, 2, 1)), (1, 2, 6, 6),
        ["round 1", "maximum"], 1,
    ),
    "two products": (
        Of(lambda x: x @ x + x.transpose(0, 1) @ x), (6, 6), ["product", "round 1", "product", "round 2"],
        6,
    ),
    "read by two": (
        Of(lambda x, a: (y := a(x)).relu() + (y * 2).clamp(max=1), nn.Linear(6, 6)), (3, 6),
        ["product", "round 1", "round 1", "round 1", "round 2"], 5,
    ),
    "copied": (
        Of(lambda x, a: a(x)[:, :, ::2].transpose(1, 2).reshape(1, 8), nn.MaxPool2d((3, 1))),
        (1, 6, 8), ["maximum", "copy"], 1,
    ),
    "turned": (
        Of(lambda x, a: a(x).transpose(1, 2), nn.Linear(6, 4)), (1, 3, 6), ["product", "round 1"], 3,
    ),
    "dropped and left": (
        nn.Sequential(nn.Identity(), nn.Linear(6, 6), nn.Dropout(), nn.ReLU()), (9, 6),
        ["product", "round 1"], 3,
    ),
    "shared": (
        Of(lambda x, a, b: (y := a(x)) + b(y), nn.Linear(6, 6), nn.Linear(6, 6)), (3, 6),
        ["product", "round 1", "product", "round 2"], 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_modules(name: str) -> None:
    module, shape, steps, most = CASES[name]
    traced, made, found, real = ran(module, shape)
    assert steps_of(made) == steps
    (out,) = traced.network.outputs
    assert noise(out, made, found, real) < most
    assert np.abs(found[out].astype(int)).max() > 25  # it isn't near because it's nothing
    for buffer in made.network.buffers:
        if buffer.role in (Role.PARAMETER, Role.CONSTANT):
            assert made.values[buffer.name].dtype == str(buffer.format)
            assert made.values[buffer.name].shape == buffer.shape
        else:
            assert buffer.format == (INT32 if buffer.name.endswith(".sums") else INT8)
    for op in made.network.operations:
        for place in op.inputs:
            held = made.network.buffer(place.buffer)
            assert (place.pad is not None) == leaves(place.map, op.extents, held.shape)


class Batched(nn.Module):
    """A product with a matrix for every element of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 8, 6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.bmm(x, self.weight)


def test_weights_have_scales_along_one_dimension() -> None:
    traced, made, found, real = ran(Batched(), (2, 5, 8))
    (multiplier,) = (b for b in made.network.buffers if b.format == INT16)
    assert multiplier.shape == (6,)
    assert noise(traced.network.outputs[0], made, found, real) < 3


def test_products_of_two_tensors() -> None:
    traced, made, found, real = ran(Of(lambda x, y: x @ y), (2, 5, 8), (2, 8, 6))
    assert steps_of(made) == ["product", "round 1"]
    assert noise(traced.network.outputs[0], made, found, real) < 6


def test_the_factor_of_a_residual_has_the_format_asked_for() -> None:
    module, shape, steps, _ = CASES["residual"]
    traced, made, found, real = ran(module, shape, residual=INT16)
    assert steps_of(made) == steps
    (most,) = (
        abs(int(number_of(part)))
        for part in parts(made.network.operations[-1].output.body)
        if isinstance(part, Constant) and abs(number_of(part)) > 127
    )
    assert INT16.high // 2 < most <= INT16.high
    assert noise(traced.network.outputs[0], made, found, real) < 4


def parts(body: Body) -> list[Body]:
    args = body.args if isinstance(body, Apply) else ()
    return [body, *(part for arg in args for part in parts(arg))]


def test_a_pool_and_what_it_reads_have_one_scale() -> None:
    _, made, _, _ = ran(nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)), (1, 3, 8, 8))
    (pool,) = (op for op in made.network.operations if op.output.reduction is Reduction.MAX)
    assert made.scales[pool.output.buffer] == made.scales[pool.inputs[0].buffer]


def test_every_rounding_is_to_the_nearest() -> None:
    """Of what the integers before it stand for: a missing half would be off by half a step."""
    traced, made, found, real = ran(nn.Linear(200, 50), (40, 200))
    (out,), sums = traced.network.outputs, made.network.steps[0].output.buffer  # type: ignore[union-attr]
    w, b = (real[traced_name(traced, name)] for name in ("weight", "bias"))
    scale = made.scales[traced.network.inputs[0]] * np.abs(w).max(1) / 127
    exact = (found[sums].reshape(40, 50) * scale + b) / made.scales[out]
    off = found[out] - np.clip(exact, -128, 127)
    assert np.abs(off).max() < 0.51
    assert abs(off.mean()) < 0.05


REFUSED: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "gelu": (nn.Sequential(nn.Linear(4, 4), nn.GELU()), (2, 4), r"^error\[E423\]: 1\.gelu .*aten\.gelu"),
    "swish": (nn.Sequential(nn.Linear(4, 4), nn.Hardswish()), (2, 4), "multiplies two tensors"),
    "softmax": (nn.Softmax(1), (2, 4), "softmax"),
    "per element": (
        Of(lambda x, a: a(x) + torch.arange(8.0).reshape(2, 4), nn.Linear(4, 4)), (2, 4),
        "more than one dimension",
    ),
    "transposed": (nn.ConvTranspose2d(2, 2, 3, 2), (1, 2, 4, 4), "one result for every iteration"),
    "concatenated": (
        Of(lambda x, a: torch.cat([a(x), x], 1), nn.Linear(4, 4)), (2, 4), "several nests",
    ),
    "infinite": (Of(lambda x, a: a(x) * float("inf"), nn.Linear(4, 4)), (2, 4), "aren't finite"),
    "long": (nn.Linear(140000, 1), (1, 140000), "may not fit int32"),
    "minimum": (Of(lambda x, a: a(x).amin(1), nn.Linear(4, 4)), (2, 4), "reduces by min="),
    "integers": (Of(lambda x, a: a(x).long(), nn.Linear(4, 4)), (2, 4), "isn't of real numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form(name: str) -> None:
    module, shape, why = REFUSED[name]
    with pytest.raises(LegoError, match=why) as caught:
        ran(module, shape)
    assert caught.value.code == "E423"
    assert caught.value.hint


@pytest.mark.parametrize("lacks", ["range", "values"])
def test_what_isnt_given(lacks: str) -> None:
    layer = nn.Linear(4, 3)
    traced = trace(layer, (torch.randn(2, 4),), name="net")
    given = given_to(traced, layer, (torch.randn(2, 4),), {})
    values = {name: value.numpy() for name, value in given.items() if name in traced.parameters}
    ranges = dict.fromkeys((b.name for b in traced.network.buffers), 1.0)
    in_integers(traced.network, values, ranges)
    gone = traced.network.outputs[0] if lacks == "range" else traced_name(traced, "bias")
    with pytest.raises(LegoError, match=gone) as caught:
        in_integers(
            traced.network,
            {k: v for k, v in values.items() if k != gone},
            {k: v for k, v in ranges.items() if k != gone},
        )
    assert caught.value.code == "E423"
