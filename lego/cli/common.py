"""What all commands share: the error frame, consoles, progress, and tables."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.stages import lines
from lego.diag import LegoError, Loc
from lego.tell import Tell

if TYPE_CHECKING:
    import typer

    from lego.artefact.manifest import Folder

__all__ = [
    "folder_of",
    "guarded",
    "note",
    "parse_bounds",
    "path_given",
    "print_json",
    "progress",
    "refuse_options",
    "table",
    "warn",
]

USER_ERROR, INTERNAL_ERROR, TERMINATED = 2, 70, 143


def guarded(action: Callable[[], None]) -> None:
    """Run a command: user errors end with status 2, anything else with 70; no traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that children are ended
    try:
        action()
    except LegoError as error:
        print(error, file=sys.stderr)
        raise SystemExit(USER_ERROR) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except Exception as error:
        if os.environ.get("LEGO_DEBUG"):
            raise
        text = " ".join(str(error).split())[:300]
        print(
            f"internal error: {type(error).__name__}: {text}\n"
            "  hint: please report this with the workload file; LEGO_DEBUG=1 shows the traceback",
            file=sys.stderr,
        )
        raise SystemExit(INTERNAL_ERROR) from None


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """Say on stderr what is being done, with the time at the end.

    What is yielded is told the stages: on a terminal they move a bar, elsewhere each that takes
    over two seconds is a line.
    """
    begun = time.monotonic()
    with _bar(what) if sys.stderr.isatty() else lines(what) as tell:
        yield tell
    spent = time.monotonic() - begun
    if spent > 1:
        print(f"{what}: {spent:.1f} s", file=sys.stderr)


@contextmanager
def _bar(what: str) -> Iterator[Tell]:
    """A bar that runs to and fro while the number of steps isn't known."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)

        def tell(stage: str, done: int, steps: int) -> None:
            shown.update(task, description=f"{what}: {stage}", completed=done, total=steps or None)

        yield tell


def note(text: str) -> None:
    """Say on stderr what a user may want to know."""
    print(f"note: {text}", file=sys.stderr)


def warn(text: str, hint: str, loc: Loc | None = None) -> None:
    """Say on stderr what is probably not what the user wants, and what to do about it; the command
    goes on."""
    where = f"{loc}: " if loc else ""
    print(f"{where}warning: {text}\n  hint: {hint}", file=sys.stderr)


def print_json(value: object) -> None:
    """Print a JSON value on stdout."""
    print(json.dumps(value, indent=1))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on stdout."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(*columns)
    for row in rows:
        grid.add_row(*(str(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120).print(grid)


def folder_of(path: Path) -> Folder:
    """An artefact folder, with a note about edited Verilog. Raises E504, E505."""
    from lego.artefact.manifest import edited_verilog, read_folder

    folder = read_folder(path)
    for name in edited_verilog(folder):
        note(f"{name} was edited since it was compiled")
    return folder


def refuse_options(context: typer.Context, but: Collection[str], why: str, hint: str) -> None:
    """Raises E904 for the options on the command line `but` these parameters and switches turned off; names
    the options before `why`."""
    found = [
        option.opts[-1]
        for option in context.command.params
        if option.name is not None
        and option.name not in but
        and context.params.get(option.name) is not False
        and getattr(context.get_parameter_source(option.name), "name", "") == "COMMANDLINE"
    ]
    if found:
        raise LegoError("E904", f"{', '.join(found)}: {why}", hint=hint)


def path_given(text: str) -> Path:
    """What -o names. Raises E904 for an empty name, which would mean the current folder."""
    if not text.strip():
        raise LegoError("E904", "-o names nothing", hint="for the current folder, write -o .")
    return Path(text)


def parse_bounds(items: Sequence[str]) -> Mapping[str, int]:
    """`m=50` and the like. Raises E904."""
    bounds = {}
    for item in items:
        name, _, value = item.partition("=")
        if not (name and value.isascii() and value.isdecimal() and len(value) <= 10):
            raise LegoError(
                "E904", f"{item[:40]!r} is not NAME=NUMBER", hint="write, for example, m=50"
            )
        if name in bounds:
            raise LegoError("E904", f"{name} is given twice", hint="give it once")
        bounds[name] = int(value)
    return bounds
