"""Every loop nest, bit-true, on the module's own operands.

Where values are rounded to few bits, a sum in another order may round to the next integer, and
everything after it differs. So each nest is given what the module computed before it, and its
result is compared; then the module's takes its place.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from frontends.tracing.views import whole
from sim import compare
from sim.bit_true import BIT_TRUE
from sim.network import execute
from sim.windows import read
from tests.frontends.models.techniques.ulps import BOUNDS, apart

__all__ = ["check_nests"]


def check_nests(sample: Any, traced: Any) -> int:
    """Compare all tensors of the exported graph that a nest writes; returns how many.

    Integers and numbers of 8 bits must be equal, others within 1e-5 + 1e-4 of their magnitude, and
    within units of the last place of the largest element of their row. (What is alone in its row,
    as a sum over it, may cancel.)
    """
    network = traced.network
    recorded = compare._recorded(traced, sample.args, sample.kwargs)
    waiting: dict[str, list[str]] = {}
    for node, view in traced.views.items():
        if node in recorded:
            waiting.setdefault(view.buffer, []).append(node)
    left = Counter(op.output.buffer for op in network.operations)
    values = compare.given_to(traced, sample.module, sample.args, sample.kwargs)
    done = 0
    assert not network.calls
    for op in network.operations:
        one = replace(network, steps=(op,))
        name = op.output.buffer
        values = execute(one, values, arithmetic=BIT_TRUE)
        left[name] -= 1
        for node in waiting.get(name, []) if not left[name] else []:
            view, want = traced.views[node], recorded[node]
            extents, access = view.access()
            found = read(values[name], access, extents).reshape(view.shape)
            assert _same(node, found, want), f"{node}, written by {op.name}"
            done += 1
            if view == whole(name, network.buffer(name).shape):
                values[name] = want
    return done


def _same(node: str, found: Tensor, want: Tensor) -> bool:
    if not want.is_floating_point() or want.itemsize == 1:
        return bool(torch.equal(found.double(), want.double())) and found.dtype == want.dtype
    near = compare._difference(node, node, found, want, scaled=False).close
    if not want.ndim or want.shape[-1] == 1:
        return near
    fmt = str(want.dtype).removeprefix("torch.")
    return near and apart(found, want, fmt=fmt, of="row") <= BOUNDS["single nests"]
