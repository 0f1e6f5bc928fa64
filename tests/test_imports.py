"""Imports go one way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import networkx as nx

ROOT = Path(__file__).resolve().parents[1]


def test_contracts_of_the_import_linter() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout


def test_modules_import_each_other_in_no_circle() -> None:
    """Imports for types and within functions count too."""
    imports = grimp.build_graph("lego", "frontends", "sim", cache_dir=None)
    graph = nx.DiGraph(
        (module, below)
        for module in imports.modules
        for below in imports.find_modules_directly_imported_by(module)
    )
    assert [sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1] == []


def test_amaranth_stays_in_the_rtl_folder() -> None:
    for path in (ROOT / "lego").rglob("*.py"):
        if "rtl" not in path.parts:
            text = path.read_text()
            assert "import amaranth" not in text
            assert "from amaranth" not in text


def test_only_one_module_starts_processes() -> None:
    for folder in ("lego", "frontends", "sim"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "tools.py":
                text = path.read_text()
                assert "subprocess" not in text, path
                assert "os.system" not in text, path
