"""Commands that read workloads: compile, check, draw, program, schema, explain."""

from __future__ import annotations

import re
import sys
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lego.cli.codes import CODES
from lego.cli.common import manifest_of, parse_bounds, print_json, progress, table
from lego.diag import LegoError
from lego.ir.fused import Method

if TYPE_CHECKING:
    from lego.back.pipeline import Step

__all__ = [
    "PassOptions",
    "check_file",
    "compile_file",
    "draw_file",
    "explain_code_or_file",
    "print_program",
    "print_schema",
]


@dataclass(frozen=True, slots=True)
class PassOptions:
    """What the command line says about passes."""

    level: int
    passes: str | None
    max_fanout: int
    verify: bool
    dump_after: str | None
    clock: str | None
    stats: bool


def compile_file(
    file: Path, out: Path, dump: bool, fusion: Method, how: PassOptions, as_json: bool
) -> None:
    """Compile and publish."""
    from frontends.yaml import load_workload
    from lego.back.pipeline import Options, chosen
    from lego.flow import compile_workload
    from lego.handoff import clock_ps
    from lego.publish import publish
    from sim.testbench import testbench

    names = None
    if how.passes is not None:
        names = tuple(filter(None, (name.strip() for name in how.passes.split(","))))
    clock = None if how.clock is None else clock_ps(how.clock)
    options = Options(how.level, names, how.max_fanout, how.verify, clock)
    chosen(options)
    workload = load_workload(file)
    target = out / workload.name
    steps: list[tuple[str, Step]] = []
    with progress(f"compile {workload.name}"):
        files = compile_workload(
            workload,
            source=file.read_bytes(),
            dump=dump,
            fusion=fusion,
            options=options,
            dump_after=how.dump_after,
            watch=lambda design, step: steps.append((design, step)),
            testbench=testbench,
        )
    publish(target, files)
    manifest = manifest_of(target)
    if as_json:
        print_json(manifest)
        return
    table(
        ("operation", "dataflow", "FUs", "banks", "cycles", "utilisation"),
        [_row(entry, flow) for entry in manifest["designs"] for flow in entry["dataflows"]],
    )
    if how.stats:
        table(_STEP, [_step_row(design, step) for design, step in steps])
    print(f"wrote {target}: {', '.join(sorted(files))}")


_STEP = ("design", "pass", "registers", "register bits", "primitives", "um2 of logic", "ms")


def _step_row(design: str, step: Step) -> tuple[object, ...]:
    sizes = (
        f"{new:,} ({new - old:+,})"
        for old, new in zip(astuple(step.before), astuple(step.after), strict=True)
    )
    return design, step.name, *sizes, round(step.seconds * 1000)


def _row(entry: dict[str, Any], flow: dict[str, Any]) -> tuple[object, ...]:
    run = flow["program"]
    busy = run["iterations"] / (entry["fus"] * run["cycles"])
    banks = " ".join(f"{m['name']}:{m['banks']}" for m in entry["memories"])
    name = f"{flow['operation']}.{flow['name']}"
    return name, flow["dataflow"], entry["fus"], banks, run["cycles"], f"{busy:.1%}"


def check_file(file: Path, fusion: Method) -> None:
    """Print the architecture."""
    from frontends.yaml import load_workload
    from lego.flow import describe

    print(describe(load_workload(file), fusion))


def draw_file(
    file: Path, out: Path, operation: str | None, form: str, every: bool, fusion: Method
) -> None:
    """Write the pictures; existing files of these names are replaced."""
    from frontends.yaml import load_workload
    from lego.flow import draw
    from lego.publish import write_file

    files = draw(load_workload(file), operation, form=form, every=every, method=fusion)
    for name, data in files.items():
        write_file(out / name, data)
        print(out / name)


def print_program(folder: Path, design: str | None, bounds: list[str], bases: list[str]) -> None:
    """Print the program for other bounds and bases."""
    from lego.flow import program

    manifest_of(folder)
    print_json(program(folder, design, parse_bounds(bounds), parse_bounds(bases)))


def print_schema() -> None:
    """Print the JSON schema."""
    from frontends.yaml import json_schema

    print_json(json_schema())


def explain_code_or_file(what: str, fusion: Method) -> None:
    """Print one entry of the catalogue, or why a workload's arrays look as they do."""
    if what.upper() in CODES:
        title, meaning, remedy = CODES[what.upper()]
        print(f"{what.upper()}: {title}\n  {meaning}\n  remedy: {remedy}", file=sys.stdout)
        return
    if re.fullmatch(r"[Ee]\d+", what):
        known = f"{min(CODES)} to {max(CODES)}"
        raise LegoError("E904", f"no error code {what[:20]!r}; codes are {known}")
    from frontends.yaml import load_workload
    from lego.flow import explain

    print(explain(load_workload(Path(what)), fusion))
