"""ONNX files: what is checked before anything of one is lowered.

Every error is E408, or E402 for an operator.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto

from frontends.onnx_reader.context import OPERATORS, clean, first_line, first_result
from frontends.onnx_reader.shapes import Sizes, set_sizes
from lego.diag import LegoError

__all__ = ["DEFAULT_DOMAINS", "load", "refused"]

LARGEST_BYTES = (1 << 31) - 1
MOST_NODES = 1 << 20
DEFAULT_DOMAINS = ("", "ai.onnx")


def refused(message: str, hint: str = "") -> LegoError:
    """The error for a file."""
    return LegoError("E408", message, hint=hint)


def load(path: Path, sizes: Sizes | None = None) -> ModelProto:
    """A checked model, its open dimensions set, its functions inlined, shapes inferred and external
    data loaded."""
    model = _parsed(path)
    _named(model)
    external = _external(model, path)
    _count(model)
    try:
        onnx.checker.check_model(str(path), skip_opset_compatibility_check=True)
        model = onnx.inliner.inline_local_functions(model)
    except Exception as error:
        _known(model.graph.node, {(f.domain, f.name) for f in model.functions})
        raise refused(f"{path} is not a valid model: {first_line(error)}") from error
    _known(model.graph.node, set())
    set_sizes(model, sizes or Sizes())
    try:
        model = onnx.shape_inference.infer_shapes(model, True, True, True)
        if external:
            onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:
        raise refused(f"{path}: {first_line(error)}") from error
    return model


def _named(model: ModelProto) -> None:
    """Refuse names that aren't text: protobuf gives those as bytes."""
    functions, graph = model.functions, model.graph
    names: list[object] = [tensor.name for tensor in graph.initializer]
    names += [info.name for info in (*graph.input, *graph.output, *graph.value_info)]
    for node in _nodes(model):
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    for function in functions:
        names += [function.name, function.domain, *function.input, *function.output]
    if not all(isinstance(name, str) for name in names):
        raise refused("a name in the model isn't text")


def _nodes(model: ModelProto) -> list[NodeProto]:
    """Of the graph and the functions."""
    return [*model.graph.node, *(node for function in model.functions for node in function.node)]


def _external(model: ModelProto, path: Path) -> bool:
    """Whether tensors lie in other files; those must be in the model's folder or below."""
    folder = path.parent.resolve()
    found = False
    if model.graph.sparse_initializer:
        raise refused(f"{path} has sparse tensors")
    for tensor in _tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        found = True
        locations = [entry.value for entry in tensor.external_data if entry.key == "location"]
        place = locations[-1] if locations else ""
        target = (folder / place).resolve()
        if not place or "\0" in place or not target.is_relative_to(folder):
            raise refused(f"tensor {clean(tensor.name)} lies outside of the model's folder")
        if not target.is_file():
            raise refused(f"tensor {clean(tensor.name)} lies in {clean(place)}, which is missing")
    return found


def _parsed(path: Path) -> ModelProto:
    """What the file holds, without external data."""
    if not path.is_file():
        raise refused(f"{path} is no file")
    if path.stat().st_size > LARGEST_BYTES:
        raise refused(f"{path} is larger than 2 GiB", "store the weights as external data")
    try:
        return onnx.load_model(str(path), format="protobuf", load_external_data=False)
    except (DecodeError, OSError) as error:
        raise refused(f"{path} is not ONNX, or is cut short: {first_line(error)}") from error


def _tensors(model: ModelProto) -> Iterable[TensorProto]:
    yield from model.graph.initializer
    for node in _nodes(model):
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _count(model: ModelProto) -> None:
    """Refuse functions that call themselves, or that are too many nodes when inlined."""
    functions = {(f.domain, f.name): f for f in model.functions}
    sizes: dict[tuple[str, str], int | None] = {}

    def size(function: FunctionProto) -> int:
        key = (function.domain, function.name)
        if key not in sizes:
            sizes[key] = None
            sizes[key] = total(function.node)
        found = sizes[key]
        if found is None:
            raise refused(f"function {clean(function.name)} calls itself")
        return found

    def total(nodes: Iterable[NodeProto]) -> int:
        called = (functions.get((node.domain, node.op_type)) for node in nodes)
        return sum(1 if function is None else size(function) for function in called)

    if len(functions) > 512 or total(model.graph.node) > MOST_NODES:
        raise refused("the model has too many functions or nodes")


def _known(nodes: Iterable[NodeProto], functions: set[tuple[str, str]]) -> None:
    """Refuse operators that nothing lowers."""
    for node in nodes:
        known = node.domain in DEFAULT_DOMAINS and node.op_type in OPERATORS
        if not known and (node.domain, node.op_type) not in functions:
            kind = f"{node.domain}.{node.op_type}".removeprefix(".")
            name = clean(node.name) or first_result(node)
            raise LegoError(
                "E402",
                f"node {name}: operator {clean(kind)} can't be lowered",
                hint="export the model without it, or add a function in frontends/onnx_reader",
            )
