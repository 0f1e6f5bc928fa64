"""The state of one reading, that the functions which lower ONNX operators share.

An ONNX operator becomes a few operators of ATen, each by the function that lowers it for PyTorch's
own traces. Shapes and types come from PyTorch on the meta device; what no input influences is
computed instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from onnx import NodeProto
from onnx.helper import get_attribute_value
from torch import Tensor

from frontends.torch_export import (  # noqa: F401
    contractions,
    layout,
    lookup,
    pointwise,
    pooling,
    reductions,
    sorting,
)
from frontends.torch_export.context import Known, Tracer, format_of
from frontends.torch_export.registry import HANDLERS
from frontends.tracing.views import View
from lego.diag import LegoError
from lego.ir.network import Role

__all__ = [
    "OPERATORS",
    "Context",
    "Held",
    "clean",
    "first_line",
    "first_result",
    "place_of",
    "shape_of",
    "translates",
]

FOLDED_ELEMENTS = 1 << 28
"""Elements of all tensors that are computed while reading."""

Translation = TypeVar("Translation", bound=Callable[..., Any])

OPERATORS: dict[str, Callable[..., Any]] = {}


def translates(*names: str) -> Callable[[Translation], Translation]:
    """Register a function for these operators of ONNX; it gets the context and the operator's inputs."""

    def register(function: Translation) -> Translation:
        for name in names:
            if name in OPERATORS:
                raise ValueError(f"{name} has a function already")
            OPERATORS[name] = function
        return function

    return register


@dataclass(frozen=True)
class Held(Known):
    """An initialiser that is a parameter of the network if an operator reads its values from a buffer."""

    name: str


def clean(name: str) -> str:
    """A name of the file, without what could upset a terminal."""
    return re.sub(r"[^\w.:/+-]", "_", name, flags=re.ASCII)[:120].strip("/").replace("/", ".")


def first_result(node: NodeProto) -> str:
    """The name of the first result that a node has."""
    return next((clean(name) for name in node.output if name), "")


def place_of(node: NodeProto) -> str:
    """A node's name with its operator, or its first result with its operator."""
    kind = node.op_type
    name = clean(node.name) or f"{first_result(node)}.{kind}"
    return name if kind.lower() in name.lower() else f"{name}.{kind}"


def first_line(error: Exception) -> str:
    """What an error of another package says first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"[^ -~]", "?", lines[0])[:300] if lines else type(error).__name__


def shape_of(value: Any) -> tuple[int, ...]:
    """Elements per dimension."""
    return tuple(value.value.shape) if isinstance(value, Known) else value.shape


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The arguments with every tensor in them changed."""
    if isinstance(value, Known | View):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(_mapped(each, change) for each in value)
    return value


@dataclass
class Context(Tracer):
    """State of one reading; `proto` is the node being lowered, `made` what PyTorch says that it
    results in."""

    proto: NodeProto | None = None
    version: int = 0
    target: str = ""
    made: Any = None
    folded: int = 0
    held: dict[str, View] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The node's name, or its operator and first result."""
        assert self.proto is not None  # noqa: S101
        return place_of(self.proto)

    @property
    def source(self) -> str:
        """The operator of ATen that the node is lowered as."""
        return f"aten.{self.target}"

    def out(self, index: int | None = None) -> Any:
        """Shape and type of the result."""
        return self.made if index is None else self.made[index]

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute of the node."""
        assert self.proto is not None  # noqa: S101
        for attribute in self.proto.attribute:
            if attribute.name == name:
                value = get_attribute_value(attribute)
                return value.decode(errors="replace") if isinstance(value, bytes) else value
        return default

    def results(self) -> int:
        """How many results the node has, at most; the last one has a name."""
        assert self.proto is not None  # noqa: S101
        return max((k + 1 for k, name in enumerate(self.proto.output) if name), default=0)

    def view(self, value: Any) -> View:
        """As the tracer's; an initialiser is one parameter, however often it is read."""
        if not isinstance(value, Held):
            return super().view(value)
        if value.name not in self.held:
            view = self.nests.declare(
                clean(value.name), value.value.shape, format_of(value.value.dtype), Role.PARAMETER
            )
            self.held[value.name] = view
            self.parameters[view.buffer] = value.name
            self.constants[view.buffer] = value.value
        return self.held[value.name]

    def dtype(self, value: Any) -> torch.dtype:
        """Number format of an argument."""
        if isinstance(value, Known):
            return value.value.dtype
        found: torch.dtype = getattr(torch, str(self.format(value)))
        return found

    def meta(self, value: Any) -> Tensor:
        """An argument's shape and type."""
        return torch.empty(shape_of(value), dtype=self.dtype(value), device="meta")

    def known(self, value: Any, what: str) -> list[Any]:
        """The elements of an input that the lowering depends on."""
        if not isinstance(value, Known):
            raise self.fail(f"{what} depends on the network's inputs", "it must be a constant")
        found: list[Any] = value.value.flatten().tolist()
        return found

    def listed(self, name: str, value: Any = None) -> list[int] | None:
        """Integers that newer operators take as an input and older ones as an attribute."""
        if value is not None:
            return [int(each) for each in self.known(value, name)]
        found = self.attribute(name)
        return None if found is None else [int(each) for each in found]

    def call(self, name: str, *args: Any, **named: Any) -> Any:
        """An operator of ATen on these arguments; its value if they are all known."""
        base, _, overload = name.partition(".")
        function = getattr(getattr(torch.ops.aten, base), overload)
        views: list[View] = []

        def note(value: Any) -> Tensor:
            if not isinstance(value, Known) or isinstance(value, Held):
                views.append(self.view(value))
            return self.meta(value)

        given = _mapped(args, note)
        try:
            self.made = function(*given, **named)
            if not views:
                for each in self.made if isinstance(self.made, list | tuple) else [self.made]:
                    self.limited(*each.shape)
                return _as_known(function(*_mapped(args, lambda known: known.value), **named))
        except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
            raise self.fail(f"{base} of these operands: {first_line(error)}") from error
        results = self.made if isinstance(self.made, list | tuple) else [self.made]
        if any(not result.numel() for result in results):
            raise self.fail("a result has no elements")
        return self.lower(name, *args, **named)

    def lower(self, name: str, *args: Any, **named: Any) -> Any:
        """The loop nests of an operator of ATen; `made` says what it results in."""
        self.target = name
        if name not in HANDLERS:
            raise self.fail(f"{name} can't be lowered")
        given = _mapped(args, lambda v: self.view(v) if isinstance(v, Held) else v)
        return HANDLERS[name](self, *given, **named)

    def makes(self, name: str, shape: Any, like: Any) -> None:
        """State the operator and its result, where PyTorch isn't asked."""
        self.target = name
        self.made = torch.empty(tuple(shape), dtype=self.dtype(like), device="meta")

    def limited(self, *sizes: int) -> None:
        """Refuse to compute a constant of this shape if all of them become too large."""
        if any(size < 0 for size in sizes) or math.prod(sizes) + self.folded > FOLDED_ELEMENTS:
            raise self.fail(f"a constant of shape {list(sizes)} isn't computed")
        self.folded += math.prod(sizes)

    def fail(self, message: str, hint: str = "") -> LegoError:
        """An error that names the node."""
        kind = clean(self.proto.op_type) if self.proto is not None else ""
        return LegoError("E402", f"node {self.path} ({kind}): {message}", hint=hint)


def _as_known(value: Any) -> Any:
    if isinstance(value, Tensor):
        return Known(value)
    return type(value)(_as_known(each) for each in value)
