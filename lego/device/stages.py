"""A network as stages: what the array sums up, and the chain that the vector engine makes of it at once.

A stage writes one tensor to DRAM. Its chain takes in operations as long as each alone reads what the one
before wrote, and the engine has slots for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lego.device.elements import check_elements, lane_loops
from lego.diag import LegoError
from lego.ir.formats import Format, Integer
from lego.ir.intervals import Interval
from lego.ir.network import Network, reads_of, writes_of
from lego.ir.operation import HostCall, Operation
from lego.ir.vector.chain import Chain, NotAChain
from lego.ir.vector.reading import chain_of

__all__ = ["Stage", "chained", "formats_of", "is_post", "stages_of"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One tensor's way through the device.

    Attributes
    ----------
    sums : what the array runs; None where the chain begins with bytes out of DRAM.
    post : operations of the chain, in order, at least one.
    """

    sums: Operation | None
    post: tuple[Operation, ...]

    @property
    def name(self) -> str:
        """Of what it computes last."""
        return self.post[-1].name

    @property
    def result(self) -> str:
        """The tensor that it writes."""
        return self.post[-1].output.buffer


def formats_of(network: Network) -> dict[str, Interval]:
    """Intervals of what nobody writes, by its format: what constants may hold, whose values aren't known."""
    written = {name for step in network.steps for name in writes_of(step)}
    return {
        buffer.name: (buffer.format.low, buffer.format.high)
        for buffer in network.buffers
        if buffer.name not in written and isinstance(buffer.format, Integer)
    }


def chained(
    ops: Sequence[Operation],
    formats: Mapping[str, Format],
    dim: int,
    constants: Mapping[str, Interval],
) -> Chain:
    """The chain of some operations whose lanes run along a dimension of what they write. Raises NotAChain."""
    found = chain_of(ops, formats, lane_loops(ops, dim), constants)
    check_elements(ops, found)
    return found


def is_post(
    op: Operation, formats: Mapping[str, Format], constants: Mapping[str, Interval]
) -> bool:
    """Whether an operation is the vector engine's, along some dimension, if its elements lie as they must."""
    for dim in range(len(op.output.map.rows)):
        try:
            chain_of([op], formats, lane_loops([op], dim), constants)
        except NotAChain:
            continue
        return True
    return False


def stages_of(
    network: Network,
    constants: Mapping[str, Interval],
    fits: Callable[[Sequence[Operation]], str],
    *,
    whole: bool = True,
) -> list[Stage]:
    """The stages of a network, in order.

    `constants` are intervals of what they hold; `fits` says why the vector engine doesn't compute a chain of
    operations, or nothing. Raises E308 for host calls, and, if the network is a `whole` one, for sums that
    nothing rounds to bytes.
    """
    formats = {buffer.name: buffer.format for buffer in network.buffers}
    readers = Counter(name for step in network.steps for name in reads_of(step))
    found: list[Stage] = []
    open_sums: dict[str, Operation] = {}
    for step in network.steps:
        if isinstance(step, HostCall):
            message = f"{step.name!r} ({step.source}) is the host's: {step.reason}"
            raise LegoError("E308", message, hint="compile the part of the network before it")
        both = [open_sums[name] for name in reads_of(step) if name in open_sums][:1]
        if not is_post(step, formats, constants) and not (both and not fits([*both, step])):
            open_sums[step.output.buffer] = step
            continue
        found = _with_post(found, step, open_sums, readers, network, fits)
    if open_sums and whole:
        name, op = next(iter(open_sums.items()))
        message = f"nothing makes bytes of {name!r}, the sums of {op.name!r}"
        hint = "add an operation that rounds them, such as max(-128, min(127, (Y * 5 + 64) >> 7))"
        raise LegoError("E308", message, loc=op.loc, hint=hint)
    return found


def _with_post(
    found: list[Stage],
    op: Operation,
    open_sums: dict[str, Operation],
    readers: Mapping[str, int],
    network: Network,
    fits: Callable[[Sequence[Operation]], str],
) -> list[Stage]:
    """One operation more: in the chain of what it reads, if it can be there, or as a stage of its own."""
    _check_whole(op, network)
    reads = [place.buffer for place in op.inputs]
    if found and found[-1].result in reads:
        before = found[-1]
        longer = (*before.post, op)
        alone = readers[before.result] == 1 and before.result not in network.outputs
        if alone and not fits(longer):
            return [*found[:-1], Stage(before.sums, longer)]
    sums = [name for name in reads if name in open_sums]
    if len(sums) > 1 or any(readers[name] > 1 for name in sums):
        message = f"{op.name!r} reads sums that others read, too, or several: {', '.join(sums)}"
        raise LegoError("E308", message, loc=op.loc, hint="round the sums to bytes first")
    if sums and not fits([open_sums[sums[0]], op]):
        return [*found, Stage(None, (open_sums.pop(sums[0]), op))]
    reason = fits([op])
    if reason:
        message = f"the vector engine doesn't compute {op.name!r}: {reason}"
        hint = (
            "compile the chip with an operation like it, or see docs/device.md for what it can have"
        )
        raise LegoError("E308", message, loc=op.loc, hint=hint)
    return [*found, Stage(open_sums.pop(sums[0]) if sums else None, (op,))]


def _check_whole(op: Operation, network: Network) -> None:
    """Raises E308 for an operation that leaves elements of a tensor that nobody writes."""
    place = op.output.place
    made = [
        1 + sum(c * (loop.extent - 1) for c, loop in zip(row, op.loops, strict=True))
        for row in place.map.rows
    ]
    shape = network.buffer(place.buffer).shape
    if tuple(made) != shape or op.domain:
        message = f"{op.name!r} doesn't write every element of {place.buffer!r}, of {list(shape)}"
        hint = "let its loops have the tensor's extents"
        raise LegoError("E308", message, loc=op.loc, hint=hint)
