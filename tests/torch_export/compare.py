"""A module against its loop nests: outputs and every intermediate tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from frontends.torch_export.tracer import Traced, trace
from sim.network import execute, read

RTOL, ATOL = 1e-4, 1e-5


def close(found: Tensor, want: Tensor, where: str) -> None:
    """Within the tolerance of float32 sums in another order; the absolute one is of the largest element,
    if that is above 1, as small elements of large tensors are differences of large numbers."""
    largest = float(want.abs().max()) if want.is_floating_point() and want.numel() else 1.0
    largest = largest if largest < float("inf") else 1.0
    torch.testing.assert_close(
        found, want, rtol=RTOL, atol=ATOL * max(1.0, largest), msg=lambda text: f"{where}: {text}"
    )


class Recorder(fx.Interpreter):
    """Remembers what every node gives, as it was then."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.values[n.name] = result.detach().clone()
        return result


def given(
    traced: Traced, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Parameters, constants and inputs of the network."""
    held = dict(module.named_parameters(remove_duplicate=False))
    values = {buffer: held[name].detach() for buffer, name in traced.parameters.items()}
    inputs = [x for x in tree_leaves((tuple(args), dict(kwargs))) if isinstance(x, Tensor)]
    return values | traced.constants | dict(zip(traced.network.inputs, inputs, strict=True))


def recorded(
    traced: Traced, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """What PyTorch computes for every node of the exported graph."""
    program = traced.program
    held = dict(program.state_dict) | dict(program.constants)
    inputs = iter(tree_leaves((tuple(args), dict(kwargs))))
    flat = []
    for spec in program.graph_signature.input_specs:
        flat.append(held[spec.target] if spec.target in held else next(inputs))
    recorder = Recorder(program.graph_module)
    with torch.no_grad():
        recorder.run(*flat)
    return recorder.values


def compare(
    module: nn.Module, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> Traced:
    """Trace, execute, and assert that all tensors agree."""
    module, named = module.eval(), dict(kwargs or {})
    traced = trace(module, args, named, name="model")
    values = execute(traced.network, given(traced, module, args, named))
    with torch.no_grad():
        wanted = [x for x in tree_leaves(module(*args, **named)) if isinstance(x, Tensor)]
    for name, want in zip(traced.network.outputs, wanted, strict=True):
        close(values[name], want, name)
    met = 0
    for name, want in recorded(traced, module, args, named).items():
        if name in traced.views:
            view = traced.views[name]
            extents, access = view.access()
            found = read(values[view.buffer], access, extents).reshape(view.shape)
            close(found, want, name)
            met += 1
    assert met, "no intermediate tensor was compared"
    return traced
