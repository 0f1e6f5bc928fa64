"""A module that the user names on the command line, as a network."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frontends.models.build import prepare
from frontends.traces import missing_packages, sizes_of
from lego.diag import LegoError
from lego.ir.network import Network

if TYPE_CHECKING:
    from frontends.models.sample import Sample

__all__ = ["own_sample", "trace_own"]

_NAME = "lego_user_module"


def trace_own(place: str, inputs: Sequence[str]) -> Network:
    """Trace a module of the user's own: `path.py:Class`, made without arguments, at inputs of these shapes.

    The file is run: it is named on the command line, and never by a workload file. Raises E410 if there is no
    such class or it can't be made, E904 for a shape that can't be read, E605, E401, E402 as the tracer.
    """
    sample = own_sample(place, inputs)
    from frontends.torch_export.tracer import trace

    return trace(sample.module, sample.args, name=place.rpartition(":")[2]).network


def own_sample(place: str, inputs: Sequence[str], *, device: str = "meta", seed: int = 0) -> Sample:
    """A module of the user's own and inputs of these shapes, as by :func:`trace_own`.

    On the device "meta" no weight is allocated. On "cpu" weights are what the class makes them, and
    inputs random, both the same for the same seed: normal numbers, integers from 0 to 7, truth
    values.
    """
    path, _, name = place.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier() or not inputs:
        hint = "--module path.py:Class --input 1,3,224,224"
        raise LegoError("E904", f"{place[:60]!r} with {len(inputs)} inputs isn't enough", hint=hint)
    try:
        prepare()
        import torch

        import frontends.torch_export.tracer  # noqa: F401  what it needs is told before the file is run
        from frontends.models.sample import Sample
    except ImportError as error:
        raise missing_packages(error) from error
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        module = _made(Path(path), name, device)
        with torch.device(device):
            args = [_input(text) for text in inputs]
    return Sample(module.eval().requires_grad_(False), tuple(args))


def _made(path: Path, name: str, device: str) -> Any:
    """An object of a class in a file. Raises E410."""
    import torch

    if not path.is_file():
        raise LegoError("E410", f"{path} is no file", hint="--module path.py:Class")
    try:
        spec = importlib.util.spec_from_file_location(_NAME, path)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(path)
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        with torch.device(device):
            module = getattr(found, name)() if hasattr(found, name) else None
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        hint = "the class is made without arguments"
        raise LegoError("E410", f"{path}: {name} can't be made: {line}", hint=hint) from error
    if not isinstance(module, torch.nn.Module):
        message = f"{path}: {name} is no torch.nn.Module"
        raise LegoError("E410", message, hint=_classes(vars(found)))
    return module


def _classes(held: dict[str, Any]) -> str:
    """Which modules a file makes, as a hint."""
    import torch

    kinds = [v for v in held.values() if isinstance(v, type) and issubclass(v, torch.nn.Module)]
    names = [kind.__name__ for kind in kinds if kind.__module__ == _NAME]
    return f"the file has {', '.join(names[:5])}" if names else "the file has none"


def _input(text: str) -> Any:
    """A tensor from `1,3,224,224` or `1,128:int64`. Raises E904."""
    import torch

    shape, _, dtype = text.partition(":")
    kind = getattr(torch, dtype or "float32", None)
    if not isinstance(kind, torch.dtype):
        hint = "such as 1,3,224,224 or 1,128:int64"
        raise LegoError("E904", f"{text[:40]!r} is no shape", hint=hint)
    from frontends.models.sample import drawn

    return drawn(sizes_of(shape), kind)
