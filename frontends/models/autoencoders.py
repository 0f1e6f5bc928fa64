"""DC-AE, the deep compression autoencoder (arXiv 2410.10733): encoders and decoders apart."""

from __future__ import annotations

from functools import partial
from typing import Any

from diffusers import AutoencoderDC

from frontends.models.sample import Recipes, Sample, floats

__all__ = ["RECIPES"]

_WIDTHS = (128, 256, 512, 512, 1024, 1024, 2048, 2048)


def _shuffling(stages: int, latent: int) -> dict[str, Any]:
    """f32c32, f64c128, f128c512: three residual stages, then attention; pixel shuffles."""
    attention = stages - 3
    blocks = ("ResBlock",) * 3 + ("EfficientViTBlock",) * attention
    return {
        "latent_channels": latent,
        "encoder_block_types": blocks,
        "decoder_block_types": blocks,
        "encoder_block_out_channels": _WIDTHS[:stages],
        "decoder_block_out_channels": _WIDTHS[:stages],
        "encoder_layers_per_block": (0, 4, 8) + (2,) * attention,
        "decoder_layers_per_block": (0, 5, 10) + (2,) * attention,
        "encoder_qkv_multiscales": ((),) * stages,
        "decoder_qkv_multiscales": ((),) * stages,
        "decoder_norm_types": ("batch_norm",) * 3 + ("rms_norm",) * attention,
        "decoder_act_fns": ("relu",) * 3 + ("silu",) * attention,
    }


def _sana() -> dict[str, Any]:
    """f32c32 as Sana uses it: strided convolutions, interpolation, 5x5 multi-scale attention."""
    blocks = ("ResBlock",) * 3 + ("EfficientViTBlock",) * 3
    scales = ((), (), (), (5,), (5,), (5,))
    return {
        "latent_channels": 32,
        "encoder_block_types": blocks,
        "decoder_block_types": blocks,
        "encoder_block_out_channels": _WIDTHS[:6],
        "decoder_block_out_channels": _WIDTHS[:6],
        "encoder_layers_per_block": (2, 2, 2, 3, 3, 3),
        "decoder_layers_per_block": (3,) * 6,
        "encoder_qkv_multiscales": scales,
        "decoder_qkv_multiscales": scales,
        **_PLAIN,
    }


def _tiny(sana: bool) -> dict[str, Any]:
    blocks = ("ResBlock", "ResBlock", "EfficientViTBlock")
    depth = (1, 1, 1) if sana else (0, 1, 1)
    scales = ((), (), (5,) if sana else ())
    return {
        "latent_channels": 8,
        "attention_head_dim": 8,
        "encoder_block_types": blocks,
        "decoder_block_types": blocks,
        "encoder_block_out_channels": (8, 16, 16),
        "decoder_block_out_channels": (8, 16, 16),
        "encoder_layers_per_block": depth,
        "decoder_layers_per_block": depth,
        "encoder_qkv_multiscales": scales,
        "decoder_qkv_multiscales": scales,
        **(_PLAIN if sana else _MIXED),
    }


_PLAIN = {
    "decoder_norm_types": "rms_norm",
    "decoder_act_fns": "silu",
    "downsample_block_type": "conv",
    "upsample_block_type": "interpolate",
}
_MIXED = {
    "decoder_norm_types": ("batch_norm", "batch_norm", "rms_norm"),
    "decoder_act_fns": ("relu", "relu", "silu"),
}


# Kind: (configuration, pixels of the image's side, pixels per latent pixel).
_KINDS: dict[str, tuple[dict[str, Any], int, int]] = {
    "dcae_f32_{}_512px": (_shuffling(6, 32), 512, 32),
    "dcae_f64_{}_512px": (_shuffling(7, 128), 512, 64),
    "dcae_f128_{}_512px": (_shuffling(8, 512), 512, 128),
    "dcae_sana_{}_1024px": (_sana(), 1024, 32),
    "dcae_{}_tiny": (_tiny(False), 32, 4),
    "dcae_sana_{}_tiny": (_tiny(True), 32, 4),
}


def _part(kind: str, part: str) -> Sample:
    config, pixels, factor = _KINDS[kind]
    whole = AutoencoderDC(**config)
    if part == "encoder":
        return Sample(whole.encoder, (floats(1, 3, pixels, pixels),))
    side = pixels // factor
    return Sample(whole.decoder, (floats(1, config["latent_channels"], side, side),))


RECIPES: Recipes = {
    kind.format(part): partial(_part, kind, part)
    for kind in _KINDS
    for part in ("encoder", "decoder")
}
