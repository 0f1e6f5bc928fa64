"""SVDQuant's layer against NumPy: integers equal in every bit, outputs within units of the last place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frontends.models.techniques.linears import Dense  # noqa: E402
from frontends.models.techniques.svdquant import SHIFT, SvdQuant, decomposed, smoothing  # noqa: E402
from tests.frontends.models.techniques import reference_svdquant as reference  # noqa: E402
from tests.frontends.models.techniques.layers import arrays, dense, outliers, run  # noqa: E402
from tests.frontends.models.techniques.ulps import BOUNDS, apart  # noqa: E402


def inputs(width: int, after_gelu: bool, seed: int = 0) -> Any:
    x = outliers(6, width, seed=seed + 1)
    return torch.nn.functional.gelu(x) if after_gelu else x


def made(width: int, after_gelu: bool, seed: int = 0) -> tuple[Dense, Any, SvdQuant]:
    layer = dense(40, width, bias=True, after_gelu=after_gelu, seed=seed)
    x = inputs(width, after_gelu, seed)
    return layer, x, SvdQuant(layer, x.abs().amax(0))


@pytest.mark.parametrize("after_gelu", [False, True])
@pytest.mark.parametrize(("width", "seed"), [(256, 0), (200, 0), (64, 1), (320, 5)])
def test_a_layer_is_the_reference(width: int, seed: int, after_gelu: bool) -> None:
    """Outputs are sums that cancel: their unit is that of the largest in the row."""
    _, x, module = made(width, after_gelu, seed)
    q, _ = reference.rounded(x.numpy(), module.smooth.numpy(), module.shift)
    parts = reference.group_sums(q, module.q4.numpy().astype(np.int64))
    stored = [getattr(module, n).numpy() for n in ("smooth", "down", "up")]
    scales = module.scale[:, 0].numpy()
    wanted = reference.layer(
        x.numpy(),
        *stored,
        module.q4.numpy().astype(np.int64),
        scales,
        module.bias.numpy(),
        module.shift,
    )
    assert apart(module(x), wanted, of="row") <= BOUNDS["svdquant module"]
    traced, values = run(module, x)
    found = values[traced.network.outputs[0]]
    assert apart(found, wanted, of="row") <= BOUNDS["svdquant nests"]
    (groups,) = (op for op in arrays(traced) if values[op.output.buffer].dtype == torch.int32)
    left, right = (values[place.buffer] for place in groups.inputs)
    assert (left.dtype, right.dtype) == (torch.int8, torch.int8)
    assert torch.equal(left.long(), torch.as_tensor(q).transpose(0, 1))
    assert torch.equal(values[groups.output.buffer].long(), torch.as_tensor(parts))
    assert (left.min() >= 0) == after_gelu
    assert left.max() <= (15 if after_gelu else 7) and right.min() >= -8


def test_the_branch_reads_inputs_as_they_are_in_half_precision_weights() -> None:
    _, x, module = made(256, False)
    traced, _ = run(module, x)
    down, up, _ = arrays(traced)
    formats = [str(traced.network.buffer(p.buffer).format) for p in (*down.inputs, *up.inputs)]
    assert formats == ["float32", "float16", "float32", "float16"]
    assert down.inputs[0].buffer == traced.network.inputs[0]
    assert [loop.extent for loop in down.loops] == [6, 32, 256]


def test_the_branch_takes_the_largest_singular_values() -> None:
    """What remains for rounding has the other ones, and rounding errs by half a step."""
    layer, x, _ = made(256, False)
    smooth = smoothing(x.abs().amax(0), layer.weight)
    down, up, q4, scale = decomposed(layer.weight, smooth)
    scaled = (layer.weight * smooth.float()).double()
    values = np.linalg.svd(scaled.numpy(), compute_uv=False)
    branch = up.double() @ (down.double() * smooth.double())
    rest = scaled - branch
    assert float(rest.norm()) == pytest.approx(float(np.sqrt((values[32:] ** 2).sum())), rel=0.02)
    back = (q4.double() * scale.double().transpose(1, 2)).transpose(0, 1).flatten(1)
    steps = scale[:, 0].T.double().repeat_interleave(64, 1)
    assert bool(((back - rest).abs() <= steps * 0.502).all())


@pytest.mark.parametrize("after_gelu", [False, True])
def test_it_is_near_the_layer_that_it_stands_for(after_gelu: bool) -> None:
    layer, x, module = made(256, after_gelu)
    wanted = torch.nn.functional.linear(x, layer.weight, layer.bias)
    assert float((module(x) - wanted).norm() / wanted.norm()) < 0.06


def test_a_shift_makes_what_a_gelu_gives_positive_and_is_taken_back() -> None:
    """Fifteen steps instead of seven: less error than rounding the same inputs with a sign."""
    every = torch.nn.functional.gelu(torch.linspace(-9, 9, 100001))
    assert float(every.min()) + SHIFT > 0
    layer = dense(40, 256, after_gelu=True)
    x = torch.nn.functional.gelu(
        3 * torch.randn(64, 256, generator=torch.Generator().manual_seed(2))
    )
    wanted = x @ layer.weight.T
    signed = SvdQuant(Dense("", layer.weight, None, False, False), x.abs().amax(0))
    errors = [float((m(x) - wanted).norm()) for m in (SvdQuant(layer, x.abs().amax(0)), signed)]
    assert errors[0] < 0.8 * errors[1]
