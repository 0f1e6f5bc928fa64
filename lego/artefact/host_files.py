"""What a host in C gets: of a device the map of its registers and a driver, of an array its closed forms."""

from __future__ import annotations

from collections.abc import Sequence

from lego.artefact.host_code import host_code
from lego.artefact.register_map import register_map
from lego.ir.control_map import Identity
from lego.ir.device import Device, Engines
from lego.runtime.driver import driver_files

__all__ = ["host_files"]


def host_files(devices: Sequence[Device]) -> dict[str, bytes]:
    """The files of a folder's hosts, by name; one of a device with engines has one design."""
    engines = devices[0].engines
    return _control_files(engines) if engines else host_code(devices)


def _control_files(engines: Engines) -> dict[str, bytes]:
    """SystemRDL, IP-XACT, C header and driver; without the pages of HTML, as folders hold no folders."""
    made = register_map(Identity(chip=engines.chip))
    return {name: data for name, data in made.items() if "/" not in name} | driver_files()
