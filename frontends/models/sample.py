"""What a builder returns, and the inputs and weights it is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["Recipes", "Sample", "drawn", "floats", "integers", "randomise"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A module in evaluation mode and the arguments of one call of it."""

    module: Any
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


Recipes = Mapping[str, Callable[[], Sample]]


def floats(*shape: int) -> Any:
    """Normal numbers in float32 on the current default device."""
    return torch.randn(*shape)


def integers(below: int, *shape: int) -> Any:
    """Integers in [0, below), int64, on the current default device."""
    return torch.randint(below, shape)


def drawn(sizes: Sequence[int], kind: torch.dtype) -> Any:
    """A random tensor of a type on the current default device: normal numbers, integers from 0 to 7
    (which most tables have), truth values."""
    if kind.is_floating_point:
        return torch.randn(*sizes).to(kind)
    return torch.randint(2 if kind is torch.bool else 8, tuple(sizes)).to(kind)


def randomise(sample: Sample) -> None:
    """Replace every weight that an initialiser leaves trivial.

    Constant tensors (scales of norms, biases, adaLN-zero, layer scale) and matrices drawn much
    narrower than 1 / sqrt(fan-in) would let a dropped or swapped operand pass unnoticed, and so
    would the statistics 0 and 1 of a fresh batch norm. Those become near what the sample gives at
    that place, one layer after another, so that signals neither vanish nor explode.
    """
    for parameter in sample.module.parameters():
        _redraw(parameter)
    norms = [part for part in sample.module.modules() if isinstance(part, _BatchNorm)]
    for norm in norms:
        if norm.bias is not None:
            norm.bias.uniform_(0.5, 1.5)
    hooks = [norm.register_forward_pre_hook(_observe) for norm in norms]
    if norms:
        sample.module(*sample.args, **sample.kwargs)
    for hook in hooks:
        hook.remove()


def _observe(norm: Any, args: tuple[Any, ...]) -> None:
    """Set a batch norm's statistics by what it is about to read.

    A random network in which every norm gives mean 0 and variance 1 to a ReLU amplifies rounding
    by a fifth per layer (the ReLU's mean is taken off again by the next norm), a trained one
    doesn't. Here norms have positive shifts, and divide by no less than part of a layer's size.
    """
    rows = args[0].transpose(0, 1).flatten(1)
    mean, variance = rows.mean(1), rows.var(1, correction=0)
    variance = torch.maximum(variance, 0.5 * rows.square().mean())
    norm.running_var.copy_(variance * (torch.rand_like(variance) + 1))
    norm.running_mean.copy_(mean + 0.2 * variance.sqrt() * torch.randn_like(mean))


def _redraw(parameter: Any) -> None:
    constant = bool((parameter == parameter.flatten()[0]).all())
    if parameter.ndim < 2:
        if constant and parameter.flatten()[0] != 0:
            parameter.uniform_(0.5, 1.5)
        elif constant:
            parameter.normal_(0, 0.1)
        return
    expected = (parameter.numel() / parameter.shape[0]) ** -0.5
    if constant or parameter.std() < 0.5 * expected:
        parameter.normal_(0, expected)
