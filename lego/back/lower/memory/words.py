"""What data nodes are given of the words that banks read, under one dataflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.lower.memory.side import Side
from lego.back.plan.registers import access_of, needs_extent
from lego.ir.adg import Fu

__all__ = ["NodeWord", "Turned", "values"]

Turned = Mapping[tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class NodeWord:
    """What a data node is given under a dataflow: a word; unless `guard`, if there is one, `pad` instead;
    after `wait` cycles.
    """

    word: int
    guard: int | None
    pad: int | None
    wait: int


def values(side: Side, words: Sequence[int], turned: Turned | None) -> dict[Fu, NodeWord]:
    """What each data node is given; `turned` are the banks' words after a rotator that dataflows share."""
    if side.view.timed:
        return {
            fu: _given(side, fu, at, side.met_word(fu, at, words), side.wait + side.skew(fu) - lead)
            for fu in side.view.nodes
            for lead in [side.view.lead[fu]]
            for at in [side.read + lead]
        }
    if turned is not None and side.rotates:
        routed = {fu: turned[side.banks.place(fu)] for fu in side.view.nodes}
    else:
        routed = side.banks.to_nodes(words, side.amounts(side.read), not side.rotates)
    return {
        fu: _given(side, fu, side.read, routed[fu], side.wait + side.skew(fu))
        for fu in side.view.nodes
    }


def _given(side: Side, fu: Fu, at: int, word: int, wait: int) -> NodeWord:
    """The word, or the pad value where the index (issued at `at`) is outside the tensor."""
    tensor = side.plan.tensor
    value = side.b.wrap(word, (tensor.format.low, tensor.format.high))
    checks = needs_extent(side.adg, side.plan, access_of(side.adg, side.plan))
    if tensor.pad is None or not checks:
        return NodeWord(value, None, None, wait)
    return NodeWord(value, side.inside(fu, at), side.b.const(tensor.pad), wait)
