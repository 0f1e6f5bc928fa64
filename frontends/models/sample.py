"""What a builder returns, and the inputs and weights it is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["Recipes", "Sample", "floats", "integers", "randomise"]


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


def randomise(sample: Sample) -> None:
    """Replace every weight that an initialiser leaves trivial.

    Constant tensors (scales of norms, biases, adaLN-zero, layer scale) and matrices drawn much
    narrower than 1 / sqrt(fan-in) would let a dropped or swapped operand pass unnoticed, and so
    would the statistics 0 and 1 of a fresh batch norm. Those are set near what one call finds,
    so that signals neither vanish nor explode in deep networks.
    """
    for parameter in sample.module.parameters():
        _redraw(parameter)
    norms = [part for part in sample.module.modules() if isinstance(part, _BatchNorm)]
    if norms:
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        sample.module(*sample.args, **sample.kwargs)
    for norm in norms:
        norm.eval()
        norm.running_var.clamp_(min=0.01).mul_(torch.rand_like(norm.running_var) + 0.5)
        norm.running_mean.add_(0.2 * torch.randn_like(norm.running_mean))


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
