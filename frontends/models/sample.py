"""What a builder returns, and the inputs and weights it is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

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


def randomise(module: Any) -> None:
    """Replace every weight that an initialiser leaves trivial.

    Constant tensors (scales of norms, biases, adaLN-zero, layer scale) and matrices drawn much
    narrower than 1 / sqrt(fan-in) would let a dropped or swapped operand pass unnoticed, and so
    would the statistics 0 and 1 of a fresh batch norm.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            _redraw(parameter)
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 1.5)


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
