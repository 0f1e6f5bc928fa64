"""LongVILA (arXiv 2408.10188): layers of its language model (Qwen2) as one rank of many computes them.

What other ranks send is among the inputs, what they are sent among the outputs; `parallel` has the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus
from transformers.models.qwen2.modeling_qwen2 import (
    Qwen2DecoderLayer,
    Qwen2RotaryEmbedding,
    apply_rotary_pos_emb,
)

from frontends.models.parallel import PLANS, Plan
from frontends.models.sample import Recipes, Sample, floats
from frontends.models.transformers import configuration

__all__ = ["RECIPES", "rank_of"]

Block = tuple[Any, Any]


def attend(q: Any, k: Any, v: Any, mask: Any = None) -> Block:
    """Attention of [1, H, n, d] to [1, K, m, d], H a multiple of K, where `mask` [n, m] is true.

    Returns the values [1, H, n, d] and the logarithm of the sum of exponentials [1, H, n, 1].
    """
    heads, length, size = q.shape[1:]
    shared, seen = k.shape[1:3]
    rows = q.reshape(1, shared, heads // shared * length, size)
    scores = torch.matmul(rows, k.transpose(2, 3)) * size**-0.5
    if mask is not None:
        scores = scores.reshape(1, shared, heads // shared, length, seen)
        scores = torch.where(mask, scores, float("-inf")).reshape(1, shared, -1, seen)
    most = scores.amax(-1, keepdim=True)
    powers = (scores - most).exp()
    total = powers.sum(-1, keepdim=True)
    out = torch.matmul(powers, v) / total
    shape = (1, heads, length)
    return out.reshape(*shape, size), (most + total.log()).reshape(*shape, 1)


def merge(a: Block, b: Block) -> Block:
    """The attention over both sets of keys: out -= sigmoid(lse' - lse) (out - out')."""
    (out, lse), (other, other_lse) = a, b
    share = torch.sigmoid(other_lse - lse)
    return out - share * (out - other), lse + softplus(other_lse - lse)


def ring_attention(q: Any, k: Any, v: Any, blocks: list[Block], group: int, causal: Any) -> Any:
    """Zig-zag attention: the own block causally, then those of the groups before, one a step.

    A group earlier in the ring is seen by its first chunk only; of a later one, only this group's
    second chunk sees anything, and all of it.
    """
    half = q.shape[2] // 2
    state = attend(q, k, v, causal)
    for key, value in blocks[:group]:
        state = merge(state, attend(q, key[:, :, :half], value[:, :, :half]))
    if not blocks[group:]:
        return state[0]
    late = (state[0][:, :, half:], state[1][:, :, half:])
    for key, value in blocks[group:]:
        late = merge(late, attend(q[:, :, half:], key, value))
    return torch.cat((state[0][:, :, :half], late[0]), 2)


class Exchange:
    """What a rank receives, taken in order, and what it sends."""

    def __init__(self, plan: Plan, received: list[Any]) -> None:
        self.plan, self.sent = plan, list[Any]()
        self._left: Iterator[Any] = iter(received)

    def take(self, count: int) -> list[Any]:
        """The next tensors that were received."""
        return [next(self._left) for _ in range(count)]

    def trade(self, tensors: list[Any], *, along: int, joined: int) -> list[Any]:
        """All-to-all in the group: every tensor is cut along a dimension, a part for every rank,
        and what comes is joined along the other dimension in the order of the ranks."""
        plan = self.plan
        if plan.ulysses == 1:
            return tensors
        parts = [tensor.chunk(plan.ulysses, along) for tensor in tensors]
        have = [[part[plan.place] for part in parts]]
        places = [k for k in range(plan.ulysses) if k != plan.place]
        self.sent += [part[k].contiguous() for k in places for part in parts]
        come = [self.take(len(tensors)) for _ in places]
        ordered = come[: plan.place] + have + come[plan.place :]
        return [torch.cat(each, joined) for each in zip(*ordered, strict=True)]

    def blocks(self, key: Any, value: Any) -> list[Block]:
        """The keys and values that come round the ring; the own ones are sent."""
        if self.plan.ring == 1:
            return []
        self.sent += [key.contiguous(), value.contiguous()]
        found = [self.take(2) for _ in range(self.plan.ring - 1)]
        return [(k, v) for k, v in found]


class Rank(nn.Module):
    """Tokens [1, n, width] at `positions` [n] through the layers; `group` [m] are the positions of
    all tokens of the rank's group. Returns the tokens and what is sent."""

    def __init__(self, config: Any, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.rotary = Qwen2RotaryEmbedding(config)
        self.layers = nn.ModuleList(Qwen2DecoderLayer(config, k) for k in range(plan.layers))

    def forward(self, x: Any, positions: Any, group: Any, received: list[Any]) -> Any:
        exchange = Exchange(self.plan, received)
        angles = self.rotary(x, positions[None])
        causal = group[:, None] >= group[None]
        for layer in self.layers:
            x = x + self._attention(
                layer.self_attn, layer.input_layernorm(x), angles, causal, exchange
            )
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return x, exchange.sent

    def _attention(self, layer: Any, x: Any, angles: Block, causal: Any, exchange: Exchange) -> Any:
        count, plan = x.shape[1], self.plan
        q, k, v = (
            project(x).reshape(1, count, -1, layer.head_dim).transpose(1, 2)
            for project in (layer.q_proj, layer.k_proj, layer.v_proj)
        )
        q, k = apply_rotary_pos_emb(q, k, *angles)
        if k.shape[1] % plan.ulysses:  # fewer heads than ranks: a copy for every query head
            k, v = (each.repeat_interleave(q.shape[1] // each.shape[1], 1) for each in (k, v))
        q, k, v = exchange.trade([q, k, v], along=1, joined=2)
        out = ring_attention(q, k, v, exchange.blocks(k, v), plan.group, causal)
        (out,) = exchange.trade([out], along=2, joined=1)
        return layer.o_proj(out.transpose(1, 2).reshape(1, count, -1))


def rank_of(model: str, plan: Plan, theta: float | None = None) -> Sample:
    """A rank of a language model; inputs of the shapes that the other ranks send."""
    config = configuration(model, theta)
    module = Rank(config, plan)
    x = floats(1, plan.own, config.hidden_size)
    positions, group = (torch.tensor(each) for each in (plan.own_tokens(), plan.group_tokens()))
    return Sample(module, (x, positions, group, _received(config, plan)))


def _received(config: Any, plan: Plan) -> list[Any]:
    heads, shared = config.num_attention_heads, config.num_key_value_heads
    size, parts = config.hidden_size // heads, plan.ulysses
    kept = shared // parts if shared % parts == 0 else heads // parts
    whole = plan.own * parts
    found = []
    for slot in plan.received():
        tensor = slot.tag.rsplit(".", 1)[1]
        count = kept if tensor in ("keys", "values") else heads // parts
        length = whole if ".step" in slot.tag else plan.own
        found.append(floats(1, count, length, size))
    return found


_BASES = ((80_000, 15.3e6), (262_144, 207.1e6), (600_000, 1.062e9))
"""Of the rotary embedding, by the most tokens that it was trained for, and text."""


def _recipe(name: str, plan: Plan) -> Any:
    if name.endswith("_tiny"):
        return partial(rank_of, "qwen2", plan)
    theta = next(base for most, base in _BASES if plan.tokens <= most)
    return partial(rank_of, "qwen2_7b", plan, theta)


RECIPES: Recipes = {name: _recipe(name, plan) for name, plan in PLANS.items()}
