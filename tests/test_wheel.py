"""The built wheel, away from the clone: it holds all that it needs and asks for all that it imports."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from lego import __version__

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("lego", "frontends", "sim", "pyproject.toml", "README.md", "LICENSE")
GEMM = ROOT / "tests" / "workloads" / "gemm_os_sys.yaml"


def run(*argv: object, cwd: Path) -> str:
    command = [str(each) for each in argv]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the clone stays as it is."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "-w", out, cwd=source)
    (built,) = out.glob("*.whl")
    assert built.name == f"lego_accelerator-{__version__}-py3-none-any.whl"
    return built


def needed(dist: Distribution, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """What a distribution asks for without extras, and what that asks for."""
    for line in dist.requires or ():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        assert name, line
        if "extra ==" in line or name.group() in found or not _here(line):
            continue
        found[name.group()] = distribution(name.group())
        needed(found[name.group()], found)
    return found


def _here(line: str) -> bool:
    """Whether the marker of a requirement holds on this machine; those of other systems aren't installed."""
    from packaging.requirements import Requirement

    marker = Requirement(line).marker
    return marker is None or marker.evaluate({"extra": ""})


def _compiles_and_simulates(python: Path, folder: Path) -> None:
    lego = python.with_name("lego")
    shutil.copy(GEMM, folder)
    assert "usage" in run(lego, "--help", cwd=folder).lower()
    assert "wrote rtl_out/gemm_os_sys" in run(lego, "compile", GEMM.name, cwd=folder)
    assert "ok" in run(lego, "sim", "rtl_out/gemm_os_sys", "--no-activity", cwd=folder)
    where = run(python, "-c", "import lego; print(lego.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(python.parents[1])


def test_with_nothing_but_what_it_asks_for(wheel: Path, tmp_path: Path) -> None:
    """Into an environment that holds the wheel's requirements as they are installed here, and
    nothing else."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    for dist in needed(distribution("lego-accelerator"), {}).values():
        for name in sorted({file.parts[0] for file in dist.files or () if file.parts[0] != ".."}):
            link, target = packages / name, Path(str(dist.locate_file(name)))
            if target.exists() and not link.exists() and name != "__pycache__":
                link.symlink_to(target)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    _compiles_and_simulates(python, tmp_path)


@pytest.mark.slow
def test_with_requirements_from_the_index(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    pip = (python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    run(*pip, "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    _compiles_and_simulates(python, tmp_path)
