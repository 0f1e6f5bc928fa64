"""Operators of ONNX, each as loop nests against the reference evaluator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from lego.diag import LegoError
from lego.ir.formats import FLOAT16
from lego.ir.kinds import Kind, kind_of
from tests.frontends.onnx_reader.compare import compare, node_model, random

X = random(2, 6, 4)
POSITIVE = np.abs(X) + np.float32(0.1)
IMAGE = random(2, 4, 9, 7)
PIXELS = random(1, 8, 6, 6)


def ints(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


def one(value: float) -> Any:
    return np.array(value, dtype=np.float32)


ELEMENTWISE = (
    "Neg",
    "Abs",
    "Exp",
    "Tanh",
    "Erf",
    "Sigmoid",
    "Sin",
    "Cos",
    "Floor",
    "Round",
    "Sign",
    "Relu",
    "Ceil",
    "LeakyRelu",
    "Elu",
    "HardSigmoid",
    "HardSwish",
    "Softplus",
    "Gelu",
    "Mish",
    "Identity",
    "Clip",
)

Case = tuple[str, list[Any], dict[str, Any]]

CASES: dict[str, Case] = {
    "log": ("Log", [POSITIVE], {}),
    "sqrt": ("Sqrt", [POSITIVE], {}),
    "reciprocal": ("Reciprocal", [POSITIVE], {}),
    "gelu_tanh": ("Gelu", [X], {"approximate": "tanh"}),
    "add_row": ("Add", [X, random(4)], {}),
    "add_number": ("Add", [X, one(0.5)], {}),
    "sub": ("Sub", [X, random(6, 1)], {}),
    "div": ("Div", [X, one(3.0)], {}),
    "mul": ("Mul", [X, random(2, 1, 4)], {}),
    "pow": ("Pow", [POSITIVE, one(2.5)], {}),
    "square": ("Pow", [X, one(2.0)], {}),
    "max": ("Max", [X, random(4), one(0.1)], {}),
    "less": ("Less", [X, one(0.1)], {}),
    "clip": ("Clip", [X, one(-0.5), one(0.25)], {}),
    "clip_below": ("Clip", [X, one(-0.5)], {}),
    "prelu": ("PRelu", [X, random(6, 1)], {}),
    "cast": ("Cast", [X], {"to": 6}),
    "where": ("Where", [X > 0, X, random(4)], {}),
    "matmul": ("MatMul", [X, random(4, 5)], {}),
    "matmul_vector": ("MatMul", [X, random(4)], {}),
    "gemm": ("Gemm", [random(3, 4), random(4, 5), random(5)], {}),
    "gemm_linear": ("Gemm", [random(3, 4), random(5, 4), random(5)], {"transB": 1}),
    "gemm_scaled": (
        "Gemm",
        [random(4, 3), random(4, 5), random(3, 5)],
        {"transA": 1, "alpha": 0.5, "beta": 2.0},
    ),
    "gemm_no_bias": ("Gemm", [random(3, 4), random(4, 5)], {"alpha": 0.5}),
    "einsum": ("Einsum", [X, random(4, 5)], {"equation": "bij,jk->bki"}),
    "conv": (
        "Conv",
        [IMAGE, random(5, 4, 3, 3), random(5)],
        {"pads": [1, 1, 1, 1], "strides": [2, 1]},
    ),
    "conv_uneven": (
        "Conv",
        [IMAGE, random(5, 4, 3, 2)],
        {"pads": [0, 1, 2, 0], "dilations": [2, 1]},
    ),
    "conv_same": (
        "Conv",
        [IMAGE, random(5, 4, 2, 3)],
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    ),
    "conv_groups": ("Conv", [IMAGE, random(4, 1, 3, 3), random(4)], {"group": 4}),
    "conv_1d": ("Conv", [X, random(3, 6, 2)], {"pads": [1, 0]}),
    "conv_transpose": (
        "ConvTranspose",
        [IMAGE, random(4, 3, 3, 3), random(3)],
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    ),
    "max_pool": (
        "MaxPool",
        [IMAGE],
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    ),
    "max_pool_ceil": (
        "MaxPool",
        [PIXELS],
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    ),
    "average_pool": ("AveragePool", [IMAGE], {"kernel_shape": [3, 2], "strides": [1, 2]}),
    "average_pool_padded": ("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "average_pool_ceil": (
        "AveragePool",
        [PIXELS],
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    ),
    "average_pool_same": (
        "AveragePool",
        [IMAGE],
        {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
    ),
    "average_pool_counted": (
        "AveragePool",
        [IMAGE],
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    ),
    "global_average": ("GlobalAveragePool", [IMAGE], {}),
    "global_max": ("GlobalMaxPool", [IMAGE], {}),
    "resize": (
        "Resize",
        [IMAGE, None, np.array([1, 1, 2, 2], np.float32)],
        {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        },
    ),
    "resize_half": ("Resize", [IMAGE, None, None, ints(2, 4, 27, 21)], {"mode": "nearest"}),
    "resize_smaller": (
        "Resize",
        [IMAGE, None, None, ints(2, 4, 5, 4)],
        {"mode": "nearest", "nearest_mode": "ceil"},
    ),
    "softmax": ("Softmax", [X], {"axis": 1}),
    "log_softmax": ("LogSoftmax", [X], {}),
    "layer_norm": ("LayerNormalization", [X, random(4), random(4) * 2], {}),
    "group_norm": ("GroupNormalization", [PIXELS, random(8), random(8)], {"num_groups": 4}),
    "instance_norm": ("InstanceNormalization", [IMAGE, random(4), random(4)], {}),
    "batch_norm": (
        "BatchNormalization",
        [IMAGE, random(4), random(4), random(4), np.abs(random(4))],
        {},
    ),
    "lrn": (
        "LRN",
        [random(8, 8, 2, 2)],
        {"size": 5, "alpha": 0.5},
    ),  # onnx 1.23 computes as many channels as the batch has
    "reduce_mean": ("ReduceMean", [X, ints(-1)], {}),
    "reduce_sum": ("ReduceSum", [X, ints(0, 2)], {"keepdims": 0}),
    "reduce_max": ("ReduceMax", [X], {}),
    "reduce_l2": ("ReduceL2", [X, ints(1)], {"keepdims": 0}),
    "reduce_nothing": ("ReduceSum", [X], {"noop_with_empty_axes": 1}),
    "argmax": ("ArgMax", [X], {"axis": 1, "keepdims": 0}),
    "cumsum": ("CumSum", [X, ints(1).reshape(())], {}),
    "cumsum_int32": ("CumSum", [random(2, 6, dtype="int32"), ints(1).reshape(())], {}),
    "transpose": ("Transpose", [X], {"perm": [2, 0, 1]}),
    "reshape": ("Reshape", [X, ints(0, -1, 2)], {}),
    "flatten": ("Flatten", [IMAGE], {"axis": 2}),
    "squeeze": ("Squeeze", [random(1, 3, 1), ints(-1)], {}),
    "unsqueeze": ("Unsqueeze", [X, ints(0, -1)], {}),
    "expand": ("Expand", [random(6, 1), ints(2, 1, 4)], {}),
    "tile": ("Tile", [X, ints(1, 2, 3)], {}),
    "slice": ("Slice", [X, ints(1, 0), ints(100, -1), ints(1, 2), ints(2, 1)], {}),
    "slice_reversed": ("Slice", [X, ints(-1), ints(-100), ints(1), ints(-1)], {}),
    "concat": ("Concat", [X, random(2, 1, 4), X], {"axis": 1}),
    "gather": ("Gather", [X, ints(2, -1, 0)], {"axis": 1}),
    "gather_one": ("Gather", [X, np.array(1)], {"axis": -1}),
    "gather_square": ("Gather", [X, np.array([[0, 3], [2, 1]])], {"axis": 2}),
    "gather_elements": ("GatherElements", [X, np.array([[[0, 1, 2, 3]]] * 2)], {"axis": 1}),
    "pad": ("Pad", [X, ints(0, 1, 0, 0, 2, 3), one(0.5)], {}),
    "pad_reflect": ("Pad", [X, ints(0, 1, 0, 0, 2, 3)], {"mode": "reflect"}),
    "pad_edge": ("Pad", [X, ints(1, 2), None, ints(1)], {"mode": "edge"}),
    "depth_to_space": ("DepthToSpace", [PIXELS], {"blocksize": 2}),
    "depth_to_space_crd": ("DepthToSpace", [PIXELS], {"blocksize": 2, "mode": "CRD"}),
    "space_to_depth": ("SpaceToDepth", [PIXELS], {"blocksize": 2}),
    "trilu": ("Trilu", [X, ints(1).reshape(())], {"upper": 0}),
    "one_hot": (
        "OneHot",
        [ints(1, -1, 3, -4), ints(4).reshape(()), np.array([7, 2], np.int32)],
        {"axis": 0},
    ),
}


@pytest.mark.parametrize("op", ELEMENTWISE)
def test_elementwise_operators(op: str, tmp_path: Path) -> None:
    made, given = node_model(op, [X], {}, opset=22)
    compare(made, given, tmp_path)


@pytest.mark.parametrize("case", sorted(CASES))
def test_operators(case: str, tmp_path: Path) -> None:
    op, args, attributes = CASES[case]
    made, given = node_model(op, args, attributes)
    read = compare(made, given, tmp_path)
    assert not read.network.calls


@pytest.mark.parametrize("case", ["matmul", "mul", "conv", "gather_elements", "where", "max"])
def test_operands_can_all_be_inputs(case: str, tmp_path: Path) -> None:
    op, args, attributes = CASES[case]
    made, given = node_model(op, args, attributes, fixed=len(args))
    read = compare(made, given, tmp_path)
    assert not read.parameters


@pytest.mark.parametrize("case", ["add_row", "slice_reversed", "gather", "pad_edge"])
def test_a_node_without_inputs_is_folded(case: str, tmp_path: Path) -> None:
    """Integers, as floating initialisers are parameters."""
    op, args, attributes = CASES[case]
    whole = [
        arg if arg is None or arg.dtype == np.int64 else (arg * 4).astype(np.int32) for arg in args
    ]
    made, given = node_model(op, whole, attributes, fixed=0)
    read = compare(made, given, tmp_path)
    assert [kind_of(step) for step in read.network.steps] == [Kind.MOVE]


def test_split_has_several_results(tmp_path: Path) -> None:
    made, given = node_model("Split", [X, ints(1, 2, 3)], {"axis": 1}, results=3)
    compare(made, given, tmp_path)
    made, given = node_model("Split", [random(2, 7)], {"axis": 1, "num_outputs": 3}, results=3)
    compare(made, given, tmp_path)


def test_softmax_of_old_files_goes_over_several_dimensions(tmp_path: Path) -> None:
    made, given = node_model("Softmax", [X], {"axis": 1}, opset=11)
    total = run(read_of(made, tmp_path), given)
    np.testing.assert_allclose(total.sum((1, 2)), 1, rtol=1e-5)


def test_upsample_of_old_files(tmp_path: Path) -> None:
    factors = np.array([1, 1, 2, 1.5], np.float32)
    made, given = node_model("Upsample", [PIXELS, factors], {}, opset=9)
    result = run(read_of(made, tmp_path), given)
    wanted = PIXELS.repeat(2, 2)[..., [int(k / 1.5) for k in range(9)]]
    np.testing.assert_array_equal(result, wanted)


def test_a_widening_cast_is_part_of_a_products_access(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    from tests.frontends.onnx_reader.compare import model

    half = X.astype(np.float16)
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["wide", "w"], ["y"]),
    ]
    weight = np.eye(half.shape[-1], dtype=np.float32)[:, :2]
    read = read_of(model(nodes, {"x": half}, {"w": weight}, ["y"]), tmp_path)
    (op,) = read.network.operations
    assert read.network.buffer(op.inputs[0].buffer).format == FLOAT16
    np.testing.assert_array_equal(run(read, {"x": half}), half[..., :2].astype(np.float32))


@pytest.mark.parametrize("largest", [0, 1])
def test_topk_is_nests(largest: int, tmp_path: Path) -> None:
    made, given = node_model("TopK", [X, ints(2)], {"axis": 1, "largest": largest}, results=2)
    read = read_of(made, tmp_path)
    wanted = np.sort(X, 1)[:, ::-1] if largest else np.sort(X, 1)
    np.testing.assert_array_equal(run(read, given), wanted[:, :2])
    assert not read.network.calls


def test_a_long_topk_is_left_to_the_host(tmp_path: Path) -> None:
    long = np.zeros((1, 5000), np.float32)
    made, _ = node_model("TopK", [long, ints(2)], {"axis": 1}, results=2)
    read = read_of(made, tmp_path)
    assert read.network.calls


def read_of(made: Any, folder: Path) -> Any:
    import onnx

    from frontends.onnx_reader.reader import read_onnx

    onnx.save(made, str(folder / "model.onnx"))
    return read_onnx(folder / "model.onnx")


def run(read: Any, given: dict[str, Any]) -> Any:
    import torch

    from sim.network import execute

    values = {buffer: torch.from_numpy(given[name]) for name, buffer in read.inputs.items()}
    found = execute(read.network, read.constants | values)
    return found[next(iter(read.outputs.values()))].numpy()


def test_one_hot_outside_of_its_range_is_off_everywhere(tmp_path: Path) -> None:
    """As the operator's text says; the reference evaluator of onnx 1.23 takes the remainder."""
    args = [ints(4, -5, 2, -1, 9), ints(4).reshape(()), np.array([0, 1], np.int32)]
    made, given = node_model("OneHot", args, {})
    result = run(read_of(made, tmp_path), given)
    np.testing.assert_array_equal(result, [[0] * 4, [0] * 4, [0, 0, 1, 0], [0, 0, 0, 1], [0] * 4])


def test_integer_pools_are_padded_below_every_element(tmp_path: Path) -> None:
    """The reference evaluator of onnx 1.23 refuses these; it pads floating point below every element too."""
    pixels = random(1, 2, 5, 5, dtype="int8") - np.int8(9)
    how = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    made, given = node_model("MaxPool", [pixels], how)
    made_real, given_real = node_model("MaxPool", [pixels.astype(np.float32)], how)
    compare(made_real, given_real, tmp_path)
    wanted = run(read_of(made_real, tmp_path), given_real)
    np.testing.assert_array_equal(run(read_of(made, tmp_path), given), wanted.astype(np.int8))


INTEGER_REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "ReduceSum": lambda x: x.sum(1, keepdims=True),
    "ReduceMax": lambda x: x.max(1, keepdims=True),
    "ReduceMin": lambda x: x.min(1, keepdims=True),
    "ReduceL1": lambda x: np.abs(x).sum(1, keepdims=True),
    "ReduceSumSquare": lambda x: (x * x).sum(1, keepdims=True),
    "ReduceProd": lambda x: x.prod(1, keepdims=True),
    "CumSum": lambda x: x.cumsum(1),
}


@pytest.mark.parametrize("op", sorted(INTEGER_REDUCTIONS))
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("folded", [False, True])
def test_reductions_of_integers_keep_their_type(
    op: str, dtype: str, folded: bool, tmp_path: Path
) -> None:
    """Run or folded; numpy's and PyTorch's sums of int32, and those of onnx's evaluator, are of int64."""
    x = random(2, 5, dtype=dtype)
    args = [x, np.array(1) if op == "CumSum" else ints(1)]
    made, given = node_model(op, args, {}, fixed=not folded)
    if op == "ReduceProd" and not folded:
        with pytest.raises(LegoError, match="ReduceProd"):  # no nest multiplies a row
            read_of(made, tmp_path)
        return
    result = run(read_of(made, tmp_path), given)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, INTEGER_REDUCTIONS[op](x.astype(np.int64)))
