"""What networks of one family have to do with each other, and with published counts."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers", exc_type=ImportError)

import torch

from frontends.models.build import build, prepare

prepare()
vlm = importlib.import_module("frontends.models.vlm")
between = importlib.import_module("frontends.models.hart_between")
pytestmark = pytest.mark.filterwarnings("ignore")
SIDES = (1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64)


class Tower(torch.nn.Module):
    """Features that are given, whatever the tiles."""

    def __init__(self, features: Any) -> None:
        super().__init__()
        self.features = features

    def forward(self, pixel_values: Any, output_hidden_states: bool) -> Any:
        assert output_hidden_states and len(pixel_values) == len(self.features)
        return SimpleNamespace(hidden_states=(self.features, None))


class Cells(torch.nn.Identity):
    """A projector that leaves every cell as it is."""

    block = 1


def test_dynamic_s2_puts_every_scale_where_the_image_has_it() -> None:
    grid, channels = 2, 3
    features = torch.randn(14, grid * grid, channels)
    module = vlm.DynamicS2(Tower(features), Cells(), 3)
    out = module(torch.zeros(14, 3, 8, 8)).reshape(9, grid, grid, 3 * channels)
    cells = features.reshape(14, grid, grid, channels)
    middle = cells[1:5].reshape(2, 2, grid, grid, channels).transpose(1, 2).reshape(4, 4, channels)
    for y in range(6):
        for x in range(6):
            found = out[y // grid * 3 + x // grid, y % grid, x % grid]
            torch.testing.assert_close(found[:3], cells[0, y // 3, x // 3])
            rows, columns = (range(k * 4 // 6, -(-(k + 1) * 4 // 6)) for k in (y, x))
            window = torch.stack([middle[r, c] for r in rows for c in columns])
            torch.testing.assert_close(found[3:6], window.mean(0))
            assert torch.equal(found[6:], cells[5 + y // grid * 3 + x // grid, y % grid, x % grid])


def test_between_stages_a_constant_image_stays_constant() -> None:
    module = between.Between(5, 4, 6, 3)
    torch.nn.init.zeros_(module.phi.weight)
    torch.nn.init.constant_(module.phi.bias, 0.5)
    probabilities = torch.zeros(1, 4, 5)
    probabilities[:, :, 2] = 1
    with torch.no_grad():
        tokens, latent = module(probabilities, torch.ones(1, 4, 8, 8))
        expected = 1 + 0.5 * module.codebook[2] + 0.25
        torch.testing.assert_close(latent, expected[None, :, None, None].expand_as(latent))
        torch.testing.assert_close(tokens, module.embed(expected).expand(1, 9, 6))


@pytest.mark.slow
def test_harts_stages_have_each_others_cache_and_the_published_count() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    total, cached = 0, 0
    for stage in range(1, 15):
        sample = build(f"hart_decoder_stage{stage}")
        tokens = sample.args[0].shape[1]
        assert tokens == (300 if stage == 1 else SIDES[stage - 1] ** 2)
        if stage > 1:
            assert all(key.shape[2] == cached for key in (*sample.args[2], *sample.args[3]))
        cached += tokens
        with torch.no_grad(), torch.device("meta"), FlopCounterMode(display=False) as counter:
            sample.module(*sample.args)
        total += counter.get_total_flops() // 2
    width, layers, hidden, codes = 1536, 24, 4096, 4096
    counts = [300, *(side**2 for side in SIDES[1:])]
    linear = sum(counts) * (layers * (4 * width**2 + 3 * width * hidden) + width * codes)
    seen = sum(n * sum(counts[: k + 1]) for k, n in enumerate(counts))
    assert total == linear + layers * 2 * seen * width
    assert total / 1e12 == pytest.approx(11.1, abs=0.01)
