"""Tensors that the ranks of a distributed network send each other.

Every rank has a network of its own; what it receives is among the network's inputs. A message names
the buffer on its side and the operation that it waits for or that waits for it, so that
communication can be overlapped with compute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from lego.diag import InternalError
from lego.ir.formats import Format, bytes_of
from lego.ir.network import Network, reads_of, writes_of

__all__ = ["Message", "Pattern", "message"]


class Pattern(StrEnum):
    """Which collective a message is part of."""

    RING = "ring"  # to the next rank of a ring, from the one before
    ALL_TO_ALL = "all-to-all"  # another part to every rank of a group


@dataclass(frozen=True, slots=True)
class Message:
    """One tensor between two ranks, as one of them sees it.

    Attributes
    ----------
    tag : what both ranks call it; unique for a sender and a receiver.
    sends : whether this rank is the sender.
    peer : the other rank.
    buffer : of this rank's network: a result or an input that it passes on, or the input that it receives.
    shape, format : of the buffer.
    operation : number in program order: of the sender, the last that writes the buffer (-1: it was
        received, and goes on at once); of the receiver, the first that reads it.
    """

    tag: str
    pattern: Pattern
    sends: bool
    peer: int
    buffer: str
    shape: tuple[int, ...]
    format: Format
    operation: int

    @property
    def bytes(self) -> int:
        """Size of the tensor, in its format."""
        return math.prod(self.shape) * bytes_of(self.format)


def message(
    network: Network, tag: str, pattern: Pattern, *, sends: bool, peer: int, buffer: str
) -> Message:
    """The message of a buffer, with the operation that it follows or precedes."""
    held = network.buffer(buffer)
    if sends:
        writers = [k for k, step in enumerate(network.steps) if buffer in writes_of(step)]
        at = writers[-1] if writers else -1
    else:
        readers = (k for k, step in enumerate(network.steps) if buffer in reads_of(step))
        at = next(readers, -1)
        if at < 0:
            raise InternalError(f"{network.name} never reads {buffer}, which it receives")
    return Message(tag, pattern, sends, peer, buffer, held.shape, held.format, at)
