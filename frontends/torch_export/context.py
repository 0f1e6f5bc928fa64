"""The state of one trace, that the functions which lower operators share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from frontends.tracing.nests import Nests
from frontends.tracing.views import View
from lego.diag import LegoError
from lego.ir.formats import Format, format_named
from lego.ir.network import Role

__all__ = ["Known", "Tracer", "dtype_name", "format_of", "short_name"]


@dataclass(frozen=True)
class Known:
    """A tensor that no input influences; `value` on the CPU, or on the meta device where it isn't known."""

    value: Tensor


@dataclass
class Tracer:
    """State of one trace; `node` is the one being lowered."""

    nests: Nests
    constants: dict[str, Tensor] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    node: fx.Node | None = None
    env: dict[fx.Node, Any] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where the operator is in the module, and its name."""
        assert self.node is not None  # noqa: S101
        stack = self.node.meta.get("nn_module_stack") or {}
        paths = [str(path) for path, _ in stack.values() if path]
        place = paths[-1].replace("L['self'].", "") if paths else ""
        short = short_name(self.node).split(".")[0].strip("_")
        return f"{place}.{short}" if place else short

    @property
    def source(self) -> str:
        """The operator, as PyTorch names it."""
        assert self.node is not None  # noqa: S101
        return f"aten.{short_name(self.node)}"

    def out(self, index: int | None = None) -> Tensor:
        """Shape and type of the node's result."""
        assert self.node is not None  # noqa: S101
        value = self.node.meta["val"]
        return value if index is None else value[index]

    def fmt(self, index: int | None = None) -> Format:
        """Number format of the node's result."""
        return format_of(self.out(index).dtype)

    def view(self, value: Any) -> View:
        """The value as a view; a folded tensor becomes a constant buffer, a number one of no dimension."""
        if isinstance(value, View):
            return value
        if isinstance(value, Known):
            tensor = value.value
            view = self.nests.declare(
                "constant", tensor.shape, format_of(tensor.dtype), Role.CONSTANT
            )
            if tensor.device.type != "meta":
                self.constants[view.buffer] = tensor.contiguous()
            return view
        return self.view(Known(torch.as_tensor(value)))

    def format(self, view: View) -> Format:
        """Number format of a view's buffer."""
        return self.nests.buffers[view.buffer].format

    def fail(self, message: str, hint: str = "") -> LegoError:
        """An error that names where in the model it is."""
        return LegoError("E402", f"{self.path}: {message}", hint=hint)


def format_of(dtype: torch.dtype) -> Format:
    """The number format of a type of PyTorch. Raises E402 for one that is none, such as complex64."""
    name = dtype_name(dtype)
    found = format_named(name)
    if found is None:
        hint = (
            "integers, truth values and floating point are; split complex numbers into two tensors"
        )
        raise LegoError("E402", f"{name} is no number format here", hint=hint)
    return found


def dtype_name(dtype: torch.dtype) -> str:
    """A type as PyTorch's users write it."""
    return str(dtype).removeprefix("torch.")


def short_name(node: fx.Node) -> str:
    """`linear.default` of `aten.linear.default`."""
    return str(node.target).removeprefix("aten.")
