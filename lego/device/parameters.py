"""Values of a network's parameters: what is given, and for the rest numbers drawn from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lego.diag import LegoError
from lego.ir.formats import Integer
from lego.ir.network import Buffer, Network, Role

__all__ = ["drawn", "fitting", "parameters_of", "values_of"]

Values = dict[str, NDArray[np.int64]]

_BYTE_BITS = 8


def parameters_of(network: Network) -> tuple[str, ...]:
    """Tensors that are known when a program is made: those that nobody writes, but what is given at run time.

    Where the network doesn't say which these are, they are the first tensor that its first operation reads.
    """
    written = {output.buffer for op in network.operations for output in op.outputs}
    roles = {Role.PARAMETER, Role.CONSTANT}
    known = [buffer.name for buffer in network.buffers if buffer.role in roles]
    if known or not network.operations:
        return tuple(known)
    given = network.operations[0].inputs[0].buffer
    return tuple(b.name for b in network.buffers if b.name not in written and b.name != given)


def drawn(buffer: Buffer, seed: int) -> NDArray[np.int64]:
    """Numbers for a tensor, the same for the same name and seed.

    Bytes are drawn from all values; wider integers, which scale or shift sums, are small and not negative.
    """
    digest = hashlib.sha256(f"{seed} {buffer.name}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    fmt = buffer.format
    if not isinstance(fmt, Integer):
        raise LegoError("E308", f"{buffer.name!r} holds {fmt}, and the device integers")
    low, high = fmt.low, fmt.high
    if fmt.bits > _BYTE_BITS:
        low, high = 0, (1 << fmt.bits // 2 + 2) - 1
    return random.integers(low, high + 1, buffer.shape, dtype=np.int64)


def values_of(
    network: Network, given: Mapping[str, NDArray[np.integer]], seed: int
) -> tuple[Values, Sequence[str]]:
    """Values of all parameters, and the names of those that were drawn.

    Raises E311 for a value of another shape, or with numbers that its format doesn't hold, and for one of no
    parameter.
    """
    names = parameters_of(network)
    unknown = sorted(given.keys() - set(names))
    if unknown:
        message = f"{unknown[0]!r} is no parameter of {network.name}"
        raise LegoError("E311", message, hint=f"parameters are {', '.join(names[:12])}")
    buffers = [network.buffer(name) for name in names]
    found = {b.name: fitting(b, given[b.name]) for b in buffers if b.name in given}
    missing = {b.name: drawn(b, seed) for b in buffers if b.name not in given}
    return found | missing, tuple(missing)


def fitting(buffer: Buffer, values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Values of a tensor. Raises E311 for another shape, and for numbers that its format doesn't hold."""
    if values.shape != buffer.shape:
        message = f"{buffer.name!r} has shape {list(values.shape)}, not {list(buffer.shape)}"
        raise LegoError("E311", message, hint="give it as the workload declares it")
    fmt = buffer.format
    whole = np.issubdtype(values.dtype, np.integer)
    if not whole or not isinstance(fmt, Integer):
        raise LegoError("E311", f"{buffer.name!r} holds {values.dtype}, not integers of {fmt}")
    if values.size and not (fmt.low <= values.min() and values.max() <= fmt.high):
        message = f"{buffer.name!r} has values from {values.min()} to {values.max()}, beyond {fmt}"
        raise LegoError("E311", message, hint="round and clip them first")
    return values.astype(np.int64)
