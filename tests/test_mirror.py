"""The folders of the tests are those of the tree."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHOLE_CHAIN = ("property", "whole")
"""Folders of tests that go from a workload to its Verilog, and belong to no package."""


def strays(root: Path) -> list[str]:
    """Folders of tests, by their paths in `tests`, that test no package of the tree."""
    tests = root / "tests"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("*.py")} - {Path()}
    return sorted(
        str(folder)
        for folder in folders
        if folder.parts[0] not in WHOLE_CHAIN
        and not any((base / folder / "__init__.py").exists() for base in (root / "lego", root))
    )


def test_folders_of_tests_are_packages_of_the_tree() -> None:
    assert strays(ROOT) == []


def test_folders_that_are_no_package_are_named(tmp_path: Path) -> None:
    for name in (
        "lego/back/__init__.py",
        "sim/__init__.py",
        "tests/test_top.py",
        "tests/back/test_ok.py",
        "tests/sim/test_ok.py",
        "tests/whole/test_ok.py",
        "tests/back/plan/test_no_plan.py",
        "tests/ppa/test_no_ppa.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert strays(tmp_path) == ["back/plan", "ppa"]
