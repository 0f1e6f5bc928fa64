"""From an exported graph to a network: goes through the nodes and folds what depends on no input."""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

from frontends.torch_export import (  # noqa: F401
    contractions,
    layout,
    lookup,
    pointwise,
    pooling,
    reductions,
    sorting,
)
from frontends.torch_export.context import Known, Tracer, dtype_name, format_of, short_name
from frontends.torch_export.registry import HANDLERS
from frontends.tracing.fold_casts import fold_casts
from frontends.tracing.nests import Nests
from frontends.tracing.views import View, whole
from lego.diag import InternalError, LegoError
from lego.ir.network import Network, Role, reads_of, writes_of
from lego.ir.operation import Step
from lego.tell import Tell, silent

__all__ = ["Traced", "trace"]

DROPPED = frozenset(
    ("_assert_tensor_metadata.default", "_assert_async.msg", "sym_constrain_range_for_size.default",
     "_assert_scalar.default", "sym_constrain_range.default")
)  # fmt: skip


@dataclass(frozen=True)
class Traced:
    """A network and the values that the trace knows.

    Attributes
    ----------
    constants : folded tensors by buffer; those whose values the module didn't hold (meta device) are missing.
    parameters : the module's name of every parameter buffer.
    views : where each node of the exported graph stands, by its name; folded ones and casts are missing.
    program : what was exported.
    """

    network: Network
    constants: dict[str, Tensor]
    parameters: dict[str, str]
    views: dict[str, View]
    program: torch.export.ExportedProgram


def trace(
    module: torch.nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    name: str = "model",
    tell: Tell = silent,
) -> Traced:
    """The module as a network, at the shapes of these arguments.

    Nothing is computed; `tell` hears how far it is.

    Raises E401 if PyTorch can't export the module, E402 for an operator that can't be lowered.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    tell("export", 0, 0)
    with torch.no_grad():
        return _lowered(_exported(module, tuple(args), dict(kwargs or {})), name, tell)


def _exported(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> torch.export.ExportedProgram:
    """What PyTorch exports. Raises E401, with another hint where the module itself stops at these inputs."""
    quiet = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # PyTorch logs the traceback of what it raises
    try:
        return torch.export.export(module.eval(), args, kwargs, strict=False)
    except Exception as error:
        hint = "shapes and control flow mustn't depend on values; see torch.export"
        if type(error).__module__ == "builtins":
            tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
            given = ", ".join(f"{list(x.shape)} {dtype_name(x.dtype)}" for x in tensors)
            takes = "give the number, ranks, sizes and types that it takes"
            hint = f"the module stops at inputs {given}: {takes}"
        message = f"{type(module).__name__} can't be exported: {_first_line(error)}"
        raise LegoError("E401", message, hint=hint) from error
    finally:
        logging.disable(quiet)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _lowered(program: torch.export.ExportedProgram, name: str, tell: Tell = silent) -> Traced:
    tracer = Tracer(Nests(name))
    inputs = _bind(tracer, program)
    results = _walk(tracer, program.graph_module, tell)
    outputs = []
    count = len(tracer.nests.steps)
    for k, value in enumerate(results):
        if value is not None and not isinstance(value, int | float | bool):
            view = tracer.view(value)
            if 0 in view.shape:
                raise LegoError("E402", f"output {k}: a tensor without elements can't be lowered")
            buffer = tracer.nests.buffers[view.buffer]
            if view != whole(buffer.name, buffer.shape) or buffer.role is not Role.RESULT:
                view = tracer.nests.copied(view, f"output{k}")
            outputs.append(view.buffer)
    tracer.nests.steps = _early(tracer.nests.steps, count)
    network = fold_casts(tracer.nests.network(inputs, outputs))
    kept = {buffer.name for buffer in network.buffers}
    views = {node: view for node, view in tracer.views.items() if view.buffer in kept}
    return Traced(network, tracer.constants, tracer.parameters, views, program)


def _early(steps: list[Step], count: int) -> list[Step]:
    """The first `count` steps, and right after what they copy is whole, the copies for outputs
    that follow them: an output may be sent to another rank, which waits for it."""
    last = {name: k for k, step in enumerate(steps[:count]) for name in writes_of(step)}
    at = {id(step): (last.get(reads_of(step)[0], -1), 1) for step in steps[count:]}
    order = {id(step): (k, 0) for k, step in enumerate(steps[:count])} | at
    return sorted(steps, key=lambda step: order[id(step)])


def _bind(tracer: Tracer, program: torch.export.ExportedProgram) -> list[str]:
    """Give every placeholder its view or constant; returns the inputs' buffers."""
    from torch.export.graph_signature import InputKind

    kinds = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    inputs = []
    tied: dict[int, View] = {}  # one tensor under several names is one buffer
    for node in program.graph.nodes:
        if node.op != "placeholder":
            continue
        value, target = node.meta.get("val"), str(kinds[node.name].target)
        if not isinstance(value, Tensor):
            tracer.env[node] = value
        elif kinds[node.name].kind is InputKind.PARAMETER:
            key = id(program.state_dict[target])
            if key not in tied:
                tied[key] = _parameter(tracer, target, value)
            tracer.env[node] = tied[key]
        elif kinds[node.name].kind in (InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            held = program.state_dict.get(target, program.constants.get(target))
            tracer.env[node] = Known(_detached(held if isinstance(held, Tensor) else value))
        else:
            view = tracer.nests.declare(node.name, value.shape, format_of(value.dtype), Role.INPUT)
            inputs.append(view.buffer)
            tracer.env[node] = view
    return inputs


def _parameter(tracer: Tracer, name: str, value: Tensor) -> View:
    view = tracer.nests.declare(name, value.shape, format_of(value.dtype), Role.PARAMETER)
    tracer.parameters[view.buffer] = name
    return view


def _detached(tensor: Tensor) -> Tensor:
    """The tensor's values, or its shape where it has none."""
    from torch._subclasses.fake_tensor import FakeTensor

    if isinstance(tensor, FakeTensor) or tensor.device.type == "meta":
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return tensor.detach().cpu()


def _walk(tracer: Tracer, graph: fx.GraphModule, tell: Tell = silent) -> Sequence[Any]:
    """Lower every node; returns what the graph returns."""
    env = tracer.env
    count = len(graph.graph.nodes)
    for at, node in enumerate(graph.graph.nodes):
        if not at % 64:
            tell("lower", at, count)
        if node.op == "output":
            return _listed(fx.map_arg(node.args[0], lambda n: env[n]))
        if node.op == "get_attr":
            held = _attribute(graph, str(node.target))
            env[node] = held if isinstance(held, fx.GraphModule) else Known(_detached(held))
        elif node.op == "call_function":
            tracer.node = node
            if isinstance(node.meta.get("val"), Tensor):
                node.meta["val"] = _numbered(node.meta["val"])
            env[node] = _call(tracer, node)
            if isinstance(env[node], View):
                tracer.views[node.name] = env[node]
    return []


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _numbered(tensor: Tensor) -> Tensor:
    """The tensor with sizes that are numbers where PyTorch has symbols of one value."""
    if all(type(size) is int for size in tensor.shape):
        return tensor
    try:
        shape = [int(size) for size in tensor.shape]
    except RuntimeError:  # a size that depends on values
        return tensor
    return torch.empty(shape, dtype=tensor.dtype, device="meta")


def _attribute(graph: fx.GraphModule, path: str) -> Any:
    found: Any = graph
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _call(tracer: Tracer, node: fx.Node) -> Any:
    args = fx.map_arg(node.args, lambda n: tracer.env[n])
    kwargs = fx.map_arg(node.kwargs, lambda n: tracer.env[n])
    if node.target is operator.getitem:
        return args[0][args[1]]
    short = short_name(node)
    if short in DROPPED:
        return None
    if "wrap_with" in str(node.target) or "autocast" in str(node.target):
        return _inlined(tracer, args)
    try:
        folded = _folded(node, args, kwargs)
    except (ArithmeticError, IndexError, RuntimeError, ValueError) as error:
        raise tracer.fail(f"{node.target} of these operands: {_first_line(error)}") from error
    if folded is not None:
        return folded
    handler, mutated = _handler(tracer, node, short)
    found = [n.meta.get("val") for n in (node, *node.all_input_nodes)]
    shapes = [value.shape for value in found if isinstance(value, Tensor)]
    if any(type(size) is int and not size for shape in shapes for size in shape):
        return _of_nothing(tracer, handler, args, kwargs, "without elements")
    if any(not shape for shape in shapes):
        return _of_nothing(tracer, handler, args, kwargs, "of no dimensions")
    result = handler(tracer, *args, **kwargs)
    if mutated:
        _rebind(tracer, node, result)
    return result


def _handler(tracer: Tracer, node: fx.Node, short: str) -> tuple[Callable[..., Any], bool]:
    """What lowers an operator, and whether it writes into its first argument. Raises E402 if none does."""
    base, _, overload = short.partition(".")
    handler = HANDLERS.get(short)
    mutated = base.endswith("_") and not base.startswith("__")
    if handler is None and mutated:
        handler = HANDLERS.get(f"{base[:-1]}.{overload}")
    if handler is None:
        raise tracer.fail(
            f"operator {node.target} can't be lowered",
            "rewrite the module without it, or add a handler in frontends/torch_export",
        )
    return handler, mutated


def _of_nothing(
    tracer: Tracer,
    handler: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    what: str,
) -> Any:
    """An operator on a tensor without elements or dimensions, if it has a loop nest nevertheless."""
    refused = tracer.fail(f"a tensor {what} can't be lowered")
    before = len(tracer.nests.steps)
    try:
        result = handler(tracer, *args, **kwargs)
    except (AssertionError, ValueError, IndexError, ZeroDivisionError, InternalError):
        raise refused from None
    found = result if isinstance(result, list | tuple) else [result]
    empty = any(isinstance(value, View) and 0 in value.shape for value in found)
    if empty and len(tracer.nests.steps) > before:
        raise refused
    return result


def _inlined(tracer: Tracer, args: Sequence[Any]) -> Any:
    """A region under a context manager: its graph, on the operands after it."""
    at = next(k for k, arg in enumerate(args) if isinstance(arg, fx.GraphModule))
    inner, given, outer = args[at], args[at + 1 :], tracer.node
    names = [node for node in inner.graph.nodes if node.op == "placeholder"]
    tracer.env |= dict(zip(names, given, strict=True))
    results = tuple(_walk(tracer, inner))
    tracer.node = outer
    return results


def _rebind(tracer: Tracer, node: fx.Node, result: Any) -> None:
    """An operator in place: later readers of its first argument see the result."""
    target = node.args[0]
    assert isinstance(target, fx.Node)  # noqa: S101
    old = tracer.env[target]
    aliases = [
        other
        for other, value in tracer.env.items()
        if isinstance(value, View) and isinstance(old, View) and value.buffer == old.buffer
        and other is not target and any(user > node for user in other.users)
    ]  # fmt: skip
    if any(tracer.env[alias] != old for alias in aliases):
        raise tracer.fail(f"{node.target} writes into a tensor of which another view is read later")
    for alias in (target, *aliases):
        tracer.env[alias] = result


def _folded(node: fx.Node, args: Any, kwargs: Any) -> Any:
    """The node's value if no input influences it."""
    tensors: list[Any] = []
    _collect((args, kwargs), tensors)
    if any(isinstance(value, View) for value in tensors):
        return None
    values = [value.value for value in tensors]
    if any(value.device.type == "meta" for value in values):
        return _as_known(node.meta["val"], meta=True)
    given, named = _bare(args), _bare(kwargs)
    if "device" in named:
        named["device"] = torch.device("cpu")
    if str(node.target) in ("aten.to.device", "aten.to.dtype_layout"):
        named.pop("layout", None)
        given = [torch.device("cpu") if isinstance(a, torch.device) else a for a in given]
    return _as_known(node.target(*given, **named), meta=False)


def _collect(value: Any, found: list[Any]) -> None:
    if isinstance(value, Known | View):
        found.append(value)
    elif isinstance(value, list | tuple):
        for each in value:
            _collect(each, found)
    elif isinstance(value, dict):
        for each in value.values():
            _collect(each, found)


def _bare(value: Any) -> Any:
    if isinstance(value, Known):
        return value.value
    if isinstance(value, list | tuple):
        return type(value)(_bare(each) for each in value)
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items()}
    return value


def _as_known(value: Any, *, meta: bool) -> Any:
    if isinstance(value, Tensor):
        return Known(torch.empty(value.shape, dtype=value.dtype, device="meta") if meta else value)
    if isinstance(value, list | tuple):
        return type(value)(_as_known(each, meta=meta) for each in value)
    return value
