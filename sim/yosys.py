"""Yosys in this process, for proofs and mutants."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyosys import libyosys as ys

__all__ = ["run_passes", "silence"]


def run_passes(*commands: str, design: ys.Design | None = None) -> ys.Design:
    """Run Yosys passes on a design, a fresh one if none is given, and return it.

    The commands hold generated names only.
    """
    from pyosys import libyosys as ys

    design = design or ys.Design()
    for command in commands:
        ys.run_pass(command, design)
    return design


@contextmanager
def silence() -> Iterator[None]:
    """Keep Yosys, which writes to file descriptor 1, off standard output."""
    sys.stdout.flush()
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)
