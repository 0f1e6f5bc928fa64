"""Runs synthesis and reads back areas, cells and hierarchy."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lego.diag import LegoError
from lego.ppa.library import Library
from lego.ppa.macro_liberty import macro_liberty
from lego.ppa.neutral import neutral, restored
from lego.ppa.sram import BlackBox
from lego.tools import modules_path, run

__all__ = ["FLIP_FLOP_PS", "Netlist", "synthesise", "target_of"]

TIMEOUT_S = 3600.0
TARGET_PS = 1000
"""What logic between flip-flops is sized for where no clock is asked for."""

GRAPH = "netlist.json"
"""The mapped netlist as Yosys writes it in JSON, in the scratch folder."""

FLIP_FLOP_PS = 120
"""Clock-to-output plus setup of a flip-flop, about: what a clock leaves to logic."""

SEEN = 0.85
"""Share of a path that is left to ABC, which knows neither the slew at its start nor what other
modules add."""

GATE_BITS = 4
"""Fewest flip-flops that a clock gate serves: it is as large as their enables' multiplexers."""


@dataclass(frozen=True, slots=True)
class Netlist:
    """A mapped design.

    Attributes
    ----------
    cells : per module, library cells of its own and how many.
    children : per module, instances of other modules (and macros) and how many.
    categories : per module, what it counts as; ``control`` where none is given. A flattened design
        has a module per category.
    """

    top: str
    cells: dict[str, dict[str, int]]
    children: dict[str, dict[str, int]]
    path: Path
    categories: Mapping[str, str] = field(default_factory=dict)

    def category(self, module: str) -> str:
        """What the cells of a module count as."""
        return self.categories.get(module, "control")

    def instances(self) -> dict[str, int]:
        """How often the design holds each module and macro."""
        counts: dict[str, int] = {}

        def visit(module: str, times: int) -> None:
            counts[module] = counts.get(module, 0) + times
            for child, many in self.children.get(module, {}).items():
                visit(child, times * many)

        visit(self.top, 1)
        return counts


def target_of(clock_ps: int | None) -> int:
    """Delay in ps that ABC sizes logic for, if this clock period is asked for."""
    return TARGET_PS if clock_ps is None else max(1, round(SEEN * (clock_ps - FLIP_FLOP_PS)))


def synthesise(
    verilog: Path,
    top: str,
    macros: Sequence[BlackBox],
    library: Library,
    scratch: Path,
    *,
    flat: bool,
    clock_ps: int | None = None,
    categories: Mapping[str, str] | None = None,
) -> Netlist:
    """Map a design to the library, for a clock if there is one; macros stay black boxes, whether the
    Verilog has a module for them or not.

    Raises E802 if Yosys stops.

    `categories` says what each module of the design counts as; cells count as what they come from,
    also if `flat`.
    """
    origins = {} if categories is None else dict(categories)
    (scratch / "abc.constr").write_text(_constraints(library))
    text, names = neutral(verilog.read_text())
    (scratch / "neutral.v").write_text(text)
    held = [box for box in macros if box.module in names]
    (scratch / "macros.lib").write_text(macro_liberty([_in(names, m) for m in held], library))
    boxes = [box.module for box in held]
    asked = {
        "top": names[top],
        "macros": [names[box] for box in boxes if f"module {names[box]}(" in text],
        "macro_liberty": str(scratch / "macros.lib") if held else "",
        "gate_bits": GATE_BITS if any(c.gates for c in library.cells.values()) else 0,
        "flat": flat,
        "categories": {
            category: [names[module] for module in modules]
            for category, modules in _by_category(origins, boxes).items()
        },
        "target_ps": target_of(clock_ps),
    }
    _run_yosys(top, asked | _files(scratch, library), scratch)
    for made in ("stat.json", "netlist.v", GRAPH):
        path = scratch / made
        path.write_text(restored(path.read_text(), names))
    stat = json.loads((scratch / "stat.json").read_text())
    if flat:
        origins = {f"{top}_${category}": category for category in sorted(set(origins.values()))}
    found = _netlist(top, stat["modules"], library, scratch / "netlist.v")
    return replace(found, categories=origins)


def _in(names: Mapping[str, str], box: BlackBox) -> BlackBox:
    """A black box whose names are those of the neutral text."""
    output, bits = box.output
    return replace(
        box,
        module=names[box.module],
        clocks=tuple(names[clock] for clock in box.clocks),
        inputs=tuple((names[pin], n) for pin, n in box.inputs),
        output=(names.get(output, output), bits),
    )


def _files(scratch: Path, library: Library) -> dict[str, str]:
    """Of a job, what it reads and writes."""
    return {
        "verilog": str(scratch / "neutral.v"),
        "liberty": str(library.path),
        "constraints": str(scratch / "abc.constr"),
        "stat": str(scratch / "stat.json"),
        "netlist": str(scratch / "netlist.v"),
        "graph": str(scratch / GRAPH),
    }


def _run_yosys(top: str, job: Mapping[str, object], scratch: Path) -> None:
    """Run a job in a process of its own. Raises E802 if it leaves no result."""
    (scratch / "job.json").write_text(json.dumps(job))
    done = run(
        [sys.executable, "-m", "lego.ppa.yosys_worker", str(scratch / "job.json")],
        cwd=scratch,
        timeout_s=TIMEOUT_S,
        env=modules_path() | {"YOSYS_MAX_THREADS": "1"},
        check=False,
    )
    if done.returncode or not (scratch / "stat.json").is_file():
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise LegoError("E802", f"synthesis of {top} failed:\n{tail}")


def _by_category(origins: Mapping[str, str], macros: Sequence[str]) -> dict[str, list[str]]:
    """Modules of each category but control, which is the top's."""
    found: dict[str, list[str]] = {}
    for module, category in sorted(origins.items()):
        if category != "control" and module not in macros:
            found.setdefault(category, []).append(module)
    return found


def _constraints(library: Library) -> str:
    """Driving cell and load for ABC: the library's second smallest buffer, 5 fF."""
    buffers = sorted(
        (cell.area_um2, name)
        for name, cell in library.cells.items()
        if name.upper().startswith("BUF")
    )
    driver = buffers[min(1, len(buffers) - 1)][1] if buffers else sorted(library.cells)[0]
    return f"set_driving_cell {driver}\nset_load 5.0 [all_outputs]\n"


def _netlist(
    top: str,
    modules: Mapping[str, Mapping[str, Mapping[str, int]]],
    library: Library,
    path: Path,
) -> Netlist:
    cells: dict[str, dict[str, int]] = {}
    children: dict[str, dict[str, int]] = {}
    for raw, entry in modules.items():
        name = raw.removeprefix("\\")
        types = {
            **entry.get("num_cells_by_type", {}),
            **entry.get("num_submodules_by_type", {}),
        }
        cells[name] = {t: n for t, n in sorted(types.items()) if t in library.cells}
        children[name] = {
            t.removeprefix("\\"): n for t, n in sorted(types.items()) if t not in library.cells
        }
    return Netlist(top, cells, children, path)
