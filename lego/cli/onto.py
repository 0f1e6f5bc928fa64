"""`lego compile FILE --onto CHIP`, and the simulation of what it makes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.common import folder_of, print_json, progress, refuse_options, table
from lego.diag import LegoError

if TYPE_CHECKING:
    import typer

    from lego.artefact.manifest import Folder
    from lego.ir.device import Device
    from lego.ir.workload import Workload

__all__ = ["compile_onto", "is_onto", "simulate_programs"]

COLUMNS = ("operation", "dataflow", "tile", "runs", "cycles", "utilisation")


def compile_onto(context: typer.Context, file: Path, chip: Path, out: Path, as_json: bool) -> None:
    """Put the operations of a workload onto the chip of an artefact folder; writes OUT/NAME with the chip and
    its programs.

    Raises E307 for operations that the chip doesn't run, E504 if the chip's folder isn't whole, E903 if it
    has several designs, E904 if OUT/NAME is the chip's folder, or for options of the chip's compilation.
    """
    from frontends.yaml import load_workload
    from lego.artefact.folder import load_design
    from lego.artefact.publish import publish
    from lego.onto import PROGRAMS, onto, programs_json, summary

    why = "with --onto no Verilog is made; this belongs to the compilation of the chip"
    hint = "leave it out, or compile the chip with it"
    refuse_options(context, ("file", "out", "onto", "json"), why, hint)
    workload, (device, folder) = load_workload(file), _chip_of(chip)
    target = out / workload.name
    if target.resolve() == chip.resolve():
        hint = "choose another folder with -o, or another name for the workload"
        raise LegoError("E904", f"{target} is the chip's folder, and isn't replaced", hint=hint)
    if device.engines is not None:
        _device_onto(workload, (file, chip, target), folder, as_json)
        return
    with progress(f"put {workload.name} onto {device.top}") as tell:
        made = onto(load_design(chip, device.top), workload, tell)
        programs = programs_json(made, device)
    publish(target, _files(workload, file, chip, folder, {PROGRAMS: programs.encode()}))
    if as_json:
        print_json(json.loads(programs))
        return
    table(COLUMNS, list(summary(made, device)))
    print(f"wrote {target}: the chip {device.top}, and {PROGRAMS}")


def _chip_of(chip: Path) -> tuple[Device, Folder]:
    """The design of a folder with one, and what its manifest says. Raises E504, E903."""
    folder = folder_of(chip)
    if len(folder.devices) > 1:
        hint = "compile a chip with `fused: yes`"
        raise LegoError("E903", f"{chip} holds several designs; a chip is one", hint=hint)
    return folder.devices[0], folder


def _device_onto(
    workload: Workload, paths: tuple[Path, Path, Path], folder: Folder, as_json: bool
) -> None:
    """Compile a workload to a program of a device that exists; paths are its file, the chip's folder and the
    one to write."""
    from lego.artefact.publish import publish
    from lego.cli.device import chip_of, print_stages
    from lego.device.compile import compiled
    from lego.device.files import program_files

    file, chip, target = paths
    device = chip_of(chip)
    with progress(f"put {workload.name} onto {device.device.top}") as tell:
        made = compiled(device, workload, tell=tell)
    files = program_files(made.program, made.source)
    publish(target, _files(workload, file, chip, folder, files))
    print_stages(made, as_json)
    if not as_json:
        print(f"wrote {target}: the device {device.device.top}, and {', '.join(files)}")


def _files(
    workload: Workload, file: Path, chip: Path, folder: Folder, programs: dict[str, bytes]
) -> dict[str, bytes]:
    """The chip's files, its workload as chip.yaml, what was put onto it, and a manifest of all."""
    from frontends.yaml import beside

    origin = "chip.yaml" if (chip / "chip.yaml").is_file() else "workload.yaml"
    own = ("report.md", "workload.yaml", *programs)
    kept = [name for name in folder.manifest.files if name not in own]
    files = {name: (chip / name).read_bytes() for name in kept}
    files |= {"chip.yaml": (chip / origin).read_bytes(), **beside(file)}
    files |= {"workload.yaml": file.read_bytes(), **programs}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    manifest = replace(folder.manifest, name=workload.name, files=digests)
    return files | {"manifest.json": manifest.to_json().encode()}


def is_onto(folder: Path) -> bool:
    """Whether a folder holds programs of operations that were put onto a chip."""
    from lego.onto import PROGRAMS

    return (folder / PROGRAMS).is_file()


def simulate_programs(context: typer.Context, folder: Path, seed: int, as_json: bool) -> None:
    """Run all programs in RTL, and fail on any difference. Raises E904 for options of a chip's simulation."""
    from frontends.yaml import load_workload
    from lego.artefact.manifest import read_devices
    from lego.onto import summary
    from sim.onto import simulate_onto

    why = f"{folder} holds programs for a chip, which are simulated as they are"
    hint = "leave it out, or simulate the folder of the chip itself with it"
    refuse_options(context, ("folder", "seed", "json"), why, hint)
    folder_of(folder)
    workload = load_workload(folder / "workload.yaml")
    with progress(f"simulate {folder.name}"):
        made, outcome = simulate_onto(folder, workload, seed=seed)
    (verdict,), (device,) = outcome.verdicts, read_devices(folder)
    if as_json:
        found = {"elements_compared": verdict.compared, "failures": list(verdict.failures)}
        print_json({"schema": "lego/sim/1", "seed": seed, **found})
    else:
        table(COLUMNS, list(summary(made, device)))
        result = "DIFFERS" if verdict.failures else "ok"
        print(f"{verdict.compared} elements compared, cycles as predicted: {result}")
        print(f"model built in {outcome.build_s:.1f} s, run in {outcome.run_s:.1f} s")
    if verdict.failures:
        raise LegoError("E701", "the RTL differs from the reference:\n  " + verdict.failures[0])
