"""The command `lego ppa`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lego.cli.common import folder_of, print_json, progress, table, warn
from lego.cli.onto import is_onto
from lego.diag import LegoError

if TYPE_CHECKING:
    from lego.artefact.manifest import Manifest

__all__ = ["price_folder"]


def price_folder(
    folder: Path,
    liberty: Path | None,
    flat: bool,
    clock: str | None,
    require_clock: bool,
    as_json: bool,
) -> None:
    """Record activity if there is none of this version yet, synthesise, print the table, and tell
    if the clock is missed.

    Raises E504 and E505 for the folder, E801 for the library, E806 or E904 for a clock that can't be, E904
    for programs that were put onto a chip; with `require_clock` E807 if a design misses the clock that it
    was compiled for, E808 if there is none.
    """
    from lego.ppa import check_clock, price, report_table
    from lego.ppa.library import read_library

    manifest = folder_of(folder).manifest
    _refuse_programs(folder)
    clock_ns = None if clock is None else _nanoseconds(clock)
    check_clock(clock_ns)  # what is wrong is told before the long work
    if require_clock:
        _refuse_clockless(folder, manifest)
    read_library(liberty)
    _record_activity(folder)
    with progress("synthesise and time"):
        report = price(folder, liberty=liberty, flat=flat, clock_ns=clock_ns)
    if as_json:
        print_json(report)
    else:
        table(("quantity", "value"), report_table(report))
    _tell_missed(report, require_clock)


def _refuse_programs(folder: Path) -> None:
    """Raises E904 for a folder of programs, whose workload isn't the chip's."""
    if is_onto(folder):
        hint = "run `lego ppa` on the folder of the chip, that of `lego compile --onto`"
        raise LegoError("E904", f"{folder} holds programs for a chip, not a chip", hint=hint)


def _refuse_clockless(folder: Path, manifest: Manifest) -> None:
    """Raises E808 for a folder that was compiled for no clock."""
    if manifest.clock_ps is None:
        hint = "compile with --clock, such as lego compile FILE --clock 1GHz"
        raise LegoError("E808", f"{folder} was compiled without a clock", hint=hint)


def _record_activity(folder: Path) -> None:
    """Simulate with a record of switching, unless there is one of this version; nothing records that of
    devices with engines."""
    from lego.artefact.manifest import read_devices
    from lego.ppa.activity import outdated

    if any(device.engines for device in read_devices(folder)):
        return

    recorded = folder / "activity.json"
    if not recorded.is_file() or outdated(recorded.read_text(errors="replace")):
        from sim.simulate import demand_match, simulate

        with progress("record switching activity"):
            demand_match(simulate(folder, activity=True))


def _nanoseconds(clock: str) -> float:
    """A period as `lego compile --clock` takes it, or a number of nanoseconds. Raises E904."""
    from lego.artefact.handoff import clock_ps

    try:
        return float(clock)
    except ValueError:
        return clock_ps(clock) / 1000


def _tell_missed(report: Mapping[str, Any], require_clock: bool) -> None:
    late = [
        f"{d['top']} by {(d['min_period_ps'] - report['clock_ps']) / 1000:.3f} ns"
        for d in report["designs"]
        if d["met"] is False
    ]
    if late:
        text = f"the clock of {report['clock_ps'] / 1000:.3f} ns is missed: {', '.join(late)}"
        hint = "compile for a slower clock, or see docs/backend.md for what sets it"
        if require_clock:
            raise LegoError("E807", text, hint=hint)
        warn(text, hint)
