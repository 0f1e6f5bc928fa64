"""The one door to disk: artefact folders appear whole or not at all.

The files are written to a fresh sibling folder, flushed, and exchanged with the target by one
rename (`renameat2` with `RENAME_EXCHANGE` where a target exists). A process killed at any point
leaves the old set or the new set, and perhaps a sibling that the next run sweeps.
"""

from __future__ import annotations

import ctypes
import fcntl
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
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}")
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
    """Replace or add some files of a published folder, in one step."""
    if not (target / MARK).is_file():
        raise LegoError("E501", f"{target} holds no {MARK}", hint="run `lego compile` first")
    old = {path.name: path.read_bytes() for path in sorted(target.iterdir()) if path.is_file()}
    publish(target, old | dict(files))


def _check(target: Path, files: Mapping[str, bytes]) -> None:
    for name in files:
        if not _NAME.fullmatch(name) or ".." in name:
            raise LegoError("E502", f"{name[:60]!r} can't be a file name of an artefact")
    if target.is_symlink():
        raise LegoError("E501", f"{target} is a symbolic link", hint="remove it, or choose -o")
    if not target.exists():
        return
    if not stat.S_ISDIR(target.stat().st_mode):
        raise LegoError("E501", f"{target} is not a folder", hint="remove it, or choose -o")
    if any(target.iterdir()) and not (target / MARK).is_file():
        raise LegoError(
            "E501",
            f"{target} exists and holds no {MARK}, so it isn't replaced",
            hint="move it away, or choose another folder with -o",
        )


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stage(target: Path, files: Mapping[str, bytes]) -> Path:
    stage = target.parent / f".{target.name}.stage"
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
    shutil.rmtree(target.parent / f".{target.name}.stage", ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, data: bytes) -> None:
    """Write one file outside an artefact folder, by a rename. Raises E503."""
    scratch = path.with_name(f".{path.name}.stage")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        raise LegoError("E503", f"can't write {path}: {error.strerror}") from error
