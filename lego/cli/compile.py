"""Commands that read workloads: compile, check, draw, schema, explain."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.codes import CODES
from lego.cli.common import folder_of, print_json, progress, table, warn
from lego.cli.passes import PassOptions, options_of, print_steps, print_verified, verified
from lego.diag import LegoError
from lego.ir.fused import Method
from lego.ir.hardware import MemoryStyle

if TYPE_CHECKING:
    from lego.advice import Advice
    from lego.artefact.manifest import Folder
    from lego.back.pipeline import Step
    from lego.ir.device import Device, DeviceDataflow
    from lego.ir.workload import Workload

__all__ = [
    "check_file",
    "compile_file",
    "draw_file",
    "explain_code_or_file",
    "print_schema",
]


def compile_file(
    file: Path,
    out: Path,
    dump: bool,
    fusion: Method,
    how: PassOptions,
    sram_map: Path | None,
    as_json: bool,
    style: MemoryStyle | None = None,
) -> None:
    """Compile, publish, and print what was made.

    Raises E904 for options that can't be, E501 to E503 where the folder can't be written, and the
    workload's and the map's errors.
    """
    from frontends.yaml import beside, load_workload
    from frontends.yaml.sram_map import load_sram_map
    from lego.artefact.publish import publish
    from lego.compile import compile_workload
    from sim.testbench import testbench

    options = options_of(how)
    workload = _styled(load_workload(file), style)
    macros = None if sram_map is None else load_sram_map(sram_map)
    _caution(workload)
    target = out / workload.name
    steps: list[tuple[str, Step]] = []
    with progress(f"compile {workload.name}") as tell:
        files = compile_workload(
            workload,
            source=file.read_bytes(),
            beside=beside(file),
            dump=dump,
            fusion=fusion,
            options=options,
            dump_after=how.dump_after,
            watch=lambda design, step: steps.append((design, step)),
            testbench=testbench,
            advise=_warn_of,
            tell=tell,
            sram_map=macros,
        )
    publish(target, files)
    folder = folder_of(target)
    if as_json:
        print_json(_document(folder) | ({"verified": verified(steps)} if how.verify else {}))
    else:
        _print_made(folder, steps, how)
        print(f"wrote {target}: {', '.join(sorted(files))}")


def _print_made(folder: Folder, steps: Sequence[tuple[str, Step]], how: PassOptions) -> None:
    """A row per dataflow, and what was asked for about the passes."""
    table(
        ("operation", "dataflow", "FUs", "banks", "cycles", "utilisation"),
        [_row(device, flow) for device in folder.devices for flow in device.dataflows],
    )
    if how.stats:
        print_steps(steps)
    if how.verify:
        print_verified(steps)


def _warn_of(advice: Advice) -> None:
    warn(advice.text, advice.hint)


def _document(folder: Folder) -> dict[str, object]:
    """What manifest.json and device.json hold, as one value."""
    return asdict(folder.manifest) | {"devices": [asdict(device) for device in folder.devices]}


def _row(device: Device, flow: DeviceDataflow) -> tuple[object, ...]:
    run = flow.program
    busy = run.iterations / (device.fus * run.cycles)
    banks = " ".join(f"{memory.name}:{memory.banks_text}" for memory in device.memories)
    return flow.full_name, flow.about, device.fus, banks, run.cycles, f"{busy:.1%}"


def check_file(file: Path, fusion: Method, style: MemoryStyle | None = None) -> None:
    """Print the architecture; warn of what is probably not meant."""
    from frontends.yaml import load_workload
    from lego.advice import advice_of
    from lego.designs import designs_of

    workload = _styled(load_workload(file), style)
    _caution(workload)
    with progress(f"check {workload.name}") as tell:
        designs = designs_of(workload, fusion, tell)
    for advice in advice_of(designs, workload.architecture):
        _warn_of(advice)
    print("\n".join(map(str, designs)))


def _styled(workload: Workload, style: MemoryStyle | None) -> Workload:
    """The workload, its memories used in the way that the command line asks for."""
    if style is None:
        return workload
    chip = replace(workload.architecture, memory_style=MemoryStyle(style))
    return replace(workload, architecture=chip)


def _caution(workload: Workload) -> None:
    """Say what is legal and probably not meant."""
    from frontends.yaml.cautions import cautions_of

    for found in cautions_of(workload):
        warn(found.message, found.hint, found.loc)


def draw_file(
    file: Path, out: Path, operation: str | None, form: str, every: bool, fusion: Method
) -> None:
    """Write the pictures; existing files of these names are replaced."""
    from frontends.yaml import load_workload
    from lego.artefact.publish import write_file
    from lego.explain import draw

    files = draw(load_workload(file), operation, form=form, every=every, method=fusion)
    for name, data in files.items():
        write_file(out / name, data)
        print(out / name)


def print_schema() -> None:
    """Print the JSON schema."""
    from frontends.yaml import json_schema

    print_json(json_schema())


def explain_code_or_file(
    what: str, fusion: Method, style: MemoryStyle | None = None, *, registers: bool = False
) -> None:
    """Print one entry of the catalogue, or why a workload's arrays look as they do."""
    if what.upper() in CODES:
        title, meaning, remedy = CODES[what.upper()]
        print(f"{what.upper()}: {title}\n  {meaning}\n  remedy: {remedy}", file=sys.stdout)
        return
    if re.fullmatch(r"[Ee]\d+", what):
        known = f"{min(CODES)} to {max(CODES)}"
        raise LegoError("E904", f"no error code {what[:20]!r}; codes are {known}")
    from frontends.yaml import load_workload
    from lego.explain import explain

    workload = _styled(load_workload(Path(what)), style)
    print(explain(workload, fusion, registers=registers))
