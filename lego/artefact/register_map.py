"""The control registers for others: SystemRDL of the table, and what PeakRDL makes of that.

`device.rdl` is the source of a C header, an IP-XACT component and pages of HTML, so that all of them say
the same. They hold no dates and no paths.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lego import __version__
from lego.ir.control_map import BUSY, Access, Field, Identity, Register, control_registers

if TYPE_CHECKING:
    from systemrdl.node import RootNode

__all__ = [
    "BLOCK",
    "HEADER",
    "IPXACT",
    "PAGES",
    "RDL",
    "rdl_text",
    "read_rdl",
    "register_map",
    "register_table",
]

BLOCK = "lego_control"
"""Name of the block: of the address map, the C type (with `_t`) and, in capitals, of its macros."""

RDL, HEADER, IPXACT = "device.rdl", f"{BLOCK}.h", f"{BLOCK}.xml"
PAGES = "registers"
"""Folder of the HTML pages; they start at `index.html`."""

_ACCESS = {
    Access.CONSTANT: "sw = r; hw = na;",
    Access.RO: "sw = r; hw = w;",
    Access.RW: "sw = rw; hw = r;",
    Access.W1C: "sw = rw; hw = r; woclr; hwset;",
    Access.PULSE: "sw = w; hw = r; singlepulse;",
}

_ABOUT = (
    "Registers of 32 bits; bytes are written by their strobes. An access to an address without a register "
    "is answered with SLVERR, and so is a write to a locked register while STATUS.BUSY is set."
)


def rdl_text(registers: Sequence[Register]) -> str:
    """The table in SystemRDL 2.0; fields of locked registers have `swwel`."""
    lines = [f"addrmap {BLOCK} {{", *_about("LEGO control registers", _ABOUT, 1)]
    lines += ["    default regwidth = 32;", "    default accesswidth = 32;"]
    for register in registers:
        lines += ["", *_register(register)]
    locked = [line for register in registers if register.locked for line in _locks(register)]
    return "\n".join([*lines, "", *locked, "};", ""])


def register_table(registers: Sequence[Register]) -> str:
    """The registers as a table in Markdown; fields with their bits and what may be done to them."""
    lines = ["| offset | register | fields |", "|---|---|---|"]
    for each in registers:
        several = each.count > 1
        offset = f"{each.offset:#05x}" + f" + 4k, k < {each.count}" * several
        shown = [_shown(field) for field in each.fields]
        fields = ", ".join(shown if len(shown) < 8 else (shown[0], "...", shown[-1]))
        locked = ", locked" * each.locked
        lines.append(f"| {offset} | `{each.name}`{locked} | {fields} |")
    return "\n".join([*lines, ""])


def _shown(field: Field) -> str:
    end = field.low + field.bits - 1
    bits = f"{end}" if field.bits == 1 else f"{end}:{field.low}"
    reset = f" = {field.reset:#x}" if field.reset and field.access is Access.RW else ""
    return f"`{field.name}` {bits} {field.access}{reset}"


def read_rdl(path: Path) -> RootNode:
    """The elaborated address map of a file of SystemRDL."""
    from systemrdl import RDLCompiler  # these packages take most of a second to import

    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    return compiler.elaborate()


def register_map(identity: Identity) -> dict[str, bytes]:
    """The files about the registers of a device, by path: SystemRDL, C header, IP-XACT, HTML."""
    text = rdl_text(control_registers(identity))
    with tempfile.TemporaryDirectory(prefix="lego-") as scratch:
        folder = Path(scratch)
        (folder / RDL).write_text(text)
        _export(read_rdl(folder / RDL), folder)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def _export(root: RootNode, folder: Path) -> None:
    """What PeakRDL makes. The pages are without fonts, since readers have some, without launchers for
    browsers, and without the time at which they were made."""
    from peakrdl_cheader.c_standards import CStandard
    from peakrdl_cheader.exporter import CHeaderExporter
    from peakrdl_html import HTMLExporter
    from peakrdl_ipxact import IPXACTExporter

    header = {"std": CStandard.gnu99, "reuse_typedefs": False}
    CHeaderExporter().export(root, str(folder / HEADER), **header)
    about = {"vendor": "lego", "library": "lego", "version": __version__}
    IPXACTExporter(**about).export(root, str(folder / IPXACT), component_name=BLOCK)
    pages = HTMLExporter(generate_source_links=False, user_context={"build_ts": 0})
    pages.export(root, str(folder / PAGES))
    shutil.rmtree(folder / PAGES / "fonts")
    shutil.rmtree(folder / PAGES / ".launcher_data")
    for path in (folder / PAGES).glob("launcher*"):
        path.unlink()


def _about(name: str, text: str, depth: int) -> Iterator[str]:
    """Name and description, as properties."""
    for kind, value in (("name", name), ("desc", text)):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        yield f'{"    " * depth}{kind} = "{quoted}";'


def _register(register: Register) -> Iterator[str]:
    """A register, or an array of them."""
    yield "    reg {"
    locked = " Locked while STATUS.BUSY is set." if register.locked else ""
    yield from _about(register.name, register.about + locked, 2)
    for field in register.fields:
        yield from _field(field)
    several = register.count > 1
    array, step = (f"[{register.count}]", " += 0x4") if several else ("", "")
    yield f"    }} {register.name}{array} @{register.offset:#x}{step};"


def _field(field: Field) -> Iterator[str]:
    yield "        field {"
    yield from _about(field.name, field.about, 3)
    yield f"            {_ACCESS[field.access]}"
    high = field.low + field.bits - 1
    yield f"        }} {field.name}[{high}:{field.low}] = {field.bits}'h{field.reset:x};"


def _locks(register: Register) -> Iterator[str]:
    for field in register.fields:
        yield f"    {register.name}.{field.name}->swwel = {BUSY};"
