"""A module against its loop nests: outputs and every intermediate tensor of the exported graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves, tree_map

from frontends.torch_export.tracer import Traced
from frontends.tracing.views import View
from lego.diag import LegoError
from lego.ir.kinds import is_contraction
from sim.network import execute
from sim.windows import read

__all__ = [
    "ATOL",
    "RTOL",
    "Difference",
    "compared",
    "device_of",
    "differences",
    "given_to",
    "relative",
]

RTOL, ATOL = 1e-4, 1e-5
"""Of sums in float32 in another order."""

NEAR = 4.0
"""Times the module's own distance from float64 that its loop nests may have."""


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
    module, nests, formats : relative errors (Euclidean norms) of the module, of the loop nests, and
        of the loop nests in the accelerator's number formats: against the module in float64 if that
        was run, else against the module. None where it doesn't apply.
    layer : whether it is what a contraction computes, or that with its bias; not views of it.
    """

    node: str
    path: str
    shape: tuple[int, ...]
    largest: float
    absolute: float
    close: bool
    module: float | None = None
    nests: float | None = None
    formats: float | None = None
    layer: bool = False


def device_of(wanted: str) -> torch.device:
    """The device: `auto` is CUDA where there is one, else the CPU.

    Raises E904 for another name, or CUDA without a GPU.
    """
    there = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    if wanted == "auto":
        wanted = there[-1]
    if wanted not in there:
        raise LegoError("E904", f"no device {wanted[:40]!r}", hint=f"auto or {' or '.join(there)}")
    return torch.device(wanted)


def differences(
    traced: Traced,
    module: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    device: torch.device | None = None,
    formats: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
    truth: bool = False,
    scaled: bool = True,
) -> list[Difference]:
    """All tensors that both have: the loop nests run on `device`, the module on the CPU.

    `formats` runs the network in other number formats: what the buffers are given, to what they
    hold. With `truth` the module is run in float64 too, if it can be. If `scaled`, `ATOL` is of a
    tensor's largest element where that is above 1, as small elements of large tensors are
    differences of large numbers.
    """
    named, where = dict(kwargs or {}), device or torch.device("cpu")
    given = {k: v.to(where) for k, v in given_to(traced, module, args, named).items()}
    values = execute(traced.network, given)
    exact = formats(given) if formats else {}
    with torch.no_grad():
        wanted = [x for x in tree_leaves(module(*args, **named)) if isinstance(x, Tensor)]
    paths = {node.name: _path(node) for node in traced.program.graph.nodes}
    layers = _layers(traced)
    true = _in_doubles(traced, args, named) if truth else {}
    leaves = tree_leaves(traced.program.graph.output_node().args[0])
    results = [str(leaf) for leaf in leaves if leaf is not None]
    found = [
        compared(
            name, "output", (values[name], exact.get(name)), want, true.get(result), scaled=scaled
        )
        for name, want, result in zip(traced.network.outputs, wanted, results, strict=True)
    ]
    for name, want in _recorded(traced, args, named).items():
        if name not in traced.views:
            continue
        both, layer = _seen(traced.views[name], values, exact), name in layers
        found.append(
            compared(name, paths[name], both, want, true.get(name), scaled=scaled, layer=layer)
        )
    return found


def _seen(
    view: View, values: Mapping[str, Tensor], exact: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor | None]:
    """The elements of a view, in floating point and in number formats if there are any."""
    extents, access = view.access()
    value, held = (
        read(held[view.buffer], access, extents).reshape(view.shape)
        if view.buffer in held
        else None
        for held in (values, exact)
    )
    assert value is not None  # noqa: S101
    return value, held


def compared(
    node: str,
    path: str,
    held: tuple[Tensor, Tensor | None],
    want: Tensor,
    true: Tensor | None = None,
    *,
    scaled: bool = True,
    layer: bool = False,
) -> Difference:
    """What the loop nests have, in floating point and in number formats, against the reference;
    `true` is its in float64."""
    value, exact = (None if each is None else each.detach().cpu() for each in held)
    assert value is not None  # noqa: S101
    found = replace(_difference(node, path, value, want, true, scaled=scaled), layer=layer)
    if value.shape != want.shape:
        return found
    base = want if true is None else true
    return replace(
        found,
        module=None if true is None else relative(want, base),
        nests=relative(value, base),
        formats=None if exact is None else relative(exact, base),
    )


def relative(found: Tensor, want: Tensor) -> float | None:
    """The Euclidean norm of the difference over that of what is wanted; None for truth values and
    zeros, infinity if something isn't finite that should be, or is that shouldn't, or is infinite
    with the other sign."""
    if torch.bool in (found.dtype, want.dtype):
        return None
    apart, scale = found.double() - want.double(), want.double()
    same = (found == want) | (found.isnan() & want.isnan())
    if bool(((~scale.isfinite() | ~found.double().isfinite()) & ~same).any()):
        return float("inf")
    finite = apart.isfinite()
    size = float(scale[finite].norm())
    return float(apart[finite].norm()) / size if size else None


def _layers(traced: Traced) -> set[str]:
    """The first nodes that are what contractions compute, or that with its bias."""
    ops = traced.network.operations
    names = {op.name for op in ops if is_contraction(op)}
    left = {op.output.buffer for op in ops if op.name.removesuffix(".bias") in names}
    found = set()
    for node in traced.program.graph.nodes:
        view = traced.views.get(node.name)
        if view is not None and view.buffer in left:
            left.remove(view.buffer)
            found.add(node.name)
    return found


def _difference(
    node: str,
    path: str,
    found: Tensor,
    want: Tensor,
    true: Tensor | None = None,
    *,
    scaled: bool = True,
) -> Difference:
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
    atol = ATOL * max(1.0, largest) if scaled else ATOL
    within = apart <= atol + RTOL * want.double().abs()
    within &= want.is_floating_point()
    same = (found == want) | (finite & found.isfinite() & within) | (found.isnan() & want.isnan())
    close = bool(same.all()) or _as_near(found, want, true)
    return Difference(
        node, path, tuple(want.shape), largest, float(apart.nan_to_num().max()), close
    )


def _as_near(found: Tensor, want: Tensor, true: Tensor | None) -> bool:
    """Whether real numbers are hardly farther from those in float64 than the module's are: some
    networks amplify rounding."""
    if true is None or not want.is_floating_point():
        return False
    error, own = relative(found, true), relative(want, true)
    return error is not None and own is not None and error <= max(NEAR * own, 1e-6)


def _path(node: fx.Node) -> str:
    stack = node.meta.get("nn_module_stack") or {}
    paths = [str(path) for path, _ in stack.values() if path]
    place = paths[-1].replace("L['self'].", "") if paths else ""
    return f"{place}.{node.name}" if place else node.name


def _in_doubles(
    traced: Traced, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """What the exported graph computes with float64 in float32's place; nothing if an operator refuses."""
    doubled = [tree_map(_double, held) for held in (tuple(args), dict(kwargs))]
    try:
        return _recorded(traced, doubled[0], doubled[1], double=True)
    except (RuntimeError, TypeError):
        return {}


def _double(value: Any) -> Any:
    """float64 in float32's place, of tensors and of names of formats."""
    if value is torch.float32:
        return torch.float64
    real = isinstance(value, Tensor) and value.dtype is torch.float32
    return value.double() if real else value


class _Recorder(fx.Interpreter):  # type: ignore[misc]
    """Remembers what every node gives, as it was then."""

    def __init__(self, graph: fx.GraphModule, *, double: bool) -> None:
        super().__init__(graph)
        self.values: dict[str, Tensor] = {}
        self.double = double

    def fetch_args_kwargs_from_env(self, n: fx.Node) -> Any:
        given = super().fetch_args_kwargs_from_env(n)
        return tree_map(_double, given) if self.double else given

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.values[n.name] = result.detach().clone()
        return result


def given_to(
    traced: Traced, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Tensor]:
    """What :func:`sim.network.execute` needs to run the network: parameters, constants and inputs."""
    held = dict(module.named_parameters(remove_duplicate=False))
    values = {buffer: held[name].detach() for buffer, name in traced.parameters.items()}
    inputs = [x for x in tree_leaves((tuple(args), dict(kwargs))) if isinstance(x, Tensor)]
    return values | traced.constants | dict(zip(traced.network.inputs, inputs, strict=True))


def _recorded(
    traced: Traced, args: Sequence[Any], kwargs: Mapping[str, Any], *, double: bool = False
) -> dict[str, Tensor]:  # fmt: skip
    """What PyTorch computes for every node of the exported graph."""
    program = traced.program
    held = dict(program.state_dict) | dict(program.constants)
    inputs = iter(tree_leaves((tuple(args), dict(kwargs))))
    flat = []
    for spec in program.graph_signature.input_specs:
        flat.append(held[spec.target] if spec.target in held else next(inputs))
    recorder = _Recorder(program.graph_module, double=double)
    with torch.no_grad():
        recorder.run(*(tree_map(_double, flat) if double else flat))
    return recorder.values
