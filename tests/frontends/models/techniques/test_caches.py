"""Decode with what a technique holds is the last row of prefill with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from frontends.models.build import build  # noqa: E402
from tests.frontends.models.techniques.ulps import BOUNDS, apart  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


class Recorded:
    """A scheme that remembers the keys and values of a prompt."""

    def __init__(self, scheme: Any) -> None:
        self.scheme = scheme
        self.seen: list[tuple[Any, Any]] = []

    def prefill(self, key: Any, value: Any, layer: int) -> Any:
        self.seen.append((key, value))
        return self.scheme.prefill(key, value, layer)


@pytest.mark.parametrize(
    ("quantize", "attention"),
    [("qoq_g128", None), ("qoq_channel", None), (None, "duo"), ("qoq_g128", "duo")],
)
def test_the_last_token_of_a_prompt_is_decoded(quantize: str | None, attention: str | None) -> None:
    """DuoAttention's decode reads one token more than training's mask: here prefill has the wider
    mask. No number of these networks is so near the middle of two integers that another order of
    sums rounds it otherwise."""
    names = ("llama3_tiny", "llama3_decode_tiny")
    prefill, decode = (
        build(n, device="cpu", quantize=quantize, attention=attention) for n in names
    )
    decode.module.load_state_dict(prefill.module.state_dict())
    scheme = prefill.module.scheme
    if attention == "duo":
        scheme = replace(scheme, recent=scheme.recent + 1)
    (tokens,) = prefill.args
    with torch.no_grad():
        prefill.module.scheme = scheme
        wanted = prefill.module(tokens)[:, -1:]
        prefill.module.scheme = recorded = Recorded(scheme)
        prefill.module(tokens[:, :-1])
        held = decode.module.scheme
        keys = [held.keys(k, n) for n, (k, _) in enumerate(recorded.seen)]
        values = [held.values(v, n) for n, (_, v) in enumerate(recorded.seen)]
        found = decode.module(tokens[:, -1:], torch.full((1, 1), 11), keys, values)
    assert apart(found, wanted, of="row") <= BOUNDS["decode after prefill"]


def test_what_is_held_has_the_sizes_of_the_published_caches() -> None:
    """LLaMA-7B with 2047 tokens: 384 of them in half of the heads, 128 pages of extremes, four bits
    in a byte."""
    duo = build("llama_7b_decode2048", attention="duo").args[2]
    full, few = duo[0]
    assert [tuple(part.shape) for part in (*full, *few)] == [(1, 16, 2047, 128), (1, 16, 384, 128)]
    quest = build("llama_7b_decode2048", quantize="qoq_g128", attention="quest").args[2]
    assert [len(layer) for layer in quest] == [1, 1] + [2] * 30
    assert [tuple(end.shape) for end in quest[2][1]] == [(1, 32, 128, 128)] * 2
    assert [part.dtype for part in quest[0][0]] == [torch.int8, torch.float16, torch.float16]
    assert [tuple(part.shape) for part in quest[0][0]][1:] == [(1, 32, 2047, 1)] * 2
