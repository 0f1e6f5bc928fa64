"""The folder of a device: what an SoC and a host take from it, without a message of lint or compiler."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego.artefact.publish import publish
from lego.artefact.register_map import HEADER, IPXACT, PAGES, RDL
from lego.compile import compile_workload
from lego.ir.device import devices_from_json
from lego.tools import run
from sim.lint import lint
from tests.device.chips import FOLDER

GCC = ["gcc", "-std=c99", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-pedantic"]
GCC += ["-DLEGO_COHERENT", "-c"]
DRIVER = ("lego_driver.c", "lego_driver.h")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = FOLDER / "edge16.yaml"
    files = compile_workload(load_workload(path), source=path.read_bytes())
    found = tmp_path_factory.mktemp("device") / "edge16"
    publish(found, files)
    return found


def test_hosts_find_the_registers_and_a_driver(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {RDL, HEADER, IPXACT, *DRIVER} <= names
    assert not {PAGES, "registers.c", "registers.h", "tb.sv"} & names
    (device,) = devices_from_json((folder / "device.json").read_text())
    assert device.engines is not None
    assert f"32'h{device.engines.chip:x};" in (folder / RDL).read_text()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc isn't installed")
def test_a_compiler_takes_the_driver_with_the_folder_s_header(folder: Path, tmp_path: Path) -> None:
    for name in (HEADER, *DRIVER):
        shutil.copy(folder / name, tmp_path)
    run([*GCC, "lego_driver.c"], cwd=tmp_path, timeout_s=60)
    text = (tmp_path / HEADER).read_text()
    (tmp_path / HEADER).write_text(text.replace("IRQ_MASK", "IRQ_MISSING"))
    done = run([*GCC, "lego_driver.c"], cwd=tmp_path, timeout_s=60, check=False)
    assert done.returncode
    assert "IRQ_MASK" in done.stderr


def test_the_top_has_the_names_of_axi(folder: Path) -> None:
    verilog = (folder / "edge16.v").read_text()
    (head,) = re.findall(r"^module edge16\(([^)]*)\);", verilog, re.MULTILINE)
    ports = set(re.split(r"[,\s]+", head))
    assert {"aclk", "aresetn", "irq"} <= ports
    assert not {"clk", "rst"} & ports
    assert all(port.startswith(("s_axi_", "m_axi_")) for port in ports - {"aclk", "aresetn", "irq"})
    (device,) = devices_from_json((folder / "device.json").read_text())
    bits = {port.name: port.bits for port in device.ports}
    assert set(bits) == ports
    assert bits["m_axi_arid"] == bits["m_axi_awid"] == bits["m_axi_rid"] == bits["m_axi_bid"]


def test_no_message_of_lint(folder: Path) -> None:
    assert lint(folder / "edge16.v") == []


@pytest.mark.slow
def test_lint_sees_what_nobody_reads(folder: Path, tmp_path: Path) -> None:
    """The waivers of a device leave that to be said."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    design = tmp_path / "edge16.v"
    before, end, after = design.read_text().rpartition("endmodule")
    design.write_text(f"{before}  wire unread = aclk;\n{end}{after}")
    assert "Signal is not used: 'unread'" in "\n".join(lint(design))
