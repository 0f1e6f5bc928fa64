"""Open dimensions of files, set by the user."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

from frontends.onnx_reader.reader import read_onnx  # noqa: E402
from frontends.onnx_reader.shapes import Sizes  # noqa: E402
from frontends.traces import read_model  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from sim.network import execute  # noqa: E402
from tests.frontends.onnx_reader.compare import random  # noqa: E402


def written(folder: Path, x: list[Any] | None = None, y: list[Any] | None = None) -> Path:
    """x @ w + y, with shapes of x and y as the file says them: None is an open dimension without name."""
    shapes = {"x": ["batch", 3] if x is None else x, "y": ["batch", None] if y is None else y}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["p"]),
            helper.make_node("Add", ["p", "y"], ["z"]),
        ],
        "graph",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [shapes["x"][0], 5])],
        [onnx.numpy_helper.from_array(random(3, 5), "w")],
    )
    path = folder / "open.onnx"
    opset = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), str(path))
    return path


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("way", ["dims", "inputs", "places", "both"])
def test_sizes_are_set(batch: int, way: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    inputs, dims = {
        "dims": ([f"y={batch},5"], [f"batch={batch}"]),
        "inputs": ([f"x={batch},3", f"y={batch},5"], []),
        "places": ([f"{batch},3", f"{batch},5"], []),
        "both": ([f"y={batch},5"], []),
    }[way]
    read = read_model(path, inputs, dims)
    network = read.network
    assert [network.buffer(read.inputs[n]).shape for n in ("x", "y")] == [(batch, 3), (batch, 5)]
    assert network.buffer(read.outputs["z"]).shape == (batch, 5)


def test_open_dimensions_are_told_with_the_options_that_set_them(tmp_path: Path) -> None:
    """For all mixtures of open dimensions: the options of the hint, as they stand, are enough to
    read the file."""
    kinds: list[Any] = ["n", "rows of y", None, 1]
    tried = 0
    for first, second, third in itertools.product(kinds, kinds, kinds):
        path = written(tmp_path, [first, 3], [second, third])
        is_open = {"x": first != 1, "y": (second, third) != (1, 1)}
        if not any(is_open.values()):
            assert read_onnx(path).network.buffer("x").shape == (1, 3)
            continue
        with pytest.raises(LegoError) as caught:
            read_onnx(path)
        assert caught.value.code == "E408"
        for name, wanted in is_open.items():
            assert (f"input {name} has shape [" in str(caught.value)) is wanted
        words = shlex.split(caught.value.hint.removeprefix("give sizes, such as "))
        given: dict[str, list[str]] = {"--input": [], "--dim": []}
        for option, value in zip(words[::2], words[1::2], strict=True):
            given[option].append(value)
        read = read_model(path, given["--input"], given["--dim"])
        assert read.network.buffer("x").shape == (1, 3)
        tried += 1
    assert tried == len(kinds) ** 3 - 1


@pytest.mark.parametrize(
    ("inputs", "dims", "said"),
    [
        (["x=4,3,1"], [], "input x has 2 dimensions, [batch, 3] in the file, and 3 in 4,3,1"),
        (["x=4,4"], [], "dimension 1 of input x is 3 in the file, and 4 in 4,4"),
        (["x=4,3", "y=5,5"], [], "dimension batch is 4, and 5 in input y (5,5)"),
        (["x=4,3", "y=4,5"], ["batch=3"], "dimension batch is 3, and 4 in input x (4,3)"),
        (["X=4,3"], [], "the file has no input 'X'"),
        (["w=3,5"], [], "the file has no input 'w'"),
        (["4,3", "x=4,3"], [], "input x is given twice"),
        (["x=4,3", "x=4,3"], [], "an input is given twice"),
        (["4,3", "4,5", "1"], [], "3 shapes for 2 inputs"),
        (["x=4,a"], [], "'4,a' is no shape"),
        (["x=4,0"], [], "'4,0' is no shape"),
        (["x=4,3:int64"], [], "'4,3:int64' is no shape"),
        ([], ["bach=1"], "the file has no open dimension 'bach'"),
        ([], ["batch"], "'batch' is no dimension"),
        ([], ["batch=0"], "'batch=0' is no dimension"),
        ([], ["batch=1,2"], "'batch=1,2' is no dimension"),
        ([], ["batch=1", "batch=1"], "dimension 'batch' is given twice"),
    ],
)
def test_sizes_that_do_not_fit(
    inputs: list[str], dims: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(LegoError) as caught:
        read_model(written(tmp_path), inputs, dims)
    assert caught.value.code == "E904"
    assert said in caught.value.message
    assert caught.value.hint


def test_near_names_are_suggested(tmp_path: Path) -> None:
    with pytest.raises(LegoError) as caught:
        read_model(written(tmp_path), [], ["bach=1"])
    assert caught.value.hint == "did you mean batch? open dimensions: batch"


def test_what_is_left_open_is_told(tmp_path: Path) -> None:
    with pytest.raises(LegoError) as caught:
        read_model(written(tmp_path), [], ["batch=2"])
    assert str(caught.value) == (
        "error[E408]: input y has shape [2, ?]: every dimension must be a number\n"
        "  hint: give sizes, such as --input y=2,1"
    )


def test_values_are_those_of_the_reference(tmp_path: Path) -> None:
    path = written(tmp_path)
    read = read_onnx(path, sizes=Sizes(dims={"batch": 2}, inputs={"y": [2, 5]}))
    given = {"x": random(2, 3), "y": random(2, 5)}
    values = {read.inputs[name]: torch.from_numpy(value) for name, value in given.items()}
    found = execute(read.network, read.constants | values)[read.outputs["z"]].numpy()
    np.testing.assert_allclose(found, given["x"] @ random(3, 5) + given["y"], rtol=1e-5)
