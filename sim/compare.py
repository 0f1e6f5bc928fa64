"""A module against its loop nests: outputs and every intermediate tensor of the exported graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves

from frontends.torch_export.tracer import Traced
from sim.network import execute, read

__all__ = ["ATOL", "RTOL", "Difference", "device_of", "differences"]

RTOL, ATOL = 1e-4, 1e-5
"""Of sums in float32 in another order; the absolute one is of the tensor's largest element, if that is above 1,
as small elements of large tensors are differences of large numbers."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a tensor of the module and the same of the loop nests are apart.

    Attributes
    ----------
    node : name in the exported graph, or of an output.
    path : where it is in the module, with the operator.
    largest : largest magnitude of the module's tensor.
    absolute : largest difference.
    close : whether every element is within the tolerance.
    """

    node: str
    path: str
    shape: tuple[int, ...]
    largest: float
    absolute: float
    close: bool


def device_of(wanted: str) -> torch.device:
    """The device: `auto` is CUDA where there is one, else the CPU."""
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def differences(
    traced: Traced,
    module: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    device: torch.device | None = None,
) -> list[Difference]:
    """All tensors that both have: the loop nests run on `device`, the module on the CPU."""
    named, where = dict(kwargs or {}), device or torch.device("cpu")
    given = {k: v.to(where) for k, v in _given(traced, module, args, named).items()}
    values = execute(traced.network, given)
    with torch.no_grad():
        wanted = [x for x in tree_leaves(module(*args, **named)) if isinstance(x, Tensor)]
    found = [
        _difference(name, "output", values[name], want)
        for name, want in zip(traced.network.outputs, wanted, strict=True)
    ]
    paths = {node.name: _path(node) for node in traced.program.graph.nodes}
    for name, want in _recorded(traced, args, named).items():
        if name in traced.views:
            view = traced.views[name]
            extents, access = view.access()
            value = read(values[view.buffer], access, extents).reshape(view.shape)
            found.append(_difference(name, paths[name], value, want))
    return found


def _difference(node: str, path: str, found: Tensor, want: Tensor) -> Difference:
    found = found.detach().cpu()
    if found.shape != want.shape or found.dtype != want.dtype:
        return Difference(node, path, tuple(want.shape), 0.0, float("inf"), close=False)
    if not want.numel():
        return Difference(node, path, tuple(want.shape), 0.0, 0.0, close=True)
    if want.dtype.itemsize == 1:
        found, want = found.float(), want.float()  # of few functions there is one for float8
    finite = want.isfinite()
    apart = torch.where(found == want, 0.0, (found.double() - want.double()).abs())
    largest = float(want.double().abs()[finite].max()) if bool(finite.any()) else 0.0
    within = apart <= ATOL * max(1.0, largest) + RTOL * want.double().abs()
    same = (found == want) | (finite & found.isfinite() & within) | (found.isnan() & want.isnan())
    return Difference(
        node, path, tuple(want.shape), largest, float(apart.nan_to_num().max()), bool(same.all())
    )


def _path(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    paths = [str(path) for path, _ in stack.values() if path]
    place = paths[-1].replace("L['self'].", "") if paths else ""
    return f"{place}.{node.name}" if place else node.name


class _Recorder(fx.Interpreter):  # type: ignore[misc]
    """Remembers what every node gives, as it was then."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.values[n.name] = result.detach().clone()
        return result


def _given(
    traced: Traced, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Parameters, constants and inputs of the network."""
    held = dict(module.named_parameters(remove_duplicate=False))
    values = {buffer: held[name].detach() for buffer, name in traced.parameters.items()}
    inputs = [x for x in tree_leaves((tuple(args), dict(kwargs))) if isinstance(x, Tensor)]
    return values | traced.constants | dict(zip(traced.network.inputs, inputs, strict=True))


def _recorded(traced: Traced, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Tensor]:
    """What PyTorch computes for every node of the exported graph."""
    program = traced.program
    held = dict(program.state_dict) | dict(program.constants)
    inputs = iter(tree_leaves((tuple(args), dict(kwargs))))
    flat = []
    for spec in program.graph_signature.input_specs:
        flat.append(held[spec.target] if spec.target in held else next(inputs))
    recorder = _Recorder(program.graph_module)
    with torch.no_grad():
        recorder.run(*flat)
    return recorder.values
