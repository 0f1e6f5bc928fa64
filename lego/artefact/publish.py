"""The one door to disk: artefact folders appear whole or not at all.

The files are written to a fresh sibling folder, flushed, and exchanged with the target by one
rename (`renameat2` with `RENAME_EXCHANGE` where a target exists). A process killed at any point
leaves the old set or the new set, and perhaps a sibling that the next run sweeps.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lego.diag import LegoError

__all__ = ["add_files", "publish", "write_file"]

MARK = "manifest.json"
ADDED = ("sim.json", "waves.vcd", "activity.json", "ppa.json")
"""Files that commands add to a compiled folder."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")
_REMADE = re.compile(r".*\.lego-stage|obj_dir|[0-9]+\.(commands|golden|answers)")
_AT_FDCWD, _EXCHANGE = -100, 2


def publish(target: Path, files: Mapping[str, bytes]) -> None:
    """Replace the folder `target` by one that holds exactly `files`.

    Raises E501 if the target is something that this program didn't make, E502 for a file name
    outside ``[A-Za-z0-9_.-]``, E503 if the disk refuses.
    """
    _check(target, files)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            _sweep(target)
            stage = _stage(target, files)
            _swap(stage, target)
            _sync(target.parent)
            _sweep(target)
    except OSError as error:
        raise LegoError(
            "E503", f"can't write {target}: {error.strerror}", hint="choose another folder with -o"
        ) from error


def add_files(target: Path, files: Mapping[str, bytes]) -> None:
    """Add files to a published folder, or replace them, each by a rename; others stay.

    Raises E501 if the folder isn't one of ours, E502 and E503 as :func:`publish`.
    """
    if _ours(target) is None:
        raise LegoError("E501", f"{target} holds no {MARK} of ours", hint="run `lego compile`")
    _check_names(files)
    for name, data in files.items():
        write_file(target / name, data)


def _check_names(files: Mapping[str, bytes]) -> None:
    for name in files:
        if not _NAME.fullmatch(name) or ".." in name:
            raise LegoError("E502", f"{name[:60]!r} can't be a file name of an artefact")


def _ours(target: Path) -> set[str] | None:
    """Names that this program may have written into the folder; None if it didn't make it."""
    try:
        manifest = json.loads((target / MARK).read_bytes())
        if not str(manifest["schema"]).startswith("lego/manifest/"):
            return None
        return {MARK, *ADDED, *map(str, manifest["files"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _check(target: Path, files: Mapping[str, bytes]) -> None:
    _check_names(files)
    if target.is_symlink():
        raise LegoError("E501", f"{target} is a symbolic link", hint="remove it, or choose -o")
    if not target.exists():
        return
    if not stat.S_ISDIR(target.stat().st_mode):
        raise LegoError("E501", f"{target} is not a folder", hint="remove it, or choose -o")
    here = sorted(path.name for path in target.iterdir())
    ours = _ours(target)
    if here and ours is None:
        raise LegoError(
            "E501",
            f"{target} exists and holds no {MARK} of ours, so it isn't replaced",
            hint="move it away, or choose another folder with -o",
        )
    foreign = [
        name
        for name in here
        if ours is not None and name not in ours and not _REMADE.fullmatch(name)
    ]
    if foreign:
        raise LegoError(
            "E501",
            f"{target} holds {foreign[0]!r}, which this program didn't write and would delete",
            hint="move it away, or choose another folder with -o",
        )


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    lock = os.open(target.parent / f".{target.name}.lock", flags, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _stage(target: Path, files: Mapping[str, bytes]) -> Path:
    stage = target.parent / f".{target.name}.lego-stage"
    stage.mkdir()
    for name, data in files.items():
        with (stage / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(stage)
    return stage


def _swap(stage: Path, target: Path) -> None:
    if not target.exists():
        stage.rename(target)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.renameat2(
        _AT_FDCWD, os.fsencode(stage), _AT_FDCWD, os.fsencode(target), _EXCHANGE
    )
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _sweep(target: Path) -> None:
    shutil.rmtree(target.parent / f".{target.name}.lego-stage", ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, data: bytes) -> None:
    """Write one file by a rename. Raises E503."""
    scratch = path.with_name(f".{path.name}.lego-stage")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            scratch.write_bytes(data)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise LegoError("E503", f"can't write {path}: {error.strerror}") from error
