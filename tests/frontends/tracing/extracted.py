"""Contractions taken out of networks, compiled, and run on the architecture graph against the
network's own nest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from frontends.tracing.extract import extract, remarks
from frontends.yaml import load_text
from frontends.yaml.render import render_workload
from lego.designs import designs_of
from lego.ir.formats import EXACT, INT64
from lego.ir.kinds import Kind, kind_of
from lego.ir.network import Network, Role
from lego.ir.operation import Operation
from lego.ir.promotion import in_format
from lego.ir.workload import Workload
from lego.program import configure
from sim.adg_sim import run_adg
from sim.network import execute

__all__ = ["check", "contractions", "shape_of", "structure_of"]

MOST = 4096
"""Iterations of a run; longer loops run at smaller bounds, of the same design."""


def contractions(network: Network) -> Iterator[Operation]:
    """The sums of products."""
    return (op for op in network.operations if kind_of(op) is Kind.ARRAY)


def shape_of(op: Operation) -> object:
    """All that the extracted workload depends on, but its name."""
    places = tuple((p.map, p.pad) for p in (op.output.place, *op.inputs))
    return op.extents, places, op.output.clipped, op.output.body


def structure_of(op: Operation) -> object:
    """How accesses follow loops, whatever the sizes: steps as absent, one, or more, and whether
    there are offsets."""
    return tuple(
        (
            tuple(tuple(max(-2, min(2, c)) for c in row) for row in place.map.rows),
            tuple(bool(o) for o in place.map.offset),
            place.pad is None and not (place is op.output.place and op.output.clipped),
        )
        for place in (op.output.place, *op.inputs)
    )


def check(network: Network, op: Operation, seed: int = 0) -> None:
    """The text must load as it was, compile, and compute on the architecture graph what the nest
    does in PyTorch."""
    made = extract(network, op.name)
    text = "".join(f"# {line}\n" for line in remarks(network, op.name)) + render_workload(made)
    workload = load_text(text)
    assert render_workload(workload) == render_workload(made)
    (fused,) = designs_of(made)
    adg = fused.layers[0].adg
    bounds = _bounds([loop.extent for loop in op.loops], seed)
    used = [
        n for loop, n in zip(op.loops, bounds, strict=True) if _followed(op, op.loops.index(loop))
    ]
    named = dict(zip((loop.name for loop in made.operations[0].loops), used or [1], strict=True))
    if len(used) < len(op.loops):  # a loop that was taken out can't be shortened
        bounds = [b if _followed(op, k) else op.loops[k].extent for k, b in enumerate(bounds)]
    held, wanted = _in_network(network, op, bounds, seed)
    operands = {
        access.buffer: _cut(
            made, access.buffer, access.map.offset, place.map.offset, held[place.buffer]
        )
        for access, place in zip(made.operations[0].inputs, op.inputs, strict=True)
    }
    shapes = {tensor.name: tensor.shape for tensor in made.network.buffers}
    run = run_adg(adg, configure(adg, named, shapes=shapes), operands, seed)
    _compare(network, op, made, np.where(run.written, run.values, 0), wanted)


def _followed(op: Operation, loop: int) -> bool:
    return any(row[loop] for place in (op.output.place, *op.inputs) for row in place.map.rows)


def _bounds(extents: Sequence[int], seed: int) -> list[int]:
    """Bounds of at most `MOST` iterations: the longest loops are shortened, at random below half."""
    bounds, rng = list(extents), np.random.default_rng(seed)
    while math.prod(bounds) > MOST:
        k = bounds.index(max(bounds))
        bounds[k] = int(rng.integers(max(1, bounds[k] // 3), bounds[k] // 2 + 1))
    return bounds


def _in_network(
    network: Network, op: Operation, bounds: Sequence[int], seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Random integers in what the nest reads, and what it then writes in PyTorch; buffers are of int64."""
    rng = np.random.default_rng(seed)
    names = dict.fromkeys(place.buffer for place in op.inputs)
    held = {
        name: rng.integers(-128, 128, network.buffer(name).shape, dtype=np.int64) for name in names
    }
    exact = replace(op.output, body=in_format(op.output.body, EXACT))
    short = replace(
        op,
        outputs=(exact,),
        loops=tuple(replace(loop, extent=n) for loop, n in zip(op.loops, bounds, strict=True)),
    )
    buffers = [replace(network.buffer(name), format=INT64, role=Role.INPUT) for name in names]
    out = replace(network.buffer(op.output.buffer), format=INT64)
    alone = Network("one", (*buffers, out), (short,), tuple(names), (out.name,))
    values = execute(alone, {name: torch.from_numpy(each) for name, each in held.items()})
    return held, values[out.name].numpy()


def _cut(
    made: Workload, name: str, now: Sequence[int], before: Sequence[int], held: np.ndarray
) -> np.ndarray:
    """The part of a buffer that the tensor is."""
    shape = made.network.buffer(name).shape
    if not before:
        return held.reshape(shape)
    return held[_window(shape, now, before)]


def _window(shape: Sequence[int], now: Sequence[int], before: Sequence[int]) -> tuple[slice, ...]:
    starts = [b - n for b, n in zip(before, now, strict=True)]
    return tuple(slice(a, a + size) for a, size in zip(starts, shape, strict=True))


def _compare(
    network: Network, op: Operation, made: Workload, found: np.ndarray, wanted: np.ndarray
) -> None:
    """What the network keeps of the result, by the remark, is all that the nest writes of its buffer."""
    kept = re.search(r"keeps Y\[(.*)\]", " ".join(remarks(network, op.name)))
    parts = [part.split(":") for part in kept[1].split(", ")] if kept else []
    found = found[tuple(slice(int(a or 0), int(b) if b else None) for a, b in parts)]
    output, rest = made.operations[0].output.map.offset, wanted.copy()
    if not op.output.map.offset:
        found, where = found.reshape(()), ()
    else:
        now = [
            before if part and part != ["", ""] else offset
            for offset, before, part in zip(
                output, op.output.map.offset, parts or [[]] * len(output), strict=True
            )
        ]
        where = _window(found.shape, now, op.output.map.offset)
    np.testing.assert_array_equal(found, wanted[where])
    rest[where] = 0
    assert not rest.any(), "the nest writes beside what was taken out"
