"""Random chips, with the comparators that make pads or without."""

from __future__ import annotations

from dataclasses import replace

from frontends.yaml import load_text
from lego.designs import designs_of
from lego.diag import LegoError
from lego.front.architecture import build_adg
from lego.front.fusion import fuse
from lego.ir.affine import AffineMap
from lego.ir.array import Access, ArrayOperation, narrowed
from lego.ir.domain import inside_box
from lego.ir.fused import FusedAdg, Method
from lego.mapping.strip_mine import dataflow_of
from tests.property.generator import fused_sample, sample
from tests.property.simulate import ILLEGAL


def drawn_chip(seed: int) -> list[FusedAdg]:
    """The designs of a seed; none where what was drawn is refused. Two of three make no pads."""
    text = (sample if seed % 2 else fused_sample)(seed).text
    try:
        return (
            designs_of(load_text(text), Method.HEURISTIC) if seed % 3 == 0 else without_pads(text)
        )
    except LegoError as error:
        assert error.code in ILLEGAL, error
        return []


def without_pads(text: str) -> list[FusedAdg]:
    """A design whose tensors are as large as its accesses, so that none leaves them."""
    workload = load_text(text)
    tensors, operations = narrowed(workload)
    shapes: dict[str, list[int]] = {}
    moved = [_moved(op, shapes) for op in operations]
    tensors = tuple(
        replace(tensor, shape=tuple(shapes[tensor.name]), pad=None) for tensor in tensors
    )
    chip = workload.architecture
    flows = [
        (op, dataflow_of(op, spec, chip))
        for op, specs in zip(moved, workload.dataflows, strict=True)
        for spec in specs or (None,)
    ]
    counters = max(len(flow.temporal) for _, flow in flows)
    axes = max(len(flow.sizes) for _, flow in flows)
    adgs = [
        build_adg(f"{workload.name}_{k}", op, tensors, flow.aligned(counters, axes), chip.read_cost)
        for k, (op, flow) in enumerate(flows)
    ]
    return [fuse(workload.name, adgs, Method.HEURISTIC)]


def _moved(op: ArrayOperation, shapes: dict[str, list[int]]) -> ArrayOperation:
    output = _inside(op.output, op, shapes)
    return replace(op, output=output, inputs=tuple(_inside(a, op, shapes) for a in op.inputs))


def _inside(access: Access, op: ArrayOperation, shapes: dict[str, list[int]]) -> Access:
    """The access with least index 0; shapes grow to hold it."""
    sides = [inside_box(row, 0, op.extents) for row in access.map.rows]
    shape = shapes.setdefault(access.tensor, [1] * len(sides))
    for j, (low, high) in enumerate(sides):
        shape[j] = max(shape[j], high - low + 1)
    return replace(access, map=AffineMap(access.map.rows, tuple(-low for low, _ in sides)))
