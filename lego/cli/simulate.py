"""The command `lego sim`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.common import folder_of, parse_bounds, print_json, progress, table

if TYPE_CHECKING:
    from sim.simulate import Simulation

__all__ = ["simulate_folder"]


def simulate_folder(
    folder: Path,
    design: str | None,
    seed: int,
    bounds: list[str],
    waves: bool,
    stimuli: bool,
    activity: bool,
    as_json: bool,
) -> None:
    """Simulate, report, and fail on any difference; record `activity` where all of the folder runs
    on the first operands."""
    from sim.simulate import demand_match, simulate

    folder_of(folder)
    with progress(f"simulate {folder.name}"):
        result = simulate(
            folder,
            design=design,
            seed=seed,
            bounds=parse_bounds(bounds),
            waves=waves,
            keep_stimuli=stimuli,
            activity=activity and not (bounds or design or waves or stimuli or seed),
        )
    if as_json:
        print_json(result.to_json())
    else:
        _print_result(result)
    demand_match(result)


def _print_result(result: Simulation) -> None:
    rows = [
        (v.top, v.compared, " ".join(map(str, v.cycles)), "ok" if not v.failures else "DIFFERS")
        for v in result.verdicts
    ]
    table(("design", "elements compared", "cycles (as predicted)", "result"), rows)
    for handed in result.handed:
        print(handed)
    print(f"model built in {result.build_s:.1f} s, run in {result.run_s:.1f} s")
