"""Reading an artefact folder back: its manifest has the right form and its files are unchanged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from lego.diag import LegoError

__all__ = ["edited_verilog", "read_manifest"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,199}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$")]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Register(_Form):
    name: Name
    address: NonNegativeInt
    bits: PositiveInt


class _Memory(_Form):
    name: Name
    direction: Annotated[str, Field(pattern="^(in|out)$")]
    base_address: NonNegativeInt
    bank_stride: PositiveInt
    halves: PositiveInt
    lanes: PositiveInt
    half_stride: PositiveInt
    banks: PositiveInt
    depths: list[Annotated[list[PositiveInt], Field(min_length=2, max_length=2)]]
    bits: PositiveInt


class _Macro(_Form):
    module: Name
    operand: Name
    bits: PositiveInt
    depth: PositiveInt
    count: NonNegativeInt


class _Layout(_Form):
    memory: Name
    tensor: Name
    bits: PositiveInt
    shape: list[PositiveInt]
    bank_counts: list[PositiveInt]
    gcds: list[PositiveInt]
    skews: list[list[NonNegativeInt]]
    strides: list[NonNegativeInt]
    base: NonNegativeInt
    preload: int | None


class _Program(_Form):
    dataflow: NonNegativeInt
    half: NonNegativeInt
    bounds: dict[str, PositiveInt]
    registers: dict[str, NonNegativeInt]
    cycles: PositiveInt
    iterations: PositiveInt
    layouts: dict[str, _Layout]
    accesses: dict[str, NonNegativeInt]


class _Host(_Form):
    address_bits: PositiveInt
    data_bits: PositiveInt
    mask_bits: NonNegativeInt


class _Dataflow(_Form):
    id: NonNegativeInt
    operation: Name
    name: Name
    macs_per_fu: NonNegativeInt
    tail: PositiveInt
    program: _Program


class _Design(_Form):
    top: Name
    verilog: FileName
    fus: PositiveInt
    host: _Host
    registers: list[_Register]
    memories: list[_Memory]
    macros: list[_Macro]
    modules: dict[Name, str]
    dataflows: Annotated[list[_Dataflow], Field(min_length=1)]


class _Manifest(_Form):
    schema_: Annotated[str, Field(alias="schema", pattern=r"^lego/manifest/2$")]
    clock_ps: PositiveInt | None = None
    files: dict[FileName, str]
    designs: Annotated[list[_Design], Field(min_length=1)]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an artefact folder.

    Raises E504 if it is missing or malformed, or a file that it names is missing; E505 if a file
    other than Verilog differs from what the compiler wrote.
    """
    try:
        document = json.loads((folder / "manifest.json").read_bytes())
        checked = _Manifest.model_validate(document)
    except (OSError, ValueError, RecursionError) as error:
        reason = _reason(error)
        raise LegoError(
            "E504", f"{folder} holds no usable manifest.json: {reason}", hint="run `lego compile`"
        ) from None
    tops = [design.top for design in checked.designs]
    if len(set(tops)) != len(tops):
        raise LegoError("E504", f"{folder}/manifest.json lists a design twice", hint="recompile")
    for name in checked.files:
        if not name.endswith(".v") and _digest(folder, name) != checked.files[name]:
            raise LegoError(
                "E505",
                f"{folder / name} isn't what the compiler wrote",
                hint="edit the workload file, and compile it again",
            )
    for design in checked.designs:
        _digest(folder, design.verilog)
    result: dict[str, Any] = document
    return result


def edited_verilog(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Verilog files that differ from what the compiler wrote."""
    return [
        name
        for name, digest in manifest["files"].items()
        if name.endswith(".v") and _digest(folder, name) != digest
    ]


def _digest(folder: Path, name: str) -> str:
    try:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except OSError as error:
        raise LegoError(
            "E504", f"can't read {folder / name}: {error.strerror}", hint="compile again"
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return error.strerror or "unreadable" if isinstance(error, OSError) else "not readable as JSON"
