"""Networks of several ranks executed together: each goes on until it needs what another hasn't sent yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from lego.diag import InternalError
from lego.ir.messages import Message
from lego.ir.network import Network
from sim.network import execute

__all__ = ["execute_ranks"]


def execute_ranks(
    networks: Sequence[Network],
    messages: Sequence[Sequence[Message]],
    given: Sequence[Mapping[str, Tensor]],
) -> list[dict[str, Tensor]]:
    """All buffers of every rank after a run.

    `messages` are those that each rank sends and receives; `given` holds inputs, parameters and
    constants, without what is received. Raises InternalError where a message has no counterpart of
    its size, or ranks wait for each other.
    """
    _check(messages)
    values = [dict(each) for each in given]
    done = [0] * len(networks)
    while any(at < len(net.steps) for at, net in zip(done, networks, strict=True)):
        before = list(done)
        for rank, network in enumerate(networks):
            end = _reach(network, messages[rank], values[rank])
            if end > done[rank]:
                part = replace(network, steps=network.steps[done[rank] : end])
                values[rank], done[rank] = execute(part, values[rank]), end
        if not _deliver(messages, values, done) and before == done:
            raise InternalError(f"ranks wait for each other, after operations {done}")
    return values


def _check(messages: Sequence[Sequence[Message]]) -> None:
    """Every message has one sender and one receiver, who agree on its size."""
    ends: dict[bool, dict[tuple[int, int, str], object]] = {True: {}, False: {}}
    for rank, each in enumerate(messages):
        for m in each:
            pair = (rank, m.peer) if m.sends else (m.peer, rank)
            if (*pair, m.tag) in ends[m.sends]:
                raise InternalError(f"{m.tag} goes from rank {pair[0]} to {pair[1]} twice")
            ends[m.sends][*pair, m.tag] = (m.pattern, m.shape, m.format)
    if ends[True] != ends[False]:
        odd = sorted(set(ends[True].items()) ^ set(ends[False].items()), key=str)
        raise InternalError(f"a message has no counterpart: {odd[0]}")


def _reach(network: Network, messages: Sequence[Message], values: Mapping[str, Tensor]) -> int:
    """The first operation that lacks a message."""
    missing = [m.operation for m in messages if not m.sends and m.buffer not in values]
    return min(missing, default=len(network.steps))


def _deliver(
    messages: Sequence[Sequence[Message]], values: list[dict[str, Tensor]], done: Sequence[int]
) -> bool:
    """Move what is complete and wasn't sent; says whether anything was."""
    received = [{(m.peer, m.tag): m.buffer for m in each if not m.sends} for each in messages]
    moved = False
    for rank, each in enumerate(messages):
        for m in each:
            if m.sends and m.operation < done[rank] and m.buffer in values[rank]:
                target = received[m.peer][rank, m.tag]
                if target not in values[m.peer]:
                    values[m.peer][target] = values[rank][m.buffer].clone()
                    moved = True
    return moved
