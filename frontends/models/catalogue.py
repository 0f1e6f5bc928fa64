"""The networks that `build` knows: pure data, needs no PyTorch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from frontends.models.systems import SYSTEMS

__all__ = ["CATALOGUE", "Entry", "nearest"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One network at one input size, batch 1 unless the note says otherwise.

    Attributes:
        name: unique, `[a-z][a-z0-9_]*`; names on `_tiny` build with real weights in a second.
        family: the module of `frontends.models` that builds it.
        about: what it is, in a few words.
        parameters_m: parameters in millions, as measured on the packages' classes.
        macs_g: multiply-accumulates in units of 1e9; attention in full, element-wise work not.
        note: what to know when reading the figures; may be empty.
    """

    name: str
    family: str
    about: str
    parameters_m: float | None = None
    macs_g: float | None = None
    note: str = ""


_CACHE = "one token against a cache of 2047; the cache comes as two lists of tensors"
_SAME = "same class, other resolution"
_RANK = "one of 28 layers as one rank runs it, heads and tokens of that rank only"
_XVILA = (
    "no public code: widths of the glue and the highway are assumed, the towers are the packages'"
)
_KERNEL = "one layer whose weight is computed from a condition, batch 2"

CATALOGUE: tuple[Entry, ...] = (
    Entry("alexnet", "vision", "AlexNet, 224 px", 61.1, 0.714),
    Entry("mobilenetv2", "vision", "MobileNetV2 1.0, 224 px", 3.5, 0.301),
    Entry("resnet50", "vision", "ResNet-50, 224 px", 25.6, 4.089),
    Entry("efficientnetv2_s_300px", "vision", "EfficientNetV2-S, 300 px", 21.5, 5.308),
    Entry(
        "efficientnetv2_s_384px", "vision", "EfficientNetV2-S, 384 px", 21.5, 8.366, "TF padding"
    ),
    Entry("coatnet_0", "vision", "CoAtNet-0, 224 px", 25.0, 4.547, "paper: 4.2 G"),
    Entry(
        "coatnet_0_rw", "vision", "CoAtNet-0, timm's variant, 224 px", 27.4, 4.406, "paper: 4.2 G"
    ),
    Entry("efficientvit_b3", "vision", "EfficientViT-B3, 224 px", 48.6, 3.954),
    Entry("efficientvit_l2_384px", "vision", "EfficientViT-L2, 384 px", 63.7, 20.399),
    Entry("hrnet_w48", "vision", "HRNet-W48, 224 px", 77.5, 17.278),
    Entry("alexnet_tiny", "vision", "AlexNet's layers, narrow"),
    Entry("mobilenetv2_tiny", "vision", "MobileNetV2 0.35, 64 px"),
    Entry("resnet_tiny", "vision", "bottleneck ResNet, one block a stage"),
    Entry("efficientnetv2_tiny", "vision", "EfficientNetV2, quarter width"),
    Entry("coatnet_tiny", "vision", "CoAtNet, two conv and two attention stages"),
    Entry("efficientvit_b_tiny", "vision", "EfficientViT-B, narrow"),
    Entry("efficientvit_l_tiny", "vision", "EfficientViT-L, narrow"),
    Entry("hrnet_tiny", "vision", "HRNet, narrow, features of four resolutions"),
    Entry("bert_base_128", "transformers", "BERT-base, 128 tokens", 109.5, 11.174),
    Entry("bert_base_512", "transformers", "BERT-base, 512 tokens", 109.5, 48.319),
    Entry("gpt2_1024", "transformers", "GPT-2 small, 1024 tokens", 124.4, 145.824),
    Entry("llama_7b_prefill2048", "transformers", "LLaMA-7B, prefill", 6738.4, 14630.8),
    Entry("llama_7b_decode2048", "transformers", "LLaMA-7B, decode", 6738.4, 7.144, _CACHE),
    Entry("llama_7b_block", "transformers", "one layer of LLaMA-7B, 64 tokens"),
    Entry("llama3_8b_prefill2048", "transformers", "Llama-3-8B, prefill", 8030.3, 16469.1),
    Entry("llama3_8b_decode2048", "transformers", "Llama-3-8B, decode", 8030.3, 8.042, _CACHE),
    Entry("qwen2_1_5b_prefill2048", "transformers", "Qwen2-1.5B, prefill", 1543.7, 3522.0),
    Entry("qwen2_1_5b_decode2048", "transformers", "Qwen2-1.5B, decode", 1543.7, None, _CACHE),
    Entry("qwen2_7b_prefill2048", "transformers", "Qwen2-7B, prefill", 7615.6, 15321.8),
    Entry("qwen2_7b_decode2048", "transformers", "Qwen2-7B, decode", 7615.6, None, _CACHE),
    Entry("gemma2_2b_prefill300", "transformers", "Gemma-2-2B, Sana's text", 2614.3, 793.815),
    Entry("gemma2_2b_decode2048", "transformers", "Gemma-2-2B, decode", 2614.3, None, _CACHE),
    Entry("qwen2_1_5b_prefill300", "transformers", "Qwen2-1.5B, HART's text", 1543.7),
    Entry("nvila_8b_prefill", "transformers", "Qwen2-7B, 2304 visual tokens and 64", 7615.6),
    Entry("nvila_8b_decode", "transformers", "Qwen2-7B on 2432 tokens", 7615.6, None, "one token"),
    Entry("vila15_8b_prefill", "transformers", "Llama-3-8B, 196 visual tokens and 64", 8030.3),
    Entry("vila15_8b_video_prefill", "transformers", "the same, 8 frames", 8030.3),
    Entry(
        "vila15_8b_decode", "transformers", "Llama-3-8B on 324 tokens", 8030.3, None, "one token"
    ),
    Entry("nvila_prefill_tiny", "transformers", "qwen2_tiny, 6 visual tokens and 5"),
    Entry("vila15_prefill_tiny", "transformers", "llama3_tiny, 4 visual tokens and 5"),
    Entry("bert_tiny", "transformers", "BERT, 2 layers of 32"),
    Entry("gpt2_tiny", "transformers", "GPT-2, 2 layers of 32"),
    Entry("llama_tiny", "transformers", "Llama, 2 layers of 64, prefill"),
    Entry("llama_decode_tiny", "transformers", "llama_tiny, decode"),
    Entry("llama3_tiny", "transformers", "Llama with shared KV heads, prefill"),
    Entry("llama3_decode_tiny", "transformers", "llama3_tiny, decode"),
    Entry("qwen2_tiny", "transformers", "Qwen2, 2 layers of 64, prefill"),
    Entry("qwen2_decode_tiny", "transformers", "qwen2_tiny, decode"),
    Entry("gemma2_tiny", "transformers", "Gemma-2 with a window of 6, prefill"),
    Entry("gemma2_decode_tiny", "transformers", "gemma2_tiny, decode"),
    Entry("ddpm_cifar10", "diffusion", "DDPM U-Net, 32 px", 35.7, 6.222),
    Entry("ddpm_256px", "diffusion", "DDPM U-Net, 256 px", 113.7, 248.514),
    Entry("sd15_unet_512px", "diffusion", "Stable Diffusion 1.5 U-Net", 859.5, 401.637),
    Entry("sdxl_unet_1024px", "diffusion", "Stable Diffusion XL U-Net", 2567.5, 3380.6),
    Entry("pixart_sigma_1024px", "diffusion", "PixArt-Sigma", 610.9, 3316.8),
    Entry("flux1_dev_1024px", "diffusion", "FLUX.1-dev", 11901.4, 37192.3),
    Entry("dit_xl2_512px", "diffusion", "DiT-XL/2 on an f8 latent", 749.8, 524.584),
    Entry("dit_xl1_512px", "diffusion", "DiT-XL/1 on DC-AE's f32 latent", 749.9, 118.681),
    Entry("sana_0_6b_512px", "diffusion", "Sana 0.6B", 591.7, None, _SAME),
    Entry("sana_0_6b_1024px", "diffusion", "Sana 0.6B", 591.7, 560.744),
    Entry("sana_0_6b_4096px", "diffusion", "Sana 0.6B", 591.7, None, _SAME),
    Entry("sana_1_6b_512px", "diffusion", "Sana 1.6B", 1604.5, None, _SAME),
    Entry("sana_1_6b_1024px", "diffusion", "Sana 1.6B", 1604.5, 1483.3),
    Entry("sana_1_6b_4096px", "diffusion", "Sana 1.6B", 1604.5, 22783.8),
    Entry("sana_1_6b_block", "diffusion", "one block of Sana 1.6B, 512 px"),
    Entry("sd_vae_decoder_512px", "diffusion", "Stable Diffusion's autoencoder", 49.5),
    Entry("sd_vae_decoder_320x512", "diffusion", "the same, a frame of a video", 49.5),
    Entry("sd_vae_decoder_tiny", "diffusion", "two resolutions"),
    Entry("ddpm_tiny", "diffusion", "DDPM U-Net, 16 px"),
    Entry("sd_unet_tiny", "diffusion", "Stable Diffusion U-Net, 16x16 latent"),
    Entry("sdxl_unet_tiny", "diffusion", "SDXL U-Net, 16x16 latent"),
    Entry("pixart_tiny", "diffusion", "PixArt, 2 layers of 32"),
    Entry("flux_tiny", "diffusion", "FLUX, 1 double and 2 single blocks of 64"),
    Entry("dit_tiny", "diffusion", "DiT, 2 layers of 32"),
    Entry("sana_tiny", "diffusion", "Sana, 2 layers of 64, 8x8 latent"),
    Entry("dcae_f32_encoder_512px", "autoencoders", "DC-AE f32c32", 123.2, 1042.7),
    Entry("dcae_f32_decoder_512px", "autoencoders", "DC-AE f32c32", 200.2, 1384.7),
    Entry("dcae_f64_encoder_512px", "autoencoders", "DC-AE f64c128", 264.6, 1052.6),
    Entry("dcae_f64_decoder_512px", "autoencoders", "DC-AE f64c128", 412.3, 1398.3),
    Entry("dcae_f128_encoder_512px", "autoencoders", "DC-AE f128c512", 415.7, 1055.4),
    Entry("dcae_f128_decoder_512px", "autoencoders", "DC-AE f128c512", 705.0, 1402.8),
    Entry("dcae_sana_encoder_1024px", "autoencoders", "DC-AE of Sana", 153.0, 2589.8),
    Entry("dcae_sana_decoder_1024px", "autoencoders", "DC-AE of Sana", 159.2, 4184.3),
    Entry("dcae_encoder_tiny", "autoencoders", "DC-AE, 3 stages, pixel-unshuffle"),
    Entry("dcae_decoder_tiny", "autoencoders", "DC-AE, 3 stages, pixel-shuffle"),
    Entry("dcae_sana_encoder_tiny", "autoencoders", "Sana's DC-AE, multi-scale attention"),
    Entry("dcae_sana_decoder_tiny", "autoencoders", "Sana's DC-AE, interpolating"),
    Entry("segformer_b5_512x1024", "segmentation", "SegFormer-B5, 19 classes", 84.6, 239.991),
    Entry("sparserefine_selector_1024x2048", "segmentation", "entropy of 19 classes > 0.1"),
    Entry("sparserefine_unet_1024x2048", "segmentation", "sparse U-Net as masked dense"),
    Entry("sparserefine_ensemble_262144", "segmentation", "gate of 262144 pixels (12.5 %)"),
    Entry("segformer_tiny", "segmentation", "SegFormer, one block a stage"),
    Entry("sparserefine_selector_tiny", "segmentation", "entropy selector, 8x8"),
    Entry("sparserefine_unet_tiny", "segmentation", "masked U-Net, three planes"),
    Entry("sparserefine_ensemble_tiny", "segmentation", "gate of 16 pixels"),
    Entry("siglip_so400m_384px", "vlm", "SigLIP-so400m tower", 413.0, 333.224),
    Entry("siglip_so400m_448px", "vlm", "SigLIP-so400m tower", 413.3, 486.860),
    Entry("siglip_large_256px", "vlm", "SigLIP-large tower of VILA-U", 303.4, 80.732),
    Entry("nvila_8b_vision_1tile", "vlm", "NVILA tower and 2x2 projector", 442.7, 494.376),
    Entry("nvila_8b_vision_5tiles", "vlm", "the same on 4+1 tiles", 442.7, None, "batch 5"),
    Entry(
        "nvila_8b_vision_s2_14tiles",
        "vlm",
        "dynamic-S2, 448, 896 and 1344 px",
        None,
        None,
        "batch 14",
    ),
    Entry("longvila_7b_vision_64frames", "vlm", "frames of one of 4 ranks", None, None, "batch 64"),
    Entry(
        "longvila_7b_vision_74frames", "vlm", "frames of one of 28 ranks", None, None, "batch 74"
    ),
    Entry(
        "nvila_lite_8b_vision_1tile", "vlm", "NVILA-Lite, 3x3 projector", note="121 tokens a tile"
    ),
    Entry("vila15_8b_vision", "vlm", "VILA-1.5 tower, 384 px, 27x27 padded to 28x28"),
    Entry("siglip_tiny", "vlm", "SigLIP, 2 layers of 32"),
    Entry("nvila_vision_tiny", "vlm", "2 tiles, 2x2 projector on an even grid"),
    Entry("nvila_s2_vision_tiny", "vlm", "dynamic-S2, 1+4+9 tiles of 4x4"),
    Entry("nvila_lite_vision_tiny", "vlm", "3x3 projector on a padded grid"),
    Entry("vila15_vision_tiny", "vlm", "2x2 projector on a padded grid"),
    Entry(
        "hart_residual_mlp", "hart", "residual diffusion, 4096 tokens", 36.6, 149.653, "one step"
    ),
    Entry("hart_decoder_stage1", "hart", "first stage, 300 tokens of text", 686.1, note="no cache"),
    *(
        Entry(f"hart_decoder_stage{k}", "hart", f"{n * n} tokens on the earlier ones", 686.1)
        for k, n in enumerate((2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48), 2)
    ),
    *(
        Entry(f"hart_between{k}", "hart", f"from stage {k} to the tokens of the next")
        for k in range(1, 14)
    ),
    Entry("hart_decoder_stage14", "hart", "last stage, 4096 tokens on 5654", 686.1, 5753.3),
    Entry("hart_vae_decoder_1024px", "hart", "VAE decoder", 64.7, 3230.2),
    Entry("hart_residual_mlp_tiny", "hart", "2 blocks of 32"),
    Entry("hart_text_tiny", "hart", "first stage, 5 tokens"),
    Entry("hart_between_tiny", "hart", "from 3x3 to 5x5 tokens by way of 8x8"),
    Entry("hart_decoder_tiny", "hart", "2 layers of 32, 16 tokens on 7"),
    Entry("hart_vae_decoder_tiny", "hart", "two resolutions"),
    Entry("vilau_depth_transformer", "vilau", "depth 4 for 256 positions", 114.4, 96.687),
    Entry("vilau_quantiser_256px", "vilau", "nearest of 16384 codes, depth 4"),
    Entry(
        "vilau_vision_decoder_256px",
        "vilau",
        "16x16 features to an image",
        note="widths of the RQ-VAE, 128 x (1, 1, 2, 2, 4): VILA-U's are not published",
    ),
    Entry("vilau_vision_decoder_tiny", "vilau", "two resolutions"),
    Entry("vilau_depth_transformer_tiny", "vilau", "depth 3 for 4 positions"),
    Entry("vilau_quantiser_tiny", "vilau", "nearest of 24 codes, depth 3"),
    Entry("uvit_s_512px_f32", "uvit", "UViT-S on DC-AE f32", 44.79, 12.27, "published figures"),
    Entry("uvit_h_512px_f32", "uvit", "UViT-H on DC-AE f32", 500.87, 133.25, "published figures"),
    Entry("uvit_h_512px_f64", "uvit", "UViT-H on DC-AE f64", None, 33.25, "published figures"),
    Entry(
        "uvit_2b_512px_f32", "uvit", "UViT-2B on DC-AE f32", 1580.40, 414.91, "published figures"
    ),
    Entry("uvit_2b_512px_f64", "uvit", "UViT-2B on DC-AE f64", None, 104.65, "published figures"),
    Entry("uvit_tiny", "uvit", "UViT, 2+1+2 blocks of 32"),
    Entry("can_depthwise", "can", "depthwise 3x3, 512 channels", note=_KERNEL),
    Entry("can_linear", "can", "512 to 512, 256 tokens", note=_KERNEL),
    Entry("can_patch_embed", "can", "32 channels to 512, patch 1", note=_KERNEL),
    Entry("can_depthwise_tiny", "can", "depthwise 3x3, 6 channels", note=_KERNEL),
    Entry("can_linear_tiny", "can", "12 to 10, 5 tokens", note=_KERNEL),
    Entry("can_patch_embed_tiny", "can", "3 channels to 8, patch 2", note=_KERNEL),
    *(
        Entry(f"longvila_7b_256frames_ring4_rank{r}", "longvila", "zig-zag ring of 4", note=_RANK)
        for r in range(4)
    ),
    Entry("longvila_7b_256frames_ulysses14_rank0", "longvila", "all-to-all of 14", note=_RANK),
    Entry("longvila_7b_512frames_ring2x7_rank13", "longvila", "2 groups of 7", note=_RANK),
    Entry("longvila_7b_1024frames_ring28_rank9", "longvila", "zig-zag ring of 28", note=_RANK),
    Entry("longvila_7b_2048frames_ring7x4_rank0", "longvila", "7 groups of 4", note=_RANK),
    Entry("longvila_7b_2048frames_ring7x4_rank27", "longvila", "7 groups of 4", note=_RANK),
    Entry("xvila_image_encoder", "xvila", "ImageBind-H, 224 px, and a projection", note=_XVILA),
    Entry("xvila_video_encoder", "xvila", "the same on 8 frames", note=_XVILA),
    Entry("xvila_audio_encoder", "xvila", "ImageBind's audio tower, 2 s", note=_XVILA),
    Entry("xvila_output_projection", "xvila", "77 tokens to a prompt", note=_XVILA),
    Entry("xvila_image_decoder_512px", "xvila", "SD 1.5 U-Net with the highway", note=_XVILA),
    Entry("xvila_video_decoder", "xvila", "3-D U-Net, 16 frames of 320x512", note=_XVILA),
    Entry("xvila_audio_decoder", "xvila", "AudioLDM U-Net, 10 s", note=_XVILA),
    Entry("xvila_image_encoder_tiny", "xvila", "2 layers of 32, two images"),
    Entry("xvila_audio_encoder_tiny", "xvila", "2 layers of 32, overlapping patches"),
    Entry("xvila_output_projection_tiny", "xvila", "5 tokens"),
    Entry("xvila_image_decoder_tiny", "xvila", "two resolutions, features of 4x4"),
    Entry("xvila_video_decoder_tiny", "xvila", "one resolution, 3 frames"),
    Entry("xvila_audio_decoder_tiny", "xvila", "two resolutions"),
    Entry("longvila_ring4_rank1_tiny", "longvila", "2 layers of 64, 32 tokens on 4 ranks"),
    Entry("longvila_ulysses4_rank2_tiny", "longvila", "the same, two KV heads for 4 ranks"),
    Entry("longvila_ring2x2_rank3_tiny", "longvila", "the same, 2 groups of 2"),
    Entry("coat_adamw", "coat", "AdamW step on 4096x4096, moments in fp8", note="no contraction"),
    Entry("coat_adamw_tiny", "coat", "AdamW step on 4x192", note="no contraction"),
)


def nearest(name: str) -> str:
    """A hint with the names that begin alike, or are spelled alike, or how to name a class in a file."""
    if ".py" in name:
        return "a class of your own is --module path.py:Class, with --input for every input"
    names = [entry.name for entry in CATALOGUE] + [system.name for system in SYSTEMS]
    begin = [each for each in names if len(name) > 2 and each.startswith(name)]
    close = [*begin, *difflib.get_close_matches(name, names, 3, 0.4)]
    found = ", ".join(list(dict.fromkeys(close))[:4])
    return f"nearest: {found}" if found else "`lego models` lists the names"
