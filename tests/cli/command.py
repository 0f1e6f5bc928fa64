"""The command line as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

__all__ = ["NEEDS_MODELS", "ROOT", "lego"]

ROOT = Path(__file__).resolve().parents[2]
NEEDS_MODELS = pytest.mark.skipif(
    find_spec("torch") is None, reason="the extra `models` isn't installed"
)


def lego(*args: str, cache: Path, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`lego` in a process of its own, which keeps traces in `cache`; `python` are its options."""
    return subprocess.run(
        [sys.executable, *python, "-m", "lego.cli.main", *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        check=False,
    )
