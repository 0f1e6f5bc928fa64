"""What tests of single layers share."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from frontends.models.techniques.linears import Dense
from frontends.torch_export.tracer import Traced, trace
from lego.ir.kinds import Kind, kind_of
from lego.ir.operation import Operation
from sim.bit_true import BIT_TRUE
from sim.network import execute

__all__ = ["arrays", "dense", "outliers", "run"]


def dense(n: int, k: int, *, bias: bool = False, after_gelu: bool = False, seed: int = 0) -> Dense:
    """A linear layer of random weights, with a few wide columns."""
    made = torch.Generator().manual_seed(seed)
    weight = torch.randn(n, k, generator=made) / k**0.5
    weight[:, ::37] *= 8
    vector = torch.randn(n, generator=made) if bias else None
    return Dense("layer", weight, vector, convolution=False, after_gelu=after_gelu)


def outliers(*shape: int, seed: int = 1) -> Any:
    """Activations, some channels of which are large."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    x[..., ::53] *= 20
    return x


def run(module: nn.Module, *args: Any) -> tuple[Traced, dict[str, Any]]:
    """The module's loop nests, and every buffer after they have run, bit-true."""
    traced = trace(module, args)
    held = dict(module.named_parameters())
    given = {buffer: held[name].detach() for buffer, name in traced.parameters.items()}
    leaves = torch.utils._pytree.tree_leaves(args)
    given |= traced.constants | dict(zip(traced.network.inputs, leaves, strict=True))
    return traced, execute(traced.network, given, arithmetic=BIT_TRUE)


def arrays(traced: Traced) -> list[Operation]:
    """The contractions."""
    return [op for op in traced.network.operations if kind_of(op) is Kind.ARRAY]
