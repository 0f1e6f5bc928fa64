"""Files of samples that don't fit are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from frontends.models.sample import Sample
from lego.diag import LegoError
from sim.samples import drawn, loaded

SAMPLE = Sample(None, (torch.ones(2, 5), torch.arange(4)), {"flag": True})
X, TOKENS = np.ones((3, 2, 5), np.float32), np.arange(12).reshape(3, 4)


def test_samples_are_taken_in_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", x=X * [[[1]], [[2]], [[3]]], tokens=TOKENS)
    found = loaded(tmp_path / "good.npz", SAMPLE)
    assert [float(each.args[0][0, 0]) for each in found] == [1, 2, 3]
    assert [each.args[1].tolist() for each in found] == TOKENS.tolist()
    assert found[0].args[0].dtype is torch.float32
    assert found[0].kwargs == {"flag": True}


def test_drawn_samples_hold_the_same_elements() -> None:
    found = drawn(SAMPLE, 3, 7)
    assert [sorted(each.args[1].tolist()) for each in found] == [[0, 1, 2, 3]] * 3
    assert len({tuple(each.args[1].tolist()) for each in found}) > 1


WRONG = {
    "few": ({"x": X}, "1 arrays for 2 inputs"),
    "shape": ({"x": X[:, :1], "t": TOKENS}, "has shape"),
    "kind": ({"x": X, "t": TOKENS * 1.0}, "of float64"),
    "complex": ({"x": X * 1j, "t": TOKENS}, "of complex"),
    "dates": ({"x": X, "t": TOKENS.astype("datetime64[s]")}, "of datetime64"),
    "infinite": ({"x": X * np.float32(np.inf), "t": TOKENS}, "isn't finite"),
    "huge": ({"x": X, "t": TOKENS.astype(np.uint64) + np.uint64(2**63)}, "of uint64"),
    "uneven": ({"x": X[:2], "t": TOKENS}, "same number of samples"),
    "none": ({"x": X[:0], "t": TOKENS[:0]}, "at least one"),
    "point": ({"x": np.float32(1), "t": TOKENS}, "no axis of samples"),
    "objects": ({"x": X, "t": np.array([print], object)}, "isn't an NPZ file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_dont_fit_are_refused(name: str, tmp_path: Path) -> None:
    arrays, said = WRONG[name]
    path = tmp_path / "given.npz"
    np.savez(path, **arrays)
    with pytest.raises(LegoError, match=said) as caught:
        loaded(path, SAMPLE)
    assert caught.value.code == "E422"


@pytest.mark.parametrize("damage", ["text", "cut", "flipped", "one", "missing", "folder"])
def test_files_that_are_none_are_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    np.savez_compressed(path, x=X, t=TOKENS)
    content = path.read_bytes()
    match damage:
        case "text":
            path.write_text("text")
        case "cut":
            path.write_bytes(content[:-40])
        case "flipped":
            path.write_bytes(content[:90] + bytes([content[90] ^ 255]) + content[91:])
        case "one":
            with path.open("wb") as file:
                np.save(file, X)
        case "missing":
            path.unlink()
        case _:
            path = tmp_path
    with pytest.raises(LegoError, match="isn't an NPZ file") as caught:
        loaded(path, SAMPLE)
    assert caught.value.code == "E422"
