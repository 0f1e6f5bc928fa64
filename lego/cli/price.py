"""The command `lego ppa`."""

from __future__ import annotations

from pathlib import Path

from lego.cli.common import manifest_of, print_json, progress, table

__all__ = ["price_folder"]


def price_folder(
    folder: Path, liberty: Path | None, flat: bool, clock_ns: float | None, as_json: bool
) -> None:
    """Record activity if there is none yet, synthesise, and print the table."""
    from lego.ppa import check_clock, price, report_table
    from lego.ppa.library import read_library

    manifest_of(folder)
    check_clock(clock_ns)  # what is wrong is told before the long work
    read_library(liberty)
    if not (folder / "activity.json").is_file():
        from sim.simulate import demand_match, simulate

        with progress("record switching activity"):
            demand_match(simulate(folder, activity=True))
    with progress("synthesise and time"):
        report = price(folder, liberty=liberty, flat=flat, clock_ns=clock_ns)
    if as_json:
        print_json(report)
    else:
        table(("quantity", "value"), report_table(report))
