"""A device's folder simulated: program, data and what must come out, from the workload that lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frontends.yaml import load_workload
from lego.device.chip import Chip
from lego.device.compile import Made, compiled
from lego.device.parameters import drawn, fitting
from lego.diag import LegoError
from lego.ir.network import Buffer
from lego.ir.workload import Workload
from lego.perf.play import play
from lego.perf.result import Played
from lego.runtime.functional import FunctionalDevice
from lego.tell import Tell, silent
from sim.device.rtl import RtlDevice, placed
from sim.reference import execute

__all__ = ["Simulated", "expected", "functional", "inputs_for", "simulated"]

Values = Mapping[str, NDArray[np.integer]]


@dataclass(frozen=True)
class Simulated:
    """Outputs by name with bytes compared, and those that differ; the cycles of the RTL, and the model's."""

    outputs: tuple[tuple[str, int, int], ...]
    cycles: int
    played: Played

    def to_json(self) -> dict[str, object]:
        """JSON value, as `lego sim` prints it."""
        rows = [{"name": n, "compared": count, "differ": bad} for n, count, bad in self.outputs]
        cycles = {
            "cycles": self.cycles,
            "predicted": self.played.cycles,
            "least": self.played.limit.cycles,
        }
        return {"schema": "lego/device-sim/1", **cycles, "outputs": rows}


def inputs_for(made: Made, workload: Workload, seed: int) -> dict[str, NDArray[np.int64]]:
    """Random inputs of a program."""
    return {name: drawn(workload.network.buffer(name), seed) for name in made.program.inputs}


def expected(workload: Workload, values: Values) -> dict[str, NDArray[np.int64]]:
    """What every operation of a workload leaves, executed one by one."""
    buffers = {buffer.name: buffer for buffer in workload.network.buffers}
    found = {name: np.asarray(v, dtype=np.int64) for name, v in values.items()}
    for op in workload.operations:
        bounds = {loop.name: loop.extent for loop in op.loops}
        shape = buffers[op.output.buffer].shape
        found[op.output.buffer] = execute(op, buffers, found, bounds, shape).values
    return found


def _made(folder: Path, chip: Chip, tell: Tell) -> tuple[Workload, Made]:
    """The workload of a folder, and its program as it was compiled."""
    workload = load_workload(folder / "workload.yaml")
    return workload, compiled(chip, workload, tell=tell)


def functional(
    folder: Path,
    chip: Chip,
    given: Mapping[str, object] | None,
    *,
    seed: int = 0,
    tell: Tell = silent,
) -> dict[str, NDArray[np.int8]]:
    """Outputs of the functional model. Raises E311 for inputs that are missing or misshapen."""
    workload, made = _made(folder, chip, tell)
    values = inputs_for(made, workload, seed)
    if given is not None:
        _check_names(given, made)
        values = {n: _given(workload.network.buffer(n), given[n]) for n in made.program.inputs}
    tell("functional model", 0, 0)
    return FunctionalDevice(chip).run(made.program, values)


def _check_names(given: Mapping[str, object], made: Made) -> None:
    """Raises E311 unless there is a value for every input, and for nothing else."""
    for name in made.program.inputs:
        if name not in given:
            raise LegoError("E311", f"input {name!r} is missing", hint=_inputs_are(made))
    for name in given:
        if name not in made.program.inputs:
            raise LegoError("E311", f"{name!r} is no input", hint=_inputs_are(made))


def _inputs_are(made: Made) -> str:
    return f"inputs are {', '.join(made.program.inputs)}"


def _given(buffer: Buffer, value: object) -> NDArray[np.int64]:
    """An input as it is given. Raises E311 for another shape, and for what its format doesn't hold."""
    array = np.asarray(value)
    if array.shape != buffer.shape or not np.issubdtype(array.dtype, np.integer):
        message = f"input {buffer.name!r} must be integers of shape {list(buffer.shape)}"
        raise LegoError("E311", message, hint=f"{list(array.shape)} of {array.dtype} is given")
    return fitting(buffer, array)


def simulated(folder: Path, chip: Chip, *, seed: int = 0, tell: Tell = silent) -> Simulated:
    """Run a folder's program in RTL and in the functional model, and compare with the reference.

    Raises E701 if the functional model differs, E703 if the device stops with an error.
    """
    workload, made = _made(folder, chip, tell)
    inputs = inputs_for(made, workload, seed)
    tell("reference", 0, 0)
    wanted = expected(workload, {**made.constants, **inputs})
    tell("functional model", 0, 0)
    model = FunctionalDevice(chip).run(made.program, inputs)
    for name, values in model.items():
        if (values != wanted[name]).any():
            raise LegoError("E701", f"the functional model differs from the reference in {name}")
    tell("RTL", 0, 0)
    run = _rtl(folder, chip).run(made.program, inputs, seed=seed)
    rows = [
        (name, values.size, int((values != wanted[name]).sum()))
        for name, values in run.outputs.items()
    ]
    played = play(chip, made.program, bases=placed(made.program, inputs).bases)
    return Simulated(tuple(rows), run.cycles, played)


def _rtl(folder: Path, chip: Chip) -> RtlDevice:
    """The device of a folder in Verilog."""
    names = (*chip.device.sources, *chip.device.models)
    return RtlDevice(chip.device.top, "".join((folder / name).read_text() for name in names))
