"""What flip-flops and clock gates of a mapped netlist are for, in the names of the design's Verilog.

Yosys names mapped cells by numbers (`_174_`) and keeps the names of what they drive: a register is
called what its output is called, behind the path of the instance that holds it
(`control.sequencer.running`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lego.ppa.graph import Bit, RawModule

__all__ = ["ModuleNames"]

_NUMBERED = re.compile(r"_[0-9]+_|\$.*")


class ModuleNames:
    """Names in a module, from its entry in what Yosys's `write_json` writes."""

    def __init__(self, name: str, raw: RawModule) -> None:
        self.name = name
        self._cells = raw["cells"]
        self._nets = raw["netnames"]
        self._of_cell: dict[str, list[str]] = {}
        self._named: dict[Bit, str] | None = None

    def of_cell(self, cell: str) -> list[str]:
        """The instances of a cell, in the file's order."""
        if not self._of_cell:
            for instance, entry in self._cells.items():
                self._of_cell.setdefault(entry["type"], []).append(instance)
        return self._of_cell.get(cell, [])

    def signal(self, instance: str, pins: Iterable[tuple[str, int]]) -> str:
        """What is connected to the first of these pins (name, bit) that has a name, as
        ``name[bit]``; nothing if none has."""
        connected = self._cells[instance]["connections"]
        for pin, bit in pins:
            bits = connected.get(pin, ())
            if bit < len(bits) and (name := self._names().get(bits[bit])):
                return name
        return ""

    def _names(self) -> Mapping[Bit, str]:
        """Per bit its shortest name that isn't a number."""
        if self._named is None:
            found: dict[Bit, list[tuple[int, str]]] = {}
            for name, entry in self._nets.items():
                if not _NUMBERED.fullmatch(name):
                    bits, first = entry["bits"], entry.get("offset", 0)
                    for k, bit in enumerate(bits, first):
                        text = f"{name}[{k}]" if len(bits) > 1 else name
                        found.setdefault(bit, []).append((len(name), text))
            self._named = {bit: min(names)[1] for bit, names in found.items()}
        return self._named
