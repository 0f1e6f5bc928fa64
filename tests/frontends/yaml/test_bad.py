"""Malformed workloads: each gives exactly the errors of bad/expected.tsv, at their positions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontends.yaml import load_workload
from lego.cli.codes import CODES
from lego.cli.main import app
from lego.diag import LegoError, LegoErrors

ROOT = Path(__file__).resolve().parents[3]
BAD = Path(__file__).with_name("bad")


def expectations() -> dict[str, list[tuple[str, str, str]]]:
    """Per file: (code, line:column, message) of each error, in order."""
    table: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for line in (BAD / "expected.tsv").read_text().splitlines()[1:]:
        name, code, where, message = line.split("\t")
        table[name].append((code, where, message))
    return dict(table)


EXPECTED = expectations()


def errors_of(path: Path) -> tuple[LegoError, ...]:
    """The errors that a file gives; fails if it loads."""
    with pytest.raises(LegoError) as caught:
        load_workload(path)
    error = caught.value
    return error.errors if isinstance(error, LegoErrors) else (error,)


def test_a_bound_with_a_comma_needs_quotes() -> None:
    name, _ = errors_of(BAD / "bound_unquoted.yaml")
    assert "in quotes" in name.hint


def test_every_file_has_an_expectation() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in BAD.glob("*.yaml"))
    assert len(EXPECTED) >= 70


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_errors_and_positions(name: str) -> None:
    found = errors_of(BAD / name)
    assert [
        (e.code, f"{e.loc.line}:{e.loc.column}", e.message) for e in found if e.loc is not None
    ] == EXPECTED[name]
    for error in found:
        assert error.loc is not None
        assert error.loc.path == str(BAD / name)
        assert error.hint
        assert not error.message.endswith(".")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_compile_refuses_and_writes_nothing(name: str, tmp_path: Path) -> None:
    older = tmp_path / "bad"
    older.mkdir()
    (older / "manifest.json").write_text("{}")
    result = CliRunner().invoke(app, ["compile", str(BAD / name), "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    code, where, _ = EXPECTED[name][0]
    assert f"{BAD / name}:{where}: error[{code}]: " in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]
    assert (older / "manifest.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["empty.yaml", "index_product.yaml"])
def test_command_line_as_a_process(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lego.cli.main", "compile", str(BAD / name), "-o", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    code, where, _ = EXPECTED[name][0]
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f":{where}: error[{code}]: " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_code_is_explained() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "frontends" / "yaml").glob("*.py"))
    assert set(re.findall(r'"(E\d{3})"', sources)) <= set(CODES)


def test_every_code_has_a_case() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "frontends" / "yaml").glob("*.py"))
    tried = {code for errors in EXPECTED.values() for code, _, _ in errors}
    assert set(re.findall(r'"(E\d{3})"', sources)) - tried == {
        "E001",  # not about a file's text
        *("E131", "E133", "E134"),  # about maps of SRAMs
    }


def only_error(path: Path) -> tuple[str, str]:
    """Code and message of a file with one error, which must be at its start."""
    (error,) = errors_of(path)
    assert error.loc is not None
    assert (error.loc.line, error.loc.column) == (1, 1)
    return error.code, error.message


def test_things_that_are_no_files(tmp_path: Path) -> None:
    assert only_error(tmp_path) == ("E001", "this is a directory, not a workload file")
    assert only_error(tmp_path / "none.yaml")[0] == "E001"
    assert only_error(tmp_path / "none" / "x.yaml")[0] == "E001"
    assert only_error(tmp_path / ("x" * 5000))[0] == "E001"
    assert only_error(Path("a\0b"))[0] == "E001"
    os.mkfifo(tmp_path / "pipe.yaml")
    assert only_error(tmp_path / "pipe.yaml") == ("E001", "this is not a regular file")
    assert only_error(Path("/dev/zero")) == ("E001", "this is not a regular file")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    assert only_error(tmp_path / "loop.yaml")[0] == "E001"


def test_a_file_of_a_size_unknown_beforehand_is_bounded() -> None:
    """Files under /proc have size 0 and any content; reading must end."""
    assert errors_of(Path("/proc/self/maps"))[0].loc is not None


def test_large_files(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    assert only_error(path) == ("E002", "the file is larger than 1048576 bytes")
    path.write_bytes(b"#" * (1 << 20))
    assert only_error(path) == ("E007", "the file is empty")


def test_at_most_20_errors(tmp_path: Path) -> None:
    keys = "\n".join(f"key{k}: 1" for k in range(3000))
    path = tmp_path / "many.yaml"
    path.write_text(f"name: many\n{keys}\n")
    assert len(errors_of(path)) == 20
    loops = ", ".join(f"{word}: 2" for word in ("if", "do", "for", "case", "wire", "reg"))
    names = [f"t{k}" for k in range(30)]
    formats = ", ".join(f"{name}: int8" for name in names)
    path.write_text(
        f"name: begin\noperations:\n  - name: end\n    loops: {{{loops}}}\n"
        f'    statement: "Y[a] += X[b]"\n    formats: {{{formats}, Y: int99}}\n'
    )
    assert 9 <= len(errors_of(path)) <= 20


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("thirteen_loops.yaml", "one loop over neighbouring dimensions"),
        ("extent_quoted.yaml", "write 8 without the quotes"),
        ("dma_quoted.yaml", "write 64 without the quotes"),
        ("array_four.yaml", "up to 3 axes"),
        ("style_typo.yaml", "did you mean 'wide'?"),
        ("style_number.yaml", "for the cheapest"),
        ("queue_odd.yaml", "the host then writes registers"),
        ("control_typo.yaml", "did you mean 'systolic'?"),
        ("statement_shift_right_tensor.yaml", "multiply by it"),
    ],
)
def test_hints_say_what_helps(name: str, said: str) -> None:
    (error,) = errors_of(BAD / name)
    assert said in error.hint
