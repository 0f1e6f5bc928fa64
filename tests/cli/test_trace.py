"""`lego trace` and `lego models` as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lego.cli.codes import CODES
from tests.cli.command import NEEDS_MODELS, ROOT, lego


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
