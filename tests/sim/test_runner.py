"""Models that end without a result."""

from __future__ import annotations

from pathlib import Path

import pytest

from lego.diag import LegoError
from sim.runner import run_model


def test_a_model_that_leaves_no_result_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_text("#!/bin/sh\necho it broke\nexit 3\n")
    model.chmod(0o755)
    with pytest.raises(LegoError, match="it broke") as caught:
        run_model(model, tmp_path)
    assert caught.value.code == "E702"
