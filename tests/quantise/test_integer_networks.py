"""Whole networks in integers only: of the catalogue and of an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from frontends.models.build import build
from frontends.onnx_reader.reader import read_onnx
from frontends.torch_export.tracer import trace
from lego.ir.kinds import is_contraction
from lego.ir.network import Role
from lego.ir.operation import Operation, Reduction
from lego.ir.vector.chain import Chain
from lego.ir.vector.planning import plan_vector
from lego.ir.vector.reading import chain_of
from lego.quantise.integer import InIntegers
from sim.compare import given_to
from sim.compare_onnx import given_to_file
from sim.integers import calibrated, run_in_numpy, run_in_torch
from sim.network import execute

pytestmark = pytest.mark.filterwarnings("ignore")


def channel(op: Operation, made: InIntegers) -> int:
    """The loop along the lanes: that of constants, or of the second dimension."""
    rows = [p.map.rows[0] for p in op.inputs if made.network.buffer(p.buffer).role is Role.CONSTANT]
    row = rows[0] if rows else op.output.map.rows[1]
    return next(k for k, c in enumerate(row) if c)


def chains(made: InIntegers) -> list[Chain]:
    """What a vector engine does of the network: everything but contractions. A sum goes on in its
    rounding."""
    formats = {buffer.name: buffer.format for buffer in made.network.buffers}
    constants = {name: (int(v.min()), int(v.max())) for name, v in made.values.items()}
    found, before = [], None
    for op in made.network.operations:
        if op.output.reduction is Reduction.ADD:
            before = None if is_contraction(op) else op
            continue
        ops = [op] if before is None else [before, op]
        found.append(chain_of(ops, formats, [channel(each, made) for each in ops], constants))
        before = None
    return found


def decibels(real: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]) -> float:
    """Of the signal over the error."""
    wanted, got = np.concatenate(real), np.concatenate(found)
    return float(10 * np.log10((wanted**2).sum() / ((wanted - got) ** 2).sum()))


@pytest.mark.parametrize(("name", "least"), [("resnet_tiny", 40), ("mobilenetv2_tiny", 32)])
def test_networks_of_the_catalogue(name: str, least: float) -> None:
    """43 dB (resnet) and 35 dB (mobilenet) when this was written. These random weights give logits that
    hardly depend on the input: that classes stay is for networks that are trained."""
    sample = build(name, device="cpu")
    module = sample.module.eval().requires_grad_(False)
    traced = trace(module, sample.args, name=name)
    torch.manual_seed(5)
    images = [torch.randn_like(sample.args[0]) for _ in range(11)]
    runs = [given_to(traced, module, (image,), {}) for image in images[:3]]
    made = calibrated(traced.network, runs)
    (image,), (out,) = traced.network.inputs, traced.network.outputs
    first = run_in_torch(made, {image: images[3].numpy()})
    again = run_in_numpy(made, {image: images[3].numpy()})
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[buffer], again[buffer]) for buffer in first)
    real = [module(each).numpy() for each in images[3:]]
    found = [run_in_torch(made, {image: each.numpy()})[out] for each in images[3:]]
    assert decibels(real, [made.real(out, each) for each in found]) > least
    assert len(plan_vector(chains(made)).slots) < 12


def onnx_file(path: Path, rng: np.random.Generator) -> Path:
    """Convolution with a bias, a clip, a residual, global average, Gemm."""
    weights = {
        "w0": rng.normal(size=(6, 3, 3, 3)) * 0.3, "b0": rng.normal(size=6),
        "w1": rng.normal(size=(6, 1, 3, 3)) * 0.5, "b1": rng.normal(size=6),
        "w2": rng.normal(size=(5, 6)), "b2": rng.normal(size=5),
        "low": np.array(0.0), "high": np.array(4.0),
    }  # fmt: skip
    pads = [1, 1, 1, 1]
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], pads=pads, strides=[2, 2]),
        helper.make_node("Clip", ["c0", "low", "high"], ["a0"]),
        helper.make_node("Conv", ["a0", "w1", "b1"], ["c1"], pads=pads, group=6),
        helper.make_node("Add", ["c1", "a0"], ["s"]),
        helper.make_node("Relu", ["s"], ["a1"]),
        helper.make_node("GlobalAveragePool", ["a1"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_an_onnx_file(tmp_path: Path) -> None:
    torch.manual_seed(6)
    read = read_onnx(onnx_file(tmp_path / "net.onnx", np.random.default_rng(6)))
    images = [torch.randn(1, 3, 12, 12) for _ in range(9)]
    runs = [given_to_file(read, [image]) for image in images]
    made = calibrated(read.network, runs[:4])
    (x,), (y,) = read.network.inputs, read.network.outputs
    found = [run_in_torch(made, {x: image.numpy()}) for image in images]
    again = run_in_numpy(made, {x: images[8].numpy()})
    assert all(np.array_equal(found[8][buffer], again[buffer]) for buffer in again)
    real = [execute(read.network, run)[y].numpy() for run in runs]
    assert decibels(real, [made.real(y, each[y]) for each in found]) > 30
    assert len(chains(made)) == 4
