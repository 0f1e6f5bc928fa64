"""Quest (arXiv 2406.10774): a new token reads the pages of keys that may matter most to it.

Of every page the least and the largest key are held, channel by channel. No product of the query
with a key of the page exceeds `sum of max(q * least, q * largest)`; the pages with the highest such
bounds are read, and the last page always. Every query head chooses for itself. The first layers
read everything, and so does prefill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from frontends.models.techniques.kv4 import Numbers, Parts, gathered, joined

__all__ = ["Quest", "extremes"]


@dataclass(frozen=True)
class Quest:
    """Tokens of a page, pages that are read, layers that read all, and how keys and values are held."""

    page: int
    pages: int
    dense: int
    numbers: Numbers

    def keys(self, x: Tensor, layer: int) -> tuple[Parts, ...]:
        """What decode holds of keys [1, heads, L, D]: the keys, and of sparse layers the pages' extremes."""
        parts = self.numbers.encode(x)
        if layer < self.dense:
            return (parts,)
        return parts, extremes(self.numbers.decode(parts, x), self.page)

    def values(self, x: Tensor, layer: int) -> tuple[Parts, ...]:
        """What decode holds of values."""
        return (self.numbers.encode(x),)

    def step(self, keys: Any, values: Any, key: Tensor, value: Tensor, layer: int) -> Any:
        """What attends to held keys and a new one."""
        new = self.numbers.encode(key)
        k, v = joined(keys[0], new), joined(values[0], self.numbers.encode(value))
        if layer < self.dense:
            return Pages(self, k, v, None)
        length, (least, largest) = keys[0][0].shape[2], keys[1]
        token = self.numbers.decode(new, key)
        if length % self.page:
            least = _last(least, torch.minimum(least[:, :, -1:], token))
            largest = _last(largest, torch.maximum(largest[:, :, -1:], token))
        else:
            least, largest = torch.cat((least, token), 2), torch.cat((largest, token), 2)
        return Pages(self, k, v, (least, largest))


def _last(x: Tensor, page: Tensor) -> Tensor:
    """With another last page."""
    return torch.cat((x[:, :, :-1], page), 2)


def extremes(x: Tensor, page: int) -> tuple[Tensor, Tensor]:
    """The least and the largest element of every page and channel, [1, heads, pages, D]; the last
    page may be short."""
    full = x.shape[2] // page * page
    pages = x[:, :, :full].unflatten(2, (full // page, page))
    least, largest = pages.amin(3), pages.amax(3)
    if full < x.shape[2]:
        rest = x[:, :, full:]
        least = torch.cat((least, rest.amin(2, keepdim=True)), 2)
        largest = torch.cat((largest, rest.amax(2, keepdim=True)), 2)
    return least, largest


@dataclass(frozen=True)
class Pages:
    """Held keys and values, and the extremes of the keys' pages; none: everything is read."""

    how: Quest
    keys: Parts
    values: Parts
    ends: tuple[Tensor, Tensor] | None

    def attend(self, query: Tensor, scale: float) -> Tensor:
        """Queries [1, heads, 1, D] to what they read."""
        k, v = self.keys, self.values
        if self.ends is not None and self.ends[0].shape[2] > self.how.pages:
            tokens = self.chosen(query)
            k, v = gathered(k, tokens), gathered(v, tokens)
        key, value = (self.how.numbers.decode(parts, query) for parts in (k, v))
        return scaled_dot_product_attention(query, key, value, scale=scale, enable_gqa=True)

    def chosen(self, query: Tensor) -> Tensor:
        """Indices [1, heads, T] of the tokens in the chosen pages, then in the last one."""
        assert self.ends is not None  # noqa: S101 - asked by the only caller
        heads, length, page = query.shape[1], self.keys[0].shape[2], self.how.page
        group = heads // self.keys[0].shape[1]
        low, high = (query * end.repeat_interleave(group, 1) for end in self.ends)
        bounds = torch.maximum(low, high).sum(-1)
        best = bounds[..., :-1].topk(self.how.pages - 1, -1).indices
        inside = torch.arange(page, device=query.device)
        tokens = (best[..., None] * page + inside).flatten(-2)
        first = (bounds.shape[-1] - 1) * page
        last = torch.arange(first, length, device=query.device).expand(1, heads, -1)
        return torch.cat((tokens, last), -1)
