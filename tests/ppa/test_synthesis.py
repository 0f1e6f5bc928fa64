"""Synthesis that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from lego.diag import LegoError
from lego.ppa.library import read_library
from lego.ppa.synthesis import synthesise


def test_verilog_that_yosys_refuses_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "broken.v").write_text(
        "module broken(input a, output y);\n  assign y = ;\nendmodule\n"
    )
    with pytest.raises(LegoError, match="synthesis of broken failed") as caught:
        synthesise(tmp_path / "broken.v", "broken", [], read_library(None), tmp_path, flat=False)
    assert caught.value.code == "E802"
    assert "syntax error" in caught.value.message
