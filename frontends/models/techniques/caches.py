"""Language models whose keys and values are held, or chosen, by a technique: a cache object, and
attention to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import DynamicCache

from frontends.models.sample import Sample
from frontends.models.techniques.duo import Duo
from frontends.models.techniques.kv4 import Kv4, Numbers, Parts, Plain, joined
from frontends.models.techniques.names import Techniques
from frontends.models.techniques.quest import Quest
from frontends.models.transformers import Decode, Prefill
from lego.diag import LegoError

__all__ = ["Everything", "HeldDecode", "HeldPrefill", "scheme_of", "with_caches"]

SPARSE = "lego_sparse"
UNCAPPED = ("llama", "qwen2")
"""Models whose attention is a plain softmax over all tokens before, by transformers' names."""
LONG = 1024
"""Tokens from which on the published sizes are used; shorter contexts get sizes that leave something out."""


@dataclass(frozen=True)
class Everything:
    """Every query reads every key; only the number format is another."""

    numbers: Numbers

    def keys(self, x: Tensor, layer: int) -> Parts:
        """What decode holds of keys or values [1, heads, L, D]."""
        return self.numbers.encode(x)

    values = keys

    def prefill(self, key: Tensor, value: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """What the model's own attention reads of a prompt."""
        k, v = (self.numbers.decode(self.numbers.encode(x), x) for x in (key, value))
        return k, v

    def step(
        self, keys: Any, values: Any, key: Tensor, value: Tensor, layer: int
    ) -> tuple[Tensor, Tensor]:
        """What the model's own attention reads of held keys and a new one."""
        k, v = (joined(old, self.numbers.encode(x)) for old, x in ((keys, key), (values, value)))
        return self.numbers.decode(k, key), self.numbers.decode(v, value)


class HeldCache(DynamicCache):
    """What transformers' models take for a cache: gives the attention what a technique lets it read."""

    def __init__(self, scheme: Any, keys: list[Any], values: list[Any], length: int) -> None:
        super().__init__()
        self.scheme, self.held_keys, self.held_values, self.length = scheme, keys, values, length

    def update(self, key_states: Any, value_states: Any, layer_idx: int, *_: Any, **__: Any) -> Any:
        if not self.held_keys:
            found = self.scheme.prefill(key_states, value_states, layer_idx)
        else:
            held = self.held_keys[layer_idx], self.held_values[layer_idx]
            found = self.scheme.step(*held, key_states, value_states, layer_idx)
        return found if isinstance(found, tuple) else (found, None)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def get_query_offset(self, layer_idx: int = 0) -> int:
        return self.length

    def get_mask_sizes(self, query_length: Any, layer_idx: int) -> tuple[Any, int]:
        return self.length + query_length, 0


class HeldPrefill(nn.Module):
    """Token identifiers [1, L] to logits [1, L, vocabulary]."""

    def __init__(self, model: Any, scheme: Any) -> None:
        super().__init__()
        self.model, self.scheme = model, scheme

    def forward(self, tokens: Any) -> Any:
        """Logits of all tokens; each layer attends to what the scheme gives back of its own."""
        cache = HeldCache(self.scheme, [], [], 0)
        return self.model(input_ids=tokens, past_key_values=cache, use_cache=True).logits


class HeldDecode(nn.Module):
    """One token [1, 1] at `position` [1, 1] against what a scheme holds of `length` tokens, to logits.

    `keys` and `values` have what the scheme's functions of these names give, per layer.
    """

    def __init__(self, model: Any, scheme: Any, length: int) -> None:
        super().__init__()
        self.model, self.scheme, self.length = model, scheme, length

    def forward(self, token: Any, position: Any, keys: list[Any], values: list[Any]) -> Any:
        """Logits [1, 1, vocabulary] of the token after this one."""
        cache = HeldCache(self.scheme, keys, values, self.length)
        return self.model(
            input_ids=token, position_ids=position, past_key_values=cache, use_cache=True
        ).logits


def _attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **_: Any
) -> tuple[Any, None]:
    """Attention as transformers calls it, to what the cache gave."""
    if isinstance(key, Tensor):
        causal = query.shape[2] > 1
        found = scaled_dot_product_attention(
            query, key, value, is_causal=causal, scale=scaling, enable_gqa=True
        )
    else:
        found = key.attend(query, scaling)
    return found.transpose(1, 2), None


AttentionInterface.register(SPARSE, _attend)


def scheme_of(wanted: Techniques, length: int, layers: int) -> Any:
    """The scheme of these techniques at a context of `length` tokens."""
    numbers = Kv4() if (wanted.quantize or "").startswith("qoq") else Plain()
    long = length >= LONG
    if wanted.attention == "duo":
        return Duo(*((128, 256) if long else (2, 4)), numbers)
    if wanted.attention == "quest":
        sizes = (16, 1024 // 16) if long else (2, 3)
        return Quest(*sizes, min(2, layers - 1), numbers)
    return Everything(numbers)


def with_caches(sample: Sample, wanted: Techniques) -> Sample:
    """The sample with its keys and values as the techniques hold them. Raises E607 if it has none such."""
    sparse = wanted.attention in ("duo", "quest")
    module = sample.module
    if not isinstance(module, Prefill | Decode):
        if sparse:
            message = f"{wanted.attention} needs a language model with keys and values of its own"
            raise LegoError("E607", message, hint="such as llama_7b_decode2048")
        return sample
    model = module.model
    if sparse:
        _check(wanted, module)
        model.config._attn_implementation = SPARSE
    layers = model.config.num_hidden_layers
    if isinstance(module, Prefill):
        scheme = scheme_of(wanted, sample.args[0].shape[1], layers)
        return Sample(HeldPrefill(model, scheme).eval(), sample.args)
    token, position, keys, values = sample.args
    length = keys[0].shape[2]
    scheme = scheme_of(wanted, length + 1, layers)
    held = [
        [f(x, n) for n, x in enumerate(given)]
        for f, given in ((scheme.keys, keys), (scheme.values, values))
    ]
    return Sample(HeldDecode(model, scheme, length).eval(), (token, position, *held))


def _check(wanted: Techniques, module: Any) -> None:
    config = module.model.config
    if config.model_type not in UNCAPPED:
        hint = f"it is known for {' and '.join(UNCAPPED)}"
        raise LegoError(
            "E607", f"{wanted.attention} doesn't apply to {config.model_type}", hint=hint
        )
    if wanted.attention == "quest" and isinstance(module, Prefill):
        hint = "trace the network that decodes, such as llama_7b_decode2048"
        raise LegoError("E607", "quest leaves prefill as it is", hint=hint)
    if wanted.attention == "duo" and config.num_key_value_heads % 2:
        raise LegoError("E607", "duo needs an even number of KV heads")
