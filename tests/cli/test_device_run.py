"""`lego run` on inputs of a file: those of the program, nothing else, and what their formats hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lego.cli.device import run_folder
from lego.cli.main import app
from lego.diag import LegoError

CHIP = """\
name: tiny16
operations:
  - name: product
    loops: {m: 16, n: 32, k: 32}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {name: mn, spatial: {m: 16, n: 16}, temporal: [m, n, k]}
  - name: rounded
    loops: {m: 16, n: 32}
    statement: "Z[m,n] = max(-128, min(127, (Y[m,n] * M[n]) >> 16))"
    formats: {M: int16, Z: int8}
architecture: {interface: axi, queue: 16, double_buffer: parts}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A device with a program."""
    made = tmp_path_factory.mktemp("device")
    (made / "tiny16.yaml").write_text(CHIP)
    done = CliRunner().invoke(app, ["compile", str(made / "tiny16.yaml"), "-o", str(made)])
    assert done.exit_code == 0, done.output
    return made / "tiny16"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "input 'X' is missing"),
        ({"X": np.zeros((16, 32), int), "Q": np.zeros(3, int)}, "'Q' is no input"),
        ({"X": np.full((16, 32), 128)}, "'X' has values from 128 to 128, beyond int8"),
        ({"X": np.zeros((16, 33), int)}, "must be integers of shape [16, 32]"),
        ({"X": np.zeros((16, 32))}, "must be integers of shape [16, 32]"),
    ],
)
def test_wrong_inputs(
    folder: Path, tmp_path: Path, given: Mapping[str, np.ndarray], reason: str
) -> None:
    np.savez(tmp_path / "in.npz", **given)
    with pytest.raises(LegoError, match="E311") as caught:
        run_folder(folder, tmp_path / "in.npz", None, 0, False)
    assert reason in caught.value.message


def test_one_array_is_no_file_of_inputs(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros((16, 32), int))
    with pytest.raises(LegoError, match=r"E311.*it is one array"):
        run_folder(folder, tmp_path / "in.npy", None, 0, False)


def test_outputs_go_to_the_file_that_is_named(folder: Path, tmp_path: Path) -> None:
    run_folder(folder, None, tmp_path / "new" / "out", 0, True)
    with np.load(tmp_path / "new" / "out") as found:
        assert found["Z"].shape == (16, 32)
    with pytest.raises(LegoError, match="E503"):
        run_folder(folder, None, tmp_path, 0, True)
