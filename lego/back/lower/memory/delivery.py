"""Words to data nodes: what a switch or a choice among a node's banks brings, under the running dataflow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.lower.memory.side import Side
from lego.back.lower.memory.switch import turned
from lego.back.lower.memory.words import NodeWord, Turned, values
from lego.back.lower.node_ports import node_port
from lego.ir.fused import MemoryPlan
from lego.ir.layout import bank_number

__all__ = ["deliver"]


def deliver(
    b: Builder,
    buffer: MemoryPlan,
    sides: Sequence[Side | None],
    words: Sequence[int],
    *,
    together: bool,
) -> None:
    """Drive every data node; what waits equally long in several dataflows waits once.

    `together`: dataflows share rotators.
    """
    turns = _turned(b, buffer, sides, words) if together else {}
    given = [
        values(side, words, turns.get(_box(side))) if side is not None else {} for side in sides
    ]
    for fu in sorted({fu for mine in given for fu in mine}):
        found = [mine.get(fu) for mine in given]
        late = {
            wait: b.delay(_guarded(b, [m if m and m.wait == wait else None for m in found]), wait)
            for wait in sorted({mine.wait for mine in found if mine is not None})
        }
        value = b.choose([None if mine is None else late[mine.wait] for mine in found])
        b.output(node_port(buffer, fu), value)


def _guarded(b: Builder, found: Sequence[NodeWord | None]) -> int:
    """The running dataflow's word, or its pad value."""
    word = b.choose([m.word if m else None for m in found])
    if all(m is None or m.guard is None for m in found):
        return word
    one = b.const(1)
    guard = b.choose([None if m is None else one if m.guard is None else m.guard for m in found])
    return b.mux(guard, word, b.choose([m.pad if m else None for m in found]))


@dataclass(frozen=True, slots=True)
class _Box:
    """Banks per dimension, of those with several, and along which of these macros have theirs."""

    counts: tuple[int, ...]
    along: int

    def words(self, words: Sequence[int], wide: int) -> dict[tuple[int, ...], int]:
        """The banks' words by digits."""
        every = itertools.product(*map(range, self.counts))
        return {at: words[bank_number(at, self.counts, wide, self.along)] for at in every}


def _box(side: Side) -> _Box:
    counts, along = side.plan.banking.counts, side.plan.banking.along
    dims = [j for j, count in enumerate(counts) if count > 1]
    return _Box(tuple(counts[j] for j in dims), dims.index(along) if along in dims else -1)


def _turned(
    b: Builder, buffer: MemoryPlan, sides: Sequence[Side | None], words: Sequence[int]
) -> dict[_Box, Turned]:
    """The words behind one rotator per box of banks, for all dataflows whose words a rotator brings."""
    boxes = {_box(side): None for side in sides if side and side.rotates}
    found: dict[_Box, Turned] = {}
    off = b.const(0)
    for box in boxes:
        each = [
            side.selects() if side and side.rotates and _box(side) == box else None
            for side in sides
        ]
        running = []
        for j in range(len(box.counts)):
            mine = [None if selects is None else selects[j] for selects in each]
            bits = sorted({bit for stages in mine if stages is not None for bit in stages})
            running.append(
                {
                    bit: b.choose([None if m is None else m.get(bit, off) for m in mine])
                    for bit in bits
                }
            )
        found[box] = turned(b, box.words(words, buffer.wide), box.counts, running)
    return found
