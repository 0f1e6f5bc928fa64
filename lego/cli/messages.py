"""How messages between ranks are printed."""

from __future__ import annotations

from collections.abc import Sequence

from lego.cli.common import table
from lego.ir.messages import Message
from lego.ir.network import Network

__all__ = ["as_objects", "print_messages"]


def as_objects(network: Network, messages: Sequence[Message]) -> list[dict[str, object]]:
    """For JSON: who, to whom, what, how much, and after or before which operation."""
    return [
        {
            "tag": m.tag,
            "pattern": m.pattern.value,
            "way": "send" if m.sends else "receive",
            "peer": m.peer,
            "buffer": m.buffer,
            "shape": list(m.shape),
            "format": str(m.format),
            "bytes": m.bytes,
            ("after" if m.sends else "before"): _operation(network, m),
        }
        for m in messages
    ]


def print_messages(network: Network, messages: Sequence[Message]) -> None:
    """A table, with alike tensors of one all-to-all in one row, and the totals."""
    groups: dict[tuple[str, bool, str], list[Message]] = {}
    for m in messages:
        peer = str(m.peer) if m.pattern.value == "ring" else ""
        groups.setdefault((m.tag, m.sends, peer), []).append(m)
    rows = [_row(network, group) for group in groups.values()]
    table(("message", "pattern", "rank", "shape", "bytes each", "when"), rows)
    sent, come = (
        (sum(m.bytes for m in messages if m.sends is way), sum(m.sends is way for m in messages))
        for way in (True, False)
    )
    print(
        f"{sent[1]} messages of {sent[0] / 1e6:,.1f} MB sent, "
        f"{come[1]} of {come[0] / 1e6:,.1f} MB received"
    )


def _row(network: Network, alike: Sequence[Message]) -> tuple[str, ...]:
    first, peers = alike[0], sorted({m.peer for m in alike})
    ranks = ", ".join(map(str, peers)) if len(peers) < 5 else f"{peers[0]} .. {peers[-1]}"
    shape = "x".join(map(str, first.shape))
    operation = _operation(network, first)
    when = f"{'after' if first.sends else 'before'} {operation}" if operation else "as it comes"
    way = ("to " if first.sends else "from ") + ranks
    return first.tag, first.pattern.value, way, shape, f"{first.bytes:,}", when


def _operation(network: Network, m: Message) -> str | None:
    return network.steps[m.operation].name if m.operation >= 0 else None
