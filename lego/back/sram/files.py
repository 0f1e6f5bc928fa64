"""The file of a folder's SRAMs: models, or wrappers of the macros that a map names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lego.back.rtl.verilog import sram_verilog
from lego.back.sram.model import sram_model
from lego.back.sram.wrapper import black_box, sram_wrapper
from lego.ir.checks.check import checked
from lego.ir.dag import Dag, Module
from lego.ir.device import Device, Macro
from lego.ir.sram import MODELS_FILE, SRAM_FILE, SramMap

__all__ = ["sram_files"]


def sram_files(devices: Sequence[Device], sram_map: SramMap | None) -> dict[str, bytes]:
    """A module per shape that some device has, by words and bits, and the models of macros."""
    shapes = {macro.module: macro for device in devices for macro in device.srams}
    cells = {cell.module: cell for device in devices for cell in device.sram_cells}
    boxes = [black_box(cells[name]) for name in sorted(cells)]

    def made() -> Iterator[Module]:
        for macro in sorted(shapes.values(), key=_size):
            if macro.bands:
                shape = macro.depth, macro.bits, macro.lanes
                yield sram_wrapper(macro.module, shape, macro.bands, cells)
            else:
                yield sram_model(macro.module, macro.depth, macro.bits, macro.lanes)

    text = sram_verilog(checked(Dag((*boxes, *made()))), cells)
    files = {SRAM_FILE: text.encode()}
    return files | ({MODELS_FILE: sram_map.models} if sram_map and sram_map.models else {})


def _size(macro: Macro) -> tuple[int, int, int]:
    return macro.depth, macro.bits, macro.lanes
