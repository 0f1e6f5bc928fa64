"""lego program."""

from __future__ import annotations

from pathlib import Path

from lego.artefact.folder import program, queued
from lego.cli.common import folder_of, parse_bounds, print_json
from lego.diag import LegoError

__all__ = ["print_program", "print_queued"]


def print_program(
    folder: Path,
    design: str | None,
    bounds: list[str],
    bases: list[str],
    part: int,
    *,
    resume: bool,
) -> None:
    """Print the program for other bounds and bases, and a part of memories."""
    folder_of(folder)
    limits, starts = parse_bounds(bounds), parse_bounds(bases)
    print_json(program(folder, design, limits, starts, part, resume=resume).to_json())


def print_queued(
    folder: Path, design: str | None, bounds: list[str], others: list[str], *, more: bool
) -> None:
    """Print the programs of a run and of those behind it, what the host writes for each, and their cycles.

    Raises E904 if `more` was asked for than bounds, or for an empty item.
    """
    folder_of(folder)
    if more:
        message = "--then goes with --bound and --design, and not with --base, --part or --resume"
        raise LegoError("E904", message, hint="print such programs one by one")
    runs = [(design, parse_bounds(bounds))]
    for text in others:
        before, mark, after = text.rpartition(":")
        chosen = before if mark else design
        runs.append((chosen, parse_bounds(after.split(",") if after else [])))
    print_json(queued(folder, runs).to_json())
