"""Whole models, and files that are refused."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from torch import nn  # noqa: E402

from frontends.onnx_reader.reader import read_onnx  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from lego.ir.kinds import Kind, kind_of, total_macs  # noqa: E402
from lego.ir.network import Role  # noqa: E402
from tests.frontends.onnx_reader.compare import compare, compare_file, model, random  # noqa: E402

X = random(2, 3)


class Attention(nn.Module):
    """A block of a transformer, whose shapes the exporter leaves to nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.out = nn.Linear(16, 16)

    def forward(self, x: Any) -> Any:
        n, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, length, 3, 4, 4).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2) * 0.5, -1) @ v
        x = x + self.out(mixed.transpose(1, 2).reshape(n, length, width))
        return torch.nn.functional.gelu(x).mean(1)


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, groups=8),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 10),
        ),
        (1, 3, 12, 12),
    ),
    "attention": (Attention, (2, 5, 16)),
    "upsampling": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(4, 4, 2, stride=2),
            nn.GroupNorm(2, 4),
            nn.Hardswish(),
            nn.Upsample(scale_factor=2),
            nn.PixelUnshuffle(2),
            nn.ZeroPad2d(1),
            nn.AvgPool2d(2),
            nn.Softmax(1),
        ),
        (1, 4, 5, 5),
    ),
}


@pytest.mark.parametrize("name", sorted(MODULES))
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_modules_that_pytorch_exports(name: str, tmp_path: Path) -> None:
    make, shape = MODULES[name]
    torch.manual_seed(0)
    module, path = make().eval(), tmp_path / f"{name}.onnx"
    x = torch.from_numpy(random(*shape))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), str(path), dynamo=False)
    names = [given.name for given in onnx.load(str(path)).graph.input]
    read = compare_file(path, {names[0]: x.numpy()})
    assert read.network.name == name
    assert not read.network.calls
    assert any(kind_of(op) is Kind.ARRAY for op in read.network.operations)


def test_shapes_that_nodes_compute_are_folded(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["rows"]),
        helper.make_node("Unsqueeze", ["rows", "axes"], ["first"]),
        helper.make_node("Concat", ["first", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
        helper.make_node("ConstantOfShape", ["s"], ["c"]),
        helper.make_node("Range", ["zero", "rows", "step"], ["r"]),
        helper.make_node("Add", ["x", "c"], ["z"]),
    ]
    initial = {
        "zero": np.array(0), "axes": np.array([0]), "rest": np.array([1, -1]), "step": np.array(1),
    }  # fmt: skip
    read = compare(model(nodes, {"x": X}, initial, ["y", "z", "r"]), {"x": X}, tmp_path)
    assert {kind_of(step) for step in read.network.steps} == {Kind.MOVE, Kind.POST}


def test_initialisers_with_dimensions_are_parameters(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["b"]),
        helper.make_node("Mul", ["b", "half"], ["y"]),
    ]
    initial = {"w": random(3, 3), "half": np.array(0.5, np.float32)}
    read = compare(model(nodes, {"x": X}, initial, ["y"]), {"x": X}, tmp_path)
    roles = {b.name: b.role for b in read.network.buffers if b.role is not Role.RESULT}
    assert roles == {"x": Role.INPUT, "w": Role.PARAMETER}
    assert read.parameters == {"w": "w"}
    assert total_macs(read.network) == 2 * 2 * 3 * 3


def test_an_input_can_be_an_output(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Identity", ["x"], ["y"]),
        helper.make_node("Transpose", ["x"], ["z"]),
    ]
    compare(model(nodes, {"x": X}, {}, ["y", "z"]), {"x": X}, tmp_path)


def test_functions_of_the_file_are_inlined(tmp_path: Path) -> None:
    made = model([helper.make_node("Relu", ["x"], ["y"])], {"x": X}, {}, ["y"])
    made.graph.node[0].op_type, made.graph.node[0].domain = "Twice", "own"
    made.opset_import.append(helper.make_opsetid("own", 1))
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    opset = [helper.make_opsetid("", 21)]
    made.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], body, opset))
    read = compare(made, {"x": X}, tmp_path)
    assert len(read.network.operations) == 1


def relu() -> Any:
    return model([helper.make_node("Relu", ["x"], ["y"], name="act")], {"x": X}, {}, ["y"])


def weighted() -> Any:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return model(nodes, {"x": X}, {"w": random(3, 4)}, ["y"])


def test_external_data_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(weighted(), str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
    compare_file(path, {"x": X})


def refused(path: Path, code: str, *says: str) -> None:
    with pytest.raises(LegoError) as caught:
        read_onnx(path)
    assert caught.value.code == code
    for text in says:
        assert text in str(caught.value)


def written(made: Any, folder: Path) -> Path:
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "a/../../w.bin", "", "none.bin"])
def test_external_data_elsewhere(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(b"\0" * 48)
    made = weighted()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    refused(written(made, folder), "E408", "tensor w lies")


def test_external_data_behind_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(b"\0" * 48)
    onnx.save(
        weighted(),
        str(folder / "model.onnx"),
        save_as_external_data=True,
        location="w.bin",
        size_threshold=0,
    )
    (folder / "w.bin").unlink()
    (folder / "w.bin").symlink_to(tmp_path / "w.bin")
    refused(folder / "model.onnx", "E408", "outside")


def test_external_data_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(weighted(), str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "w.bin").write_bytes(b"\0" * 5)
    refused(path, "E408")


@pytest.mark.parametrize("part", [0, 1, 10, 50, 90])
def test_files_cut_short(part: int, tmp_path: Path) -> None:
    whole = weighted().SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(whole[: len(whole) * part // 100])
    refused(path, "E408")


@pytest.mark.parametrize("text", [b"hello", b"\0" * 64, b"\x89PNG\r\n"])
def test_files_of_another_kind(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(text)
    refused(tmp_path / "model.onnx", "E408")


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "model.onnx", "E408", "is no file")
    refused(tmp_path, "E408", "is no file")


def test_a_file_over_two_gibibytes(tmp_path: Path) -> None:
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate((1 << 31) + 1)
    refused(tmp_path / "model.onnx", "E408", "2 GiB")


def test_open_dimensions(tmp_path: Path) -> None:
    made = relu()
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    refused(written(made, tmp_path), "E408", "input x has shape [batch, 3]")


def test_operators_that_are_not_known(tmp_path: Path) -> None:
    made = relu()
    made.graph.node[0].op_type = "NonZero"
    refused(written(made, tmp_path), "E402", "node act", "NonZero")
    made.graph.node[0].domain = "com.microsoft"
    refused(written(made, tmp_path), "E402", "node act", "com.microsoft.NonZero")


def test_shapes_that_depend_on_inputs(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"], name="shaped")]
    made = model(nodes, {"x": X, "s": np.array([3, 2])}, {}, ["y"])
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [3, 2]))
    refused(written(made, tmp_path), "E402", "node shaped", "constant")


def test_shapes_that_contradict_each_other(tmp_path: Path) -> None:
    made = relu()
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [2, 4]))
    refused(written(made, tmp_path), "E408")


def test_constants_that_are_too_large(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["c"], name="huge"),
        helper.make_node("ReduceSum", ["c"], ["y"], keepdims=0),
    ]
    made = model(nodes, {"x": X}, {"s": np.array([1 << 20, 1 << 20])}, ["y"])
    refused(written(made, tmp_path), "E402", "node huge", "isn't computed")


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    made = relu()
    made.graph.node[0].op_type, made.graph.node[0].domain = "Loop", "own"
    made.opset_import.append(helper.make_opsetid("own", 1))
    body = [helper.make_node("Loop", ["a"], ["b"], domain="own")]
    opset = [helper.make_opsetid("own", 1)]
    made.functions.append(helper.make_function("own", "Loop", ["a"], ["b"], body, opset))
    refused(written(made, tmp_path), "E408", "calls itself")


def test_the_command_reads_files(tmp_path: Path) -> None:
    path = written(weighted(), tmp_path)
    command = [sys.executable, "-m", "lego.cli.main", "trace", str(path), "--ops"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "array" in done.stdout
    path.write_bytes(b"hello")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error[E408]")
