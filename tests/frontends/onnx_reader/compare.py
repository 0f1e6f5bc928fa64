"""Graphs made in the tests, read and executed, against ONNX's own evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from frontends.onnx_reader.reader import ReadModel, read_onnx
from sim.network import execute

__all__ = ["compare", "compare_file", "model", "node_model", "random"]


def random(*shape: int, dtype: str = "float32") -> Any:
    """The same values for the same shape."""
    values = np.random.default_rng(sum(shape) + 1).standard_normal(shape)
    return np.asarray(values * (3 if "int" in dtype else 1)).astype(dtype)


def model(
    nodes: Sequence[Any], inputs: Mapping[str, Any], initial: Mapping[str, Any], outputs: Sequence[str],
    *, opset: int = 21,
) -> Any:  # fmt: skip
    """A model of these nodes; the results' shapes are left to inference."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [
            helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
            for k, v in inputs.items()
        ],
        [helper.make_tensor_value_info(k, TensorProto.UNDEFINED, None) for k in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in initial.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    made = onnx.shape_inference.infer_shapes(made, data_prop=True)
    for output in made.graph.output:
        if not output.type.tensor_type.HasField("shape"):  # no inference for this operator
            output.CopyFrom(
                helper.make_tensor_value_info(
                    output.name, TensorProto.FLOAT, next(iter(inputs.values())).shape
                )
            )
    return made


def node_model(
    op: str,
    args: Sequence[Any],
    attributes: Mapping[str, Any],
    *,
    fixed: int | None = None,
    results: int = 1,
    opset: int = 21,
) -> tuple[Any, dict[str, Any]]:
    """A model of one node and its inputs.

    Arguments from number `fixed` on are initialisers; None isn't given.
    """
    names = ["" if arg is None else f"x{k}" for k, arg in enumerate(args)]
    fixed = 1 if fixed is None else fixed
    given = {n: a for k, (n, a) in enumerate(zip(names, args, strict=True)) if n and k < fixed}
    rest = {n: a for k, (n, a) in enumerate(zip(names, args, strict=True)) if n and k >= fixed}
    outputs = [f"y{k}" for k in range(results)]
    node = helper.make_node(op, names, outputs, name="the_node", **attributes)
    return model([node], given, rest, outputs, opset=opset), given


def compare(made: Any, inputs: Mapping[str, Any], folder: Path) -> ReadModel:
    """Write, read and execute a model; the results must be those of the reference."""
    path = folder / "model.onnx"
    onnx.save(made, str(path))
    return compare_file(path, inputs)


def compare_file(path: Path, inputs: Mapping[str, Any]) -> ReadModel:
    """As :func:`compare`, of a file."""
    read = read_onnx(path)
    given = dict(read.constants)
    given |= {buffer: torch.from_numpy(inputs[name].copy()) for name, buffer in read.inputs.items()}
    found = execute(read.network, given)
    wanted = ReferenceEvaluator(str(path)).run(None, dict(inputs))
    for (name, buffer), expected in zip(read.outputs.items(), wanted, strict=True):
        result = found[buffer].numpy()
        assert result.shape == expected.shape, name
        assert result.dtype == expected.dtype, name
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5, err_msg=name)
    return read
