"""The designs of a workload: one architecture that runs all of it, or one per dataflow."""

from __future__ import annotations

from dataclasses import replace

from lego.front.architecture import build_adg
from lego.front.fusion import fuse
from lego.front.legality import check_memories
from lego.ir.adg import Adg
from lego.ir.array import narrowed
from lego.ir.checks.check import checked
from lego.ir.fused import FusedAdg, Method
from lego.ir.workload import Workload
from lego.mapping.strip_mine import dataflow_of
from lego.tell import Tell, silent

__all__ = ["adgs_of", "designs_of"]


def adgs_of(workload: Workload, tell: Tell = silent) -> list[Adg]:
    """The architecture of each dataflow of each operation by itself, in order; `tell` hears of each."""
    tensors, operations = narrowed(workload)
    found = []
    for op, specs in zip(operations, workload.dataflows, strict=True):
        for spec in specs or (None,):
            found.append((op, dataflow_of(op, spec, workload.architecture)))
    counters = max(len(flow.temporal) for _, flow in found)
    axes = max(len(flow.sizes) for _, flow in found)
    chip, pairs = workload.architecture, zip(operations, workload.dataflows, strict=True)
    many = {op.name for op, specs in pairs if len(specs) > 1}
    adgs = []
    for k, (op, flow) in enumerate(found):
        tell(f"links and banks of {op.name}.{flow.name}", k, len(found))
        name = f"{workload.name}_{op.name}" + (f"_{flow.name}" if op.name in many else "")
        if chip.fused:
            flow = flow.aligned(counters, axes)
        price, style = chip.read_cost, chip.memory_style
        adgs.append(build_adg(name, op, tensors, flow, price, style, resume=chip.resume))
    return adgs


def designs_of(
    workload: Workload, method: Method = Method.EXACT, tell: Tell = silent
) -> list[FusedAdg]:
    """The designs to build: one that runs all, or one per dataflow if not fused; `tell` hears of it."""
    adgs = adgs_of(workload, tell)
    tell("fusion", 0, 0)
    if len(adgs) == 1 or not workload.architecture.fused:
        found = [fuse(adg.name, [adg]) for adg in adgs]
    else:
        found = [fuse(workload.name, adgs, method, workload.architecture.memory_style)]
    for fused in found:
        for layer in fused.layers:
            check_memories(layer.adg, dict(workload.architecture.memory_bits))
    halves = 2 if workload.architecture.double_buffer else 1
    dma_bits = workload.architecture.dma_bits
    return [checked(replace(fused, halves=halves, dma_bits=dma_bits)) for fused in found]
