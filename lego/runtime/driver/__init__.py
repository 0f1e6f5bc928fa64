"""The driver in C, which a folder of a device gets beside the header of its registers."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DRIVER", "driver_files"]

DRIVER = "lego_driver.c"


def driver_files() -> dict[str, bytes]:
    """The driver's source and header, by name."""
    folder = Path(__file__).parent
    return {name: (folder / name).read_bytes() for name in (DRIVER, "lego_driver.h")}
