"""Techniques on a built sample: layers replaced, caches held as the technique holds them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from frontends.models.sample import Sample
from frontends.models.techniques.coat import CoatLinear, wrap_inputs
from frontends.models.techniques.linears import Dense, dense_layers, replace_layers
from frontends.models.techniques.names import checked
from frontends.models.techniques.qoq import QoqChannel, QoqGroup
from frontends.models.techniques.svdquant import SvdQuant
from lego.diag import LegoError

__all__ = ["apply_techniques"]


def apply_techniques(
    sample: Sample, *, quantize: str | None = None, attention: str | None = None
) -> Sample:
    """The sample with the techniques of these names; its module is changed in place.

    Quantised weights are computed from the module's, on the meta device only their shapes. Raises
    E606 for an unknown name, E607 where a technique can't be applied.
    """
    wanted = checked(quantize, attention)
    with torch.no_grad():
        if wanted.attention in ("duo", "quest") or (wanted.quantize or "").startswith("qoq"):
            from frontends.models.techniques.caches import with_caches

            sample = with_caches(sample, wanted)
        if wanted.quantize is not None:
            _quantise(sample, wanted.quantize)
    return sample


def _quantise(sample: Sample, name: str) -> None:
    module = sample.module
    if name == "svdquant_r32":
        largest = _largest_inputs(sample)
        count = replace_layers(module, lambda layer: SvdQuant(layer, largest[layer.path]))
    else:
        kinds = {"qoq_g128": QoqGroup, "qoq_channel": QoqChannel, "coat_fp8": CoatLinear}
        count = replace_layers(module, kinds[name])
    if not count:
        raise LegoError(
            "E607",
            f"{name} changes the linear layers of transformer blocks, and the network has none",
        )
    if name == "coat_fp8":
        wrap_inputs(module)


def _largest_inputs(sample: Sample) -> dict[str, Tensor]:
    """The largest magnitude of every layer's input channels in one call; only shapes on the meta device."""
    found: dict[str, Tensor] = {}
    layers = list(dense_layers(sample.module))
    if any(layer.weight.device.type == "meta" for layer in layers):
        return {layer.path: layer.weight.new_empty(layer.weight.shape[1]) for layer in layers}

    def listen(layer: Dense) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...]) -> None:
            x = args[0].movedim(1, -1) if layer.convolution else args[0]
            seen = x.abs().flatten(0, -2).amax(0)
            found[layer.path] = torch.maximum(seen, found.get(layer.path, seen))

        return sample.module.get_submodule(layer.path).register_forward_pre_hook(hook)

    hooks = [listen(layer) for layer in layers]
    sample.module(*sample.args, **sample.kwargs)
    for hook in hooks:
        hook.remove()
    return found
