"""Dimensions that a file leaves open, set to the sizes that the user gives."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onnx import ModelProto, TypeProto, ValueInfoProto
from onnx.onnx_ml_pb2 import TensorShapeProto

from frontends.onnx_reader.context import clean
from lego.diag import LegoError

__all__ = ["Sizes", "set_sizes"]

Dimension = TensorShapeProto.Dimension


@dataclass(frozen=True)
class Sizes:
    """What the user gives for an ONNX file.

    Attributes
    ----------
    inputs : elements per dimension, by input.
    unnamed : the same of the first inputs, in the file's order.
    dims : sizes of dimensions that have a name in the file.
    """

    inputs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    unnamed: Sequence[Sequence[int]] = ()
    dims: Mapping[str, int] = field(default_factory=dict)


def set_sizes(model: ModelProto, sizes: Sizes) -> None:
    """Set the open dimensions of the graph's inputs in place, and wherever else their names occur.

    Raises E904 for an input or a dimension that the file doesn't have, a wrong rank, or a size that
    contradicts the file's or another one; E408 if a dimension is still open, with the options that
    set it.
    """
    held = {initial.name for initial in model.graph.initializer}
    tensors = [info for info in model.graph.input if info.type.WhichOneof("value") == "tensor_type"]
    inputs = {info.name: info for info in tensors if info.name not in held}
    bound = _dimensions(inputs, sizes)
    for name, shape in _shapes(inputs, sizes).items():
        _set_input(inputs[name], shape, bound)
    for info in (*inputs.values(), *model.graph.value_info, *model.graph.output):
        for dim in _dims(info.type):
            if dim.dim_param in bound:
                dim.dim_value = bound[dim.dim_param]
    _refuse_open(inputs)


def _option(name: str) -> str:
    """A name of the file as it is written on a command line."""
    return shlex.quote(name) if re.fullmatch(r"[ -~]{1,120}", name) else clean(name)


def _dims(kind: TypeProto) -> list[Dimension]:
    return list(kind.tensor_type.shape.dim) if kind.WhichOneof("value") == "tensor_type" else []


def _is_open(dim: Dimension) -> bool:
    return dim.WhichOneof("value") != "dim_value" or dim.dim_value < 0


def _text(info: ValueInfoProto) -> str:
    """A shape with the names of open dimensions."""
    found = [
        clean(d.dim_param) or (d.dim_value if not _is_open(d) else "?") for d in _dims(info.type)
    ]
    return f"[{', '.join(map(str, found))}]"


def _dimensions(inputs: Mapping[str, ValueInfoProto], sizes: Sizes) -> dict[str, int]:
    """The user's sizes by the file's names of dimensions."""
    named = [d.dim_param for info in inputs.values() for d in _dims(info.type) if d.dim_param]
    known = list(dict.fromkeys(named))
    for name in sizes.dims:
        if name not in known:
            there = f"open dimensions: {', '.join(map(clean, known))}" if known else "it has none"
            raise LegoError(
                "E904", f"the file has no open dimension {name[:40]!r}", hint=_near(name, known, there)
            )  # fmt: skip
    return dict(sizes.dims)


def _near(name: str, known: Sequence[str], hint: str) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {clean(close[0])}? {hint}" if close else hint


def _shapes(inputs: Mapping[str, ValueInfoProto], sizes: Sizes) -> dict[str, Sequence[int]]:
    """The user's shapes by input."""
    there = "; ".join(f"{clean(name)} {_text(info)}" for name, info in inputs.items())
    if len(sizes.unnamed) > len(inputs):
        message = f"{len(sizes.unnamed)} shapes for {len(inputs)} inputs"
        raise LegoError("E904", message, hint=f"the file's inputs: {there}")
    found = dict(zip(inputs, sizes.unnamed, strict=False))
    for name, shape in sizes.inputs.items():
        if name not in inputs:
            hint = _near(name, list(inputs), f"the file's inputs: {there}")
            raise LegoError("E904", f"the file has no input {name[:40]!r}", hint=hint)
        if name in found:
            message = f"input {clean(name)} is given twice"
            raise LegoError("E904", message, hint="once by its name, once by its place")
        found[name] = shape
    return found


def _set_input(info: ValueInfoProto, shape: Sequence[int], bound: dict[str, int]) -> None:
    """Give one input its sizes; names of its open dimensions are `bound` to them."""
    dims = _dims(info.type)
    name, given = clean(info.name), ",".join(map(str, shape))
    if not info.type.tensor_type.HasField("shape"):
        dims = [info.type.tensor_type.shape.dim.add() for _ in shape]
    if len(shape) != len(dims):
        message = (
            f"input {name} has {len(dims)} dimensions, {_text(info)} in the file, and "
            f"{len(shape)} in {given}"
        )
        raise LegoError("E904", message, hint="give one size per dimension")
    for k, (dim, size) in enumerate(zip(dims, shape, strict=True)):
        if not _is_open(dim) and dim.dim_value != size:
            message = f"dimension {k} of input {name} is {dim.dim_value} in the file, and {size} in {given}"
            raise LegoError(
                "E904", message, hint=f"only open dimensions of {_text(info)} can be set"
            )
        if dim.dim_param and bound.setdefault(dim.dim_param, size) != size:
            other, param = bound[dim.dim_param], clean(dim.dim_param)
            message = f"dimension {param} is {other}, and {size} in input {name} ({given})"
            raise LegoError("E904", message, hint="the file says that they are the same")
        if not dim.dim_param:
            dim.dim_value = size


def _refuse_open(inputs: Mapping[str, ValueInfoProto]) -> None:
    """Refuse what is still open, with the options that set it."""
    left = [info for info in inputs.values() if any(map(_is_open, _dims(info.type)))]
    unranked = [info for info in inputs.values() if not info.type.tensor_type.HasField("shape")]
    if not left and not unranked:
        return
    options = {
        f"--dim {_option(d.dim_param)}=1": None
        for info in left
        for d in _dims(info.type)
        if _is_open(d) and d.dim_param
    }
    for info in left:
        if any(_is_open(d) and not d.dim_param for d in _dims(info.type)):
            shape = ",".join(str(1 if _is_open(d) else d.dim_value) for d in _dims(info.type))
            options[f"--input {_option(info.name)}={shape}"] = None
    options |= {f"--input {_option(info.name)}=1,3,224,224": None for info in unranked}
    said = [f"input {clean(info.name)} has shape {_text(info)}" for info in left]
    said += [f"input {clean(info.name)} has any shape" for info in unranked]
    message = f"{'; '.join(said)}: every dimension must be a number"
    raise LegoError("E408", message, hint=f"give sizes, such as {' '.join(options)}")
