"""DuoAttention (arXiv 2410.10819): some KV heads read every token, the others the first and the last few.

Which head is which is found once; the weights are then permuted so that heads that read everything
come first, here one half. In decode the others hold `sink` first and `recent` last tokens and read
the new one besides, so `recent + 1`; in prefill token i reads token j <= i if j < sink or i - j <
recent, as in training (the published chunk-wise prefill reads all of its first chunk).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from frontends.models.techniques.kv4 import Numbers, Parts, joined

__all__ = ["Duo", "window"]


@dataclass(frozen=True)
class Duo:
    """Sizes in tokens, and how keys and values are held."""

    sink: int
    recent: int
    numbers: Numbers

    def keys(self, x: Tensor, layer: int) -> tuple[Parts, Parts]:
        """What decode holds of keys or values [1, heads, L, D]: of all tokens, and of few."""
        full, few = x.chunk(2, 1)
        if x.shape[2] > self.sink + self.recent:
            few = torch.cat((few[:, :, : self.sink], few[:, :, -self.recent :]), 2)
        return self.numbers.encode(full), self.numbers.encode(few)

    values = keys

    def prefill(self, key: Tensor, value: Tensor, layer: int) -> Any:
        """What attends to the keys of a prompt."""
        k, v = (self.numbers.decode(self.numbers.encode(x), x) for x in (key, value))
        length = key.shape[2]
        mask = window(length, self.sink, self.recent, key.device)
        pairs = tuple(zip(k.chunk(2, 1), v.chunk(2, 1), strict=True))
        return Grouped(pairs, (None, mask))

    def step(self, keys: Any, values: Any, key: Tensor, value: Tensor, layer: int) -> Any:
        """What attends to held keys and a new one."""
        pairs = []
        for k, v, new_k, new_v in zip(
            keys, values, key.chunk(2, 1), value.chunk(2, 1), strict=True
        ):
            held_k = joined(k, self.numbers.encode(new_k))
            held_v = joined(v, self.numbers.encode(new_v))
            pairs.append((self.numbers.decode(held_k, key), self.numbers.decode(held_v, value)))
        return Grouped(tuple(pairs), (None, None))


@dataclass(frozen=True)
class Grouped:
    """Keys and values of two groups of heads, and a mask of each; none: causal for a prompt,
    nothing for a token."""

    pairs: tuple[tuple[Tensor, Tensor], ...]
    masks: tuple[Tensor | None, ...]

    def attend(self, query: Tensor, scale: float) -> Tensor:
        """Queries [1, heads, Q, D] to what they read."""
        found = []
        for part, (k, v), mask in zip(query.chunk(2, 1), self.pairs, self.masks, strict=True):
            causal = mask is None and query.shape[2] > 1
            found.append(
                scaled_dot_product_attention(
                    part, k, v, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=True
                )
            )
        return torch.cat(found, 1)


def window(length: int, sink: int, recent: int, device: Any = None) -> Tensor:
    """Mask [length, length]: which tokens a token reads."""
    i = torch.arange(length, device=device)[:, None]
    j = torch.arange(length, device=device)[None]
    return (j <= i) & ((j < sink) | (i - j < recent))
