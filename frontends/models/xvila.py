"""X-VILA (arXiv 2405.19335): encoders of images, video and sound, and the diffusion decoders.

The encoders are ImageBind's; their language model is the entry llama_7b_*. The visual embedding
highway takes the image encoder's features past the language model, to the resolutions of the
decoder's U-Net.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import transformers as hf
from diffusers import UNet2DConditionModel, UNet3DConditionModel
from torch import nn
from torch.nn.functional import gelu, interpolate

from frontends.models.sample import Recipes, Sample, floats, integers

__all__ = ["RECIPES"]


class VisualEncoder(nn.Module):
    """Images or frames [N, 3, P, P] to a token [N, 1, width] each, and features [N, C, G, G]."""

    def __init__(self, tower: Any, width: int) -> None:
        super().__init__()
        self.tower = tower
        self.project = nn.Linear(tower.config.projection_dim, width)

    def forward(self, images: Any) -> Any:
        out = self.tower(pixel_values=images)
        features = out.last_hidden_state[:, 1:].transpose(1, 2)
        grid = round(features.shape[2] ** 0.5)
        token = self.project(out.image_embeds)[:, None]
        return token, features.reshape(*features.shape[:2], grid, grid)


class AudioEncoder(nn.Module):
    """Mel spectrograms [N, frames, bins] to a token [N, 1, width] each."""

    def __init__(self, tower: Any, shared: int, width: int) -> None:
        super().__init__()
        self.tower = tower
        self.embed = nn.Linear(tower.config.hidden_size, shared, bias=False)
        self.project = nn.Linear(shared, width)

    def forward(self, spectrograms: Any) -> Any:
        first = self.tower(input_values=spectrograms).last_hidden_state[:, 0]
        return self.project(self.embed(first))[:, None]


class OutputProjection(nn.Module):
    """Output tokens of the language model [1, L, width] to the decoder's prompt [1, L, context]."""

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, context), nn.Linear(context, context)

    def forward(self, tokens: Any) -> Any:
        return self.linear2(gelu(self.linear1(tokens)))


class Highway(nn.Module):
    """One denoising step of a U-Net to which features [1, C, G, G] of the encoder are added after
    every resolution, each through a 1x1 convolution and a change of size."""

    def __init__(self, unet: Any, channels: int) -> None:
        super().__init__()
        self.unet = unet
        widths = unet.config.block_out_channels
        self.controls = nn.ModuleList(nn.Conv2d(channels, width, 1) for width in widths)

    def forward(self, latent: Any, step: Any, prompt: Any, features: Any) -> Any:
        sides = self.sides(latent.shape[2])
        added = [
            interpolate(control(features), size=(side, side), mode="area")
            for control, side in zip(self.controls, sides, strict=True)
        ]
        return self.unet(
            latent, step, prompt, down_intrablock_additional_residuals=added, return_dict=False
        )[0]

    def sides(self, side: int) -> list[int]:
        """Of the levels' outputs; the last level doesn't halve."""
        count = len(self.controls)
        return [side >> level for level in range(count)]


_IMAGEBIND = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "patch_size": 14,
    "image_size": 224,
    "projection_dim": 1024,
    "hidden_act": "gelu",
}
_IMAGEBIND_AUDIO = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "patch_size": 16,
    "frequency_stride": 10,
    "time_stride": 10,
    "num_mel_bins": 128,
    "max_length": 204,
}
_TINY = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "patch_size": 4,
}


def _visual(count: int, width: int, options: dict[str, Any]) -> Sample:
    config = hf.CLIPVisionConfig(**options)
    config._attn_implementation = "sdpa"
    module = VisualEncoder(hf.CLIPVisionModelWithProjection(config), width)
    return Sample(module, (floats(count, 3, config.image_size, config.image_size),))


def _audio(clips: int, shared: int, width: int, options: dict[str, Any]) -> Sample:
    config = hf.ASTConfig(**options)
    config._attn_implementation = "sdpa"
    module = AudioEncoder(hf.ASTModel(config), shared, width)
    return Sample(module, (floats(clips, config.max_length, config.num_mel_bins),))


def _output(length: int, width: int, context: int) -> Sample:
    return Sample(OutputProjection(width, context), (floats(1, length, width),))


def _image_decoder(
    side: int, text: int, widths: tuple[int, ...], channels: int, grid: int, **options: Any
) -> Sample:
    count = len(widths) - 1
    unet = UNet2DConditionModel(
        sample_size=side,
        block_out_channels=widths,
        down_block_types=("CrossAttnDownBlock2D",) * count + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * count,
        **options,
    )
    prompt = floats(1, text, unet.config.cross_attention_dim)
    features = floats(1, channels, grid, grid)
    latent = floats(1, 4, side, side)
    return Sample(Highway(unet, channels), (latent, integers(1000, 1), prompt, features))


def _video_decoder(frames: int, size: tuple[int, int], text: int, **options: Any) -> Sample:
    """A U-Net with convolution and attention along time after those of every frame."""
    unet = UNet3DConditionModel(**options)
    prompt = floats(1, text, unet.config.cross_attention_dim)
    latent = floats(1, 4, frames, *size)
    return Sample(unet, (latent, integers(1000, 1), prompt), {"return_dict": False})


def _audio_decoder(size: tuple[int, int], joint: int, **options: Any) -> Sample:
    """AudioLDM's U-Net: one vector as the condition, added to the time step's."""
    unet = UNet2DConditionModel(
        in_channels=8,
        out_channels=8,
        cross_attention_dim=options["block_out_channels"],
        class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=joint,
        class_embeddings_concat=True,
        **options,
    )
    inputs = {"class_labels": floats(1, joint), "return_dict": False}
    return Sample(unet, (floats(1, 8, *size), integers(1000, 1), None), inputs)


_AUDIOLDM = {
    "block_out_channels": (128, 256, 384, 640),
    "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 3,
    "up_block_types": ("CrossAttnUpBlock2D",) * 3 + ("UpBlock2D",),
    "attention_head_dim": 8,
}
_AUDIO_TINY = {
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": 2,
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
_SD15 = {"cross_attention_dim": 768, "attention_head_dim": 8}
_SD_TINY = {
    "cross_attention_dim": 24,
    "attention_head_dim": 2,
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
_VIDEO_TINY = _SD_TINY | {
    "block_out_channels": (32,),
    "down_block_types": ("CrossAttnDownBlock3D",),
    "up_block_types": ("CrossAttnUpBlock3D",),
    "norm_num_groups": 32,
    "attention_head_dim": 16,
}
_IMAGE_TINY = _TINY | {"image_size": 16, "projection_dim": 20, "hidden_act": "gelu"}
_SPEECH_TINY = _TINY | {
    "frequency_stride": 2,
    "time_stride": 2,
    "num_mel_bins": 8,
    "max_length": 12,
}
RECIPES: Recipes = {
    "xvila_image_encoder": partial(_visual, 1, 4096, _IMAGEBIND),
    "xvila_video_encoder": partial(_visual, 8, 4096, _IMAGEBIND),
    "xvila_audio_encoder": partial(_audio, 1, 1024, 4096, _IMAGEBIND_AUDIO),
    "xvila_output_projection": partial(_output, 77, 4096, 768),
    "xvila_image_decoder_512px": partial(
        _image_decoder, 64, 77, (320, 640, 1280, 1280), 1280, 16, **_SD15
    ),
    "xvila_video_decoder": partial(_video_decoder, 16, (40, 64), 77, attention_head_dim=64),
    "xvila_audio_decoder": partial(_audio_decoder, (256, 16), 512, **_AUDIOLDM),
    "xvila_image_encoder_tiny": partial(_visual, 2, 24, _IMAGE_TINY),
    "xvila_audio_encoder_tiny": partial(_audio, 1, 20, 24, _SPEECH_TINY),
    "xvila_output_projection_tiny": partial(_output, 5, 24, 16),
    "xvila_image_decoder_tiny": partial(_image_decoder, 16, 7, (8, 16), 12, 4, **_SD_TINY),
    "xvila_video_decoder_tiny": partial(_video_decoder, 3, (4, 4), 7, **_VIDEO_TINY),
    "xvila_audio_decoder_tiny": partial(_audio_decoder, (16, 8), 12, **_AUDIO_TINY),
}
