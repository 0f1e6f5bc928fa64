"""Sums that are rounded again at once stay integers: scaled by a multiplication and a shift, as
hardware does it.

`q = clip((m * sum + 2^(n - 1)) >> n)`: to nearest, halves up (Jacob et al., 2018, section 2.2, with
one shift for the tensor).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from lego.ir.affine import AffineMap
from lego.ir.formats import INT4, INT8, INT32, INT64
from lego.ir.network import (
    Apply,
    Buffer,
    Fn,
    Network,
    Number,
    Operation,
    Place,
    Role,
    Value,
)
from lego.ir.workload import Reduction
from lego.quantise.network import Multiplier, Quantised, Scale

__all__ = ["requantised"]


def requantised(made: Quantised) -> Quantised:
    """The network with each scaling and the rounding that alone reads it as one nest of integers."""
    network = made.network
    scales = {scale.name: scale for scale in made.scales}
    rounding = _only_readers(network)
    gone: dict[str, Operation] = {}
    multipliers: list[Multiplier] = []
    operations: list[Operation] = []
    for op in network.operations:
        after = rounding.get(op.output.buffer)
        if after is not None and _is_scaling(op, scales, made):
            multiplier = _multiplier(op, after, scales)
            multipliers.append(multiplier)
            operations.append(_scaled(op, after, multiplier))
            gone[after.name] = after
        elif op.name not in gone:
            operations.append(op)
    dropped = {place.buffer for after in gone.values() for place in after.inputs[:1]}
    buffers = [b for b in network.buffers if b.name not in dropped]
    for multiplier in multipliers:
        buffers += _constants(multiplier, network)
    changed = replace(network, buffers=tuple(buffers), operations=tuple(operations))
    return replace(made, network=changed, multipliers=tuple(multipliers))


def _only_readers(network: Network) -> dict[str, Operation]:
    """Buffers that one operation reads, a rounding to integers, and that aren't outputs."""
    reads = Counter(place.buffer for op in network.operations for place in op.inputs)
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
        and op.reduction is Reduction.ASSIGN
        and made.network.buffer(op.inputs[0].buffer).format == INT32
        and all(place.buffer in scales for place in op.inputs[1:])
    )


def _multiplier(op: Operation, after: Operation, scales: dict[str, Scale]) -> Multiplier:
    name = f"{op.output.buffer}.multiplier"
    used = tuple(scales[place.buffer] for place in op.inputs[1:])
    return Multiplier(name, f"{name}.shift", f"{name}.half", used, scales[after.inputs[1].buffer])


def _scaled(op: Operation, after: Operation, multiplier: Multiplier) -> Operation:
    rows = tuple(row for place in op.inputs[1:] for row in place.map.rows)
    offset = tuple(o for place in op.inputs[1:] for o in place.map.offset)
    nothing = AffineMap((), ())
    inputs = (
        op.inputs[0],
        Place(multiplier.name, AffineMap(rows, offset)),
        Place(multiplier.half, nothing),
        Place(multiplier.shift, nothing),
    )
    raised = Apply(Fn.ADD, (Apply(Fn.MUL, (Value(0), Value(1))), Value(2)))
    largest = multiplier.result.largest
    low = Apply(Fn.MAX, (Apply(Fn.SHIFT, (raised, Value(3))), Number(-largest)))
    body = Apply(Fn.CAST, (Apply(Fn.MIN, (low, Number(largest))),))
    output = replace(op.output, buffer=after.output.buffer)
    return replace(op, name=f"{op.name}.requantise", output=output, inputs=inputs, body=body)


def _constants(multiplier: Multiplier, network: Network) -> list[Buffer]:
    shape = tuple(n for scale in multiplier.scales for n in network.buffer(scale.name).shape)
    return [
        Buffer(multiplier.name, shape, INT64, Role.CONSTANT),
        Buffer(multiplier.shift, (), INT64, Role.CONSTANT),
        Buffer(multiplier.half, (), INT64, Role.CONSTANT),
    ]
