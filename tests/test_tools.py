"""The door to other programs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from lego.diag import LegoError
from lego.tools import run


def test_output_and_status(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", "print('hi')"], cwd=tmp_path, timeout_s=20)
    assert (done.returncode, done.stdout) == (0, "hi\n")


def test_missing_program(tmp_path: Path) -> None:
    with pytest.raises(LegoError, match=r"E601.*no-such-tool is not installed"):
        run(["no-such-tool"], cwd=tmp_path, timeout_s=1)


def test_failure_shows_the_last_lines(tmp_path: Path) -> None:
    code = "import sys; print('the reason', file=sys.stderr); sys.exit(3)"
    with pytest.raises(LegoError, match=r"(?s)E603.*status 3.*the reason"):
        run([sys.executable, "-c", code], cwd=tmp_path, timeout_s=20)


def test_a_time_out_kills_the_whole_group(tmp_path: Path) -> None:
    child = "import time; time.sleep(3); open('late', 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(LegoError, match="E602"):
        run([sys.executable, "-c", code], cwd=tmp_path, timeout_s=1)
    time.sleep(3)
    assert list(tmp_path.iterdir()) == []


def test_memory_limit(tmp_path: Path) -> None:
    done = run(
        [sys.executable, "-c", "bytearray(1 << 30)"],
        cwd=tmp_path,
        timeout_s=20,
        memory_mb=256,
        check=False,
    )
    assert "MemoryError" in done.stderr


def test_no_shell_and_a_small_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    code = "import os, sys; print(sys.argv[1], os.environ.get('SECRET'))"
    done = run([sys.executable, "-c", code, "$(touch x); `id`"], cwd=tmp_path, timeout_s=20)
    assert done.stdout == "$(touch x); `id` None\n"
    assert list(tmp_path.iterdir()) == []
