"""The catalogue of errors: every code is raised somewhere, and provoked by a test."""

from __future__ import annotations

import re
from pathlib import Path

from lego.cli.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = {ROOT / "lego" / "cli" / name for name in ("codes.py", "input_codes.py")}


def codes_in(pattern: str, *folders: str) -> set[str]:
    """Codes that the files of these folders name so, but for the catalogue."""
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    found: set[str] = set()
    for path in paths:
        if path.suffix in (".py", ".tsv") and path not in CATALOGUE:
            found |= set(re.findall(pattern, path.read_text()))
    return found


def test_every_code_is_raised_and_has_an_entry() -> None:
    assert codes_in(r'"(E[0-9]{3})"', "lego", "frontends", "sim") == set(CODES)


def test_every_code_is_provoked_by_a_test() -> None:
    assert set(CODES) - codes_in(r"\bE[0-9]{3}\b", "tests") == set()
