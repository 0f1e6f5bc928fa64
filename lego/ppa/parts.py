"""Area of a device by its parts: the array, its memories, each engine, commands, the bus."""

from __future__ import annotations

from collections.abc import Iterator

from lego.ir.device import Device
from lego.ppa.library import Library
from lego.ppa.sram import price_of
from lego.ppa.synthesis import Netlist

__all__ = ["parts_of"]

CORE = {"fu": "array", "interconnect": "array", "memory": "memories", "control": "array control"}
"""Parts of the core by category."""

AROUND = {
    "": "vector engine",
    "load": "load engine",
    "store": "store engine",
    "sequencer": "commands",
    "semaphores": "commands",
    "gate": "commands",
    "axi_read": "bus masters",
    "axi_write": "bus masters",
    "control": "control registers",
}
"""Parts around the core, by how the names of their modules end behind that of the device."""

REST, LANE = "between them", "device_lane"


def parts_of(netlist: Netlist, device: Device, library: Library) -> dict[str, int]:
    """Area per part in 1e-3 um2, SRAMs included.

    The parts add up to the whole, but for `vector lane`: one lane of the vector engine. Empty for a flattened
    netlist, and for an array without engines.
    """
    areas = _areas(netlist, device, library)
    if device.engines is None or f"{device.top}_core" not in areas:
        return {}
    parts = dict.fromkeys((*CORE.values(), *AROUND.values(), REST), 0)
    parts[REST] = areas[device.top]
    for child, times in netlist.children[device.top].items():
        for module, count in _within(netlist, child):
            parts[_part(device, child, netlist.category(module))] += (
                areas.get(module, 0) * count * times
            )
    lane = f"{device.top}_{LANE}"
    within = _within(netlist, lane)
    return parts | {"vector lane": sum(areas.get(module, 0) * count for module, count in within)}


def _part(device: Device, child: str, category: str) -> str:
    """Where a module's area belongs that is in this part of the top."""
    if child == f"{device.top}_core":
        return CORE[category]
    return AROUND.get(child.removeprefix(f"{device.top}_device").removeprefix("_"), REST)


def _areas(netlist: Netlist, device: Device, library: Library) -> dict[str, int]:
    """Area of every module without those in it; of an SRAM that is macros, that of these."""
    areas = {
        module: sum(round(library.cells[c].area_um2 * 1000) * n for c, n in cells.items())
        for module, cells in netlist.cells.items()
    }
    for macro in device.srams:
        areas[macro.module] = areas.get(macro.module, 0) + price_of(macro, device).area_nm2_k
    return areas


def _within(netlist: Netlist, module: str, times: int = 1) -> Iterator[tuple[str, int]]:
    """A module and all that are in it, each with how often."""
    yield module, times
    for child, count in netlist.children.get(module, {}).items():
        yield from _within(netlist, child, times * count)
