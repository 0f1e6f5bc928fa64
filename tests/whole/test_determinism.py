"""Same in, same out: hash seeds, folders and time zones leave no trace in the artefacts."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.compile import compile_workload

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "tests/workloads/conv_oh_ow_sys.yaml",
    "tests/workloads/polynomial_small.yaml",
    "workloads/mttkrp.yaml",
]


def digests(name: str, seed: int, work: Path) -> dict[str, str]:
    work.mkdir(parents=True)
    copy = shutil.copy(ROOT / name, work)
    environment = os.environ | {"PYTHONHASHSEED": str(seed), "TZ": ["UTC", "Asia/Tokyo"][seed % 2]}
    command = [
        sys.executable,
        "-m",
        "lego.cli.main",
        "compile",
        str(copy),
        "-o",
        "out",
        "--dump",
    ]
    subprocess.run(command, cwd=work, env=environment, check=True, capture_output=True)
    (folder,) = (p for p in (work / "out").iterdir() if p.is_dir())
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.parametrize("name", NAMES)
def test_five_hash_seeds_give_identical_files(name: str, tmp_path: Path) -> None:
    first = digests(name, 0, tmp_path / "a")
    assert len(first) >= 8
    for seed in range(1, 5):
        assert digests(name, seed, tmp_path / f"{'deeper/' * seed}b{seed}") == first


def test_a_process_writes_the_same_files_again() -> None:
    """Whatever it compiled before: Yosys numbers its wires in one row per process."""
    source = (ROOT / "tests" / "workloads" / "fifo_fused.yaml").read_text()
    first, *others = (compile_workload(load_text(source), source=b"") for _ in range(4))
    assert others == [first] * 3


def test_no_path_and_no_date_in_the_files(tmp_path: Path) -> None:
    digests(NAMES[0], 0, tmp_path / "a")
    for path in (tmp_path / "a" / "out").rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert str(tmp_path) not in text
            assert str(ROOT) not in text
            assert "site-packages" not in text
