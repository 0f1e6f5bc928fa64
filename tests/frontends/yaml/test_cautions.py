"""Sums that can leave their format are legal, and told once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from frontends.yaml import load_text
from frontends.yaml.cautions import restarted_reductions, wrapping_sums
from lego.cli.main import app
from sim.reference import execute

TEXT = """name: sums
operations:
  - name: mm
    loops: {{m: 4, n: 4, k: {k}}}
    statement: "Y[m,n] {how} X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: {y}}}
    dataflow: {{spatial: {{m: 2, n: 2}}, temporal: [m, n, k]}}
"""


@pytest.mark.parametrize(
    ("k", "y", "how", "needed"),
    [
        (1, "int16", "+=", None),
        (2, "int16", "+=", "int17"),
        (64, "int21", "+=", "int22"),  # 64 products of -128 by -128 are 2^20, one too many
        (64, "int22", "+=", None),
        (64, "int32", "+=", None),
        (131071, "int32", "+=", None),
        (131072, "int32", "+=", "no format holds 33 bits"),
        (2, "uint16", "+=", "int17"),
        (2, "int16", "max=", None),
    ],
)
def test_a_sum_that_can_wrap_is_told(k: int, y: str, how: str, needed: str | None) -> None:
    found = wrapping_sums(load_text(TEXT.format(k=k, y=y, how=how)))
    assert len(found) == (needed is not None)
    for caution in found:
        assert needed is not None
        assert caution.hint.startswith(needed)
        assert caution.loc is not None
        assert (caution.loc.line, caution.loc.column) == (5, 17)


def test_terms_are_those_of_the_element_that_gets_most() -> None:
    text = TEXT.format(k=3, y="int17", how="+=").replace("Y[m,n]", "Y[m+n]")
    (found,) = wrapping_sums(load_text(text))
    assert found.message.startswith("sums of up to 12 values in 'Y' can leave int17, and wrap")


@pytest.mark.parametrize("command", ["check", "compile"])
def test_the_command_line_goes_on(command: str, tmp_path: Path) -> None:
    path = tmp_path / "sums.yaml"
    path.write_text(TEXT.format(k=8, y="int16", how="+="))
    more = ["-o", str(tmp_path)] if command == "compile" else []
    done = CliRunner().invoke(app, [command, str(path), *more])
    assert done.exit_code == 0
    assert done.stderr.count("warning: ") == 1
    assert f"{path}:5:17: warning: sums of up to 8 values in 'Y' can leave int16" in done.stderr
    assert "hint: int19 for Y holds every sum" in done.stderr


TWICE = """name: twice
operations:
  - name: first
    loops: {{m: 4}}
    statement: "Y[m] = X[m]"
    formats: {{X: int8, Y: int16}}
  - name: second
    loops: {{m: 4, k: 2}}
    statement: "{statement}"
    formats: {{W: int4, Z: int16}}
"""


@pytest.mark.parametrize(
    ("statement", "start"),
    [
        ("Y[m] += W[m+k]", "0"),
        ("Y[m] max= W[m+k]", "-32768"),
        ("Y[m] min= W[m+k]", "32767"),
        ("Y[2*m+k] = W[m+k]", None),
        ("Z[m] += W[m+k] * Y[m]", None),
    ],
)
def test_a_reduction_that_starts_again_is_told(statement: str, start: str | None) -> None:
    text = TWICE.format(statement=statement)
    if "Z" not in statement:
        text = text.replace(", Z: int16", "")
    found = restarted_reductions(load_text(text))
    assert len(found) == (start is not None)
    for caution in found:
        assert caution.message.startswith(f"'second' starts 'Y' from {start} again")
        assert "'first'" in caution.message
        assert "`resume: yes`" in caution.hint
        assert caution.loc is not None
        assert (caution.loc.line, caution.loc.column) == (9, 17)


def test_the_reference_starts_again_too() -> None:
    workload = load_text(TWICE.format(statement="Y[m] += W[m+k]").replace(", Z: int16", ""))
    second, tensors = workload.operations[1], {b.name: b for b in workload.network.buffers}
    ones = np.ones(tensors["W"].shape, dtype=np.int64)
    found = execute(second, tensors, {"W": ones}, {"m": 4, "k": 2}, (4,))
    assert found.values.tolist() == [2, 2, 2, 2]
