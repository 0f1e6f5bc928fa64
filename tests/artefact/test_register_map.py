"""The register map for others says what the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from systemrdl.messages import MessagePrinter, RDLCompileError
from systemrdl.node import FieldNode, RegNode
from systemrdl.rdltypes import AccessType, OnWriteType

from lego.artefact.register_map import (
    HEADER,
    IPXACT,
    PAGES,
    RDL,
    rdl_text,
    read_rdl,
    register_map,
    register_table,
)
from lego.ir.control_map import Access, Field, Identity, Register, control_registers

IDENTITY = Identity(0xFEEDF00D, bus_bytes=32, lanes=4)
TABLE = control_registers(IDENTITY)
KINDS = {
    Access.CONSTANT: (AccessType.r, AccessType.na, None, False, False),
    Access.RO: (AccessType.r, AccessType.w, None, False, False),
    Access.RW: (AccessType.rw, AccessType.r, None, False, False),
    Access.W1C: (AccessType.rw, AccessType.r, OnWriteType.woclr, True, False),
    Access.PULSE: (AccessType.w, AccessType.r, None, False, True),
}
Fact = tuple[object, ...]


def told(register: Register, field: Field) -> Fact:
    return (
        (register.name, field.name),
        tuple(register.offsets),
        (field.low, field.bits, field.reset, field.about),
        KINDS[field.access],
        register.locked,
    )


def read(path: Path) -> Iterator[Fact]:
    """What the compiler of SystemRDL finds in a file, field by field."""
    for node in read_rdl(path).top.children(unroll=False):
        assert isinstance(node, RegNode)
        assert node.get_property("regwidth") == 32
        several = node.array_dimensions or [1]
        step = node.array_stride or 4
        offsets = tuple(node.raw_address_offset + step * k for k in range(several[0]))
        for field in node.fields():
            lock = field.get_property("swwel")
            assert lock is False or (isinstance(lock, FieldNode) and lock.get_path() == LOCK)
            kind = ("sw", "hw", "onwrite", "hwset", "singlepulse")
            about = field.get_property("desc")
            yield (
                (node.inst_name, field.inst_name),
                offsets,
                (field.low, field.width, field.get_property("reset"), about),
                tuple(field.get_property(each) for each in kind),
                lock is not False,
            )


LOCK = "lego_control.STATUS.BUSY"


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return register_map(IDENTITY)


def test_the_compiler_reads_the_table_back(files: Mapping[str, bytes], tmp_path: Path) -> None:
    (tmp_path / RDL).write_bytes(files[RDL])
    assert list(read(tmp_path / RDL)) == [told(each, f) for each in TABLE for f in each.fields]


def test_another_table_reads_otherwise(tmp_path: Path) -> None:
    last = TABLE[-1]
    changes = (
        {"offset": last.offset + 4},
        {"locked": False},
        {"count": 7},
        {"fields": (replace(last.fields[0], low=1, bits=31),)},
        {"fields": (replace(last.fields[0], reset=1),)},
        {"fields": (replace(last.fields[0], access=Access.RO),), "locked": False},
        {"fields": (replace(last.fields[0], about='a \\ and a "quotation"'),)},
    )
    for change in changes:
        table = (*TABLE[:-1], replace(last, **change))  # type: ignore[arg-type]
        (tmp_path / RDL).write_text(rdl_text(table))
        found = list(read(tmp_path / RDL))
        assert found != [told(each, f) for each in TABLE for f in each.fields]
        assert found == [told(each, f) for each in table for f in each.fields]


def test_the_compiler_refuses_a_table_that_overlaps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MessagePrinter, "emit_message", lambda self, lines: None)
    table = (*TABLE[:-1], replace(TABLE[-1], offset=TABLE[-2].offset + 4))
    (tmp_path / RDL).write_text(rdl_text(table))
    with pytest.raises(RDLCompileError):
        read_rdl(tmp_path / RDL)


def test_the_header_has_masks_and_places(files: Mapping[str, bytes]) -> None:
    text = files[HEADER].decode()
    found = dict(re.findall(r"#define (\w+_(?:bm|bp|bw|reset)) (\w+)", text))
    wanted = {}
    for register in TABLE:
        for field in register.fields:
            array = "X" * (register.count > 1)
            name = f"LEGO_CONTROL__{register.name}{array}__{field.name}"
            values = {"bm": field.mask, "bp": field.low, "bw": field.bits, "reset": field.reset}
            wanted |= {f"{name}_{kind}": value for kind, value in values.items()}
    assert {name: int(value, 0) for name, value in found.items()} == wanted


def test_ip_xact_has_the_registers(files: Mapping[str, bytes]) -> None:
    space = {"x": "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"}
    found = {}
    for each in ElementTree.fromstring(files[IPXACT]).iterfind(".//x:register", space):  # noqa: S314
        name, offset = (each.findtext(f"x:{tag}", "", space) for tag in ("name", "addressOffset"))
        fields = [field.findtext("x:name", "", space) for field in each.iterfind("x:field", space)]
        found[name] = (int(offset.removeprefix("'h"), 16), fields)
    assert found == {each.name: (each.offset, [f.name for f in each.fields]) for each in TABLE}


def test_pages_tell_of_every_register(files: Mapping[str, bytes]) -> None:
    pages = [data.decode() for name, data in files.items() if name.startswith(f"{PAGES}/content")]
    assert len(pages) == len(TABLE) + 1
    for each in TABLE:
        assert any(f">{each.name}<" in page and each.about in page for page in pages), each.name
    assert f"{PAGES}/index.html" in files
    assert sum(map(len, files.values())) < 600_000


def test_files_are_the_same_at_another_time_and_place(
    files: Mapping[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("time.time", lambda: 1.0)
    again = register_map(IDENTITY)
    assert again == files
    assert list(again) == list(files)
    assert not any(str(tmp_path).encode() in data for data in files.values())


def test_the_documentation_has_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "device.md").read_text()
    assert f"\n{register_table(control_registers(Identity(0)))}\n" in page
