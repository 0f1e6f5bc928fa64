"""Which layers of a network are linear layers of transformer blocks, and replacing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

__all__ = ["LEFT_ALONE", "Dense", "PointConv", "dense_layers", "held", "in_block", "replace_layers"]

BLOCKS = ("layers", "layer", "h", "blocks", "transformer_blocks", "single_transformer_blocks")
"""Lists of transformer blocks, by the names that packages give them."""
LEFT_ALONE = ("norm", "adaln", "modulation", "time", "emb", "router")
"""In a path: layers that compute modulations or embeddings, which the techniques leave alone."""


@dataclass(frozen=True)
class Dense:
    """A linear layer of a block: its place, weight [N, K] and bias [N].

    Attributes
    ----------
    convolution : a convolution of one pixel, [B, K, H, W] to [B, N, H, W].
    after_gelu : its input is what a GELU gives.
    """

    path: str
    weight: Tensor
    bias: Tensor | None
    convolution: bool
    after_gelu: bool


class PointConv(nn.Module):
    """A linear layer on the channels of an image."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        """The layer at every pixel: [N, C, H, W] to [N, C', H, W]."""
        return self.inner(x.movedim(1, -1)).movedim(-1, 1)


def held(tensor: Tensor) -> nn.Parameter:
    """A tensor of any number format as a parameter, which a trace keeps apart from constants."""
    return nn.Parameter(tensor.detach().contiguous(), requires_grad=False)


def in_block(path: str) -> bool:
    """Whether a module is part of a transformer block."""
    return any(a in BLOCKS and b.isdigit() for a, b in pairwise(path.split(".")))


def dense_layers(module: nn.Module) -> Iterator[Dense]:
    """Linear layers inside transformer blocks, also where Sana has convolutions of one pixel.

    Embeddings, final projections (`lm_head`, `proj_out`), patch embeddings and the layers that make
    scales and shifts of a condition (adaLN) are not among them.
    """
    parts = dict(module.named_modules())
    for path, part in parts.items():
        if not in_block(path) or any(word in path.lower() for word in LEFT_ALONE):
            continue
        kind = type(part).__name__
        if isinstance(part, nn.Linear):
            weight, image = part.weight, False
        elif kind == "Conv1D":  # GPT-2's, which holds its weight transposed
            weight, image = part.weight.T, False
        elif isinstance(part, nn.Conv2d) and _of_one_pixel(part, parts, path):
            weight, image = part.weight.flatten(1), True
        else:
            continue
        yield Dense(path, weight, part.bias, image, _after_gelu(parts, path))


def _of_one_pixel(part: nn.Conv2d, parts: dict[str, nn.Module], path: str) -> bool:
    """Whether it is a convolution of one pixel in Sana's feed-forward block; those of convolutional
    networks stay."""
    owner = parts[path.rpartition(".")[0]]
    return type(owner).__name__ == "GLUMBConv" and part.kernel_size == (1, 1) and part.groups == 1


def _after_gelu(parts: dict[str, nn.Module], path: str) -> bool:
    """Whether it is the second layer of a feed-forward block of diffusers that begins with a GELU."""
    head, _, last = path.rpartition(".")
    first = parts.get(f"{head}.0")
    return head.endswith("net") and last != "0" and type(first).__name__ == "GELU"


def replace_layers(module: nn.Module, make: Callable[[Dense], nn.Module]) -> int:
    """Put what `make` returns in the place of every such layer; returns how many there were."""
    found = list(dense_layers(module))
    for layer in found:
        made = make(layer)
        parent, _, name = layer.path.rpartition(".")
        owner = module.get_submodule(parent)
        setattr(owner, name, PointConv(made) if layer.convolution else made)
    return len(found)
