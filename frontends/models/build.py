"""Names to modules with example arguments."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frontends.models.catalogue import CATALOGUE, nearest
from frontends.models.systems import SYSTEMS
from frontends.models.techniques.names import PLAIN, Techniques, checked
from lego.diag import InternalError, LegoError

if TYPE_CHECKING:
    from frontends.models.sample import Sample

__all__ = ["FAMILIES", "build", "known", "prepare"]

FAMILIES = {
    "vision": "frontends.models.vision",
    "transformers": "frontends.models.transformers",
    "diffusion": "frontends.models.diffusion",
    "autoencoders": "frontends.models.autoencoders",
    "segmentation": "frontends.models.segmentation",
    "vlm": "frontends.models.vlm",
    "hart": "frontends.models.hart",
    "vilau": "frontends.models.vilau",
    "uvit": "frontends.models.uvit",
    "can": "frontends.models.can",
    "longvila": "frontends.models.longvila",
    "xvila": "frontends.models.xvila",
    "coat": "frontends.models.techniques.coat_adamw",
}
_LOGGERS = ("transformers", "diffusers", "timm", "torchvision", "huggingface_hub")
_kept: list[Any] = []


def build(
    name: str,
    *,
    device: str = "meta",
    seed: int = 0,
    quantize: str | None = None,
    attention: str | None = None,
) -> Sample:
    """Build the network `name` of the catalogue in float32 and evaluation mode, with these techniques.

    On the device "meta" no weight is allocated. On "cpu" weights and inputs are random and the
    same for the same seed. Raises E604 (unknown name), E605 (packages missing), E606 (unknown
    technique), E607 (technique that doesn't apply).
    """
    family, wanted = known(name), checked(quantize, attention)
    try:
        prepare()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sample = _made(importlib.import_module(FAMILIES[family]), name, device, seed)
            return sample if wanted == PLAIN else _changed(sample, wanted)
    except ImportError as error:
        raise LegoError(
            "E605",
            f"model {name!r} needs a package that can't be imported: {error}",
            hint="pip install 'lego-accelerator[models]'",
        ) from error


def known(name: str) -> str:
    """The family of a network of the catalogue. Raises E604 with the nearest names."""
    family = {entry.name: entry.family for entry in CATALOGUE}.get(name)
    if family is None:
        for system in SYSTEMS:
            if system.name == name:
                hint = ", ".join(dict.fromkeys(stage.model for stage in system.stages))
                raise LegoError("E604", f"{name} is several networks; name one of them", hint=hint)
        raise LegoError("E604", f"unknown model {name[:60]!r}", hint=nearest(name))
    return family


def _changed(sample: Sample, wanted: Techniques) -> Sample:
    from frontends.models.techniques.apply import apply_techniques

    return apply_techniques(sample, quantize=wanted.quantize, attention=wanted.attention)


def _made(family: Any, name: str, device: str, seed: int) -> Sample:
    import torch

    from frontends.models.sample import randomise

    if device not in ("meta", "cpu"):
        raise InternalError(f"device {device!r} is neither meta nor cpu")
    with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
        torch.manual_seed(seed)
        sample: Sample = family.RECIPES[name]()
        sample.module.eval().requires_grad_(False)
        if device == "cpu":
            randomise(sample)
    return sample


def prepare() -> None:
    """Make the packages importable and quiet: no network, no chatter. Raises ImportError."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for logger in _LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        _declare_torchvision_operators(torch)


def _declare_torchvision_operators(torch: Any) -> None:
    """Give torchvision the schemas that it registers fake kernels for.

    A CUDA wheel of torchvision beside a CPU wheel of PyTorch can't load its library, and then its
    import fails ("operator torchvision::nms does not exist"), and with it timm's, transformers'
    and diffusers' (torchvision 0.28). None of the networks calls these operators.
    """
    found = importlib.util.find_spec("torchvision")
    if _kept or found is None or found.origin is None:
        return
    try:
        for library in Path(found.origin).parent.glob("_C*"):
            torch.ops.load_library(str(library))
    except (OSError, RuntimeError):
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(operators)
