"""Every network of the catalogue: the small ones run, the published ones have published sizes."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

import pytest

from frontends.models.build import FAMILIES, build, prepare
from frontends.models.catalogue import CATALOGUE, Entry
from lego.diag import InternalError

PACKAGES = ("torch", "torchvision", "timm", "diffusers", "transformers", "accelerate")
if any(find_spec(package) is None for package in PACKAGES):
    pytest.skip("the extra `models` isn't installed", allow_module_level=True)
prepare()
torch = pytest.importorskip("torch", exc_type=ImportError)

pytestmark = pytest.mark.filterwarnings("ignore")
TINY = [entry.name for entry in CATALOGUE if entry.name.endswith("_tiny")]
BIG = [entry for entry in CATALOGUE if not entry.name.endswith("_tiny")]
QUICK = {"resnet50", "bert_base_128", "sana_1_6b_1024px"}
MARKED = [
    pytest.param(entry, id=entry.name, marks=() if entry.name in QUICK else pytest.mark.slow)
    for entry in BIG
]
# Their masks are computed from data, which only the exporter can skip on tensors without any.
NEEDS_EXPORT = tuple(entry.name for entry in BIG if "prefill" in entry.name or "gpt2" in entry.name)

# VILA takes the features before the tower's last layer.
DEAD = ("layers.1.", "post_layernorm")


def leaves(value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return []


def run(sample: Any) -> list[Any]:
    with torch.no_grad():
        return plain(leaves(sample.module(*sample.args, **sample.kwargs)))


def plain(tensors: list[Any]) -> list[Any]:
    """In float32 what is narrower: PyTorch can't compare it."""
    return [t.float() if t.is_floating_point() and t.itemsize == 1 else t for t in tensors]


def test_every_name_has_a_recipe() -> None:
    for family, path in FAMILIES.items():
        recipes = set(importlib.import_module(path).RECIPES)
        assert recipes == {entry.name for entry in CATALOGUE if entry.family == family}


@pytest.mark.parametrize("name", TINY)
def test_a_small_network_runs_and_exports(name: str) -> None:
    sample = build(name, device="cpu", seed=1)
    assert sum(p.numel() for p in sample.module.parameters()) < 2_000_000
    assert not any(part.training for part in sample.module.modules())
    tensors = leaves(sample.args) + leaves(sample.kwargs) + list(sample.module.parameters())
    assert {t.dtype for t in tensors} <= {torch.float32, torch.int64, torch.float8_e4m3fn}
    out = run(sample)
    assert out and all(bool(torch.isfinite(tensor).all()) for tensor in out)
    with torch.no_grad():
        program = torch.export.export(sample.module, sample.args, sample.kwargs, strict=False)
        exported = plain(leaves(program.module()(*sample.args, **sample.kwargs)))
    for ours, theirs in zip(out, exported, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", TINY)
def test_a_small_network_is_the_same_for_the_same_seed_only(name: str) -> None:
    state = torch.random.get_rng_state()
    first, second, other = (run(build(name, device="cpu", seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", TINY)
def test_a_small_network_depends_on_every_input(name: str) -> None:
    sample = build(name, device="cpu")
    before = [tensor.clone() for tensor in run(sample)]
    for tensor in leaves(sample.args) + leaves(sample.kwargs):
        if tensor.dtype == torch.float32 and not bool(((tensor == 0) | (tensor == 1)).all()):
            kept = tensor.clone()
            tensor.mul_(0.5).add_(0.25)
            changes = [
                float((new - old).float().norm() / (old.float().norm() + 1e-9))
                for new, old in zip(run(sample), before, strict=True)
            ]
            tensor.copy_(kept)
            assert max(changes) > 1e-3


@pytest.mark.parametrize("name", TINY)
def test_a_small_network_depends_on_every_weight(name: str) -> None:
    sample = build(name, device="cpu")
    sample.module.requires_grad_(True)
    out = [t for t in leaves(sample.module(*sample.args, **sample.kwargs)) if t.requires_grad]
    weights = dict(sample.module.named_parameters())
    if weights and out:
        sum((tensor * torch.randn_like(tensor)).sum() for tensor in out).backward()
    for label, weight in weights.items():
        assert weight.numel() == 1 or bool((weight != weight.flatten()[0]).any())
        if out and not ("_vision_" in name and any(part in label for part in DEAD)):
            assert weight.grad is not None and bool((weight.grad != 0).any()), label


@pytest.mark.parametrize("name", ["llama", "llama3", "qwen2", "gemma2"])
def test_decoding_the_last_token_is_what_prefill_computes(name: str) -> None:
    prefill = build(f"{name}_tiny", device="cpu")
    decode = build(f"{name}_decode_tiny", device="cpu")
    decode.module.load_state_dict(prefill.module.state_dict())
    (tokens,) = prefill.args
    with torch.no_grad():
        expected = prefill.module(tokens)[:, -1:]
        cache = prefill.module.model(input_ids=tokens[:, :-1], use_cache=True).past_key_values
        whole = type(cache)()
        prefill.module.model(input_ids=tokens[:, :-1], past_key_values=whole, use_cache=True)
        keys, values = (
            [getattr(layer, kind) for layer in whole.layers] for kind in ("keys", "values")
        )
        found = decode.module(tokens[:, -1:], torch.full((1, 1), 11), keys, values)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("entry", MARKED)
def test_a_published_network_has_its_size_and_no_weights(entry: Entry) -> None:
    sample = build(entry.name)
    tensors = [*sample.module.parameters(), *leaves(sample.args), *leaves(sample.kwargs)]
    assert all(tensor.is_meta for tensor in tensors)
    millions = sum(p.numel() for p in sample.module.parameters()) / 1e6
    assert entry.parameters_m is None or millions == pytest.approx(entry.parameters_m, rel=0.005)


@pytest.mark.parametrize("entry", [e for e in MARKED if e.values[0].macs_g])
def test_a_published_network_takes_its_multiplications(entry: Entry) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    sample = build(entry.name)
    module = sample.module
    with torch.no_grad():
        if entry.name in NEEDS_EXPORT:
            module = torch.export.export(module, sample.args, sample.kwargs, strict=False).module()
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            module(*sample.args, **sample.kwargs)
    assert counter.get_total_flops() / 2e9 == pytest.approx(entry.macs_g, rel=0.005)


def test_the_residual_quantiser_leaves_the_rest() -> None:
    sample = build("vilau_quantiser_tiny", device="cpu")
    codes, found = run(sample)
    (features,) = sample.args
    book = sample.module.codebook
    torch.testing.assert_close(found, book[codes].sum(1))
    rest = features.clone()
    for depth in range(codes.shape[1]):
        assert torch.equal(codes[:, depth], torch.cdist(rest, book).argmin(1))
        rest -= book[codes[:, depth]]


@pytest.mark.parametrize("block", [2, 3])
def test_space_to_depth_gathers_blocks(block: int) -> None:
    space_to_depth = importlib.import_module("frontends.models.vlm").space_to_depth
    x = torch.arange(2 * 5 * 5 * 3.0).reshape(2, 5, 5, 3)
    padded = torch.nn.functional.pad(x, (0, 0, 0, -5 % block, 0, -5 % block))
    parts = [padded[:, dy::block, dx::block] for dy in range(block) for dx in range(block)]
    assert torch.equal(space_to_depth(x, block), torch.cat(parts, -1).flatten(1, 2))


def test_a_masked_convolution_is_a_sparse_one() -> None:
    sample = build("sparserefine_unet_tiny", device="cpu")
    _, mask = sample.args
    (out,) = run(sample)
    assert bool((out[(mask == 0).expand_as(out)] == 0).all()) and bool((out != 0).any())


def test_condition_aware_weights_differ_by_sample() -> None:
    sample = build("can_depthwise_tiny", device="cpu")
    x, condition = sample.args
    (both,) = run(sample)
    with torch.no_grad():
        alone = [sample.module(x[n : n + 1], condition[n : n + 1]) for n in range(2)]
    torch.testing.assert_close(both, torch.cat(alone))


def test_an_unknown_device_is_our_mistake() -> None:
    with pytest.raises(InternalError, match="neither meta nor cpu"):
        build("alexnet_tiny", device="cuda")
