"""When the array and the host read and write a memory: its SRAMs have one port of each kind."""

from __future__ import annotations

from lego.back.plan.memory.adders import accumulates
from lego.ir.clients import Client, Use, When
from lego.ir.fused import MemoryPlan

__all__ = ["array_of", "host_of"]

_ALWAYS = {True: When.ALWAYS, False: When.NEVER}


def array_of(buffer: MemoryPlan) -> Use:
    """The array reads operands, and writes results, which it reads where it adds to them."""
    reads = not buffer.output or accumulates(buffer, 0)
    return Use(Client.ARRAY, _ALWAYS[reads], _ALWAYS[buffer.output])


def host_of(buffer: MemoryPlan) -> Use:
    """The host has the half that the array doesn't use; in memories with parts the port that the array never
    uses; and else waits until it is idle."""
    if buffer.halves > 1:
        return Use(Client.HOST, When.OTHER_HALF, When.OTHER_HALF)
    if buffer.parts == 1:
        return Use(Client.HOST, When.IDLE, When.IDLE)
    array = array_of(buffer)
    return Use(Client.HOST, _beside(array.reads), _beside(array.writes))


def _beside(array: When) -> When:
    """When the host uses a port that the array uses so."""
    return When.ALWAYS if array is When.NEVER else When.IDLE
