"""The node tests that the package `onnx` ships for back ends: which count, read and executed, and
what came of each."""

from __future__ import annotations

import os
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, numpy_helper

from frontends.onnx_reader.context import clean
from frontends.onnx_reader.reader import read_onnx
from frontends.onnx_reader.tensors import DTYPES, tensor_of
from lego.diag import LegoError
from sim.network import execute

__all__ = [
    "VARIANTS",
    "Case",
    "Outcome",
    "all_cases",
    "counts",
    "is_named",
    "outcome",
    "with_initialisers",
]

TOLERANCE = {torch.float16: (4e-3, 1e-3), torch.bfloat16: (2e-2, 1e-2)}
"""Relative and absolute, of the types in which the shipped results are rounded after every step."""


@dataclass(frozen=True)
class Case:
    """A model, the values of its inputs, and those that its outputs should have."""

    name: str
    model: ModelProto
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def operators(self) -> tuple[str, ...]:
        """Operators of the model's nodes."""
        return tuple(node.op_type for node in self.model.graph.node)


@dataclass(frozen=True)
class Outcome:
    """What came of a case: `equal`, `refused`, `wrong` or `crashed`, and the details."""

    name: str
    kind: str
    details: str = ""


def all_cases(cache: Path) -> list[Case]:
    """Every node test of the installed `onnx`.

    Making their data takes half a minute, so it is kept in the folder.
    """
    versions = "-".join(version(package) for package in ("onnx", "numpy"))
    kept = cache / f"node-{versions}.pickle"
    if not kept.is_file():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # overflows that the data is meant to have
            from onnx.backend.test.loader import load_model_tests

            found = load_model_tests(kind="node")
        made = [(t.name, t.model.SerializeToString(), t.data_sets) for t in found]
        part = cache / f"{kept.name}.{os.getpid()}"
        part.write_bytes(pickle.dumps(made))
        part.replace(kept)
    loaded = pickle.loads(kept.read_bytes())  # noqa: S301
    return [
        Case(name, onnx.load_model_from_string(model), tuple(given), tuple(wanted))
        for name, model, ((given, wanted),) in loaded
    ]


def counts(case: Case) -> bool:
    """Whether all inputs and outputs are tensors of floating point, integers or truth values, and
    of a known shape."""
    graph = case.model.graph
    return all(_is_plain(info.type) for info in (*graph.input, *graph.output))


def _is_plain(kind: Any) -> bool:
    if kind.WhichOneof("value") != "tensor_type" or not kind.tensor_type.HasField("shape"):
        return False
    known = all(dim.WhichOneof("value") == "dim_value" for dim in kind.tensor_type.shape.dim)
    return known and kind.tensor_type.elem_type in COUNTED


COUNTED = frozenset(DTYPES) | {TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64}


def with_initialisers(case: Case, data: int = 1) -> Case | None:
    """The case with the inputs after the first `data` ones as initialisers; None if there are none."""
    if len(case.inputs) <= data:
        return None
    model = ModelProto()
    model.CopyFrom(case.model)
    rest = list(model.graph.input)[data:]
    if model.ir_version >= 4:  # before, initialisers are inputs too
        del model.graph.input[data:]
    for info, value in zip(rest, case.inputs[data:], strict=True):
        model.graph.initializer.append(_proto(value, info.name))
    return Case(f"{case.name}[{data}]", model, case.inputs[:data], case.outputs)


def _proto(value: Any, name: str) -> TensorProto:
    if not isinstance(value, TensorProto):
        return numpy_helper.from_array(np.asarray(value), name)
    made = TensorProto()
    made.CopyFrom(value)
    made.name = name
    return made


VARIANTS: dict[str, Callable[[Case], Case | None]] = {
    "shipped": lambda case: case,
    "initialisers": with_initialisers,
    "folded": lambda case: with_initialisers(case, 0),
}
"""As shipped; every input but the first, which is the data, an initialiser; all of them, so that
nothing is left to run."""


def outcome(case: Case, folder: Path) -> Outcome:
    """Read the case from a file, execute it, and compare names, types, shapes and values of the outputs."""
    path = folder / "model.onnx"
    path.write_bytes(case.model.SerializeToString())
    try:
        read = read_onnx(path)
        names = [info.name for info in case.model.graph.input][: len(case.inputs)]
        given = dict(read.constants)
        for name, value in zip(names, case.inputs, strict=True):
            given[read.inputs[name]] = _tensor(value)
        held = execute(read.network, given)
        found = [held[read.outputs[info.name]] for info in case.model.graph.output]
    except LegoError as error:
        kind = "refused" if is_named(error, case) else "crashed"
        return Outcome(case.name, kind, str(error))
    except Exception as error:  # noqa: BLE001  whatever it is, it is counted
        return Outcome(case.name, "crashed", f"{type(error).__name__}: {error}")
    wrong = list(_apart(found, case))
    return Outcome(case.name, "wrong" if wrong else "equal", "; ".join(wrong))


def is_named(error: LegoError, case: Case) -> bool:
    """Whether a refusal names a node, by its name or its first result, and the node's operator."""
    said = re.search(r"node (\S+?)(?: \((\w+)\)|: operator (\S+))", str(error))
    if error.code != "E402" or said is None:
        return False
    place, operator = said[1], (said[2] or said[3]).rsplit(".", 1)[-1]
    nodes = [node for node in case.model.graph.node if node.op_type == operator]
    names = {clean(node.name) or clean(next(filter(None, node.output))) for node in nodes}
    return place in names | {f"{name}.{operator}" for name in names}


def _tensor(value: Any) -> torch.Tensor:
    return tensor_of(_proto(value, ""))


def _apart(found: Sequence[torch.Tensor], case: Case) -> Iterator[str]:
    for value, wanted, info in zip(found, case.outputs, case.model.graph.output, strict=True):
        want = _tensor(wanted)
        stated = DTYPES[info.type.tensor_type.elem_type]
        if value.dtype != want.dtype or value.dtype != stated:
            yield f"{info.name} is of {value.dtype}, not {stated}"
        elif value.shape != want.shape:
            yield f"{info.name} is of {list(value.shape)}, not {list(want.shape)}"
        else:
            relative, absolute = TOLERANCE.get(want.dtype, (1e-3, 1e-5))
            real = want.is_floating_point()
            close = torch.isclose(
                value.double() if real else value, want.double() if real else want,
                rtol=relative if real else 0, atol=absolute if real else 0, equal_nan=True,
            )  # fmt: skip
            if not bool(close.all()):
                at = tuple(int(k) for k in (~close).nonzero()[0])
                yield f"{info.name}{list(at)} is {value[at]}, not {want[at]}"
