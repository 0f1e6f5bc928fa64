"""Where a tensor lies in DRAM: beats of 16 lanes, one of its dimensions in blocks of 16."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.ir.engines import BEAT_BYTES

__all__ = ["Blocked", "lane_of"]

Array = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A tensor of bytes in DRAM.

    Blocks of 16 indices of dimension `lane` are outermost, then come the other dimensions in their order;
    a beat holds the 16 elements of a block that differ in the lane only. Lanes beyond the extent are zero.

    Attributes
    ----------
    shape : elements per dimension.
    lane : the dimension whose indices are a beat's lanes.
    """

    name: str
    shape: tuple[int, ...]
    lane: int

    @property
    def blocks(self) -> int:
        """Blocks of lanes."""
        return -(-self.shape[self.lane] // BEAT_BYTES)

    @property
    def beats(self) -> int:
        """Beats of the whole tensor."""
        rest = math.prod(n for k, n in enumerate(self.shape) if k != self.lane)
        return self.blocks * rest

    @property
    def size(self) -> int:
        """Bytes."""
        return self.beats * BEAT_BYTES

    def beat(self, elements: Array) -> Array:
        """The beat that holds each element; a row of indices each."""
        found: Array = elements[..., self.lane] // BEAT_BYTES
        for k, n in enumerate(self.shape):
            if k != self.lane:
                found = found * n + elements[..., k]
        return found

    def byte(self, elements: Array) -> Array:
        """The lane of each element."""
        return elements[..., self.lane] % BEAT_BYTES

    def packed(self, values: NDArray[np.integer]) -> bytes:
        """The bytes of a tensor, two's complement. Raises ValueError for another shape."""
        if values.shape != self.shape:
            raise ValueError(f"{self.name} has shape {self.shape}, not {values.shape}")
        moved = np.moveaxis(values.astype(np.int8), self.lane, -1)
        wide = np.zeros((*moved.shape[:-1], self.blocks * BEAT_BYTES), dtype=np.int8)
        wide[..., : moved.shape[-1]] = moved
        split = wide.reshape(*moved.shape[:-1], self.blocks, BEAT_BYTES)
        return np.ascontiguousarray(np.moveaxis(split, -2, 0)).tobytes()

    def unpacked(self, data: bytes) -> NDArray[np.int8]:
        """The tensor of some bytes."""
        rest = [n for k, n in enumerate(self.shape) if k != self.lane]
        split = np.frombuffer(data, dtype=np.int8).reshape(self.blocks, *rest, BEAT_BYTES)
        wide = np.moveaxis(split, 0, -2).reshape(*rest, self.blocks * BEAT_BYTES)
        return np.moveaxis(wide[..., : self.shape[self.lane]], -1, self.lane)


def lane_of(elements: Array, present: NDArray[np.bool_]) -> Sequence[int]:
    """Dimensions along which the lanes of words follow each other: in every word the lanes that are `present`
    differ in no other.

    `elements` has a row per word, a column per lane, and indices; without words of several lanes all
    dimensions are found, with words of one element in several lanes none.
    """
    first = np.argmax(present, axis=1)
    origin = elements[np.arange(len(elements)), first]
    moves = np.where(present[..., None], elements - origin[:, None], 0)
    steps = np.where(present, np.arange(elements.shape[1]) - first[:, None], 0)
    fixed = [not moves[..., k].any() for k in range(elements.shape[2])]
    return [
        k
        for k in range(elements.shape[2])
        if all(fixed[j] for j in range(elements.shape[2]) if j != k)
        and ((moves[..., k] - steps) % BEAT_BYTES == 0).all()
    ]
