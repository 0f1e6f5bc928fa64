"""COAT's layers and optimiser against NumPy: numbers in e4m3 equal, the rest within units of the
last place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frontends.models.techniques.coat import CoatInput, CoatLinear, by_groups  # noqa: E402
from frontends.models.techniques.coat_adamw import CoatAdamW, compressed, expanded  # noqa: E402
from tests.frontends.models.techniques import reference_coat as reference  # noqa: E402
from tests.frontends.models.techniques.layers import arrays, dense, outliers, run  # noqa: E402
from tests.frontends.models.techniques.ulps import BOUNDS, apart  # noqa: E402


@pytest.mark.parametrize(("width", "seed"), [(160, 0), (48, 1), (160, 4), (256, 1)])
def test_a_layer_multiplies_numbers_of_e4m3(width: int, seed: int) -> None:
    """Products are exact in float32; sums cancel, so their unit is that of the largest in the row."""
    layer, x = dense(12, width, bias=True, seed=seed), outliers(4, width, seed=seed + 1)
    scales = [reference.whole_scale(a.numpy()) for a in (x, layer.weight)]
    x8, w8 = (reference.e4m3(a.numpy() / s) for a, s in zip((x, layer.weight), scales, strict=True))
    module = CoatLinear(layer)
    traced, values = run(module, x)
    (op,) = arrays(traced)
    left, right = (values[place.buffer] for place in op.inputs)
    assert {left.dtype, right.dtype} == {torch.float8_e4m3fn}
    assert np.array_equal(left.double().numpy(), x8) and np.array_equal(right.double().numpy(), w8)
    assert float(module.scale) == scales[1]
    wanted = x8 @ w8.T * float(scales[0]) * float(scales[1]) + layer.bias.numpy()
    assert apart(module(x), wanted, of="row") <= BOUNDS["coat module"]
    assert apart(values[traced.network.outputs[0]], wanted, of="row") <= BOUNDS["coat nests"]


def test_inputs_are_rounded_by_groups_of_16() -> None:
    x = outliers(3, 5, 48)
    q, scales = reference.by_groups(x.numpy())
    q8, scale = by_groups(x)
    assert (q8.dtype, scale.dtype) == (torch.float8_e4m3fn, torch.bfloat16)
    assert np.array_equal(q8.flatten(-2).double().numpy(), q)
    assert np.array_equal(scale[..., 0].float().numpy(), reference.bfloat16(scales))
    wanted = q.astype(np.float32) * reference.bfloat16(scales).repeat(16, -1)
    traced, values = run(CoatInput(torch.nn.Identity()), x)
    assert np.array_equal(values[traced.network.outputs[0]].numpy(), wanted)
    assert float(np.linalg.norm(wanted - x.numpy()) / np.linalg.norm(x.numpy())) < 0.04


def moments(seed: int) -> Any:
    """Values like those of second moments."""
    made = torch.randn(6, 128, generator=torch.Generator().manual_seed(seed))
    return (made.abs() * 1e-3 + 1e-3).square()


def test_expansion_is_more_exact_than_a_scale() -> None:
    """And its power is the formula's."""
    x = moments(0)
    parts = compressed(x)
    powers = [reference.power_of(group)[0] for group in x.numpy()]
    assert parts[2][:, 0].tolist() == powers
    assert parts[0].dtype == torch.float8_e4m3fn
    scale = x.abs().amax(-1, keepdim=True) / 448
    plain = (x / scale).to(torch.float8_e4m3fn).float() * scale
    errors = [float((each - x).norm() / x.norm()) for each in (expanded(parts), plain)]
    assert errors[0] < 0.01 and errors[1] > 2 * errors[0]


def test_a_group_keeps_signs_zeros_and_equal_magnitudes() -> None:
    x = torch.stack(
        (
            moments(1)[0] * torch.tensor([1.0, -1.0]).repeat(64),
            torch.zeros(128),
            torch.full((128,), -0.3),
        )
    )
    x[0, 5] = 0
    back = expanded(compressed(x))
    assert bool((back[1] == 0).all())
    assert float(back[0, 5]) == 0
    assert torch.equal(back.sign(), x.sign())
    assert torch.allclose(back, x, rtol=0.08, atol=0)  # the least ones are subnormal


@pytest.mark.parametrize("seed", [3, 6, 11])
def test_a_step_is_adamws(seed: int) -> None:
    """On the moments that are stored; the new ones are stored within half a step of e4m3, which has
    3 bits after its point, over the power that expands them. Weights are less an update that may be
    as large: their unit is that of the largest in the row."""
    made = torch.Generator().manual_seed(seed)
    weight, gradient = (torch.randn(3, 256, generator=made) * s for s in (0.02, 1e-3))
    first, second = compressed(gradient.reshape(-1, 128) * 0.5), compressed(moments(seed + 20))
    module = CoatAdamW()
    how = (7, module.rate, module.beta1, module.beta2, module.eps, module.decay)
    held = [reference.expanded(*(part.numpy() for part in numbers(m))) for m in (first, second)]
    for part, want in zip((first, second), held, strict=True):
        assert apart(expanded(part), want) <= BOUNDS["adamw expanded"]
    held = [each.reshape(3, 256) for each in held]
    wanted = reference.adamw(weight.numpy(), gradient.numpy(), *held, *how)
    args = (weight, gradient, first, second, torch.tensor(7.0))
    new, *stored = module(*args)
    assert apart(new, wanted[0], of="row") <= BOUNDS["adamw weight"]
    for parts, want in zip(stored, wanted[1:], strict=True):
        groups = want.reshape(-1, 128)
        half = 2.0**-4 / parts[2].numpy()
        large = np.abs(groups) >= np.abs(groups).max(1, keepdims=True) / 4
        away = np.abs(expanded(parts).numpy() / groups - 1)
        assert bool((away <= 1.1 * half)[large].all())
    traced, values = run(module, *args)
    ours, *parts = [values[name] for name in traced.network.outputs]
    assert apart(ours, wanted[0], of="row") <= BOUNDS["adamw weight"]
    for k, want in enumerate(wanted[1:]):
        for found in (stored[k], parts[4 * k : 4 * k + 4]):
            check_moment(found, want.reshape(-1, 128))
    assert not arrays(traced)


def numbers(moment: Any) -> list[Any]:
    """In float64, which NumPy has."""
    return [part.double() for part in moment]


def check_moment(moment: Any, wanted: Any) -> None:
    """Numbers in e4m3 and powers equal; a scale is a power of what has been rounded, so its units
    are more."""
    assert [part.dtype for part in moment] == [torch.float8_e4m3fn, *[torch.float32] * 3]
    q8, scale, power, centre = (part.numpy() for part in numbers(moment))
    exact, scales, powers, centres = reference.compressed(wanted)
    assert np.array_equal(q8, exact) and np.array_equal(power, powers)
    assert apart(scale, scales) <= BOUNDS["adamw scale"]
    assert apart(centre, centres) <= BOUNDS["adamw centre"]
