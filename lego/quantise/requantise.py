"""Sums that are rounded again at once stay integers: scaled by a multiplication and a shift, as
hardware does it.

`q = clip((m * sum + 2^(n - 1)) >> n)`: to nearest, halves up (Jacob et al., 2018, section 2.2, with
one shift for the tensor).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lego.ir.affine import AffineMap
from lego.ir.constants import constant
from lego.ir.formats import INT4, INT8, INT32, INT64, Format
from lego.ir.network import Buffer, Network, Role, reads_of
from lego.ir.operation import Apply, Fn, Operation, Output, Place, Reduction, Step, Value
from lego.ir.promotion import applied
from lego.quantise.network import Multiplier, Quantised, Scale

__all__ = ["requantised"]


def requantised(made: Quantised) -> Quantised:
    """The network with each scaling and the rounding that alone reads it as one nest of integers."""
    network = made.network
    scales = {scale.name: scale for scale in made.scales}
    rounding = _only_readers(network)
    gone: dict[str, Operation] = {}
    multipliers: list[Multiplier] = []
    steps: list[Step] = []
    for step in network.steps:
        after = rounding.get(step.output.buffer) if isinstance(step, Operation) else None
        if isinstance(step, Operation) and after is not None and _is_scaling(step, scales, made):
            multiplier = _multiplier(step, after, scales)
            multipliers.append(multiplier)
            fmt = network.buffer(after.output.buffer).format
            steps.append(_scaled(step, after, multiplier, fmt))
            gone[after.name] = after
        elif step.name not in gone:
            steps.append(step)
    dropped = {place.buffer for after in gone.values() for place in after.inputs[:1]}
    buffers = [b for b in network.buffers if b.name not in dropped]
    for multiplier in multipliers:
        buffers += _constants(multiplier, network)
    changed = replace(network, buffers=tuple(buffers), steps=tuple(steps))
    return replace(made, network=changed, multipliers=tuple(multipliers))


def _only_readers(network: Network) -> dict[str, Operation]:
    """Buffers that one operation reads, a rounding to integers, and that aren't outputs."""
    reads = Counter(name for step in network.steps for name in reads_of(step))
    return {
        op.inputs[0].buffer: op
        for op in network.operations
        if op.source == "quantise"
        and op.name == op.output.buffer
        and network.buffer(op.output.buffer).format in (INT4, INT8)
        and reads[op.inputs[0].buffer] == 1
        and op.inputs[0].buffer not in network.outputs
    }


def _is_scaling(op: Operation, scales: dict[str, Scale], made: Quantised) -> bool:
    return (
        op.source == "quantise"
        and op.output.reduction is Reduction.ASSIGN
        and made.network.buffer(op.inputs[0].buffer).format == INT32
        and all(place.buffer in scales for place in op.inputs[1:])
    )


def _multiplier(op: Operation, after: Operation, scales: dict[str, Scale]) -> Multiplier:
    name = f"{op.output.buffer}.multiplier"
    used = tuple(scales[place.buffer] for place in op.inputs[1:])
    return Multiplier(name, f"{name}.shift", f"{name}.half", used, scales[after.inputs[1].buffer])


def _scaled(op: Operation, after: Operation, multiplier: Multiplier, fmt: Format) -> Operation:
    rows = tuple(row for place in op.inputs[1:] for row in place.map.rows)
    offset = tuple(o for place in op.inputs[1:] for o in place.map.offset)
    nothing = AffineMap((), ())
    inputs = (
        op.inputs[0],
        Place(multiplier.name, AffineMap(rows, offset)),
        Place(multiplier.half, nothing),
        Place(multiplier.shift, nothing),
    )
    factor, half, shift = (Value(k, INT64) for k in (1, 2, 3))
    raised = applied(Fn.ADD, applied(Fn.MUL, Value(0, INT32), factor), half)
    largest = multiplier.result.largest
    low = applied(Fn.MAX, applied(Fn.SHIFT, raised, shift), constant(-largest, INT64))
    body = Apply(Fn.CAST, (applied(Fn.MIN, low, constant(largest, INT64)),), fmt)
    output = Output(replace(op.output.place, buffer=after.output.buffer), body)
    return replace(op, name=f"{op.name}.requantise", outputs=(output,), inputs=inputs)


def _constants(multiplier: Multiplier, network: Network) -> list[Buffer]:
    shape = tuple(n for scale in multiplier.scales for n in network.buffer(scale.name).shape)
    return [
        Buffer(multiplier.name, shape, INT64, Role.CONSTANT),
        Buffer(multiplier.shift, (), INT64, Role.CONSTANT),
        Buffer(multiplier.half, (), INT64, Role.CONSTANT),
    ]
