"""The command line, as users call it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lego.cli.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
GEMM = ROOT / "tests" / "workloads" / "gemm_os_sys.yaml"


def lego(*args: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lego.cli.main", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_compile_sim_program(tmp_path: Path) -> None:
    done = lego("compile", GEMM, "-o", tmp_path, "--json", "--dump")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    folder = tmp_path / "gemm_os_sys"
    assert set(manifest["files"]) < {p.name for p in folder.iterdir()}
    done = lego("sim", folder, "--json", "--bound", "m=3", "--seed", "5", "--waves")
    assert done.returncode == 0, done.stderr
    (design,) = json.loads(done.stdout)["designs"]
    assert (design["elements_compared"], design["failures"]) == (39, [])
    assert (folder / "waves.vcd").read_text().count("fu_3_3") > 0
    program = json.loads(lego("program", folder, "--bound", "m=3").stdout)
    assert program["bounds"]["m"] == 3
    assert program["cycles"] == design["cycles"][0]


def test_wrong_rtl_is_caught(tmp_path: Path) -> None:
    """One adder turned into a subtractor in the published Verilog: the bench must fail."""
    lego("compile", GEMM, "-o", tmp_path)
    verilog = tmp_path / "gemm_os_sys" / "gemm_os_sys_mm.v"
    text = verilog.read_text()
    place = re.search(r"\$signed\(acc\) \+ ", text)
    assert place
    verilog.write_text(text[: place.start()] + "$signed(acc) - " + text[place.end() :])
    done = lego("sim", tmp_path / "gemm_os_sys")
    assert done.returncode == 2
    assert "error[E701]: the RTL differs from the reference" in done.stderr


def test_help_has_examples_and_is_light() -> None:
    assert "Example:" in lego("--help").stdout
    for verb in ("compile", "check", "sim", "ppa", "draw", "program", "schema", "explain"):
        assert "Example:" in lego(verb, "--help").stdout
    code = (
        "import sys, lego.cli.main; "
        "print([m for m in ('amaranth','islpy','pyosys','numpy','cocotb','torch','pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("sim", "nowhere"), "E504"),
        (("ppa", "nowhere"), "E504"),
        (("program", "nowhere"), "E504"),
        (("explain", "E000"), "E904"),
        (("compile", "nowhere.yaml"), "E001"),
        (("compile", "tests"), "E001"),
        (("draw", GEMM, "--operation", "nope"), "E902"),
    ],
)
def test_user_errors_end_with_status_2(args: tuple[object, ...], code: str) -> None:
    done = lego(*args)
    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_foreign_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "gemm_os_sys").mkdir()
    (tmp_path / "gemm_os_sys" / "notes").write_text("mine")
    done = lego("compile", GEMM, "-o", tmp_path)
    assert done.returncode == 2
    assert "E501" in done.stderr
    assert (tmp_path / "gemm_os_sys" / "notes").read_text() == "mine"


def test_internal_errors_end_with_status_70(tmp_path: Path) -> None:
    code = (
        "import sys; import lego.flow; "
        "lego.flow.compile_workload = lambda *a, **k: 1 / 0; "
        "from lego.cli.main import main; "
        f"sys.argv = ['lego', 'compile', {str(GEMM)!r}, '-o', {str(tmp_path)!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "internal error: ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_code_in_the_sources_is_explained() -> None:
    used = set()
    for folder in ("lego", "frontends", "sim"):
        for path in (ROOT / folder).rglob("*.py"):
            used |= set(re.findall(r"\"(E[0-9]{3})\"", path.read_text()))
    assert used == set(CODES)
    assert "remedy" in lego("explain", "e122").stdout
