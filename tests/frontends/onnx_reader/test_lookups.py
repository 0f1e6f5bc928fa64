"""Look-ups of ONNX at every rank, axis, sign and source of their indices, against the reference
evaluator: an index outside is an error of the reading (at times of onnx's own checker) or of the
run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import onnx
import torch
from onnx import helper

from frontends.onnx_reader.reader import read_onnx
from lego.diag import LegoError
from sim.network import execute
from tests.frontends.onnx_reader.compare import compare_file, model

SIZES = (3, 5, 4)
INDICES = {
    "ahead": (0, 1, 2, 1),
    "back": (-1, -3, -2, -1),
    "mixed": (-3, 2, 0, -1),
    "above": (0, 9, 1, 9),
    "below": (0, -4, 1, -99),
}
CASES = [
    (op, rank, axis, dtype)
    for op in ("Gather", "GatherElements")
    for rank in (1, 2, 3)
    for axis in range(rank)
    for dtype in ("int32", "int64")
]


def operand(rank: int, axis: int) -> Any:
    """The axis that is indexed has 3 elements."""
    shape = list(SIZES[:rank])
    shape[0], shape[axis] = shape[axis], shape[0]
    return (
        np.random.default_rng(rank)
        .permutation(int(np.prod(shape)))
        .astype("float32")
        .reshape(shape)
    )


def table(op: str, rank: int, axis: int, sign: str, dtype: str) -> Any:
    values = np.array(INDICES[sign], dtype=dtype)
    if op == "Gather":
        return values.reshape(2, 2) if axis % 2 else values
    shape = [4 if k == axis else n for k, n in enumerate(operand(rank, axis).shape)]
    wide = values.reshape([-1 if k == axis else 1 for k in range(rank)])
    return np.broadcast_to(wide, shape).copy()


def made(op: str, axis: int, x: Any, i: Any, source: str) -> tuple[Any, dict[str, Any]]:
    """A model whose indices are an initialiser, an input, or three times an input less twice it."""
    nodes = [helper.make_node(op, ["x", "i"], ["y"], axis=axis, name="the_node")]
    held: dict[str, Any] = {"i": i} if source == "constant" else {}
    given = {"x": x} if source == "constant" else {"x": x, "i": i}
    if source == "computed":
        given = {"x": x, "g": i}
        held = {"three": np.array(3, i.dtype), "two": np.array(2, i.dtype)}
        nodes = [
            helper.make_node("Mul", ["g", "three"], ["a"]),
            helper.make_node("Mul", ["g", "two"], ["b"]),
            helper.make_node("Sub", ["a", "b"], ["i"]),
            *nodes,
        ]
    return model(nodes, given, held, ["y"]), given


@pytest.mark.parametrize(("op", "rank", "axis", "dtype"), CASES)
@pytest.mark.parametrize("source", ["constant", "input", "computed"])
def test_a_look_up_finds_what_onnx_says_or_that_nothing_is_there(
    op: str, rank: int, axis: int, dtype: str, source: str, tmp_path: Path
) -> None:
    x, path = operand(rank, axis), tmp_path / "model.onnx"
    for sign in INDICES:
        file, given = made(op, axis, x, table(op, rank, axis, sign, dtype), source)
        onnx.save(file, str(path))
        if sign not in ("above", "below"):
            compare_file(path, given)
            continue
        with pytest.raises(LegoError, match=r"outside|out of|indices must be") as caught:
            read = read_onnx(path)
            inputs = {read.inputs[k]: torch.from_numpy(v.copy()) for k, v in given.items()}
            execute(read.network, dict(read.constants) | inputs)
        wanted = ("E402", "E408") if source == "constant" else ("E431",)
        assert caught.value.code in wanted
