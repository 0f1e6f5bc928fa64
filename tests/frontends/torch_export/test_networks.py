"""Every small network of the catalogue as loop nests, against PyTorch: outputs and all intermediate
tensors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from frontends.models.build import build
from frontends.models.catalogue import CATALOGUE
from frontends.torch_export.tracer import trace
from frontends.tracing.extract import extract
from frontends.yaml import load_text
from frontends.yaml.render import render_workload
from lego.diag import LegoError
from lego.ir.formats import Integer
from lego.ir.kinds import Kind, kind_of, total_macs
from lego.ir.network import Network
from lego.ir.network_json import from_json, to_json
from tests.designs import cases_of, verdicts_of
from tests.frontends.torch_export.compare import compare

pytestmark = pytest.mark.filterwarnings("ignore")
TINY = [entry.name for entry in CATALOGUE if entry.name.endswith("_tiny")]
PUBLISHED = {"resnet50": 4.089, "bert_base_128": 11.174, "sana_1_6b_1024px": 1483.3}


@pytest.mark.parametrize("name", TINY)
def test_a_network_is_its_loop_nests(name: str) -> None:
    sample = build(name, device="cpu")
    traced = compare(sample.module, sample.args, sample.kwargs)
    assert from_json(json.loads(json.dumps(to_json(traced.network)))) == traced.network
    assert not traced.network.calls


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_sizes_have_published_counts(name: str) -> None:
    sample = build(name)
    network = trace(sample.module, sample.args, sample.kwargs, name=name).network
    (entry,) = (entry for entry in CATALOGUE if entry.name == name)
    assert total_macs(network) / 1e9 == pytest.approx(PUBLISHED[name], rel=1e-3)
    assert network.parameters / 1e6 == pytest.approx(entry.parameters_m, rel=2e-3)


TAKEN = {
    "mobilenetv2_tiny": ("depthwise", 2),
    "resnet_tiny": ("strided", 2),
    "dcae_sana_encoder_tiny": ("grouped", 1),
    "llama3_tiny": ("grouped queries", 3),
    "sana_tiny": ("linear attention", 3),
    "can_linear_tiny": ("produced weights", 2),
    "vilau_quantiser_tiny": ("nearest code", 1),
}
"""Networks, and how many of their contractions go to RTL."""
MOST = 100_000
"""Iterations, so that a simulation ends soon."""


def taken(network: Network, count: int) -> list[str]:
    """Contractions of different shapes, the largest that are small enough."""
    found: dict[object, str] = {}
    for op in network.operations:
        if kind_of(op) is Kind.ARRAY and op.iterations <= MOST and len(op.loops) <= 8:
            found.setdefault(tuple(loop.name for loop in op.loops), op.name)
    return list(found.values())[:count]


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_contractions_of_a_network_are_bit_exact_in_rtl(name: str) -> None:
    sample = build(name, device="cpu")
    network = trace(sample.module, sample.args, sample.kwargs, name=name).network
    names = taken(network, TAKEN[name][1])
    assert len(names) == TAKEN[name][1]
    cases = []
    for k, each in enumerate(names):
        text = render_workload(extract(network, each))
        rest = text.split("\n", 1)[1]
        assert load_text(text).operations[0].iterations <= MOST
        cases += cases_of(f"name: op{k}\n{rest}", k)
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()] * len(cases)


LAYERS = {
    "svdquant_r32": ("pixart_tiny", ("branch", "branch", "groups")),
    "qoq_g128": ("llama3_tiny", ("product",)),
}
"""Techniques: a network, and what the contractions of one of its layers are."""


@pytest.mark.parametrize("technique", sorted(LAYERS))
def test_contractions_of_a_quantised_layer_are_bit_exact_in_rtl(technique: str) -> None:
    """The branch of rank 32 (in integers), sums of 4 by 4 bits in groups, and W4A8 after its scale."""
    model, parts = LAYERS[technique]
    sample = build(model, device="cpu", quantize=technique)
    network = trace(sample.module, sample.args, sample.kwargs, name=model).network
    products = [op for op in network.operations if kind_of(op) is Kind.ARRAY]
    first = next(op for op in products if ".0." in op.name)
    place = first.name.rsplit(".", 1)[0]
    found = [op for op in products if op.name.startswith(f"{place}.")]
    assert len(found) == len(parts)
    cases = []
    for k, op in enumerate(found):
        formats = [str(network.buffer(p.buffer).format) for p in (*op.inputs, op.output.place)]
        whole = parts[k] in ("groups", "product")
        assert formats == (
            ["int8", "int8", "int32"] if whole else ["float32", "float16", "float32"]
        )
        assert op.iterations <= MOST
        operand = Integer(True, 4 if parts[k] == "groups" else 8)
        rest = render_workload(extract(network, op.name, operand=operand)).split("\n", 1)[1]
        cases += cases_of(f"name: op{k}\n{rest}", k)
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()] * len(cases)


def test_only_contractions_are_taken_out() -> None:
    sample = build("can_linear_tiny")
    network = trace(sample.module, sample.args, sample.kwargs).network
    other = next(op.name for op in network.operations if kind_of(op) is not Kind.ARRAY)
    for name, said in ((other, "isn't a contraction"), ("nothing", "no operation")):
        with pytest.raises(LegoError, match=said) as caught:
            extract(network, name)
        assert caught.value.code == "E405"


def test_every_network_that_is_shipped_is_in_the_catalogue() -> None:
    from frontends.models.file import load_model

    root = Path(__file__).resolve().parents[3] / "workloads"
    files = [path for path in sorted(root.glob("*.yaml")) if "\nmodel:" in path.read_text()]
    assert len(files) > 30
    for path in files:
        assert load_model(path).name == path.stem
