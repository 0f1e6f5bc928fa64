"""A module against its loop nests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from frontends.torch_export.tracer import Traced, trace
from sim.compare import differences


def compare(
    module: nn.Module, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> Traced:
    """Trace, execute, and assert that outputs and intermediate tensors agree: |found - wanted| <=
    1e-5 + 1e-4 |wanted| for every element of reals, the rest equal."""
    module = module.eval()
    traced = trace(module, args, kwargs, name="model")
    found = differences(traced, module, args, kwargs, scaled=False)
    assert len(found) > len(traced.network.outputs), "no intermediate tensor was compared"
    assert [each for each in found if not each.close] == []
    return traced
