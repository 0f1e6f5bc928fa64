"""Reading an artefact folder back: its manifest has the right form and its files are unchanged."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lego.diag import LegoError
from lego.ir.device import Device, devices_from_json

__all__ = ["DEVICES", "SCHEMA", "Folder", "Manifest", "edited_verilog", "read_devices"]
__all__ += ["read_folder", "read_manifest"]

SCHEMA = "lego/manifest/3"
DEVICES = "device.json"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_HINT = "run `lego compile`"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What made a folder, and what is in it.

    Attributes
    ----------
    clock_ps : the period that was asked for, if one was.
    versions : of LEGO and of the packages whose version may change the Verilog.
    files : SHA-256 by name.
    passes : what every pass left, by design, see :meth:`lego.back.pipeline.Step.to_json`.
    """

    schema: str
    name: str
    clock_ps: int | None
    versions: dict[str, str]
    files: dict[str, str]
    passes: dict[str, list[dict[str, int | str]]]

    def to_json(self) -> str:
        """The text of manifest.json."""
        return json.dumps(asdict(self), indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Folder:
    """A compiled folder."""

    path: Path
    manifest: Manifest
    devices: tuple[Device, ...]


def read_folder(path: Path) -> Folder:
    """The manifest and the devices of an artefact folder.

    Raises E504 if they are missing or malformed, or a file that the manifest names is missing; E505 if a
    file other than Verilog differs from what the compiler wrote.
    """
    manifest = read_manifest(path)
    for name, digest in manifest.files.items():
        if not _FILE.fullmatch(name):
            raise LegoError("E504", f"{path}/manifest.json names no file {name[:60]!r}", hint=_HINT)
        if not name.endswith(".v") and _digest(path, name) != digest:
            message = f"{path / name} isn't what the compiler wrote"
            raise LegoError("E505", message, hint="edit the workload file, and compile it again")
    devices = read_devices(path)
    for device in devices:
        for name in (*device.sources, *device.models):
            _digest(path, name)
    return Folder(path, manifest, devices)


def read_manifest(path: Path) -> Manifest:
    """The manifest, of the right form. Raises E504; for a folder of another version it says which made it."""
    from pydantic import TypeAdapter

    try:
        text = (path / "manifest.json").read_bytes()
        _demand_schema(path, text)
        return TypeAdapter(Manifest).validate_json(text, strict=True)
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path} holds no usable manifest.json: {_reason(error)}"
        raise LegoError("E504", message, hint=_HINT) from None


def _demand_schema(path: Path, text: bytes) -> None:
    document = json.loads(text)
    if not isinstance(document, Mapping) or document.get("schema") == SCHEMA:
        return
    versions = document.get("versions")
    maker = versions.get("lego", "unknown") if isinstance(versions, Mapping) else "unknown"
    message = (
        f"{path} was made by LEGO {str(maker)[:40]}: its manifest is "
        f"{str(document.get('schema'))[:40]!r}, and this version reads {SCHEMA!r}"
    )
    raise LegoError("E504", message, hint=f"compile {path / 'workload.yaml'} again")


def read_devices(path: Path) -> tuple[Device, ...]:
    """The devices of a folder, at least one, each with plain names. Raises E504."""
    try:
        devices = devices_from_json((path / DEVICES).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path} holds no usable {DEVICES}: {_reason(error)}"
        raise LegoError("E504", message, hint=_HINT) from None
    tops = [device.top for device in devices]
    if len(set(tops)) != len(tops) or not tops:
        raise LegoError("E504", f"{path / DEVICES} lists a device twice, or none", hint=_HINT)
    for device in devices:
        wrong = [name for name in device.names() if not _NAME.fullmatch(name)]
        wrong += [name for name in (*device.sources, *device.models) if not _FILE.fullmatch(name)]
        if wrong:
            raise LegoError("E504", f"{path / DEVICES} has no name {wrong[0][:60]!r}", hint=_HINT)
    return devices


def edited_verilog(folder: Folder) -> list[str]:
    """Verilog files that differ from what the compiler wrote."""
    files = folder.manifest.files.items()
    return [n for n, digest in files if n.endswith(".v") and _digest(folder.path, n) != digest]


def _digest(folder: Path, name: str) -> str:
    try:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except OSError as error:
        message = f"can't read {folder / name}: {error.strerror}"
        raise LegoError("E504", message, hint="compile again") from None


def _reason(error: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, OSError):
        return error.strerror or "unreadable"
    return "not readable as JSON" if isinstance(error, json.JSONDecodeError) else str(error)[:200]
