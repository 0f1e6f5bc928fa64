"""Inputs to calibrate with: the user's, or drawn from a sample's."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from frontends.models.sample import Sample
from lego.diag import LegoError

__all__ = ["drawn", "loaded"]


def drawn(sample: Sample, count: int, seed: int) -> list[Sample]:
    """As many samples, each with the same elements in another order."""
    generator = torch.Generator().manual_seed(seed)

    def shuffled(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        order = torch.randperm(value.numel(), generator=generator)
        return value.flatten()[order].reshape(value.shape)

    return [_with(sample, shuffled) for _ in range(count)]


def _with(sample: Sample, change: Any) -> Sample:
    leaves, shape = tree_flatten((sample.args, sample.kwargs))
    args, kwargs = tree_unflatten([change(leaf) for leaf in leaves], shape)
    return replace(sample, args=args, kwargs=kwargs)


def loaded(path: Path, sample: Sample) -> list[Sample]:
    """The samples of an NPZ file: an array per input, in the inputs' order, whose first axis counts samples.

    Raises E422 for a file that isn't one, or whose arrays don't fit the network's inputs.
    """
    arrays = _arrays(path)
    leaves = [x for x in tree_flatten((sample.args, sample.kwargs))[0] if isinstance(x, Tensor)]
    wanted = ", ".join(f"(samples, {str(list(x.shape))[1:-1]}) {x.dtype}" for x in leaves)
    hint = f"the network's inputs: {wanted}"
    if len(arrays) != len(leaves):
        message = f"{path} has {len(arrays)} arrays for {len(leaves)} inputs"
        raise LegoError("E422", message, hint=hint)
    counts = set()
    for (name, array), leaf in zip(arrays, leaves, strict=True):
        kinds = "f" if leaf.is_floating_point() else "biu"
        fits = array.dtype.kind in kinds and array.shape[1:] == tuple(leaf.shape)
        if not fits or not _is_finite(array):
            message = f"{name} of {path} has shape {array.shape} of {array.dtype}, or isn't finite"
            raise LegoError("E422", message, hint=hint)
        counts.add(len(array))
    if len(counts) != 1 or not min(counts):
        message = f"the arrays of {path} must have the same number of samples, at least one"
        raise LegoError("E422", message, hint=hint)
    return [_sample(sample, [array[k] for _, array in arrays]) for k in range(counts.pop())]


def _sample(sample: Sample, values: list[Any]) -> Sample:
    left = iter(values)

    def change(leaf: Any) -> Any:
        return torch.tensor(next(left), dtype=leaf.dtype) if isinstance(leaf, Tensor) else leaf

    return _with(sample, change)


def _is_finite(array: Any) -> bool:
    return bool(np.isfinite(array).all()) and not (
        array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max
    )


def _arrays(path: Path) -> list[tuple[str, Any]]:
    try:
        held = np.load(path, allow_pickle=False)
        if not isinstance(held, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array")
        with held:
            found = [(name, held[name]) for name in held.files]
        if not all(isinstance(array, np.ndarray) and array.ndim for _, array in found):
            raise ValueError("something in it is no array, or has no axis of samples")
        return found
    except (OSError, ValueError, EOFError, TypeError, KeyError, MemoryError, RuntimeError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        raise LegoError(
            "E422", f"{path} isn't an NPZ file: {error}", hint="numpy.savez writes one"
        ) from None
