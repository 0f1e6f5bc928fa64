"""What a quantised network's scales and weights hold: from the weights, and from runs of the
network in floating point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from lego.ir.formats import Float
from lego.ir.network import Network
from lego.quantise.network import Multiplier, Quantised, Scale, Weight
from sim.bit_true import BIT_TRUE
from sim.dtypes import dtype_of
from sim.network import execute

__all__ = ["observed", "prepared"]


def observed(network: Network, runs: Iterable[Mapping[str, Tensor]]) -> dict[str, float]:
    """The largest finite magnitude that each buffer of reals holds in any run of the network."""
    found: dict[str, float] = {}
    for given in runs:
        for name, value in execute(network, given).items():
            if value.is_floating_point() and value.numel():
                most = value.double().abs().nan_to_num(0.0, 0.0, 0.0).max().item()
                found[name] = max(found.get(name, 0.0), most)
    return found


def prepared(
    quantised: Quantised, given: Mapping[str, Tensor], ranges: Mapping[str, float]
) -> dict[str, Tensor]:
    """`given` with the new parameters and constants; `ranges` are those of `observed`."""
    values = dict(given)
    held = {weight.source for weight in quantised.weights}
    for scale in quantised.scales:
        if scale.source in held:
            most = _magnitudes(values[scale.source], scale)
        else:
            most = torch.tensor(ranges[scale.source], dtype=torch.float64)
        device = next(iter(given.values())).device
        most = torch.where(most > 0, most.double(), torch.ones_like(most).double())
        values[scale.name] = (most / scale.largest).float().to(device)
    for weight in quantised.weights:
        values[weight.name] = _rounded(weight, values)
    for multiplier in quantised.multipliers:
        values |= _as_integers(multiplier, values)
    return values


def _as_integers(multiplier: Multiplier, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """m, n and 2^(n - 1) with m / 2^n the product of the scales over the result's."""
    ratio = torch.ones((), dtype=torch.float64)
    for scale in multiplier.scales:
        ratio = torch.tensordot(ratio, values[scale.name].double().cpu(), dims=0)
    ratio = ratio / values[multiplier.result.name].double().cpu()
    n = min(62, max(1, 30 - math.floor(math.log2(float(ratio.max())))))
    device = values[multiplier.result.name].device
    found = {
        multiplier.name: torch.round(ratio * 2.0**n).long(),
        multiplier.shift: torch.tensor(n),
        multiplier.half: torch.tensor(1 << (n - 1)),
    }
    return {name: value.to(device) for name, value in found.items()}


def _blocked(tensor: Tensor, scale: Scale) -> tuple[Tensor, list[int]]:
    """The tensor with the blocked dimension as two, and the dimensions that scales vary along, in
    their order."""
    if scale.block is None:
        return tensor, list(scale.dims)
    dim, size = scale.block
    return tensor.unflatten(dim, (-1, size)), [d + (d > dim) for d in scale.dims] + [dim]


def _magnitudes(tensor: Tensor, scale: Scale) -> Tensor:
    tensor, axes = _blocked(tensor.abs(), scale)
    gone = [k for k in range(tensor.ndim) if k not in axes]
    most = tensor.amax(gone) if gone else tensor
    left = sorted(axes)
    return most.permute([left.index(axis) for axis in axes])


def _rounded(weight: Weight, values: Mapping[str, Tensor]) -> Tensor:
    source = values[weight.source].float()
    if weight.scale is None:
        return source.to(dtype_of(weight.format))
    scale = weight.scale
    parts, axes = _blocked(source, scale)
    order = sorted(range(len(axes)), key=axes.__getitem__)
    shape = [n if k in axes else 1 for k, n in enumerate(parts.shape)]
    by = values[scale.name].permute(order).reshape(shape)
    found = (parts / by).clamp(-scale.largest, scale.largest).reshape(source.shape)
    real = isinstance(weight.format, Float)
    return BIT_TRUE.cast(found if real else found.round(), weight.format)
