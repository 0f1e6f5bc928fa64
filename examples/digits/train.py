"""A small convolutional network for handwritten digits, trained in seconds on a CPU.

    python examples/digits/train.py digits.npz

writes its parameters and statistics, and the 360 images that it wasn't trained on with their
digits. The images are scikit-learn's: 8x8 pixels, 1797 of them.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Digits", "accuracy", "images", "trained"]

HELD_OUT = 360


def _block(c_in: int, c_out: int, kernel: int, padding: int, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(c_in, c_out, kernel, 1, padding, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(c_out)]


class Digits(nn.Module):
    """Images (batch, 1, 8, 8) to ten logits: convolutions, an inverted residual, both poolings."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_block(1, 12, 3, 1), nn.ReLU())
        self.inverted = nn.Sequential(
            *_block(12, 36, 1, 0), nn.ReLU6(), *_block(36, 36, 3, 1, 36), nn.ReLU6(), *_block(36, 12, 1, 0)
        )  # fmt: skip
        self.wide = nn.Sequential(
            nn.MaxPool2d(2), *_block(12, 24, 3, 1), nn.ReLU(), *_block(24, 40, 3, 0), nn.ReLU()
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 10))

    def forward(self, images: Tensor) -> Tensor:
        """The logits."""
        found = self.stem(images)
        found = found + self.inverted(found)
        return self.head(self.wide(found))


def images() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images for training and held-out ones, (count, 1, 8, 8) from -1 to 1, then the digits of both."""
    given = load_digits()
    pixels = (given.images[:, None] / 8 - 1).astype(np.float32)
    split = train_test_split(
        pixels, given.target, test_size=HELD_OUT, random_state=0, stratify=given.target
    )
    train, test, train_digits, test_digits = map(torch.from_numpy, split)
    return train, test, train_digits, test_digits


def trained(train: Tensor, digits: Tensor, *, epochs: int = 20, seed: int = 0) -> Digits:
    """The network after so many passes over the images, each moved by up to a pixel."""
    torch.manual_seed(seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(
        1
    )  # the layers are too small for more, and sums come out the same anywhere
    network = Digits()
    steps = epochs * -(-len(train) // 64)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(train)).split(64):
            loss = functional.cross_entropy(network(_moved(train[chosen])), digits[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            pace.step()
    torch.set_num_threads(threads)
    return network.eval().requires_grad_(False)


def _moved(images: Tensor) -> Tensor:
    """Each by -1, 0 or 1 pixels in both directions; what comes in is background."""
    wide = functional.pad(images, (1, 1, 1, 1), value=-1.0)
    first = torch.randint(3, (len(images), 2, 1))
    rows, columns = (first[:, k] + torch.arange(8) for k in range(2))
    each = torch.arange(len(images))[:, None, None]
    return wide[each, 0, rows[:, :, None], columns[:, None, :]][:, None]


def accuracy(logits: Tensor, digits: Tensor) -> float:
    """The part of images whose largest logit is that of their digit."""
    return float((logits.argmax(1) == digits).double().mean())


def main(path: str) -> None:
    """Trains, says how well, and writes the file."""
    train, test, train_digits, test_digits = images()
    network = trained(train, train_digits)
    reached = accuracy(network(test), test_digits)
    held = {name: value.numpy() for name, value in network.state_dict().items()}
    np.savez(path, images=test.numpy(), digits=test_digits.numpy(), **held)
    print(f"{reached:.1%} of {HELD_OUT} held-out images")


if __name__ == "__main__":
    main(sys.argv[1])
