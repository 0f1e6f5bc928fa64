"""What the memories of a device hold, and which of their words somebody wrote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Image", "UnwrittenRead"]

Array = NDArray[np.int64]


class UnwrittenRead(ValueError):
    """A run reads what nobody wrote."""


@dataclass
class Image:
    """A memory, by address and lane.

    Attributes
    ----------
    name : of the memory, for messages.
    data : integers, (words, lanes).
    written : the same shape; what is False holds nothing that anybody may read.
    """

    name: str
    data: Array
    written: NDArray[np.bool_]

    @staticmethod
    def empty(name: str, words: int, lanes: int) -> Image:
        """A memory that nobody wrote yet."""
        return Image(
            name,
            np.zeros((words, lanes), dtype=np.int64),
            np.zeros((words, lanes), dtype=bool),
        )

    def read(self, addresses: Array, wanted: NDArray[np.bool_]) -> Array:
        """Words, of which the lanes that are `wanted` must have been written. Raises UnwrittenRead."""
        missing = wanted & ~self.written[addresses]
        if missing.any():
            word, lane = np.argwhere(missing)[0]
            where = f"word {int(addresses[word])}, lane {int(lane)} of {self.name}"
            raise UnwrittenRead(f"{where} is read, and nobody wrote it")
        return self.data[addresses]

    def write(self, addresses: Array, values: Array, lanes: NDArray[np.bool_]) -> None:
        """Write some lanes of words; all arrays have a row per word."""
        rows = np.broadcast_to(addresses[:, None], lanes.shape)[lanes]
        columns = np.broadcast_to(np.arange(lanes.shape[1]), lanes.shape)[lanes]
        self.data[rows, columns] = values[lanes]
        self.written[rows, columns] = True
