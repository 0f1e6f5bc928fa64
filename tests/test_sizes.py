"""Functions and files keep their sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "check_sizes.py"


def checked(*places: str, folder: Path = ROOT) -> tuple[int, list[str]]:
    command = [sys.executable, str(SCRIPT), *places]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_functions_and_files_are_short() -> None:
    assert checked() == (0, [])


def test_what_is_too_long_is_named(tmp_path: Path) -> None:
    long = ["def long():", *["    pass"] * 60]
    middle = ["@property", "def middle():", *["    pass"] * 20]
    short = [f"def short{k}(): pass" for k in range(26)]
    (tmp_path / "a.py").write_text("\n".join([*long, *short]))
    (tmp_path / "b.py").write_text("\n".join([*middle, *short[:12], *["pass"] * 366, ""]))
    assert checked("a.py", folder=tmp_path) == (1, ["a.py:1: long has 61 lines, more than 60"])
    status, said = checked("b.py", folder=tmp_path)
    assert (status, said) == (
        1,
        [
            "b.py:2: middle has 21 lines",
            "92.3% of 13 functions have at most 20 lines, 93% are to have",
        ],
    )
    (tmp_path / "b.py").write_text("pass\n" * 401)
    assert checked("b.py", folder=tmp_path) == (1, ["b.py:1: 401 lines, more than 400"])
