"""Denoisers of the package diffusers: U-Nets, diffusion transformers, Sana's linear attention."""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
import torch

from frontends.models.sample import Recipes, Sample, floats, integers

__all__ = ["RECIPES"]

_TUPLE = {"return_dict": False}


def _text_mask(length: int) -> Any:
    """Mask [1, length] of a prompt; its last eighth is padding."""
    return (torch.arange(length) < length - length // 8).float()[None]


def _sana(heads: int, cross: int, cross_size: int, layers: int, side: int, text: int) -> Sample:
    """Sana (arXiv 2410.10629); 32-channel latent, `text` tokens of Gemma-2's 2304 or fewer."""
    width, caption = heads * 32, 2304 if text == 300 else 48
    module = diffusers.SanaTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=32,
        num_layers=layers,
        num_cross_attention_heads=cross,
        cross_attention_head_dim=cross_size,
        cross_attention_dim=width,
        caption_channels=caption,
        sample_size=side,
    )
    inputs = {
        "hidden_states": floats(1, 32, side, side),
        "encoder_hidden_states": floats(1, text, caption),
        "timestep": integers(1000, 1),
        "encoder_attention_mask": _text_mask(text),
    }
    return Sample(module, (), inputs | _TUPLE)


def _ddpm(pixels: int, widths: tuple[int, ...], attention_at: int, **options: Any) -> Sample:
    """The U-Net of DDPM (arXiv 2006.11239); attention at one resolution and in the middle."""
    count = len(widths)
    down = ["DownBlock2D"] * count
    up = ["UpBlock2D"] * count
    down[attention_at], up[count - 1 - attention_at] = "AttnDownBlock2D", "AttnUpBlock2D"
    module = diffusers.UNet2DModel(
        sample_size=pixels,
        block_out_channels=widths,
        down_block_types=down,
        up_block_types=up,
        attention_head_dim=None,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
        **options,
    )
    return Sample(module, (floats(1, 3, pixels, pixels), integers(1000, 1)), dict(_TUPLE))


def _sd(side: int, text: int, widths: tuple[int, ...], **options: Any) -> Sample:
    """The U-Net of Stable Diffusion 1.5 (arXiv 2112.10752)."""
    count = len(widths) - 1
    module = diffusers.UNet2DConditionModel(
        sample_size=side,
        block_out_channels=widths,
        down_block_types=("CrossAttnDownBlock2D",) * count + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * count,
        **options,
    )
    prompt = floats(1, text, module.config.cross_attention_dim)
    return Sample(module, (floats(1, 4, side, side), integers(1000, 1), prompt), dict(_TUPLE))


def _sdxl(side: int, text: int, pooled: int, time: int, **options: Any) -> Sample:
    """The U-Net of SDXL (arXiv 2307.01952); `pooled` text features and six sizes as condition."""
    module = diffusers.UNet2DConditionModel(
        sample_size=side,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=time,
        projection_class_embeddings_input_dim=pooled + 6 * time,
        **options,
    )
    prompt = floats(1, text, module.config.cross_attention_dim)
    added = {"text_embeds": floats(1, pooled), "time_ids": floats(1, 6)}
    arguments = (floats(1, 4, side, side), integers(1000, 1), prompt)
    return Sample(module, arguments, {"added_cond_kwargs": added, "return_dict": False})


def _flux(
    heads: int, layers: tuple[int, int], axes: tuple[int, ...], text: int, side: int
) -> Sample:
    """FLUX.1: double-stream then single-stream blocks, 2-D RoPE over `side` x `side` tokens."""
    joint, pooled = (4096, 768) if heads == 24 else (40, 24)
    module = diffusers.FluxTransformer2DModel(
        num_layers=layers[0],
        num_single_layers=layers[1],
        attention_head_dim=sum(axes),
        num_attention_heads=heads,
        joint_attention_dim=joint,
        pooled_projection_dim=pooled,
        guidance_embeds=True,
        axes_dims_rope=axes,
    )
    axis = torch.arange(float(side))
    grid = torch.cartesian_prod(torch.zeros(1), axis, axis)
    inputs = {
        "hidden_states": floats(1, side * side, 64),
        "encoder_hidden_states": floats(1, text, joint),
        "pooled_projections": floats(1, pooled),
        "timestep": torch.rand(1),
        "img_ids": grid,
        "txt_ids": torch.zeros(text, 3),
        "guidance": torch.full((1,), 3.5),
    }
    return Sample(module, (), inputs | _TUPLE)


def _pixart(heads: int, size: int, layers: int, side: int, text: int, caption: int) -> Sample:
    """PixArt-Sigma (arXiv 2403.04692): self and cross attention, adaLN-single."""
    module = diffusers.PixArtTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=size,
        num_layers=layers,
        cross_attention_dim=heads * size,
        sample_size=side,
        caption_channels=caption,
        interpolation_scale=2,
        use_additional_conditions=False,
    )
    inputs = {
        "hidden_states": floats(1, 4, side, side),
        "encoder_hidden_states": floats(1, text, caption),
        "timestep": integers(1000, 1),
        "encoder_attention_mask": _text_mask(text),
        "added_cond_kwargs": {"resolution": None, "aspect_ratio": None},
    }
    return Sample(module, (), inputs | _TUPLE)


def _dit(heads: int, size: int, layers: int, side: int, patch: int, channels: int) -> Sample:
    """DiT (arXiv 2212.09748), classes as condition, adaLN-zero."""
    module = diffusers.DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=size,
        in_channels=channels,
        out_channels=2 * channels,
        num_layers=layers,
        sample_size=side,
        patch_size=patch,
    )
    latent = floats(1, channels, side, side)
    return Sample(module, (latent, integers(1000, 1), integers(1000, 1)), dict(_TUPLE))


def _vae(height: int, width: int, widths: tuple[int, ...], **options: Any) -> Sample:
    """The decoder of Stable Diffusion's autoencoder, from a latent of 4 channels."""
    module = diffusers.AutoencoderKL(
        latent_channels=4,
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        **options,
    )
    return Sample(module.decoder, (floats(1, 4, height, width),))


_SD15 = {"cross_attention_dim": 768, "attention_head_dim": 8}
_SDXL = {
    "block_out_channels": (320, 640, 1280),
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
}
_SMALL = {"layers_per_block": 1, "norm_num_groups": 4}
_SDXL_TINY = {
    "block_out_channels": (8, 16, 16),
    "cross_attention_dim": 24,
    "attention_head_dim": (1, 2, 2),
    "transformer_layers_per_block": (1, 1, 2),
}
_SIZES = {"512": 16, "1024": 32, "4096": 128}
RECIPES: Recipes = {
    "ddpm_cifar10": partial(_ddpm, 32, (128, 256, 256, 256), 1),
    "ddpm_256px": partial(_ddpm, 256, (128, 128, 256, 256, 512, 512), 4),
    "sd15_unet_512px": partial(_sd, 64, 77, (320, 640, 1280, 1280), **_SD15),
    "sdxl_unet_1024px": partial(_sdxl, 128, 77, 1280, 256, **_SDXL),
    "pixart_sigma_1024px": partial(_pixart, 16, 72, 28, 128, 300, 4096),
    "flux1_dev_1024px": partial(_flux, 24, (19, 38), (16, 56, 56), 512, 64),
    "dit_xl2_512px": partial(_dit, 16, 72, 28, 64, 2, 4),
    "dit_xl1_512px": partial(_dit, 16, 72, 28, 16, 1, 32),
    **{f"sana_0_6b_{p}px": partial(_sana, 36, 16, 72, 28, s, 300) for p, s in _SIZES.items()},
    "sana_1_6b_block": partial(_sana, 70, 20, 112, 1, 16, 300),
    **{f"sana_1_6b_{p}px": partial(_sana, 70, 20, 112, 20, s, 300) for p, s in _SIZES.items()},
    "sd_vae_decoder_512px": partial(_vae, 64, 64, (128, 256, 512, 512), layers_per_block=2),
    "sd_vae_decoder_320x512": partial(_vae, 40, 64, (128, 256, 512, 512), layers_per_block=2),
    "sd_vae_decoder_tiny": partial(_vae, 6, 4, (8, 16), **_SMALL),
    "ddpm_tiny": partial(_ddpm, 16, (8, 16), 1, **_SMALL),
    "sd_unet_tiny": partial(
        _sd, 16, 7, (8, 16), cross_attention_dim=24, attention_head_dim=2, **_SMALL
    ),
    "sdxl_unet_tiny": partial(_sdxl, 16, 7, 20, 8, **_SDXL_TINY, **_SMALL),
    "pixart_tiny": partial(_pixart, 4, 8, 2, 8, 7, 24),
    "flux_tiny": partial(_flux, 4, (1, 2), (4, 6, 6), 5, 4),
    "dit_tiny": partial(_dit, 4, 8, 2, 8, 2, 4),
    "sana_tiny": partial(_sana, 2, 4, 16, 2, 8, 16),
}
