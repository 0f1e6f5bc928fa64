"""Check that functions fit a screen and files hold one idea: python scripts/check_sizes.py [PATH...]

Functions of lego, frontends and sim have at most 60 lines, decorators aside, and 93 % of them at
most 20; files of these and of tests have at most 400. Prints what doesn't hold, with its place, and
ends with status 1 then. PATH narrows it to folders or files.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_LINES, SHORT_LINES, SHORT_SHARE, MAX_FILE_LINES = 60, 20, 0.93, 400
FOLDERS = ("lego", "frontends", "sim")
ONLY_FILES = ("tests",)
"""Folders in which functions may be of any length."""


@dataclass(frozen=True, order=True)
class Function:
    """A function with its place; `lines` without decorators, functions inside included."""

    lines: int
    path: Path
    line: int
    name: str


def functions_of(path: Path) -> Iterator[Function]:
    """All functions of a file, those inside of others too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(lines, path, node.lineno, node.name)


def python_files(places: Sequence[str]) -> list[Path]:
    """The Python files of folders, and files themselves."""
    found: set[Path] = set()
    for place in map(Path, places):
        found |= set(place.rglob("*.py")) if place.is_dir() else {place}
    return sorted(found)


def too_long_files(paths: Sequence[Path]) -> Iterator[str]:
    """A message for every file above the limit."""
    for path in paths:
        count = len(path.read_text().splitlines())
        if count > MAX_FILE_LINES:
            yield f"{path}:1: {count} lines, more than {MAX_FILE_LINES}"


def too_long_functions(functions: Sequence[Function]) -> Iterator[str]:
    """A message for every function above the limit, and if too few are short, for those that aren't."""
    for each in functions:
        if each.lines > MAX_LINES:
            yield f"{each.path}:{each.line}: {each.name} has {each.lines} lines, more than {MAX_LINES}"
    longer = sorted(each for each in functions if each.lines > SHORT_LINES)
    if len(longer) > (1 - SHORT_SHARE) * len(functions):
        for each in longer:
            yield f"{each.path}:{each.line}: {each.name} has {each.lines} lines"
        share = 1 - len(longer) / len(functions)
        wanted = f"{SHORT_SHARE:.0%} are to have"
        yield f"{share:.1%} of {len(functions)} functions have at most {SHORT_LINES} lines, {wanted}"


def main(places: Sequence[str]) -> int:
    """Check folders or files, all of ours by default; the status to end with."""
    files = python_files(places or (*FOLDERS, *ONLY_FILES))
    functions = [f for path in files if path.parts[0] not in ONLY_FILES for f in functions_of(path)]
    wrong = [*too_long_files(files), *too_long_functions(functions)]
    for message in wrong:
        print(message)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
