"""An ONNX file against its loop nests: every result of a node, as the evaluator of the package
`onnx` computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from frontends.onnx_reader.context import first_line, place_of
from frontends.onnx_reader.reader import ReadModel
from frontends.onnx_reader.tensors import tensor_of
from frontends.tracing.views import View
from lego.diag import LegoError
from lego.ir.kinds import is_contraction
from sim.compare import Difference, compared
from sim.network import execute
from sim.windows import read as read_window

__all__ = ["evaluated", "file_differences", "given_to_file"]

REAL = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)


def given_to_file(read: ReadModel, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """What :func:`sim.network.execute` needs to run the network: parameters, constants, and inputs
    in the file's order."""
    return read.constants | dict(zip(read.inputs.values(), inputs, strict=True))


def file_differences(
    read: ReadModel,
    inputs: Sequence[Tensor],
    *,
    device: torch.device | None = None,
    formats: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None,
) -> list[Difference]:
    """Outputs and every result of a node that a buffer holds: the loop nests run on `device`, the
    evaluator on the CPU.

    `formats` is as in :func:`sim.compare.differences`. Errors are against the evaluator with
    float64 in place of other real numbers, if it can be run so. Raises E411 if the evaluator can't
    run the file.
    """
    where = device or torch.device("cpu")
    given = {k: v.to(where) for k, v in given_to_file(read, inputs).items()}
    values = execute(read.network, given)
    exact = formats(given) if formats else {}
    wanted = evaluated(read, inputs)
    true = _in_doubles(read, inputs)
    found = [
        compared(name, "output", (values[buffer], exact.get(buffer)), wanted[name], true.get(name))
        for name, buffer in read.outputs.items()
    ]
    left = _contracted(read)
    results = [(node, name) for node in read.model.graph.node for name in filter(None, node.output)]
    for node, name in results:
        view = read.views.get(name)
        if view is None or name not in wanted:
            continue
        held = (_seen(values[view.buffer], view), _seen(exact.get(view.buffer), view))
        layer = view.buffer in left
        left.discard(view.buffer)
        found.append(
            compared(name, place_of(node), held, wanted[name], true.get(name), layer=layer)
        )
    return found


def _seen(buffer: Tensor | None, view: View) -> Any:
    """The elements of a view, if there is its buffer."""
    if buffer is None:
        return None
    extents, access = view.access()
    return read_window(buffer, access, extents).reshape(view.shape)


def _contracted(read: ReadModel) -> set[str]:
    """Buffers that hold what contractions compute, or that with its bias."""
    ops = read.network.operations
    names = {op.name for op in ops if is_contraction(op)}
    return {op.output.buffer for op in ops if op.name.removesuffix(".bias") in names}


def evaluated(read: ReadModel, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """All tensors of the file by their names, as the evaluator computes them. Raises E411."""
    try:
        return _run(read.model, dict(zip(read.inputs, map(_array, inputs), strict=True)))
    except Exception as error:
        message = (
            f"the reference evaluator of onnx can't run the file: {type(error).__name__}: "
            f"{first_line(error)}"
        )
        hint = (
            "give --data if the random inputs don't fit, such as integers below 8 for a small table"
        )
        raise LegoError("E411", message, hint=hint) from error


def _run(model: ModelProto, feeds: Mapping[str, Any]) -> dict[str, Tensor]:
    found = ReferenceEvaluator(model).run(None, dict(feeds), intermediate=True)
    arrays = {
        name: value for name, value in found.items() if isinstance(value, np.ndarray | np.generic)
    }
    return {
        name: tensor for name, value in arrays.items() if (tensor := _tensor(value)) is not None
    }


def _tensor(value: Any) -> Tensor | None:
    """The evaluator's value; None for one that no buffer holds, such as text."""
    try:
        return tensor_of(numpy_helper.from_array(np.asarray(value)))
    except (ValueError, TypeError, KeyError):
        return None


def _array(tensor: Tensor) -> Any:
    tensor = tensor.detach().cpu()
    if tensor.dtype is torch.bfloat16:
        bits = tensor.contiguous().view(torch.int16).numpy().tobytes()
        proto = helper.make_tensor("", TensorProto.BFLOAT16, tensor.shape, bits, raw=True)
        return numpy_helper.to_array(proto)
    return tensor.numpy()


def _in_doubles(read: ReadModel, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """What the evaluator computes with float64 in place of other real numbers; nothing if an
    operator refuses."""
    model = ModelProto()
    model.CopyFrom(read.model)
    for info in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if info.type.tensor_type.elem_type in REAL:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for initial in model.graph.initializer:
        _double(initial)
    for node in model.graph.node:
        _double_attributes(node)
    doubled = [x.double() if x.is_floating_point() else x for x in inputs]
    try:
        return _run(model, dict(zip(read.inputs, map(_array, doubled), strict=True)))
    except Exception:  # noqa: BLE001  numpy's refusals are of many kinds
        return {}


def _double(tensor: TensorProto) -> None:
    if tensor.data_type in REAL:
        array = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _double_attributes(node: NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            _double(attribute.t)
        elif attribute.name in ("to", "dtype", "stash_type") and attribute.i in REAL:
            attribute.i = TensorProto.DOUBLE
