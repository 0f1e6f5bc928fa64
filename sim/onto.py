"""Simulates the programs of operations that were put onto a chip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lego.artefact.folder import load_design
from lego.artefact.manifest import read_devices
from lego.bind.tiles import Run, Tiling
from lego.bind.touched import reached
from lego.ir.array import Access
from lego.ir.device import Device
from lego.ir.network import Buffer
from lego.ir.operation import Operation
from lego.ir.workload import Workload
from lego.onto import Onto, onto
from sim.reference import Array, execute, format_of, random_tensor
from sim.session import Case, Outcome, demand_seed, run_cases
from sim.streams import Stream

__all__ = ["simulate_onto", "stream_of"]


def stream_of(made: Onto, device: Device, workload: Workload, rng: np.random.Generator) -> Stream:
    """Every run of every operation, with random operands; results are read back where they are whole.

    An operation that reads what one before it wrote takes that.
    """
    buffers = {buffer.name: buffer for buffer in workload.network.buffers}
    known: dict[str, Array] = {}
    stream = Stream(device)
    stream.reset()
    stream.scramble(rng)
    for tiling, op in zip(made.tilings, workload.operations, strict=True):
        operands = {
            name: known.get(name, random_tensor(format_of(buffers[name]), buffers[name].shape, rng))
            for name in {place.buffer for place in op.inputs}
        }
        wanted = _result(op, buffers, operands)
        known[op.output.buffer] = wanted
        for run in tiling.runs:
            _add(stream, made, device, (tiling, run), operands, buffers, wanted)
    return stream


def _result(op: Operation, buffers: Mapping[str, Buffer], operands: Mapping[str, Array]) -> Array:
    bounds = {loop.name: loop.extent for loop in op.loops}
    return execute(op, buffers, operands, bounds, buffers[op.output.buffer].shape).values


def _add(
    stream: Stream,
    made: Onto,
    device: Device,
    part: tuple[Tiling, Run],
    operands: Mapping[str, Array],
    buffers: Mapping[str, Buffer],
    wanted: Array,
) -> None:
    """One run: its operands, the start, and the result if it is whole."""
    tiling, run = part
    program, bound, op = made.program(run, device), run.bound, tiling.op
    stream.program(program)
    *inputs, output = program.layouts.values()
    for number, (layout, k) in enumerate(zip(inputs, bound.assignment.order, strict=True)):
        access = op.inputs[k]
        index, element = reached(bound, access, number)
        values, where = np.zeros(layout.shape, dtype=np.int64), np.zeros(layout.shape, dtype=bool)
        at = tuple(index.T)
        values[at] = _read(
            operands[access.tensor], element + _shift(access, run), made.tensors[access.tensor].pad
        )
        where[at] = True
        stream.write(layout, values, where)
    stream.run(program.cycles)
    if run.whole:
        index, element = reached(bound, op.output, len(inputs))
        element += _shift(op.output, run)
        values, mask = np.zeros(output.shape, dtype=np.int64), np.zeros(output.shape, dtype=bool)
        names = np.zeros((*output.shape, element.shape[1]), dtype=np.int64)
        at = tuple(index.T)
        values[at], names[at], mask[at] = wanted[tuple(element.T)], element, True
        stream.read(output, values, mask, named=(f"{op.name}: {op.output.tensor}", names))


def _shift(access: Access, run: Run) -> Array:
    """Elements by which the run's tile is ahead of the first one."""
    return np.array(access.map.rows, dtype=np.int64) @ np.array(run.offset, dtype=np.int64)


def _read(array: Array, elements: Array, pad: int | None) -> Array:
    """The values of these elements, a row each; `pad` outside."""
    shape = np.array(array.shape)
    within: NDArray[np.bool_] = (elements >= 0) & (elements < shape)
    inside = within.all(axis=1)
    found = np.full(len(elements), pad or 0, dtype=np.int64)
    found[inside] = array[tuple(elements[inside].T)]
    return found


def simulate_onto(folder: Path, workload: Workload, *, seed: int = 0) -> tuple[Onto, Outcome]:
    """Run all programs of a folder in RTL, and compare every element of the results with the reference.
    Raises E904 for a bad seed."""
    demand_seed(seed)
    (device,) = read_devices(folder)
    made = onto(load_design(folder, device.top), workload)
    stream = stream_of(made, device, workload, np.random.default_rng(seed))
    verilog, models = (
        "".join((folder / name).read_text() for name in names)
        for names in (device.sources, device.models)
    )
    return made, run_cases([Case(verilog, stream, models)], seed=seed)
