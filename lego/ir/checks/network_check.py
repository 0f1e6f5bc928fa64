"""What every network satisfies, whoever read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from lego.ir.checks.body_check import body_faults, constant_faults
from lego.ir.formats import Exact
from lego.ir.network import Buffer, Network, Role, reads_of, writes_of
from lego.ir.operation import Operation, Output, Place, Step

__all__ = ["network_faults"]


def network_faults(network: Network) -> Iterator[str]:
    """Broken rules: names are unique and known, what is read was written, accesses have the ranks of
    their buffers, and bodies are of what the operation has."""
    yield from _twice("buffer", [buffer.name for buffer in network.buffers])
    yield from _twice("step", [step.name for step in network.steps])
    for buffer in network.buffers:
        if isinstance(buffer.format, Exact):
            yield f"buffer {buffer.name} holds integers without bound"
        if any(size < 0 for size in buffer.shape):
            yield f"buffer {buffer.name} has a negative size"
    buffers = {buffer.name: buffer for buffer in network.buffers}
    given = {name for name, buffer in buffers.items() if buffer.role is not Role.RESULT}
    for name in network.inputs:
        if name not in buffers or buffers[name].role is not Role.INPUT:
            yield f"the input {name} is no buffer that is given"
    yield from _order_faults(network, buffers, given)
    for op in network.operations:
        if {*reads_of(op), *writes_of(op)} <= buffers.keys():
            for fault in _operation_faults(op, buffers):
                yield f"operation {op.name}: {fault}"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"two {what}s are called {name}"


def _order_faults(
    network: Network, buffers: Mapping[str, Buffer], given: set[str]
) -> Iterator[str]:
    """Steps in their order, then the outputs."""
    known = set(given)
    for step in network.steps:
        for name in (*reads_of(step), *writes_of(step)):
            if name not in buffers:
                yield f"step {step.name} names {name}, which is no buffer"
        for name in reads_of(step):
            if name in buffers and name not in known:
                yield f"step {step.name} reads {name} before it is written"
        yield from _write_faults(step, given)
        known.update(writes_of(step))
    for name in network.outputs:
        if name not in known:
            yield f"the output {name} is never written"


def _write_faults(step: Step, given: set[str]) -> Iterator[str]:
    writes = writes_of(step)
    if not writes:
        yield f"step {step.name} writes nothing"
    if len(set(writes)) < len(writes):
        yield f"step {step.name} has two outputs in one buffer"
    for name in writes:
        if name in given:
            yield f"step {step.name} writes {name}, which is given"


def _operation_faults(op: Operation, buffers: Mapping[str, Buffer]) -> Iterator[str]:
    if any(loop.extent < 1 for loop in op.loops):
        yield "a loop never runs"
    if len({loop.name for loop in op.loops}) < len(op.loops):
        yield "two loops have one name"
    for each in op.domain:
        if len(each.coefficients) != len(op.loops):
            yield f"an inequality is over {len(each.coefficients)} loops, not {len(op.loops)}"
    for k, place in enumerate(op.inputs):
        for fault in _place_faults(op, place, buffers[place.buffer]):
            yield f"input {k}: {fault}"
        for dim, source in place.indirect:
            if not 0 <= source < k or not 0 <= dim < len(buffers[place.buffer].shape):
                yield f"input {k}: dimension {dim} is looked up by input {source}"
    for output in op.outputs:
        for fault in _output_faults(op, output, buffers[output.buffer]):
            yield f"output {output.buffer}: {fault}"


def _place_faults(op: Operation, place: Place, buffer: Buffer) -> Iterator[str]:
    if place.map.n_out != len(buffer.shape):
        yield f"{place.map.n_out} indices of a buffer with {len(buffer.shape)} dimensions"
    if any(len(row) != len(op.loops) for row in place.map.rows):
        yield f"an index isn't over the {len(op.loops)} loops"
    if place.pad is not None and place.pad.format != buffer.format:
        yield f"the pad value is of {place.pad.format}, the buffer of {buffer.format}"
    elif place.pad is not None:
        yield from constant_faults(place.pad)


def _output_faults(op: Operation, output: Output, buffer: Buffer) -> Iterator[str]:
    yield from _place_faults(op, output.place, buffer)
    if output.place.pad is not None or output.place.indirect:
        yield "what is written has a pad value, or is looked up"
    yield from body_faults(output.body, len(op.inputs), len(op.loops))
