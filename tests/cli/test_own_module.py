"""`lego trace --module`: a class of the user's own, and the shapes of its inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import NEEDS_MODELS, lego

OWN = """\
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU())

class Turns(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x

def function():
    return 1
"""


@NEEDS_MODELS
@pytest.mark.parametrize(
    ("place", "shapes", "said"),
    [
        ("own.py:Net", ("1,3,9,9",), ""),
        ("own.py:Turns", ("2,3",), "hint: shapes and control flow mustn't depend on values"),
        ("own.py:Net", ("3,9",), "error[E401]: Net can't be exported: Expected 3D"),
        ("own.py:Net", ("3,9",), "hint: the module stops at inputs [3, 9] float32"),
        ("own.py:Net", ("1,4,9,9",), "hint: the module stops at inputs [1, 4, 9, 9] float32"),
        ("own.py:Missing", ("2,3",), "error[E410]"),
        ("own.py:Missing", ("2,3",), "hint: the file has Net, Turns\n"),
        ("own.py:function", ("2,3",), "error[E410]"),
        ("none.py:Net", ("2,3",), "none.py is no file"),
        ("own.py:Net", ("1,3,x,9",), "error[E904]: '1,3,x,9' is no shape"),
        ("own.py:Net", (), "error[E904]"),
        ("own.py", ("2,3",), "error[E904]"),
    ],
)
def test_a_module_of_ones_own(
    place: str, shapes: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    given = [arg for shape in shapes for arg in ("--input", shape)]
    done = lego("trace", "--module", str(tmp_path / place), *given, "--json", cache=tmp_path)
    assert "Traceback" not in done.stderr
    if said:
        assert done.returncode == 2
        assert said in done.stderr
    else:
        assert json.loads(done.stdout)["macs"] == 8 * 27 * 49


VISION = """\
import timm
import torchvision
from torch import nn

class Timm(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = timm.create_model("test_resnet")

    def forward(self, x):
        return self.net(x)

class Torchvision(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = torchvision.ops.SqueezeExcitation(3, 2)

    def forward(self, x):
        return self.net(x)
"""


@NEEDS_MODELS
@pytest.mark.parametrize("name", ["Timm", "Torchvision"])
def test_a_module_of_ones_own_may_import_timm_and_torchvision(name: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(VISION)
    given = ("--module", f"{tmp_path / 'own.py'}:{name}", "--input", "1,3,32,32")
    done = lego("trace", *given, "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["macs"] > 0


@NEEDS_MODELS
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("can_linear_tiny", "--input", "1,3"), "can_linear_tiny has its shapes"),
        (("wolf", "--dim", "batch=1"), "wolf has its shapes"),
        (("--module", "a.py:B", "--input", "1,3", "--dim", "b=1"), "--dim sets open dimensions"),
        (("--input", "1,3"), "give a name or a file, or --module"),
    ],
)
def test_shapes_where_there_is_nothing_to_set(
    given: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = lego("trace", *given, cache=tmp_path)
    assert done.returncode == 2
    assert "error[E904]" in done.stderr
    assert said in done.stderr
