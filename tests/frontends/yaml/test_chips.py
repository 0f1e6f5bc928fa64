"""Architectures that a workload file names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from frontends.yaml import beside, json_schema, load_text, load_workload
from frontends.yaml.chips import CHIPS
from lego.diag import LegoError

TEXT = """\
name: tiny_mm
operations:
  - name: mm
    loops: {m: 8, n: 8, k: 8}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
"""


def written(folder: Path, architecture: str) -> Path:
    path = folder / "tiny_mm.yaml"
    path.write_text(f"{TEXT}architecture: {architecture}\n")
    return path


def test_a_file_beside_comes_before_the_shipped_one(tmp_path: Path) -> None:
    path = written(tmp_path, "edge")
    assert load_workload(path).architecture.array == (16, 16)
    (tmp_path / "edge.yaml").write_text("array: [4, 2]\n")
    assert load_workload(path).architecture.array == (4, 2)
    assert beside(path) == {"edge.yaml": b"array: [4, 2]\n"}


def test_a_name_means_what_its_file_says() -> None:
    for path in CHIPS.glob("*.yaml"):
        lines = "".join(f"  {line}\n" for line in path.read_text().splitlines())
        named, described = (
            load_text(f"{TEXT}architecture: {a}") for a in (path.stem, f"\n{lines}")
        )
        assert named == described


@pytest.mark.parametrize("name", ["../edge", "/etc/passwd", "gone", "edge.yaml", "workload", "''"])
def test_only_plain_names_of_files_that_exist(name: str, tmp_path: Path) -> None:
    with pytest.raises(LegoError, match="no architecture is called") as caught:
        load_workload(written(tmp_path, name))
    assert caught.value.code == "E127"
    assert caught.value.loc is not None
    assert caught.value.loc.line == len(TEXT.splitlines()) + 1


def test_what_is_wrong_in_the_named_file_is_told_there(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("array: [4, 4]\ndma_bits: 7\n")
    with pytest.raises(LegoError) as caught:
        load_workload(written(tmp_path, "odd"))
    assert str(caught.value.loc).endswith("odd.yaml:2:11")


def test_editors_accept_names() -> None:
    document = {
        "name": "x",
        "operations": [{"name": "a", "loops": {"i": 4}, "statement": "Y[i] = X[i]"}],
    }
    for architecture in ("edge", {"array": [4]}):
        jsonschema.validate(document | {"architecture": architecture}, json_schema())


def test_the_folder_keeps_the_named_file(tmp_path: Path) -> None:
    """What was compiled is read again from the folder, wherever it is."""
    (tmp_path / "tiny.yaml").write_text("array: [2, 2]\n")
    path = written(tmp_path, "tiny")
    command = [
        sys.executable,
        "-m",
        "lego.cli.main",
        "compile",
        str(path),
        "-o",
        str(tmp_path / "out"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    folder = tmp_path / "out" / "tiny_mm"
    assert (folder / "tiny.yaml").read_text() == "array: [2, 2]\n"
    assert "tiny.yaml" in json.loads((folder / "manifest.json").read_text())["files"]
    assert load_workload(folder / "workload.yaml") == load_workload(path)
