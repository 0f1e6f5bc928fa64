"""Language models of the package transformers: encoders, prefill, and decode with a KV cache."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import transformers as hf
from torch import nn
from transformers.cache_utils import DynamicCache

from frontends.models.sample import Recipes, Sample, floats, integers

__all__ = ["RECIPES", "configuration"]

# Published configurations (config.json of each model).
_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama_7b": (
        "Llama",
        {
            "hidden_size": 4096,
            "intermediate_size": 11008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "vocab_size": 32000,
            "rms_norm_eps": 1e-5,
        },
    ),
    "llama3_8b": (
        "Llama",
        {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "vocab_size": 128256,
            "max_position_embeddings": 8192,
            "rms_norm_eps": 1e-5,
            "rope_theta": 500000.0,
        },
    ),
    "qwen2_1_5b": (
        "Qwen2",
        {
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "vocab_size": 151936,
            "rope_theta": 1000000.0,
            "tie_word_embeddings": True,
        },
    ),
    "qwen2_7b": (
        "Qwen2",
        {
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152064,
            "rope_theta": 1000000.0,
        },
    ),
    "gemma2_2b": (
        "Gemma2",
        {
            "hidden_size": 2304,
            "intermediate_size": 9216,
            "num_hidden_layers": 26,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 256,
            "vocab_size": 256000,
            "sliding_window": 4096,
            "query_pre_attn_scalar": 256,
            "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0,
        },
    ),
}
_TINY = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_CONFIGS |= {
    "llama": ("Llama", _TINY | {"num_key_value_heads": 4}),
    "llama3": ("Llama", _TINY | {"num_key_value_heads": 2}),
    "qwen2": ("Qwen2", _TINY | {"num_key_value_heads": 2, "tie_word_embeddings": True}),
    "gemma2": (
        "Gemma2",
        _TINY
        | {"num_key_value_heads": 2, "head_dim": 16, "sliding_window": 6}
        | {"query_pre_attn_scalar": 16, "final_logit_softcapping": 5.0},
    ),
}


class Prefill(nn.Module):
    """Token identifiers [1, L] to logits [1, L, vocabulary]."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Any) -> Any:
        return self.model(input_ids=tokens, use_cache=False).logits


class Layers(nn.Module):
    """Hidden states [1, L, width] through the layers and the last norm of a causal model."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, hidden: Any) -> Any:
        return self.model(inputs_embeds=hidden, use_cache=False).last_hidden_state


class VisualPrefill(nn.Module):
    """Visual tokens [1, V, width], then token identifiers [1, L], to logits [1, V + L, vocabulary]."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, visual: Any, tokens: Any) -> Any:
        embedded = self.model.get_input_embeddings()(tokens)
        both = torch.cat((visual, embedded), 1)
        return self.model(inputs_embeds=both, use_cache=False).logits


class Decode(nn.Module):
    """One token [1, 1] at `position` [1, 1] against L cached ones, to logits [1, 1, vocabulary].

    `keys` and `values` hold one tensor [1, KV heads, L, head size] per layer. PyTorch exports
    plain tensors only, so the cache object is made here.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, token: Any, position: Any, keys: list[Any], values: list[Any]) -> Any:
        cache = DynamicCache()
        for layer, (key, value) in enumerate(zip(keys, values, strict=True)):
            cache.update(key, value, layer)
        return self.model(
            input_ids=token, position_ids=position, past_key_values=cache, use_cache=True
        ).logits


def configuration(name: str, theta: float | None = None) -> Any:
    """The published configuration of a language model, or of its small version; `theta` is another
    base of the rotary embedding. Gemma-2 caps its attention logits, which SDPA can't, so it is spelt out.
    """
    kind, options = _CONFIGS[name]
    if theta is not None:
        options = options | {"rope_theta": theta}
    config = getattr(hf, f"{kind}Config")(**options)
    config._attn_implementation = "eager" if kind == "Gemma2" else "sdpa"
    return config


def _causal(name: str) -> Any:
    return getattr(hf, f"{_CONFIGS[name][0]}ForCausalLM")(configuration(name))


def _prefill(name: str, length: int) -> Sample:
    model = _causal(name)
    return Sample(Prefill(model), (integers(model.config.vocab_size, 1, length),))


def _layers(name: str, count: int, length: int) -> Sample:
    kind, options = _CONFIGS[name]
    config = getattr(hf, f"{kind}Config")(**options | {"num_hidden_layers": count, "vocab_size": 2})
    config._attn_implementation = "sdpa"
    model = getattr(hf, f"{kind}Model")(config)
    return Sample(Layers(model), (floats(1, length, config.hidden_size),))


def _visual(name: str, visual: int, length: int) -> Sample:
    model = _causal(name)
    config = model.config
    tokens = integers(config.vocab_size, 1, length)
    return Sample(VisualPrefill(model), (floats(1, visual, config.hidden_size), tokens))


def _decode(name: str, cached: int) -> Sample:
    model = _causal(name)
    config = model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    shape = (1, config.num_key_value_heads, cached, head)
    keys, values = ([floats(*shape) for _ in range(config.num_hidden_layers)] for _ in range(2))
    token = integers(config.vocab_size, 1, 1)
    return Sample(Decode(model), (token, torch.full((1, 1), cached), keys, values))


def _gpt2(length: int, **options: Any) -> Sample:
    config = hf.GPT2Config(attn_implementation="sdpa", **options)
    return Sample(Prefill(hf.GPT2LMHeadModel(config)), (integers(config.vocab_size, 1, length),))


def _bert(length: int, **options: Any) -> Sample:
    config = hf.BertConfig(attn_implementation="sdpa", **options)
    return Sample(hf.BertModel(config), (integers(config.vocab_size, 1, length),))


_GPT2_TINY = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 128, "n_positions": 16}
_TOKENS = {"bos_token_id": 1, "eos_token_id": 2}
RECIPES: Recipes = {
    "bert_base_128": partial(_bert, 128),
    "bert_base_512": partial(_bert, 512),
    "gpt2_1024": partial(_gpt2, 1024),
    "bert_tiny": partial(
        _bert, 12, **_TINY | {"hidden_size": 32, "intermediate_size": 64, "pad_token_id": 0}
    ),
    "gpt2_tiny": partial(_gpt2, 12, **_GPT2_TINY, **_TOKENS),
    **{f"{name}_prefill2048": partial(_prefill, name, 2048) for name in list(_CONFIGS)[:4]},
    **{f"{name}_decode2048": partial(_decode, name, 2047) for name in list(_CONFIGS)[:5]},
    "llama_7b_block": partial(_layers, "llama_7b", 1, 64),
    "nvila_8b_prefill": partial(_visual, "qwen2_7b", 2304, 64),
    "nvila_8b_decode": partial(_decode, "qwen2_7b", 2432),
    "vila15_8b_prefill": partial(_visual, "llama3_8b", 196, 64),
    "vila15_8b_decode": partial(_decode, "llama3_8b", 324),
    "vila15_8b_video_prefill": partial(_visual, "llama3_8b", 8 * 196, 64),
    "nvila_prefill_tiny": partial(_visual, "qwen2", 6, 5),
    "vila15_prefill_tiny": partial(_visual, "llama3", 4, 5),
    "qwen2_1_5b_prefill300": partial(_prefill, "qwen2_1_5b", 300),
    "gemma2_2b_prefill300": partial(_prefill, "gemma2_2b", 300),
    **{f"{name}_tiny": partial(_prefill, name, 12) for name in list(_CONFIGS)[5:]},
    **{f"{name}_decode_tiny": partial(_decode, name, 11) for name in list(_CONFIGS)[5:]},
}
