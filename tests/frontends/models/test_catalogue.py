"""The catalogue and the refusals; needs no PyTorch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from frontends.models import build as module
from frontends.models.build import FAMILIES, build
from frontends.models.catalogue import CATALOGUE
from lego.diag import LegoError

ROOT = Path(__file__).resolve().parents[3]


def test_names_are_unique_and_plain() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(names) == len(set(names)) > 100
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name) for name in names)


def test_families_are_the_allowed_ones_and_each_has_a_tiny_network() -> None:
    assert {entry.family for entry in CATALOGUE} == set(FAMILIES)
    tiny = {entry.family for entry in CATALOGUE if entry.name.endswith("_tiny")}
    assert tiny == set(FAMILIES)


def test_figures_are_positive_and_of_published_sizes_only() -> None:
    for entry in CATALOGUE:
        assert entry.about
        figures = (entry.parameters_m, entry.macs_g)
        assert all(figure is None or figure > 0 for figure in figures)
        assert figures == (None, None) or not entry.name.endswith("_tiny")


def test_catalogue_and_builder_import_no_package() -> None:
    code = (
        "import sys, frontends.models.build, frontends.models.catalogue\n"
        "heavy = {'torch', 'timm', 'diffusers', 'transformers', 'torchvision', 'numpy'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet5", "nearest: resnet50"),
        ("sana_1_6b_1024", "nearest: sana_1_6b_1024px"),
        ("../etc/passwd", "`lego models` lists the names"),
        ("", "`lego models` lists the names"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(LegoError, match="unknown model") as caught:
        build(name)
    assert caught.value.code == "E604"
    assert caught.value.hint.startswith(hint)


def test_missing_packages_are_refused_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(module, "prepare", missing)
    with pytest.raises(LegoError, match="can't be imported: No module named 'torch'") as caught:
        build("resnet50")
    assert caught.value.code == "E605"
    assert caught.value.hint == "pip install 'lego-accelerator[models]'"


def test_a_pipeline_is_no_network() -> None:
    with pytest.raises(LegoError, match="wolf is several networks") as caught:
        build("wolf")
    assert caught.value.code == "E604"
    assert caught.value.hint.startswith("vila15_8b_vision, vila15_8b_prefill")
