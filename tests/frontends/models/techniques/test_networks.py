"""Techniques on small networks: every nest against the module; on published ones: what they consist of."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from frontends.models.build import build  # noqa: E402
from frontends.models.techniques.linears import dense_layers  # noqa: E402
from frontends.torch_export.tracer import trace  # noqa: E402
from lego.diag import LegoError  # noqa: E402
from lego.ir.kinds import Kind, kind_of, macs_of, total_macs  # noqa: E402
from lego.ir.network import Network  # noqa: E402
from lego.ir.operation import Fn  # noqa: E402
from tests.frontends.models.techniques.nests import check_nests  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = [
    ("llama3_decode_tiny", "qoq_g128", "quest"),
    ("llama3_decode_tiny", "qoq_channel", "duo"),
    ("gpt2_tiny", "qoq_g128", None),
    ("bert_tiny", "qoq_g128", "dense"),
    ("pixart_tiny", "svdquant_r32", None),
    ("sana_tiny", "svdquant_r32", None),
    ("llama_tiny", "coat_fp8", None),
    ("llama3_tiny", None, "duo"),
    ("llama_decode_tiny", None, "quest"),
]
MORE = [
    ("llama_tiny", "qoq_g128", None),
    ("gemma2_decode_tiny", "qoq_channel", None),
    ("sana_tiny", "qoq_g128", None),
    ("flux_tiny", "svdquant_r32", None),
    ("dit_tiny", "coat_fp8", None),
    ("qwen2_decode_tiny", None, "duo"),
    ("qwen2_decode_tiny", "coat_fp8", "quest"),
    ("llama_tiny", "svdquant_r32", "duo"),
    ("siglip_tiny", "qoq_channel", None),
]
SMALL += [pytest.param(*each, marks=pytest.mark.slow) for each in MORE]


@pytest.mark.parametrize(("name", "quantize", "attention"), SMALL)
def test_every_nest_is_the_modules(name: str, quantize: str | None, attention: str | None) -> None:
    sample = build(name, device="cpu", quantize=quantize, attention=attention)
    traced = trace(sample.module, sample.args, sample.kwargs, name=name)
    assert check_nests(sample, traced) > 100
    if quantize is not None:
        assert not list(dense_layers(sample.module))
        narrow = {
            str(traced.network.buffer(place.buffer).format)
            for op in traced.network.operations
            if kind_of(op) is Kind.ARRAY
            for place in op.inputs
        }
        assert ("float8_e4m3fn" if quantize == "coat_fp8" else "int8") in narrow


@pytest.mark.parametrize("quantize", ["qoq_g128", "qoq_channel", "svdquant_r32", "coat_fp8"])
def test_the_answer_stays_near(quantize: str) -> None:
    """Rounding changes the logits by some of their size, not wholly: correlation above 0.9."""
    plain = build("llama3_tiny", device="cpu")
    other = build("llama3_tiny", device="cpu", quantize=quantize)
    with torch.no_grad():
        a, b = (sample.module(*sample.args).flatten() for sample in (plain, other))
    a, b = a - a.mean(), b - b.mean()
    assert 0.9 < float(a @ b / (a.norm() * b.norm())) < 0.99999


def test_a_wrong_nest_is_noticed() -> None:
    """Rounding down instead of to the nearest, in one place."""
    sample = build("llama3_tiny", device="cpu", quantize="qoq_g128")
    traced = trace(sample.module, sample.args, sample.kwargs)
    k, op = next(
        (k, o) for k, o in enumerate(traced.network.steps) if o.source == "aten.round.default"
    )
    rounded = op.output.body
    output = replace(op.output, body=replace(rounded, fn=Fn.FLOOR))
    steps = list(traced.network.steps)
    steps[k] = replace(op, outputs=(output,))
    with pytest.raises(AssertionError, match="round_1, written by"):
        check_nests(sample, replace(traced, network=replace(traced.network, steps=tuple(steps))))


def test_coat_rounds_before_norms_and_gates() -> None:
    paths = [
        p
        for p, part in build("llama_tiny", quantize="coat_fp8").module.named_modules()
        if type(part).__name__ == "CoatInput"
    ]
    assert len(paths) == 2 * 3
    assert all(p.endswith(("layernorm", "act_fn")) for p in paths)


def test_convolutional_networks_have_no_such_layers() -> None:
    for name in ("mobilenetv2_tiny", "resnet_tiny", "dcae_encoder_tiny"):
        with pytest.raises(LegoError, match="svdquant_r32 changes the linear layers") as caught:
            build(name, quantize="svdquant_r32")
        assert caught.value.code == "E607"


def test_what_is_left_alone() -> None:
    """Embeddings, heads, and the layers of a condition."""
    paths = [layer.path for layer in dense_layers(build("pixart_tiny").module)]
    assert len(paths) == 2 * (4 + 4 + 2)
    assert all(path.startswith("transformer_blocks.") for path in paths)
    llama = [layer.path for layer in dense_layers(build("llama_tiny").module)]
    assert len(llama) == 2 * 7
    assert not any("lm_head" in path for path in llama)
    flux = [layer.path for layer in dense_layers(build("flux_tiny").module)]
    assert not any("norm" in path for path in flux)
    gelu = [layer.path for layer in dense_layers(build("pixart_tiny").module) if layer.after_gelu]
    assert gelu == [f"transformer_blocks.{k}.ff.net.2" for k in range(2)]


def array_macs(network: Network, fmt: str) -> int:
    """Multiplications whose second operand has this format."""
    return sum(
        macs_of(op)
        for op in network.operations
        if kind_of(op) is Kind.ARRAY and str(network.buffer(op.inputs[1].buffer).format) == fmt
    )


LINEAR = 32 * (4 * 4096**2 + 3 * 4096 * 11008)
"""Multiplications of LLaMA-7B's blocks for one token, attention's left aside."""
DECODE = [
    ("qoq_g128", "quest"), ("qoq_channel", None), ("svdquant_r32", None), ("coat_fp8", None), (None, "duo"),
]  # fmt: skip
PREFILL = [
    ("qoq_g128", None), ("qoq_channel", None), ("svdquant_r32", None), ("coat_fp8", None), (None, "duo"),
]  # fmt: skip
PUBLISHED = [
    ("llama_7b_decode2048", None, "quest"),
    *(pytest.param("llama_7b_decode2048", *how, marks=pytest.mark.slow) for how in DECODE),
    *(pytest.param("llama_7b_prefill2048", *how, marks=pytest.mark.slow) for how in PREFILL),
]


@pytest.mark.parametrize(("name", "quantize", "attention"), PUBLISHED)
def test_published_sizes(name: str, quantize: str | None, attention: str | None) -> None:
    """Nothing is left to the host; narrow multiplications are those of the blocks' linear layers."""
    sample = build(name, quantize=quantize, attention=attention)
    network = trace(sample.module, sample.args, sample.kwargs, name=name).network
    assert not network.calls
    tokens = 2048 if "prefill" in name else 1
    head = tokens * 4096 * 32000
    if quantize is not None:
        fmt = "float8_e4m3fn" if quantize == "coat_fp8" else "int8"
        assert array_macs(network, fmt) == tokens * LINEAR
    branch = 32 * 32 * (4 * 2 * 4096 + 3 * (4096 + 11008)) if quantize == "svdquant_r32" else 0
    layers, read = 32 * 2 * 4096, 2048 * tokens
    keys = {"duo": layers * (read + 385) // 2, "quest": 2 * 2 * 4096 * read + 30 * 2 * 4096 * 1024}
    attend = layers * read if attention is None or tokens > 1 else keys[attention]
    rope = 32 // 32 * 64 * tokens  # the outer product of positions and frequencies
    assert total_macs(network) - tokens * (LINEAR + branch) - head - attend in (0, rope)


def test_unknown_names() -> None:
    with pytest.raises(LegoError, match="unknown technique 'int4'") as caught:
        build("llama_tiny", quantize="int4")
    assert caught.value.code == "E606"
