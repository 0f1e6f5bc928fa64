"""`lego verify` of modules and files of the user's own, and its limit on errors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from frontends.torch_export.registry import HANDLERS  # noqa: E402
from lego.cli.verify import Wanted, verify_network  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from tests.cli.command import lego  # noqa: E402
from tests.frontends.onnx_reader.compare import random  # noqa: E402
from tests.spoiled import spoiled  # noqa: E402

OWN = """\
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 5))

class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 4)
        self.last = nn.Linear(4, 3)

    def forward(self, tokens, scale):
        return self.last(self.table(tokens) * scale)

class Bends(nn.Module):
    def forward(self, x):
        return x.tanh()

class Small(Table):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(2, 4)

class Sorts(nn.Module):
    def forward(self, x):
        return x.sort(-1).values
"""


def own(folder: Path, name: str) -> str:
    (folder / "own.py").write_text(OWN)
    return f"{folder / 'own.py'}:{name}"


def file(folder: Path, nodes: Any = None, formats: int = TensorProto.FLOAT) -> Path:
    """relu(x @ w) with an open batch."""
    x = helper.make_tensor_value_info("x", formats, ["batch", 6])
    y = helper.make_tensor_value_info("y", formats, ["batch", 4])
    weight = random(6, 4).astype(helper.tensor_dtype_to_np_dtype(formats))
    made = nodes or [
        helper.make_node("MatMul", ["x", "w"], ["p"], name="product"),
        helper.make_node("Relu", ["p"], ["y"]),
    ]
    graph = helper.make_graph(made, "graph", [x], [y], [numpy_helper.from_array(weight, "w")])
    path = folder / "net.onnx"
    opset = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), str(path))
    return path


def verified(wanted: Wanted, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """The tensors by their paths."""
    verify_network(replace(wanted, device="cpu"), True)
    found = json.loads(capsys.readouterr().out)["tensors"]
    assert all(tensor["close"] for tensor in found)
    return {tensor["path"]: tensor for tensor in found}


def refused(wanted: Wanted) -> LegoError:
    with pytest.raises(LegoError) as caught:
        verify_network(replace(wanted, device="cpu"), True)
    return caught.value


@pytest.mark.parametrize(
    ("name", "shapes", "layers"),
    [
        ("Net", ["2,3,6,6"], {"0.conv2d", "3.linear"}),
        ("Table", ["2,5:int64", "2,1,4"], {"last.linear"}),
    ],
)
def test_modules_of_ones_own(
    name: str, shapes: list[str], layers: set[str], tmp_path: Path, capsys: Any
) -> None:
    found = verified(Wanted(None, own(tmp_path, name), (shapes, [])), capsys)
    assert {path for path, each in found.items() if each["layer"]} == layers
    for path in (*layers, "output"):
        assert 0 < found[path]["module"] < 1e-6
        assert 0 < found[path]["nests"] < 1e-6
        assert 1e-4 < found[path]["formats"] < 0.1


def test_a_modules_weights_are_what_its_class_makes(tmp_path: Path, capsys: Any) -> None:
    """And the same for the same seed."""
    wanted = Wanted(None, own(tmp_path, "Net"), (["1,3,6,6"], []))
    first, again, other = (verified(replace(wanted, seed=s), capsys) for s in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("formats", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_onnx_files(formats: int, tmp_path: Path, capsys: Any) -> None:
    path = file(tmp_path, formats=formats)
    found = verified(Wanted(str(path), shapes=([], ["batch=3"])), capsys)
    assert set(found) == {"product.MatMul", "y.Relu", "output"}
    assert found["product.MatMul"]["layer"]
    for each in found.values():
        assert each["shape"] == [3, 4]
        assert each["nests"] < (1e-2 if formats == TensorProto.FLOAT16 else 1e-6)
        assert 1e-4 < each["formats"] < 0.1


def test_samples_are_the_users(tmp_path: Path, capsys: Any) -> None:
    path = file(tmp_path)
    np.savez(tmp_path / "zeros.npz", x=np.zeros((2, 3, 6), np.float32))
    wanted = Wanted(str(path), shapes=(["3,6"], []), data=tmp_path / "zeros.npz")
    assert verified(wanted, capsys)["output"]["largest"] == 0
    error = refused(replace(wanted, shapes=(["4,6"], [])))
    assert (error.code, "(samples, 4, 6)" in error.hint) == ("E422", True)


def test_an_error_above_the_limit_is_one(tmp_path: Path, capsys: Any) -> None:
    wanted = Wanted(str(file(tmp_path)), shapes=(["3,6"], []), require=0.1)
    found = verified(wanted, capsys)
    worst = max(
        each["formats"] for path, each in found.items() if each["layer"] or path == "output"
    )
    error = refused(replace(wanted, require=worst * 0.99))
    assert error.code == "E412"
    assert "layers and outputs have errors above" in error.message
    capsys.readouterr()
    assert verified(replace(wanted, require=worst * 1.01), capsys) == found
    assert refused(replace(wanted, require=1e-4, formats="bf16")).code == "E412"


@pytest.mark.parametrize("require", [-0.1, float("nan"), float("inf")])
def test_limits_that_are_none(require: float, tmp_path: Path) -> None:
    assert refused(Wanted("net.onnx", require=require)).code == "E904"


@pytest.mark.parametrize(
    ("wanted", "code", "said"),
    [
        (Wanted(None), "E904", "give a name or a file, or --module"),
        (Wanted("a.onnx", "b.py:C"), "E904", "give a name or a file, or --module"),
        (Wanted("can_linear_tiny", shapes=(["1,2"], [])), "E904", "has its shapes"),
        (Wanted("none.onnx"), "E408", "is no file"),
        (Wanted("a.onnx", techniques=("coat_fp8", None)), "E904", "not ONNX files"),
        (Wanted(None, "a.py:B", techniques=(None, "duo")), "E904", "not --module"),
        (Wanted(None, "a.py:B", ([], ["b=1"])), "E904", "--dim sets open dimensions"),
        (Wanted("resnet_tin"), "E604", "unknown model"),
        (Wanted("can_linear_tiny", formats="int8"), "E421", "unknown number formats 'int8'"),
    ],
)
def test_what_cannot_be_verified(wanted: Wanted, code: str, said: str) -> None:
    error = refused(wanted)
    assert error.code == code
    assert said in error.message


def test_a_class_without_its_option_is_told() -> None:
    assert "--module path.py:Class" in refused(Wanted("mine.py:Net")).hint


def test_open_dimensions_are_told(tmp_path: Path) -> None:
    error = refused(Wanted(str(file(tmp_path))))
    assert (error.code, error.hint) == ("E408", "give sizes, such as --dim batch=1")


def test_random_integers_may_not_fit_a_table(tmp_path: Path) -> None:
    error = refused(Wanted(None, own(tmp_path, "Small"), (["2,9:int64", "2,1,4"], [])))
    assert error.code == "E431"
    assert "outside of the 2 elements" in error.message
    assert "--data" in error.hint


def test_loop_nests_that_give_something_else_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HANDLERS, "tanh.default", HANDLERS["sigmoid.default"])
    error = refused(Wanted(None, own(tmp_path, "Bends"), (["2,3"], [])))
    assert error.code == "E409"
    assert "differ, the first at" in error.message


def test_what_the_host_does_is_not_run(tmp_path: Path) -> None:
    error = refused(Wanted(None, own(tmp_path, "Sorts"), (["2,5000"], [])))
    assert error.code == "E406"
    assert "a sort of 5000 elements" in error.hint


def test_what_the_evaluator_cannot_run_is_told(tmp_path: Path) -> None:
    """Evaluator and shape inference of onnx 1.23 differ on padded pools of integers."""
    how = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    node = helper.make_node("MaxPool", ["x"], ["y"], **how)
    infos = [helper.make_tensor_value_info(n, TensorProto.INT8, [1, 2, 4, 4]) for n in "xy"]
    graph = helper.make_graph([node], "graph", infos[:1], infos[1:])
    opset = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), tmp_path / "pool.onnx")
    error = refused(Wanted(str(tmp_path / "pool.onnx")))
    assert error.code == "E411"
    assert "the reference evaluator of onnx can't run the file" in error.message


def test_a_wrong_nest_is_seen(tmp_path: Path) -> None:
    """For every operation of a file: with another operand's place, or another body, some tensor
    isn't close."""
    import torch

    from frontends.onnx_reader.reader import read_onnx
    from frontends.onnx_reader.shapes import Sizes
    from sim.compare_onnx import file_differences

    read = read_onnx(file(tmp_path), sizes=Sizes(dims={"batch": 3}))
    given = [torch.from_numpy(random(3, 6))]
    assert all(each.close for each in file_differences(read, given))
    network = read.network
    for k, op in enumerate(network.operations):
        steps = (*network.operations[:k], spoiled(op, 1.01), *network.operations[k + 1 :])
        wrong = replace(read, network=replace(network, steps=steps))
        assert not all(each.close for each in file_differences(wrong, given)), op.name


def test_the_command_ends_with_two_above_the_limit(tmp_path: Path) -> None:
    path = str(file(tmp_path))
    options = ("--dim", "batch=3", "--device", "cpu")
    done = lego("verify", path, *options, "--require", "1e-6", cache=tmp_path)
    assert done.returncode == 2
    assert "error[E412]" in done.stderr
    assert "product.MatMul" in done.stdout
    done = lego("verify", path, *options, "--require", "0.5", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 tensors" not in done.stdout
    assert "3 tensors on cpu, 0 of the loop nests' beyond" in done.stdout
