"""A workload of a device in two: what its array is made for, and the chains of its vector engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lego.device.stages import Stage, chained, formats_of, stages_of
from lego.diag import LegoError
from lego.ir.hardware import Buffering
from lego.ir.network import reads_of, writes_of
from lego.ir.operation import Operation
from lego.ir.vector.chain import Chain, NotAChain
from lego.ir.workload import Workload

__all__ = ["chain_along", "split", "staged"]


def split(workload: Workload) -> tuple[Workload, tuple[Chain, ...]]:
    """The workload with the array's operations alone, and what the vector engine makes of sums and bytes.

    Raises E308 if no operation makes bytes: then there is nothing that the engine could be made of.
    """

    stages = staged(workload, whole=False)
    if not stages:
        message = f"{workload.name}: no operation makes bytes, so a vector engine can't be made"
        hint = "add one that rounds sums, such as Z[m,n] = max(-128, min(127, (Y[m,n] * M[n] + H[n]) >> 16))"
        raise LegoError("E308", message, hint=hint)
    chains = tuple(chain_along(stage.post, workload) for stage in stages)
    array = _array_part(workload, stages)
    _check_array(array)
    return array, chains


def _check_array(array: Workload) -> None:
    """Raises E308 for an array that engines can't serve, or for none."""
    chip, missing = array.architecture, list[str]()
    if not chip.queue:
        missing.append("`queue: 16`, as engines start its runs")
    if chip.double_buffer is not Buffering.PARTS:
        missing.append("`double_buffer: parts`, as operands are loaded while it runs")
    if not chip.fused and len(array.operations) > 1:
        missing.append("`fused: yes`, as it is one")
    if missing:
        message = f"{array.name}: the array of a device needs {' and '.join(missing)}"
        raise LegoError("E308", message, hint="add it to `architecture`, or leave out `interface`")
    if not array.operations:
        message = f"{array.name}: no operation sums products, so there is no array"
        raise LegoError("E308", message, hint="add one, such as Y[m,n] += X[m,k] * W[k,n]")


def staged(workload: Workload, *, whole: bool = True) -> list[Stage]:
    """The stages of a workload on an engine made for it, as :func:`stages_of`. Raises E308."""

    def refused(ops: Sequence[Operation]) -> str:
        try:
            chain_along(ops, workload)
        except NotAChain as error:
            return str(error)
        return ""

    return stages_of(workload.network, formats_of(workload.network), refused, whole=whole)


def chain_along(ops: Sequence[Operation], workload: Workload) -> Chain:
    """The chain of operations along the last dimension that suits lanes. Raises NotAChain."""
    formats = {buffer.name: buffer.format for buffer in workload.network.buffers}
    reason = "it has no dimension that could be lanes"
    for dim in reversed(range(len(ops[-1].output.map.rows))):
        try:
            return chained(ops, formats, dim, formats_of(workload.network))
        except NotAChain as error:
            reason = str(error)
    raise NotAChain(reason)


def _array_part(workload: Workload, stages: Sequence[Stage]) -> Workload:
    """The operations that no chain has, with their dataflows and the tensors that they touch."""
    post = {op.name for stage in stages for op in stage.post}
    kept = [
        (op, flows)
        for op, flows in zip(workload.operations, workload.dataflows, strict=True)
        if op.name not in post
    ]
    used = {name for op, _ in kept for name in (*reads_of(op), *writes_of(op))}
    network = workload.network
    written = {op.output.buffer for op, _ in kept}
    narrower = replace(
        network,
        buffers=tuple(buffer for buffer in network.buffers if buffer.name in used),
        steps=tuple(op for op, _ in kept),
        inputs=tuple(n for n in (b.name for b in network.buffers) if n in used - written),
        outputs=tuple(n for n in (b.name for b in network.buffers) if n in written),
    )
    return replace(workload, network=narrower, dataflows=tuple(flows for _, flows in kept))
