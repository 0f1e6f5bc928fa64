"""Operators of ONNX on NaN, infinities, zeros of both signs, subnormal and very large numbers,
against the reference evaluator. The sign of a zero isn't compared, as ONNX says nothing of it, nor
the logarithm of a softmax that the evaluator rounds to 0, where ours is finite as PyTorch's is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnx
import torch
from onnx.reference import ReferenceEvaluator

from frontends.onnx_reader.reader import read_onnx
from sim.bit_true import BIT_TRUE
from sim.network import FLOAT, execute
from tests.frontends.onnx_reader.compare import node_model
from tests.frontends.torch_export.special import REALS, ROWS, apart

REAL = np.array(REALS, dtype=np.float32)
ROW = np.array(ROWS, dtype=np.float32)
SMALL = REAL[(np.abs(REAL) < 2**30) | ~np.isfinite(REAL)]
LEFT, RIGHT = (each.flatten() for each in np.meshgrid(REAL, REAL, indexing="ij"))
ORDERED = np.where(np.isnan(ROW), np.float32(7), ROW)
CHANNELS = ROW.reshape(2, 8, 2, 2).copy()

Case = tuple[list[Any], dict[str, Any]]


def axes(*values: int) -> Any:
    return np.array(values, dtype=np.int64)


CASES: dict[str, list[Case]] = {
    **{
        op: [([REAL], {})]
        for op in (
            "Neg",
            "Abs",
            "Exp",
            "Log",
            "Sqrt",
            "Reciprocal",
            "Tanh",
            "Sigmoid",
            "Floor",
            "Ceil",
            "Round",
            "Relu",
            "LeakyRelu",
            "Elu",
            "HardSigmoid",
            "Softplus",
            "Identity",
        )
    },
    **{op: [([SMALL], {})] for op in ("Sin", "Cos", "Erf")},
    **{
        op: [([LEFT, RIGHT], {})]
        for op in (
            "Add",
            "Sub",
            "Mul",
            "Div",
            "Less",
            "LessOrEqual",
            "Greater",
            "GreaterOrEqual",
            "Equal",
            "Max",
            "Min",
            "PRelu",
        )
    },
    "Pow": [([REAL, np.float32(p)], {}) for p in (2.0, 3.0, -1.0, 0.0)],
    "Where": [([LEFT > 0, LEFT, RIGHT], {})],
    "Clip": [([REAL, np.float32(-1), np.float32(1)], {})],
    "Cast": [([REAL], {"to": onnx.TensorProto.DOUBLE}), ([REAL], {"to": onnx.TensorProto.BOOL})],
    "Softmax": [([ROW], {"axis": k}) for k in (0, 1)],
    "LogSoftmax": [([ROW], {"axis": 0}), ([ROW[:11]], {"axis": 1})],
    **{
        op: [([ROW, axes(k)], {}) for k in (0, 1)]
        for op in (
            "ReduceSum",
            "ReduceMean",
            "ReduceMax",
            "ReduceMin",
            "ReduceL1",
            "ReduceL2",
            "ReduceSumSquare",
        )
    },
    "ArgMax": [([ORDERED], {"axis": k}) for k in (0, 1)],
    "ArgMin": [([ORDERED], {"axis": k}) for k in (0, 1)],
    "LRN": [([CHANNELS.reshape(4, 4, 2, 2)], {"size": k}) for k in (2, 3)],
    "GlobalAveragePool": [([CHANNELS], {})],
    "GlobalMaxPool": [([CHANNELS], {})],
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", CASES)
def test_an_operator_gives_what_onnx_gives_at_special_values(op: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    wrong = []
    for k, (args, attributes) in enumerate(CASES[op]):
        given = (
            len(args)
            if op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Where", "PRelu", "Equal")
            or "ess" in op
            or "eater" in op
            else 1
        )
        made, inputs = node_model(op, args, attributes, fixed=given)
        onnx.save(made, str(path))
        wanted = ReferenceEvaluator(str(path)).run(None, dict(inputs))
        read = read_onnx(path)
        tensors = {read.inputs[n]: torch.from_numpy(np.array(v)) for n, v in inputs.items()}
        for name, arithmetic in (("float", FLOAT), ("bit-true", BIT_TRUE)):
            values = execute(read.network, dict(read.constants) | tensors, arithmetic=arithmetic)
            for buffer, want in zip(read.outputs.values(), wanted, strict=True):
                said = apart(values[buffer], torch.from_numpy(np.array(want)), zeros=False)
                if said:
                    wrong.append((k, name, said))
    assert wrong == []
