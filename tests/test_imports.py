"""Imports go one way."""

from __future__ import annotations

import ast
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


def test_amaranth_stays_in_its_folder() -> None:
    for path in (ROOT / "lego").rglob("*.py"):
        if "amaranth" not in path.parts:
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


MOST_FILES, MOST_IMPORTS = 12, 6


def test_rooms_of_the_back_end_are_small() -> None:
    """At most 12 files in a folder, and none of them imports more than 6 others of it."""
    back = ROOT / "lego" / "back"
    for folder in (back, *(path.parent for path in back.rglob("__init__.py"))):
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= MOST_FILES, folder
        name = ".".join(folder.relative_to(ROOT).parts)
        for path in files:
            found = {
                node.module.removeprefix(f"{name}.").split(".")[0]
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.startswith(f"{name}.")
            }
            assert folder == back or len(found) <= MOST_IMPORTS, path


WIDER = ("network", "constants", "kinds", "promotion", "templates", "network_json")
NARROW: dict[str | None, set[str]] = {
    "lego.ir.operation": {"Loop", "Reduction"},
    "lego.ir.workload": {"DataflowSpec"},
    **{f"lego.ir.{name}": set() for name in WIDER},
}
"""What the front and the back end take from modules of operations: the rest is wider than arrays."""


def test_the_front_and_the_back_end_see_operations_as_arrays_have_them() -> None:
    for folder in ("front", "back", "mapping"):
        for path in (ROOT / "lego" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module in NARROW:
                    assert {name.name for name in node.names} <= NARROW[node.module], path
