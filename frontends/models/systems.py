"""The systems that `lego trace` knows. Pure data, needs no PyTorch."""

from __future__ import annotations

from frontends.models.system import Flow, System, SystemStage

__all__ = ["SYSTEMS"]

_IMAGE = Flow("input", "image")
_PROMPT = Flow("input", "prompt of 64 tokens")
_AGAIN = "token and cache so far"


def _answer(
    vision: SystemStage, prefill: str, decode: str, visual: tuple[int, ...], tokens: int
) -> tuple[SystemStage, ...]:
    """A vision-language model: tower, prefill with visual tokens, one run of decode a further token."""
    seen = Flow(vision.name, "visual tokens", visual)
    start = Flow("prefill", "first token and cache")
    return (
        vision,
        SystemStage("prefill", prefill, 1, (seen, _PROMPT)),
        SystemStage("decode", decode, tokens - 1, (start, Flow("decode", _AGAIN))),
    )


def _nvila() -> System:
    vision = SystemStage("vision", "nvila_8b_vision_s2_14tiles", 1, (Flow("input", "14 tiles"),))
    stages = _answer(vision, "nvila_8b_prefill", "nvila_8b_decode", (2304, 3584), 128)
    return System("nvila", "NVILA-8B, dynamic-S2: 128 tokens about an image of 9 tiles", stages)


def _vila15() -> System:
    vision = SystemStage("vision", "vila15_8b_vision", 1, (_IMAGE,))
    stages = _answer(vision, "vila15_8b_prefill", "vila15_8b_decode", (196, 4096), 128)
    return System("vila15", "VILA-1.5-8B: 128 tokens about an image", stages)


# Rounds of self-augmentation, then three specialists, each of which captions all images anew.
_CAPTIONS = 3 + 3
_WEIGHTS = Flow("train_language", "weights of the round before")
_VILA2_STAGES = (
    SystemStage("vision", "vila15_8b_vision", _CAPTIONS, (_IMAGE, _WEIGHTS)),
    SystemStage(
        "prefill",
        "vila15_8b_prefill",
        _CAPTIONS,
        (Flow("vision", "visual tokens", (196, 4096)), _PROMPT, _WEIGHTS),
    ),
    SystemStage(
        "decode",
        "vila15_8b_decode",
        _CAPTIONS * 127,
        (Flow("prefill", "first token and cache"), Flow("decode", _AGAIN)),
    ),
    SystemStage("train_vision", "vila15_8b_vision", _CAPTIONS + 1, (_IMAGE,), trains=True),
    SystemStage(
        "train_language",
        "vila15_8b_prefill",
        _CAPTIONS + 1,
        (Flow("train_vision", "visual tokens", (196, 4096)), Flow("decode", "captions")),
        trains=True,
    ),
)
_VILA2 = System(
    "vila2",
    "VILA^2: an image in three rounds of captioning and training, three specialists, and "
    "the last training",
    _VILA2_STAGES,
    "VILA-1.5-8B's geometry; captions of 128 tokens",
)

# Image captions are chained from key frame to key frame; an LLM sums up all captions.
_FRAMES = 20
_CAPTION = 63
_WOLF_STAGES = (
    SystemStage("frame_vision", "vila15_8b_vision", _FRAMES, (Flow("input", "key frame"),)),
    SystemStage(
        "frame_prefill",
        "vila15_8b_prefill",
        _FRAMES,
        (
            Flow("frame_vision", "visual tokens", (196, 4096)),
            Flow("frame_decode", "caption of the frame before"),
        ),
    ),
    SystemStage(
        "frame_decode",
        "vila15_8b_decode",
        _FRAMES * _CAPTION,
        (Flow("frame_prefill", "first token and cache"), Flow("frame_decode", _AGAIN)),
    ),
    SystemStage("video_vision", "vila15_8b_vision", 8, (Flow("input", "one of 8 frames"),)),
    SystemStage(
        "video_prefill",
        "vila15_8b_video_prefill",
        1,
        (Flow("video_vision", "visual tokens of 8 frames"), _PROMPT),
    ),
    SystemStage(
        "video_decode",
        "vila15_8b_decode",
        127,
        (Flow("video_prefill", "first token and cache"), Flow("video_decode", _AGAIN)),
    ),
    SystemStage(
        "summary_prefill",
        "llama3_8b_prefill2048",
        1,
        (Flow("frame_decode", "captions of frames"), Flow("video_decode", "caption of video")),
    ),
    SystemStage(
        "summary_decode",
        "llama3_8b_decode2048",
        255,
        (Flow("summary_prefill", "first token and cache"), Flow("summary_decode", _AGAIN)),
    ),
)
_WOLF = System(
    "wolf",
    "Wolf: 10 s of video, 2 key frames a second, to a caption of 256 tokens",
    _WOLF_STAGES,
    "VILA-1.5-8B and Llama-3-8B stand for all captioners and for the summariser; the "
    "others' geometry isn't public",
)

_XVILA_STEPS = 2 * 50
_XVILA_PROMPT = Flow("projection", "prompt", (77, 768))
_XVILA_STAGES = (
    SystemStage("image_encoder", "xvila_image_encoder", 1, (_IMAGE,)),
    SystemStage("video_encoder", "xvila_video_encoder", 1, (Flow("input", "8 frames"),)),
    SystemStage("audio_encoder", "xvila_audio_encoder", 1, (Flow("input", "2 s of sound"),)),
    SystemStage(
        "prefill",
        "llama_7b_prefill2048",
        1,
        (
            Flow("image_encoder", "a token"),
            Flow("video_encoder", "a token a frame"),
            Flow("audio_encoder", "a token"),
            Flow("input", "text"),
        ),
    ),
    SystemStage(
        "decode",
        "llama_7b_decode2048",
        127,
        (Flow("prefill", "first token and cache"), Flow("decode", _AGAIN)),
    ),
    SystemStage("projection", "xvila_output_projection", 3, (Flow("decode", "output tokens"),)),
    SystemStage(
        "image_decoder",
        "xvila_image_decoder_512px",
        _XVILA_STEPS,
        (
            _XVILA_PROMPT,
            Flow("image_encoder", "features, past the language model", (1280, 16, 16)),
            Flow("image_decoder", "latent of the step before", (4, 64, 64)),
        ),
    ),
    SystemStage(
        "image_vae",
        "sd_vae_decoder_512px",
        1,
        (Flow("image_decoder", "latent", (4, 64, 64)),),
    ),
    SystemStage(
        "video_decoder",
        "xvila_video_decoder",
        _XVILA_STEPS,
        (
            Flow("projection", "prompt, padded to 1024"),
            Flow("video_decoder", "latent of the step before", (4, 16, 40, 64)),
        ),
    ),
    SystemStage(
        "video_vae",
        "sd_vae_decoder_320x512",
        16,
        (Flow("video_decoder", "latent of a frame"),),
    ),
    SystemStage(
        "audio_decoder",
        "xvila_audio_decoder",
        _XVILA_STEPS,
        (
            Flow("projection", "prompt, pooled"),
            Flow("audio_decoder", "latent of the step before", (8, 256, 16)),
        ),
    ),
)
_XVILA = System(
    "xvila",
    "X-VILA: an image, 8 frames and sound to text, an image, 16 frames and 10 s of sound",
    _XVILA_STAGES,
    "no public code; 50 steps with guidance (twice the runs) assumed; the vocoder of the "
    "sound isn't there",
)


def _longvila() -> System:
    ranks = range(4)
    stages = [
        SystemStage(
            "vision", "longvila_7b_vision_64frames", 4, (Flow("input", "64 frames for every rank"),)
        )
    ]
    for r in ranks:
        reads = (
            Flow("vision", "visual tokens, split evenly anew"),
            Flow(f"rank{(r - 1) % 4}", "keys and values, in three messages a layer"),
            Flow(f"rank{r}", "tokens of the layer before", (16384, 3584)),
        )
        stages.append(SystemStage(f"rank{r}", f"longvila_7b_256frames_ring4_rank{r}", 28, reads))
    return System("longvila", "LongVILA-7B: prefill of 256 frames on 4 ranks", tuple(stages))


_LONGVILA_TOKENS = 524328 // 28
_LONGVILA_2048_STAGES = (
    SystemStage("vision", "longvila_7b_vision_74frames", 28, (Flow("input", "frames of a rank"),)),
    SystemStage(
        "layers",
        "longvila_7b_2048frames_ring7x4_rank0",
        28 * 28,
        (
            Flow("vision", "visual tokens, split evenly anew"),
            Flow("layers", "queries, keys, values, outputs of the group"),
            Flow("layers", "keys and values round the ring"),
            Flow("layers", "tokens of the layer before", (_LONGVILA_TOKENS, 3584)),
        ),
    ),
)
_LONGVILA_2048 = System(
    "longvila_2048",
    "LongVILA-7B: prefill of 2048 frames on 28 ranks",
    _LONGVILA_2048_STAGES,
    "rank 0 stands for all: zig-zag gives every rank the same work",
)


def _hart() -> System:
    stages = [
        SystemStage("text", "qwen2_1_5b_prefill300", 1, (Flow("input", "prompt, 300 tokens"),))
    ]
    for k in range(1, 15):
        reads = [Flow("text", "hidden states" if k == 1 else "pooled hidden states")]
        if k > 1:
            side = _SIDES[k - 1]
            reads.append(Flow(f"between{k - 1}", "tokens", (side * side, 1536)))
            reads.append(Flow(f"stage{k - 1}", "cache of 24 layers"))
        stages.append(SystemStage(f"stage{k}", f"hart_decoder_stage{k}", 2, tuple(reads)))
        if k < 14:
            given = [Flow(f"stage{k}", "probabilities of codes, sampled")]
            if k > 1:
                given.append(Flow(f"between{k - 1}", "latent so far", (32, 64, 64)))
            stages.append(SystemStage(f"between{k}", f"hart_between{k}", 1, tuple(given)))
    return System(
        "hart",
        "HART-0.7B: an image of 1024 px, guidance doubles the decoder's runs",
        (*stages, *_HART_LAST),
        "Qwen2-1.5B's geometry as the text encoder",
    )


_HART_LAST = (
    SystemStage(
        "residual",
        "hart_residual_mlp",
        2 * 8,
        (Flow("stage14", "conditions"), Flow("residual", "residuals of the step before")),
    ),
    SystemStage(
        "vae",
        "hart_vae_decoder_1024px",
        1,
        (Flow("stage14", "codes"), Flow("residual", "residuals, added")),
    ),
)
_SIDES = (1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64)


def _diffusion(name: str, about: str, models: tuple[str, str, str], steps: int) -> System:
    text, denoiser, decoder = models
    stages = (
        SystemStage("text", text, 2, (Flow("input", "prompt, and the empty one"),)),
        SystemStage(
            "denoiser",
            denoiser,
            2 * steps,
            (Flow("text", "last hidden states"), Flow("denoiser", "latent of the step before")),
        ),
        SystemStage("decoder", decoder, 1, (Flow("denoiser", "latent of the last step"),)),
    )
    return System(name, about, stages, "guidance: a run with the prompt and one without")


_POSITIONS = 256
_VILAU_STAGES = (
    SystemStage("vision", "siglip_large_256px", 1, (_IMAGE,)),
    SystemStage(
        "quantiser", "vilau_quantiser_256px", 1, (Flow("vision", "features", (256, 1024)),)
    ),
    SystemStage(
        "prefill",
        "llama_7b_prefill2048",
        1,
        (Flow("quantiser", "visual tokens, projected"), Flow("input", "text")),
    ),
    SystemStage(
        "decode",
        "llama_7b_decode2048",
        2 * _POSITIONS,
        (Flow("prefill", "cache"), Flow("depth", "codes of the position before")),
    ),
    SystemStage(
        "depth",
        "vilau_depth_transformer",
        2,
        (Flow("decode", "context of every position"), Flow("depth", "codes so far")),
    ),
    SystemStage(
        "decoder", "vilau_vision_decoder_256px", 1, (Flow("depth", "sums of code vectors"),)
    ),
)
_VILAU = System(
    "vilau",
    "VILA-U-7B: an image and text to an image of 256 px",
    _VILAU_STAGES,
    "guidance doubles decode and depth; the depth transformer's entry has all 256 positions",
)

_LOGITS = Flow("dense", "logits, scaled up")
_SPARSEREFINE_STAGES = (
    SystemStage("dense", "segformer_b5_512x1024", 1, (Flow("input", "image at half size"),)),
    SystemStage("selector", "sparserefine_selector_1024x2048", 1, (_LOGITS,)),
    SystemStage(
        "unet",
        "sparserefine_unet_1024x2048",
        1,
        (Flow("input", "image"), Flow("selector", "mask", (1, 1, 1024, 2048))),
    ),
    SystemStage(
        "ensemble",
        "sparserefine_ensemble_262144",
        1,
        (_LOGITS, Flow("unet", "logits of the chosen pixels, gathered")),
    ),
)
_SPARSEREFINE = System(
    "sparserefine",
    "SparseRefine on SegFormer-B5: an image of 1024x2048",
    _SPARSEREFINE_STAGES,
    "the sparse U-Net counts as a dense one",
)


_SANA = ("gemma2_2b_prefill300", "sana_1_6b_1024px", "dcae_sana_decoder_1024px")
_SANA_TINY = ("gemma2_tiny", "sana_tiny", "dcae_sana_decoder_tiny")

SYSTEMS: tuple[System, ...] = (
    _vila15(),
    _nvila(),
    _VILA2,
    _WOLF,
    _longvila(),
    _LONGVILA_2048,
    _XVILA,
    _VILAU,
    _hart(),
    _diffusion("sana", "Sana-1.6B: an image of 1024 px in 20 steps", _SANA, 20),
    _SPARSEREFINE,
    System(
        "vila15_pipeline_tiny",
        "small networks: 4 tokens about an image",
        _answer(
            SystemStage("vision", "nvila_vision_tiny", 1, (_IMAGE,)),
            "vila15_prefill_tiny",
            "llama3_decode_tiny",
            (),
            4,
        ),
    ),
    _diffusion("sana_pipeline_tiny", "small networks, two steps", _SANA_TINY, 2),
)
