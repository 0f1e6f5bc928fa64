"""Reading an artefact folder's designs, and programs for other bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lego.artefact.manifest import read_devices
from lego.diag import LegoError
from lego.ir.checks.check import check_fits, checking
from lego.ir.device import Device, DeviceDataflow
from lego.ir.fused import FusedAdg
from lego.ir.parts import in_part
from lego.ir.program import Program
from lego.ir.queued import QueuedRuns
from lego.program import configure

__all__ = ["find_dataflows", "load_design", "names_of", "program", "queued"]


def load_design(folder: Path, top: str) -> FusedAdg:
    """Read a design's architecture back from its artefact folder. Raises E504."""
    try:
        return FusedAdg.from_json((folder / f"{top}.adg.json").read_bytes())
    except (OSError, ValueError) as error:
        raise LegoError(
            "E504", f"{folder} holds no usable {top}.adg.json", hint="compile again"
        ) from error


def find_dataflows(
    devices: Sequence[Device], wanted: str | None
) -> list[tuple[Device, DeviceDataflow]]:
    """The dataflows of these devices that `wanted` names: all if it is None.

    A device's top, an operation, a dataflow's name, or `operation.dataflow`. Raises E903 if there
    is none.
    """
    found = [
        (device, flow)
        for device in devices
        for flow in device.dataflows
        if wanted in (None, device.top, flow.operation, flow.name, flow.full_name)
    ]
    if not found:
        known = ", ".join(names_of(devices))
        raise LegoError("E903", f"no design {wanted!r} here", hint=f"designs are {known}")
    return found


def names_of(devices: Sequence[Device]) -> list[str]:
    """What a user may call the dataflows of devices: short where that is unambiguous."""
    flows = [flow for device in devices for flow in device.dataflows]
    operations = [flow.operation for flow in flows]
    return [
        flow.operation if operations.count(flow.operation) == 1 else flow.full_name
        for flow in flows
    ]


def program(
    folder: Path,
    design: str | None,
    bounds: Mapping[str, int],
    bases: Mapping[str, int] | None = None,
    part: int = 0,
    *,
    resume: bool = False,
) -> Program:
    """Register values and layouts for other loop bounds and bases, in a part or half of memories, perhaps
    going on from results.

    Raises E203 if there is no such part, or it is too small, E204 if the dataflow can't go on, E903 if
    `design` names no dataflow of the folder's, or several.
    """
    device, flow = _only_dataflow(read_devices(folder), design)
    fused, k, tail = load_design(folder, device.top), flow.id, flow.tail
    made = configure(fused, bounds, dataflow=k, bases=bases, resume=resume, tail=tail)
    made = in_part(device, made, part) if part else made
    if checking():
        check_fits(made, device)
    return made


def queued(folder: Path, runs: Sequence[tuple[str | None, Mapping[str, int]]]) -> QueuedRuns:
    """Runs of dataflows of one design, at these bounds, one behind the other out of its queue.

    Raises E205 if the design has no queue, E903 as :func:`program`, and for runs of several designs.
    """
    devices = read_devices(folder)
    tops = {device.top: device for device, _ in (_only_dataflow(devices, each) for each, _ in runs)}
    if len(tops) > 1:
        names = ", ".join(tops)
        raise LegoError("E903", f"runs of several designs: {names}", hint="each has its own queue")
    (device,) = tops.values()
    if device.queue is None:
        hint = "compile with `queue: 16` in `architecture`"
        raise LegoError("E205", f"{device.top} has no queue in which runs wait", hint=hint)
    return QueuedRuns.of(device, [program(folder, design, bounds) for design, bounds in runs])


def _only_dataflow(devices: Sequence[Device], design: str | None) -> tuple[Device, DeviceDataflow]:
    found = find_dataflows(devices, design)
    if len(found) != 1:
        known = ", ".join(names_of(devices))
        raise LegoError("E903", "which dataflow?", hint=f"give --design; one of {known}")
    return found[0]
