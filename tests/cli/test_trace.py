"""`lego trace` and `lego models` as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lego.cli.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
NEEDS_MODELS = pytest.mark.skipif(
    find_spec("torch") is None, reason="the extra `models` isn't installed"
)


def lego(*args: str, cache: Path, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "-m", "lego.cli.main", *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        check=False,
    )


def test_models_are_listed_without_pytorch(tmp_path: Path) -> None:
    listed = json.loads(lego("models", "--json", cache=tmp_path).stdout)
    (entry,) = (e for e in listed if e["name"] == "resnet50")
    assert (entry["parameters_m"], entry["macs_g"]) == (25.6, 4.089)
    assert "resnet50" in lego("models", cache=tmp_path).stdout


@NEEDS_MODELS
def test_a_network_is_traced_once_and_then_remembered(tmp_path: Path) -> None:
    first = lego("trace", "can_linear_tiny", "--json", cache=tmp_path)
    assert first.returncode == 0, first.stderr
    (kept,) = (tmp_path / "lego" / "traces").iterdir()
    kept.write_text(kept.read_text().replace('"name":"can_linear_tiny"', '"name":"remembered"', 1))
    assert (
        json.loads(lego("trace", "can_linear_tiny", "--json", cache=tmp_path).stdout)["name"]
        == "remembered"
    )
    kept.write_text("{")
    assert lego("trace", "can_linear_tiny", "--json", cache=tmp_path).stdout == first.stdout
    summary = json.loads(first.stdout)
    assert summary["operations"] == {"array": 2, "post": 2, "move": 0, "host": 0}


@NEEDS_MODELS
def test_a_contraction_is_taken_out_and_compiles(tmp_path: Path) -> None:
    listed = lego("trace", "can_linear_tiny", "--ops", cache=tmp_path).stdout
    name = next(line.split()[1] for line in listed.splitlines() if line.startswith("array"))
    out = tmp_path / "op.yaml"
    assert (
        lego(
            "trace", "can_linear_tiny", "--extract", name, "-o", str(out), cache=tmp_path
        ).returncode
        == 0
    )
    done = lego("check", str(out), cache=tmp_path)
    assert done.returncode == 0, done.stderr
    wrong = lego("trace", "can_linear_tiny", "--extract", "nothing", cache=tmp_path)
    assert wrong.returncode == 2
    assert "error[E405]: no operation 'nothing'" in wrong.stderr
    assert name in wrong.stderr


@NEEDS_MODELS
def test_what_is_taken_out_says_which_part_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "op.yaml"
    name = "up.1.convolution.conv_transpose2d"
    done = lego(
        "trace", "sparserefine_unet_tiny", "--extract", name, "-o", str(out), cache=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said = "# The network keeps Y[:, :, :, 1:9, 1:9]; it drops what is written outside.\n"
    assert out.read_text().startswith(said)
    done = lego("check", str(out), cache=tmp_path)
    assert done.returncode == 0, done.stderr


@NEEDS_MODELS
def test_a_network_is_verified(tmp_path: Path) -> None:
    done = lego("verify", "can_linear_tiny", "--device", "cpu", "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    tensors = json.loads(done.stdout)["tensors"]
    assert len(tensors) > 3
    assert all(tensor["close"] for tensor in tensors)
    assert all(tensor["nests"] is None or tensor["nests"] < 1e-5 for tensor in tensors)
    (found,) = [t["formats"] for t in tensors if t["layer"]][:1]
    assert 1e-4 < found < 0.05
    assert lego("verify", "can", cache=tmp_path).returncode == 2


@NEEDS_MODELS
def test_formats_and_samples_are_the_users(tmp_path: Path) -> None:
    given = {"x": np.ones((3, 2, 5, 12), np.float32), "condition": np.ones((3, 2, 16), np.float32)}
    network = ("verify", "can_linear_tiny", "--formats", "bf16")
    np.savez(tmp_path / "good.npz", **given)
    done = lego(*network, "--data", str(tmp_path / "good.npz"), cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "bf16" in done.stdout
    np.savez(tmp_path / "few.npz", x=given["x"])
    wrong = lego(*network, "--data", str(tmp_path / "few.npz"), cache=tmp_path)
    assert wrong.returncode == 2
    assert "error[E422]" in wrong.stderr
    for option, code in ((("--formats", "int9"), "E421"), (("--device", "abacus"), "E904")):
        wrong = lego("verify", "can_linear_tiny", *option, cache=tmp_path)
        assert wrong.returncode == 2
        assert f"error[{code}]" in wrong.stderr


@NEEDS_MODELS
def test_errors_are_those_against_float64(tmp_path: Path) -> None:
    """In the deepest of the small networks too, sums in float32 stay near: samples don't amplify rounding."""
    done = lego("verify", "mobilenetv2_tiny", "--formats", "bf16", "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    tensors = json.loads(done.stdout)["tensors"]
    assert all(tensor["close"] for tensor in tensors)
    for which in ("module", "nests"):
        assert 1e-8 < max(tensor[which] or 0 for tensor in tensors) < 1e-6


@NEEDS_MODELS
def test_messages_of_a_rank_are_listed(tmp_path: Path) -> None:
    name = "longvila_ring4_rank1_tiny"
    listed = json.loads(lego("trace", name, "--json", cache=tmp_path).stdout)["messages"]
    assert len(listed) == 2 * 2 * 3 * 2  # layers, keys and values, steps, ways
    assert {(m["way"], m["peer"]) for m in listed} == {("send", 2), ("receive", 0)}
    assert all(m["bytes"] == 4 * 2 * 8 * 16 for m in listed)
    assert [m["tag"] for m in listed if m.get("after", "") is None] == [
        f"layer{layer}.step{step}.{tensor}"
        for layer in range(2)
        for step in (2, 3)
        for tensor in ("keys", "values")
    ]
    printed = lego("trace", name, cache=tmp_path).stdout
    assert "as it comes" in printed
    assert "12 messages of 0.0 MB sent, 12 of 0.0 MB received" in printed
    plain = lego("trace", "can_linear_tiny", "--json", cache=tmp_path).stdout
    assert "messages" not in json.loads(plain)


@NEEDS_MODELS
def test_a_pipeline_is_its_stages(tmp_path: Path) -> None:
    path = tmp_path / "system.yaml"
    path.write_text("name: system\nmodel: vila15_pipeline_tiny\n")
    found = json.loads(lego("trace", str(path), "--json", cache=tmp_path).stdout)
    each = {}
    for stage in found["stages"]:
        one = json.loads(lego("trace", stage["model"], "--json", cache=tmp_path).stdout)
        each[stage["name"]] = one["macs"]
        assert stage["macs_each"] == one["macs"] > 0
    assert [stage["times"] for stage in found["stages"]] == [1, 1, 3]
    assert found["macs"] == each["vision"] + each["prefill"] + 3 * each["decode"]
    assert found["stages"][1]["reads"][0] == {
        "source": "vision",
        "what": "visual tokens",
        "shape": [],
    }
    printed = lego("trace", "vila15_pipeline_tiny", cache=tmp_path).stdout
    assert "llama3_decode_tiny" in printed
    assert "prefill: first token and cache" in printed


@NEEDS_MODELS
def test_repeated_operations_are_listed_once(tmp_path: Path) -> None:
    name = "uvit_tiny"
    found = json.loads(lego("trace", name, "--ops", "--json", cache=tmp_path).stdout)
    kept, listed = found["templates"], found["operations"]
    assert len(kept) == found["different_operations"] < len(listed)
    assert sum(template["count"] for template in kept) == len(listed)
    assert sorted(n for template in kept for n in template["names"]) == sorted(
        op["name"] for op in listed
    )
    for op in listed:
        assert op["name"] in kept[op["template"]]["names"]
        assert len(op["inputs"]) == len(kept[op["template"]]["inputs"])
    plain = [json.dumps({k: v for k, v in t.items() if k not in ("count", "names")}) for t in kept]
    assert len(plain) == len(set(plain))
    text = lego("trace", name, "--ops", cache=tmp_path).stdout
    most = max(kept, key=lambda template: template["count"])
    assert f"{most['count']} times: {', '.join(most['names'][1:])} too" in text


def test_pipelines_are_listed_and_have_no_operations(tmp_path: Path) -> None:
    listed = json.loads(lego("models", "--json", cache=tmp_path).stdout)
    (wolf,) = (e for e in listed if e["name"] == "wolf")
    assert wolf["stages"]["frame_vision"] == ["vila15_8b_vision", 20]
    for option in (("--ops",), ("--strict",), ("--extract", "conv")):
        done = lego("trace", "wolf", *option, cache=tmp_path)
        assert done.returncode == 2
        assert "error[E904]: wolf is several networks; name one of them" in done.stderr


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nmodel: resnet5\n", ":2:8: error[E604]: unknown model 'resnet5'"),
        ("name: a\nmodel: os.system\n", ":2:8: error[E604]: unknown model"),
        ("name: a\nmodel: [resnet50]\n", ":2:8: error[E102]: model must be a name"),
        ("name: a/b\nmodel: resnet50\n", ":1:7: error[E102]: not a name"),
        ("model: resnet50\n", ":1:1: error[E102]: name is missing"),
        ("name: a\nmodel: resnet50\nclass: os\n", ":3:1: error[E101]: unknown key 'class'"),
        (
            "name: a\nmodel: llama_tiny\nquantize: int4\n",
            ":3:11: error[E102]: unknown technique 'int4' for quantize",
        ),
        (
            "name: a\nmodel: llama_tiny\nattention: [duo]\n",
            ":3:12: error[E102]: attention must be a name",
        ),
        ("name: a\nmodel: !!python/name:os.system\n", "error[E005]"),
    ],
)
def test_bad_files_are_located(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    done = lego("trace", str(path), cache=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "hint: " in done.stderr or "E102" in said or "E005" in said


@NEEDS_MODELS
def test_techniques_are_options_and_keys(tmp_path: Path) -> None:
    """A file's keys and the options give one network, which is remembered apart from the plain one."""
    file = tmp_path / "small.yaml"
    file.write_text("name: small\nmodel: llama_decode_tiny\nquantize: qoq_channel\n")
    asked = lego("trace", str(file), "--attention", "duo", "--json", cache=tmp_path)
    assert asked.returncode == 0, asked.stderr
    summary = json.loads(asked.stdout)
    assert summary["name"] == "llama_decode_tiny+qoq_channel+duo"
    options = ("--quantize", "qoq_channel", "--attention", "duo")
    again = lego("trace", "llama_decode_tiny", *options, "--json", cache=tmp_path)
    assert again.stdout == asked.stdout
    assert len(list((tmp_path / "lego" / "traces").iterdir())) == 1
    plain = json.loads(lego("trace", "llama_decode_tiny", "--json", cache=tmp_path).stdout)
    assert plain["name"] == "llama_decode_tiny"
    assert plain["operations"]["post"] < summary["operations"]["post"]


@NEEDS_MODELS
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("llama_tiny", "--quantize", "qoq"), "error[E606]: unknown technique 'qoq' for quantize"),
        (("llama_tiny", "--attention", "quest"), "error[E607]: quest leaves prefill as it is"),
        (("resnet_tiny", "--attention", "quest"), "error[E607]: quest needs a language model"),
        (("resnet_tiny", "--quantize", "coat_fp8"), "error[E607]: coat_fp8 changes the linear"),
        (("gemma2_decode_tiny", "--attention", "duo"), "error[E607]: duo doesn't apply to gemma2"),
        (("net.onnx", "--attention", "duo"), "error[E904]: techniques change networks"),
        (
            ("--module", "a.py:B", "--quantize", "coat_fp8"),
            "error[E904]: techniques change networks",
        ),
    ],
)
def test_techniques_that_dont_apply_say_so(
    given: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = lego("trace", *given, cache=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_name_tells_the_nearest(tmp_path: Path) -> None:
    done = lego("trace", "llama_7b", cache=tmp_path)
    assert done.returncode == 2
    assert "hint: nearest: llama_7b_" in done.stderr
    assert "E604" in CODES


def test_without_the_packages_the_extra_is_named(tmp_path: Path) -> None:
    """A Python without its site's packages has none of them."""
    code = (
        "import sys; from importlib.abc import MetaPathFinder\n"
        "class Without(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'timm', 'diffusers'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without()); sys.argv = ['lego', 'trace', 'resnet50']\n"
        "from lego.cli.main import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 2
    assert "error[E605]" in done.stderr
    assert "pip install 'lego-accelerator[models]'" in done.stderr
