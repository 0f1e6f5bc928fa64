"""What loads bring to memories: for every word where its beat lies in DRAM, and how it is turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.device.blocked import Blocked, lane_of
from lego.device.words import Words
from lego.ir.engines import BEAT_BYTES
from lego.mapping.copies import PAD

__all__ = ["Beats", "beats_of", "joined", "lanes_of", "sheet_of", "whole_beats"]

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Beats:
    """Words to load, one per row.

    Attributes
    ----------
    offsets : bytes of DRAM, from where the tensor begins; -1 for words that are filled.
    addresses : of the words.
    rotations : lanes that a beat is turned up.
    """

    offsets: Array
    addresses: Array
    rotations: Array


def joined(parts: Sequence[Beats]) -> Beats:
    """Words of several, in their order."""
    return Beats(
        np.concatenate([each.offsets for each in parts]),
        np.concatenate([each.addresses for each in parts]),
        np.concatenate([each.rotations for each in parts]),
    )


def lanes_of(words: Words, shape: tuple[int, ...]) -> list[int]:
    """Dimensions of a tensor that can be the lanes of its beats, so that every word is one beat, turned.

    Lanes of a word lie all inside the tensor, as far as beats reach, or all outside.
    """
    found = []
    for dim in lane_of(words.elements, words.present):
        inside = _inside(words, _whole(shape, dim)) & words.present
        mixed = (words.present & ~inside).any(axis=1) & inside.any(axis=1)
        blocks = words.elements[..., dim] // BEAT_BYTES
        first = np.take_along_axis(blocks, np.argmax(words.present, axis=1)[:, None], axis=1)
        if not mixed.any() and ((blocks == first) | ~words.present).all():
            found.append(dim)
    return found


def whole_beats(words: Words, shape: tuple[int, ...], lane: int) -> bool:
    """Whether every beat of results is one word, with all lanes that the tensor has: beats are stored."""
    layout = Blocked("", shape, lane)
    inside = _inside(words, shape) & words.present
    found = inside.any(axis=1)
    elements, inside = words.elements[found], inside[found]
    first = elements[np.arange(len(elements)), np.argmax(inside, axis=1)]
    beats = layout.beat(first)
    wanted = np.minimum(BEAT_BYTES, shape[lane] - first[:, lane] // BEAT_BYTES * BEAT_BYTES)
    return len(np.unique(beats)) == len(beats) and bool((inside.sum(axis=1) == wanted).all())


def _whole(shape: tuple[int, ...], lane: int) -> tuple[int, ...]:
    """A shape with all lanes of its beats."""
    size = shape[lane] + -shape[lane] % BEAT_BYTES
    return (*shape[:lane], size, *shape[lane + 1 :])


def _inside(words: Words, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    elements, limits = words.elements, np.array(shape)
    found = np.ones(elements.shape[:2], dtype=np.bool_)
    for k, limit in enumerate(limits):
        found &= (elements[..., k] >= 0) & (elements[..., k] < limit)
    return found


def beats_of(words: Words, tensor: Blocked) -> Beats:
    """The beats of a tile of a tensor whose lanes suit it (see :func:`lanes_of`)."""
    first = np.argmax(words.present, axis=1)
    rows = np.arange(len(first))
    element = words.elements[rows, first]
    inside = _inside(words, _whole(tensor.shape, tensor.lane))[rows, first]
    offsets = np.where(inside, tensor.beat(element) * BEAT_BYTES, PAD)
    rotations = np.where(inside, (first - tensor.byte(element)) % BEAT_BYTES, 0)
    return Beats(offsets, words.addresses, rotations)


def sheet_of(words: Words, values: NDArray[np.integer], pad: int) -> bytes:
    """The words of a tile as they lie in memory, with the tensor's values; 0 in lanes without elements."""
    inside = _inside(words, values.shape)
    found = np.where(words.present, pad, 0)
    where = inside & words.present
    found[where] = values[tuple(words.elements[where].T)]
    return found.astype(np.int8).tobytes()
