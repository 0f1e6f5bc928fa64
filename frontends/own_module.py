"""A module that the user names on the command line, as a network."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from frontends.traces import missing_packages
from lego.diag import LegoError
from lego.ir.network import Network

__all__ = ["trace_own"]


def trace_own(place: str, inputs: Sequence[str]) -> Network:
    """Trace a module of the user's own: `path.py:Class`, made without arguments, at inputs of these shapes.

    The file is run: it is named on the command line, and never by a workload file. Raises E410 if there is no
    such class or it can't be made, E904 for a shape that can't be read, E605, E401, E402 as the tracer.
    """
    path, _, name = place.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier() or not inputs:
        hint = "--module path.py:Class --input 1,3,224,224"
        raise LegoError("E904", f"{place[:60]!r} with {len(inputs)} inputs isn't enough", hint=hint)
    try:
        from frontends.torch_export.tracer import trace
    except ImportError as error:
        raise missing_packages(error) from error
    args = [_input(text) for text in inputs]
    return trace(_made(Path(path), name), args, name=name).network


def _made(path: Path, name: str) -> Any:
    """An object of a class in a file. Raises E410."""
    import torch

    try:
        spec = importlib.util.spec_from_file_location("lego_user_module", path)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(path)
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        with torch.device("meta"):
            module = getattr(found, name)()
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        hint = "the class is made without arguments"
        raise LegoError("E410", f"{path}: {name} can't be made: {line}", hint=hint) from error
    if not isinstance(module, torch.nn.Module):
        raise LegoError("E410", f"{path}: {name} is no torch.nn.Module")
    return module


def _input(text: str) -> Any:
    """A tensor on the meta device from `1,3,224,224` or `1,128:int64`. Raises E904."""
    import torch

    shape, _, dtype = text.partition(":")
    sizes = [int(n) for n in shape.split(",") if n.isascii() and n.isdecimal() and len(n) < 10]
    kind = getattr(torch, dtype or "float32", None)
    if len(sizes) != shape.count(",") + 1 or 0 in sizes or not isinstance(kind, torch.dtype):
        raise LegoError(
            "E904", f"{text[:40]!r} is no shape", hint="such as 1,3,224,224 or 1,128:int64"
        )
    return torch.empty(sizes, dtype=kind, device="meta")
