"""`lego verify` of networks of the catalogue, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli.command import NEEDS_MODELS, lego


@NEEDS_MODELS
def test_a_network_is_verified(tmp_path: Path) -> None:
    done = lego("verify", "can_linear_tiny", "--device", "cpu", "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    tensors = json.loads(done.stdout)["tensors"]
    assert len(tensors) > 3
    assert all(tensor["close"] for tensor in tensors)
    assert all(tensor["nests"] is None or tensor["nests"] < 1e-5 for tensor in tensors)
    (found,) = [t["formats"] for t in tensors if t["layer"]][:1]
    assert 1e-4 < found < 0.05
    assert lego("verify", "can", cache=tmp_path).returncode == 2


@NEEDS_MODELS
def test_formats_and_samples_are_the_users(tmp_path: Path) -> None:
    given = {"x": np.ones((3, 2, 5, 12), np.float32), "condition": np.ones((3, 2, 16), np.float32)}
    network = ("verify", "can_linear_tiny", "--formats", "bf16")
    np.savez(tmp_path / "good.npz", **given)
    done = lego(*network, "--data", str(tmp_path / "good.npz"), cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "bf16" in done.stdout
    np.savez(tmp_path / "few.npz", x=given["x"])
    wrong = lego(*network, "--data", str(tmp_path / "few.npz"), cache=tmp_path)
    assert wrong.returncode == 2
    assert "error[E422]" in wrong.stderr
    for option, code in ((("--formats", "int9"), "E421"), (("--device", "abacus"), "E904")):
        wrong = lego("verify", "can_linear_tiny", *option, cache=tmp_path)
        assert wrong.returncode == 2
        assert f"error[{code}]" in wrong.stderr


@NEEDS_MODELS
def test_errors_are_those_against_float64(tmp_path: Path) -> None:
    """In the deepest of the small networks too, sums in float32 stay near: samples don't amplify rounding."""
    done = lego("verify", "mobilenetv2_tiny", "--formats", "bf16", "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    tensors = json.loads(done.stdout)["tensors"]
    assert all(tensor["close"] for tensor in tensors)
    for which in ("module", "nests"):
        assert 1e-8 < max(tensor[which] or 0 for tensor in tensors) < 1e-6
