"""Devices on the command line: their programs in RTL and in the functional model, and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lego.cli.common import folder_of, print_json, progress, refuse_options, table
from lego.diag import LegoError

if TYPE_CHECKING:
    import typer

    from lego.device.chip import Chip
    from lego.device.compile import Made
    from sim.device.session import Simulated

__all__ = ["chip_of", "disassemble_folder", "is_device", "print_stages", "run_folder"]
__all__ += ["refuse_timeline", "simulate_device"]


def is_device(folder: Path) -> bool:
    """Whether a folder holds a program of a device."""
    from lego.device.files import COMMANDS

    return (folder / COMMANDS).is_file()


def chip_of(folder: Path) -> Chip:
    """The chip of an artefact folder. Raises E504 if it has none with engines."""
    from lego.artefact.folder import load_design
    from lego.artefact.manifest import read_devices
    from lego.device.chip import Chip

    device, *others = read_devices(folder)
    if device.engines is None or others:
        hint = "compile a workload whose architecture has `interface: axi`"
        raise LegoError("E504", f"{folder} holds no device with engines", hint=hint)
    return Chip(load_design(folder, device.top), device)


def simulate_device(
    context: typer.Context, folder: Path, seed: int, timeline: Path | None, as_json: bool
) -> None:
    """Run a program in RTL, the functional model and the reference; raises E701 if bytes differ."""
    from lego.artefact.publish import write_file
    from lego.perf.picture import timeline_of
    from sim.device.session import simulated

    why = f"{folder} holds a program of a device, which is simulated as it is"
    refuse_options(context, ("folder", "seed", "timeline", "json"), why, "leave it out")
    drawn = timeline_of(timeline) if timeline else None
    folder_of(folder)
    with progress(f"simulate {folder.name}") as tell:
        found = simulated(folder, chip_of(folder), seed=seed, tell=tell)
    if timeline and drawn:
        write_file(timeline, drawn(found.played, folder.name).encode())
    _print_simulated(found, as_json)
    wrong = [f"{bad} of {count} bytes of {name}" for name, count, bad in found.outputs if bad]
    if wrong:
        raise LegoError("E701", f"the RTL differs from the reference: {', '.join(wrong)}")


def refuse_timeline(timeline: Path | None, folder: Path) -> None:
    """Raises E904 if a picture of engines is asked for of a folder that has none."""
    if timeline is not None:
        why = f"--timeline: {folder} holds no program of a device"
        raise LegoError("E904", why, hint="leave it out")


def _print_simulated(found: Simulated, as_json: bool) -> None:
    if as_json:
        print_json(found.to_json())
        return
    rows = [(n, f"{count:,}", "DIFFERS" if bad else "ok") for n, count, bad in found.outputs]
    table(("output", "bytes compared", "result"), rows)
    print(f"{found.cycles:,} cycles from the doorbell to the last answer of a write")
    limit = found.played.limit
    work = f"array {limit.array:,}, reads {limit.reads:,}, writes {limit.writes:,}"
    print(
        f"predicted {found.played.cycles:,}; the largest of {work}, and {limit.latency} of latency"
    )


def run_folder(
    folder: Path, inputs: Path | None, out: Path | None, seed: int, as_json: bool
) -> None:
    """Run a program in the functional model, on inputs of an .npz file or drawn from a seed."""
    from io import BytesIO

    import numpy as np

    from lego.artefact.publish import write_file
    from sim.device.session import functional

    folder_of(folder)
    given = None if inputs is None else _read_inputs(inputs)
    with progress(f"run {folder.name}") as tell:
        outputs = functional(folder, chip_of(folder), given, seed=seed, tell=tell)
    if out is not None:
        arrays = BytesIO()
        np.savez(arrays, **dict[str, Any](outputs))
        write_file(out, arrays.getvalue())
    if as_json:
        print_json({"schema": "lego/run/1", "outputs": {n: v.tolist() for n, v in outputs.items()}})
        return
    rows = [
        (name, "x".join(map(str, v.shape)), int(v.min()), int(v.max()), f"{v.mean():.2f}")
        for name, v in outputs.items()
    ]
    table(("output", "shape", "least", "largest", "mean"), rows)
    if out is not None:
        print(f"wrote {out}")


def print_stages(made: Made, as_json: bool) -> None:
    """A row per stage: where its sums are made, and in how many runs."""
    rows = []
    for each in made.plan.stages:
        tiling = each.tiling
        flows = made.plan.chip.device.dataflows
        where = ", ".join(flows[k].full_name for k in tiling.dataflows) if tiling else "vector"
        runs, cycles = (len(tiling.runs), tiling.cycles) if tiling else (0, 0)
        rows.append((each.stage.name, where, runs, cycles))
    names = ("stage", "sums by", "runs", "cycles of the array")
    if as_json:
        stages = [dict(zip(("stage", "by", "runs", "cycles"), row, strict=True)) for row in rows]
        print_json({"schema": "lego/stages/1", "constants": made.source, "stages": stages})
        return
    table(names, rows)
    print(f"{len(made.program.commands)} commands; parameters: {made.source}")


def _read_inputs(path: Path) -> dict[str, object]:
    from zipfile import BadZipFile

    import numpy as np

    try:
        data = np.load(path, allow_pickle=False)
        if isinstance(data, np.ndarray):
            raise ValueError("it is one array")
        with data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, BadZipFile) as error:
        message = f"{path} holds no arrays: {str(error)[:100]}"
        raise LegoError(
            "E311", message, hint="write it by numpy.savez, an array per input"
        ) from None


def disassemble_folder(folder: Path) -> None:
    """Print the commands of a program."""
    from lego.device.files import disassembled, read_commands

    folder_of(folder)
    chip = chip_of(folder)
    print(disassembled(read_commands(folder, chip), chip), end="")
