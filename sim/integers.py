"""Networks in integers only: made with the ranges that runs show, and run in PyTorch and by NumPy's
reference, which share no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lego.ir.formats import INT32, Integer
from lego.ir.network import Network
from lego.quantise.integer import InIntegers, in_integers
from sim import reference
from sim.calibrate import observed
from sim.network import execute

__all__ = ["calibrated", "run_in_numpy", "run_in_torch"]

Arrays = dict[str, NDArray[Any]]


def calibrated(
    network: Network, runs: Sequence[Mapping[str, Tensor]], *, residual: Integer = INT32
) -> InIntegers:
    """A network in integers only, with the ranges that its tensors have in runs of real numbers.

    Every run is what :func:`sim.network.execute` is given: an input, and the same parameters and
    constants. `residual`, and E423, as of :func:`lego.quantise.integer.in_integers`.
    """
    with torch.no_grad():
        ranges = observed(network, runs)
    given = set(network.inputs)
    values = {k: v.detach().numpy() for k, v in runs[0].items() if k not in given}
    return in_integers(network, values, ranges, residual=residual)


def run_in_torch(made: InIntegers, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    """All buffers after a run in PyTorch on inputs in real numbers."""
    given = {name: torch.from_numpy(value) for name, value in _given(made, inputs).items()}
    return {name: value.numpy() for name, value in execute(made.network, given).items()}


def run_in_numpy(made: InIntegers, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    """The same by the reference."""
    network = made.network
    buffers = {buffer.name: buffer for buffer in network.buffers}
    values = {name: each.astype(np.int64) for name, each in _given(made, inputs).items()}
    for op in network.operations:
        bounds = {loop.name: loop.extent for loop in op.loops}
        shape = buffers[op.output.buffer].shape
        values[op.output.buffer] = reference.execute(op, buffers, values, bounds, shape).values
    return values


def _given(made: InIntegers, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    return made.values | {name: made.rounded(name, value) for name, value in inputs.items()}
