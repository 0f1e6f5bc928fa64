"""Same in, same out: hash seeds, folders and time zones leave no trace in the artefacts."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "tests/workloads/conv_oh_ow_sys.yaml",
    "tests/workloads/polynomial_small.yaml",
    "tests/workloads/fused_mixed.yaml:wide",
    "workloads/mttkrp.yaml",
]


def digests(name: str, seed: int, work: Path) -> dict[str, str]:
    work.mkdir(parents=True)
    path, _, style = name.partition(":")
    copy = shutil.copy(ROOT / path, work)
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
        *(["--memory-style", style] if style else []),
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


WROTE_OTHERS = """\
import sys
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.back.plan.design import plan_of
from lego.back.rtl.verilog import to_verilog
from lego.designs import designs_of
from frontends.yaml import load_text
from tests.property.generator import fused_sample
def verilog(seed):
    (fused,) = designs_of(load_text(fused_sample(seed).text))
    return to_verilog(lower(plan_of(fused), Options(level=0)).dag)
seeds = [int(seed) for seed in sys.argv[1:]]
texts = [verilog(seed) for seed in seeds]
assert not any("yosys" in name for name in sys.modules if "worker" not in name)
sys.stdout.write(texts[-1])
"""
"""Prints a design's Verilog after having made others."""


def test_a_process_writes_the_same_whatever_it_wrote_before() -> None:
    """Yosys numbers names, reuses the numbers and goes by them, so it gets a process of its own."""
    texts = []
    for before in ((), ("3", "10", "16"), ("16", "44")):
        command = [sys.executable, "-c", WROTE_OTHERS, *before, "16"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        texts.append(done.stdout)
    assert "endmodule" in texts[0]
    assert texts[1:] == texts[:1] * 2


def test_no_path_and_no_date_in_the_files(tmp_path: Path) -> None:
    digests(NAMES[0], 0, tmp_path / "a")
    for path in (tmp_path / "a" / "out").rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert str(tmp_path) not in text
            assert str(ROOT) not in text
            assert "site-packages" not in text
