"""What every dataflow satisfies, whatever operation it is for."""

from __future__ import annotations

from collections.abc import Iterator

from lego.ir.dataflow import Dataflow

__all__ = ["dataflow_faults"]


def dataflow_faults(flow: Dataflow) -> Iterator[str]:
    """Broken rules: axes agree in number, loops are on one axis at most, idle ones do nothing."""
    if not len(flow.spatial_loops) == len(flow.sizes) == len(flow.control):
        yield "loops, sizes and control are of different numbers of axes"
    if min(flow.sizes, default=1) < 1:
        yield f"an axis has {min(flow.sizes)} FUs"
    if min(flow.control, default=0) < 0:
        yield f"a control skew is {min(flow.control)}"
    on_axes = [loop for loop in flow.spatial_loops if loop >= 0]
    if len(set(on_axes)) != len(on_axes):
        yield f"a loop is on two axes of {flow.spatial_loops}"
    if min((*flow.spatial_loops, *(dim.loop for dim in flow.temporal)), default=0) < -1:
        yield "a loop has a negative number"
    for axis, (loop, size) in enumerate(zip(flow.spatial_loops, flow.sizes, strict=True)):
        if loop < 0 and size > 1:
            yield f"axis {axis} has {size} FUs and no loop"
    for dim in flow.temporal:
        if dim.step < 1:
            yield f"counter {dim.name} steps by {dim.step}"
