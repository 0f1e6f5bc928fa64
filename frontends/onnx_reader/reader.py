"""From an ONNX file to a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto
from torch import Tensor

from frontends.onnx_reader import arranging, elementwise, sums, windows  # noqa: F401
from frontends.onnx_reader.context import OPERATORS, Context, Held, clean, first_line, shape_of
from frontends.onnx_reader.file import DEFAULT_DOMAINS, load, refused
from frontends.onnx_reader.shapes import Sizes
from frontends.onnx_reader.tensors import DTYPES, tensor_of
from frontends.torch_export.context import Known, dtype_name, format_of
from frontends.tracing.fold_casts import fold_casts
from frontends.tracing.nests import Nests
from frontends.tracing.views import View, whole
from lego.diag import LegoError
from lego.ir.network import Network, Role

__all__ = ["ReadModel", "read_onnx"]


@dataclass(frozen=True)
class ReadModel:
    """A network and the values that the file holds.

    Attributes
    ----------
    constants : values of the parameters and of the folded tensors, by buffer.
    parameters : the file's name of every parameter buffer.
    inputs, outputs : buffers by the file's names of the graph's inputs and outputs.
    views : where each result of a node stands, by the file's name; folded ones and casts are missing.
    model : the file, its functions inlined and its open dimensions set.
    """

    network: Network
    constants: dict[str, Tensor]
    parameters: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    views: dict[str, View]
    model: ModelProto


def read_onnx(
    path: str | Path, *, name: str | None = None, sizes: Sizes | None = None
) -> ReadModel:
    """The graph of an ONNX file as a network. Nothing in the file is run; what no input influences is folded.

    Initialisers of a floating type with dimensions are parameters, others constants. `sizes` are
    those of dimensions that the file leaves open.

    Raises E402 for an operator that can't be lowered, E408 for a file that can't be read, isn't
    valid, has data outside of its folder or a dimension that isn't a number, E904 for sizes that
    don't fit the file.
    """
    path = Path(path)
    return _lowered(load(path, sizes), name or clean(path.stem) or "model")


def _lowered(model: ModelProto, name: str) -> ReadModel:
    graph = model.graph
    context = Context(Nests(name))
    versions = [each.version for each in model.opset_import if each.domain in DEFAULT_DOMAINS]
    context.version = max(versions, default=1)
    env: dict[str, Any] = {initial.name: _initial(initial) for initial in graph.initializer}
    inputs = _bind(context, graph, env)
    stated = {info.name: info.type for info in (*graph.value_info, *graph.output)}
    makers: dict[str, NodeProto] = {}
    for node in graph.node:
        context.proto = node
        results = _results(context, node, env)
        for output, value in zip(node.output, results, strict=False):
            _agrees(context, output, value, stated)
        env |= zip(node.output, results, strict=False)
        makers |= dict.fromkeys(node.output, node)
    outputs = {info.name: _output(context, env, info.name, makers) for info in graph.output}
    network = fold_casts(context.nests.network(list(inputs.values()), list(outputs.values())))
    used = {buffer.name for buffer in network.buffers}
    constants = {key: value for key, value in context.constants.items() if key in used}
    views = {key: v for key, v in env.items() if isinstance(v, View) and v.buffer in used}
    return ReadModel(network, constants, context.parameters, inputs, outputs, views, model)


@dataclass(frozen=True)
class Unheld:
    """A tensor that no buffer can hold; the node that reads it is refused for this reason."""

    reason: str


def _unheld(kind: int) -> Unheld | None:
    """What to say about a type of elements that no buffer has."""
    if kind in DTYPES:
        return None
    return Unheld(f"of {TensorProto.DataType.Name(kind).lower()}, which no buffer holds")


def _initial(proto: Any) -> Known | Unheld:
    """An initialiser; E408 if it can't be read."""
    unfit = _unheld(proto.data_type)
    if unfit is not None:
        return unfit
    try:
        tensor = tensor_of(proto)
    except (ValueError, TypeError, OSError) as error:
        raise refused(f"tensor {clean(proto.name)}: {first_line(error)}") from error
    if tensor.is_floating_point() and tensor.dim():
        return Held(tensor, proto.name)
    return Known(tensor)


def _bind(context: Context, graph: GraphProto, env: dict[str, Any]) -> dict[str, str]:
    """Give every input of the graph its buffer.

    One without elements is known, as there is nothing to be given.
    """
    inputs = {}
    for info in graph.input:
        if info.name in env:
            continue  # an initialiser, as old files list them too
        kind = info.type.tensor_type.elem_type
        if info.type.WhichOneof("value") != "tensor_type":
            raise refused(f"input {clean(info.name)} isn't a tensor")
        if kind not in DTYPES:
            env[info.name] = _unheld(kind)
            continue
        shape = _static(info.type) or []
        view = context.nests.declare(clean(info.name), shape, format_of(DTYPES[kind]), Role.INPUT)
        inputs[info.name] = view.buffer
        env[info.name] = Known(torch.empty(shape, dtype=DTYPES[kind])) if 0 in shape else view
    return inputs


def _static(kind: TypeProto) -> list[int] | None:
    """The shape of a type; None if it isn't known."""
    if not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    if any(dim.WhichOneof("value") != "dim_value" or dim.dim_value < 0 for dim in dims):
        return None
    return [int(dim.dim_value) for dim in dims]


def _results(context: Context, node: NodeProto, env: Mapping[str, Any]) -> list[Any]:
    for name in node.input:
        if name and name not in env:
            raise context.fail(f"it reads {clean(name)}, a result that can't be lowered")
        if name and isinstance(env[name], Unheld):
            raise context.fail(f"it reads {clean(name)}, a tensor {env[name].reason}")
    args = [env[name] if name else None for name in node.input]
    try:
        made = OPERATORS[node.op_type](context, *args)
    except LegoError:
        raise
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise context.fail(f"can't be lowered in this form: {first_line(error)}") from error
    return list(made) if isinstance(made, list | tuple) else [made]


def _agrees(context: Context, output: str, value: Any, stated: Mapping[str, TypeProto]) -> None:
    """The type and the shape must be what inference says, where it knows them."""
    if output not in stated or value is None:
        return
    kind = DTYPES.get(stated[output].tensor_type.elem_type)
    if kind is not None and context.dtype(value) != kind:
        types = [dtype_name(each) for each in (kind, context.dtype(value))]
        raise refused(
            f"node {context.path}: {clean(output)} is of {types[0]} in the file, but of "
            f"{types[1]} by its operands"
        )
    shape = _static(stated[output])
    if shape is not None and list(shape_of(value)) != shape:
        raise refused(
            f"node {context.path}: {clean(output)} is {shape} in the file, but "
            f"{list(shape_of(value))} by its operands"
        )


def _output(
    context: Context, env: Mapping[str, Any], name: str, makers: Mapping[str, NodeProto]
) -> str:
    """A result of the graph as a buffer of its own."""
    context.proto = makers.get(name)
    value = env.get(name)
    if value is None or isinstance(value, Unheld) or 0 in shape_of(value):
        why = "has no elements" if isinstance(value, Known | View) else "can't be lowered"
        if context.proto is None:
            reason = value.reason if isinstance(value, Unheld) else why
            raise refused(f"output {clean(name)} is a tensor {reason}")
        raise context.fail(f"its result {clean(name)} {why}")
    view = context.view(value)
    buffer = context.nests.buffers[view.buffer]
    if view != whole(buffer.name, buffer.shape) or buffer.role is not Role.RESULT:
        view = context.nests.copied(view, f"output.{clean(name)}")
    return view.buffer
