"""The one door to other programs: argument lists, limits, a small environment, captured output."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lego.diag import LegoError

__all__ = ["Finished", "find_tool", "modules_path", "run"]

INSTALL = {
    "g++": "sudo apt-get install -y g++",
    "make": "sudo apt-get install -y make",
    "sta": "sudo apt-get install -y opensta",
}
ROOT = Path(__file__).resolve().parents[1]
KEPT_ENVIRONMENT = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended; `seconds` is wall time."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


def find_tool(name: str) -> str:
    """Absolute path of a program. Raises E601 with the line that installs it."""
    found = shutil.which(name)
    if found is None:
        raise LegoError(
            "E601", f"{name} is not installed", hint=INSTALL.get(name, f"install {name}")
        )
    return str(Path(found).resolve()) if name.startswith(".") else found


def modules_path() -> dict[str, str]:
    """Environment in which another Python finds what this one does."""
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys((str(ROOT), *filter(None, sys.path))))}


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    memory_mb: int | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    started: Callable[[int], object] | None = None,
) -> Finished:
    """Run a program to its end; `started` is told the number of its process group.

    Raises E601 if it is missing, E602 if it exceeds `timeout_s` (its whole process group is
    killed), and E603 if `check` and it fails.
    """
    command = [find_tool(argv[0]), *argv[1:]]
    environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    environment |= {"LC_ALL": "C.UTF-8"} | dict(env or {})

    def limit() -> None:
        if memory_mb is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))

    begun = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - the one place that starts programs
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=limit if memory_mb is not None else None,
    ) as process:
        if started is not None:
            started(process.pid)
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise LegoError(
                "E602",
                f"{argv[0]} did not end within {timeout_s:.0f} s",
                hint="use smaller loops, or a less loaded machine",
            ) from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    done = Finished(tuple(command), process.returncode, stdout, stderr, time.monotonic() - begun)
    if check and done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise LegoError("E603", f"{argv[0]} failed with status {done.returncode}:\n{tail}")
    return done
