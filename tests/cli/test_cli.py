"""The command line, as users call it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
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
    place = re.search(r"\$signed\(result\) \+ ", text)
    assert place
    verilog.write_text(text[: place.start()] + "$signed(result) - " + text[place.end() :])
    done = lego("sim", tmp_path / "gemm_os_sys")
    assert done.returncode == 2
    assert "error[E701]: the RTL differs from the reference" in done.stderr


def test_help_has_examples_and_is_light() -> None:
    assert "Example:" in lego("--help").stdout
    for verb in ("compile", "check", "sim", "ppa", "draw", "program", "schema", "explain"):
        assert "Example:" in lego(verb, "--help").stdout
    code = (
        "import sys, lego.cli.main; "
        "heavy = ('amaranth','islpy','pyosys','numpy','cocotb','torch','pydantic'); "
        "print([m for m in heavy if m in sys.modules])"
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
        (("explain", "nowhere.yaml"), "E001"),
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
        "import sys; import lego.compile; "
        "lego.compile.compile_workload = lambda *a, **k: 1 / 0; "
        "from lego.cli.main import main; "
        f"sys.argv = ['lego', 'compile', {str(GEMM)!r}, '-o', {str(tmp_path)!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "internal error: ZeroDivisionError" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compiled")
    assert lego("compile", GEMM, "-o", out).returncode == 0
    return out / "gemm_os_sys"


def change(manifest: Path, key: str, value: object) -> None:
    document = json.loads(manifest.read_text())
    at = document
    *path, last = key.split(".")
    for step in path:
        at = at[int(step)] if step.isdigit() else at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    manifest.write_text(json.dumps(document))


def fails(folder: Path, code: str) -> list[str]:
    """What every command that reads a folder says of one that it can't use."""
    told = []
    for verb in ("sim", "ppa", "program"):
        done = lego(verb, folder)
        assert done.returncode == 2, done.stderr
        assert f"error[{code}]" in done.stderr
        assert "Traceback" not in done.stderr
        told.append(done.stderr)
    return told


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "lego/manifest/9"),
        ("clock_ps", "fast"),
        ("name", None),
        ("files", {"gone.json": "0"}),
        ("files", {"../../etc/passwd": "0"}),
    ],
)
def test_a_tampered_manifest_is_a_user_error(
    compiled: Path, tmp_path: Path, key: str, value: object
) -> None:
    folder = shutil.copytree(compiled, tmp_path / "copy")
    change(folder / "manifest.json", key, value)
    fails(folder, "E504")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", "lego/device/9"),
        ("devices", None),
        ("devices", "x"),
        ("devices", []),
        ("devices", [3]),
        ("devices.0.top", None),
        ("devices.0.top", "a;b"),
        ("devices.0.dataflows", []),
        ("devices.0.dataflows.0.program", None),
        ("devices.0.dataflows.0.program.cycles", "many"),
        ("devices.0.verilog", "../../etc/passwd"),
        ("devices.0.verilog", "gone.v"),
        ("devices.0.host.data_bits", -1),
        ("devices.0.memories.0.direction", "up"),
        ("devices.0.memories.0.bits", 0),
        ("devices.0.macros.0.depth", 0),
        ("devices.0.registers.0.bits", 0),
    ],
)
def test_a_tampered_device_is_a_user_error(
    compiled: Path, tmp_path: Path, key: str, value: object
) -> None:
    """Told by its digest, and where that was changed as well, by what it says."""
    folder = shutil.copytree(compiled, tmp_path / "copy")
    change(folder / "device.json", key, value)
    assert all("device.json isn't what the compiler wrote" in s for s in fails(folder, "E505"))
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256((folder / "device.json").read_bytes()).hexdigest()
    manifest["files"]["device.json"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))
    fails(folder, "E504")


def test_a_folder_of_an_older_version_says_who_made_it(compiled: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(compiled, tmp_path / "copy")
    change(folder / "manifest.json", "schema", "lego/manifest/2")
    change(folder / "manifest.json", "versions.lego", "0.0.7")
    for said in fails(folder, "E504"):
        assert "was made by LEGO 0.0.7: its manifest is 'lego/manifest/2'" in said
        assert "workload.yaml again" in said


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00"])
def test_a_broken_manifest_is_a_user_error(compiled: Path, tmp_path: Path, text: str) -> None:
    folder = shutil.copytree(compiled, tmp_path / "copy")
    (folder / "manifest.json").write_text(text)
    done = lego("program", folder)
    assert done.returncode == 2
    assert "error[E504]" in done.stderr


@pytest.mark.parametrize("name", ["workload.yaml", "gemm_os_sys_mm.adg.json"])
def test_edited_and_missing_files_are_told(compiled: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(compiled, tmp_path / "copy")
    (folder / name).write_text((folder / name).read_text() + "\n")
    done = lego("sim", folder)
    assert done.returncode == 2
    assert f"error[E505]: {folder / name} isn't what the compiler wrote" in done.stderr
    (folder / name).unlink()
    assert "error[E504]" in lego("program", folder).stderr


def test_the_folder_keeps_what_a_user_put_there(compiled: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(compiled, tmp_path / "gemm_os_sys")
    (folder / "notes").mkdir()
    (folder / "notes" / "n").write_text("mine")
    assert lego("sim", ".", cwd=folder).returncode == 0
    assert (folder / "notes" / "n").read_text() == "mine"
    assert json.loads((folder / "sim.json").read_text())["bounds"] == {}
    done = lego("compile", GEMM, "-o", tmp_path)
    assert done.returncode == 2
    assert "'notes', which this program didn't write" in done.stderr
    assert (folder / "notes" / "n").read_text() == "mine"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("sim", "--seed", "-1"), "E904"),
        (("sim", "--seed", "9" * 20), "E904"),
        (("sim", "--bound", "m=\u0663"), "E904"),
        (("sim", "--bound", "m=3", "--bound", "m=4"), "E904"),
        (("ppa", "--clock", "0"), "E806"),
        (("program", "--base", "X=999"), "E203"),
        (("program", "--base", "Q=0"), "E203"),
        (("program", "--bound", "z=3"), "E202"),
        (("program", "--resume"), "E204"),
        (("program", "--then", "m=3"), "E205"),
        (("program", "--then", "m"), "E904"),
        (("program", "--then", "m=3", "--resume"), "E904"),
        (("program", "--design", "nope"), "E903"),
    ],
)
def test_wrong_options_are_told(compiled: Path, args: tuple[str, ...], code: str) -> None:
    done = lego(args[0], compiled, *args[1:])
    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_terminated_simulation_leaves_no_process(compiled: Path) -> None:
    code = (
        "import os, signal, subprocess, sys, threading\n"
        "from pathlib import Path\n"
        "from lego.cli.common import guarded\n"
        "from lego.tools import run\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()\n"
        "guarded(lambda: run(['sleep', '1234.5'], cwd=Path(), timeout_s=60))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 143
    assert b"sleep\x001234.5\x00" not in map(command_line, Path("/proc").glob("[0-9]*"))


def test_every_code_in_the_sources_is_explained() -> None:
    used = set()
    for folder in ("lego", "frontends", "sim"):
        for path in (ROOT / folder).rglob("*.py"):
            used |= set(re.findall(r"\"(E[0-9]{3})\"", path.read_text()))
    assert used == set(CODES)
    assert "remedy" in lego("explain", "e122").stdout
