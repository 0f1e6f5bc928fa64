"""What macros of several banks are asked that hold results: a word, and which of its lanes are written."""

from __future__ import annotations

from collections.abc import Mapping

from lego.back.lower.memory.side import Side
from lego.diag import InternalError
from lego.ir.dag import Op

__all__ = ["by_macro", "lanes_of_word"]

Ports = dict[str, int]

_ANY = ("en", "ren", "wen")
"""Ports of a macro that are on if they are for some lane."""


def by_macro(side: Side, banks: Mapping[int, Ports]) -> dict[int, Ports]:
    """The ports of every macro in use, by those of its banks; all of these ask for one row in a cycle."""
    if side.buffer.wide == 1:
        return dict(banks)
    macros: dict[int, dict[int, Ports]] = {}
    for bank, ports in sorted(banks.items()):
        macros.setdefault(bank // side.buffer.wide, {})[bank % side.buffer.wide] = ports
    return {macro: _joined(side, lanes) for macro, lanes in macros.items()}


def _joined(side: Side, lanes: Mapping[int, Ports]) -> Ports:
    """The ports of a macro, by those of its lanes in use."""
    first, found = next(iter(lanes.values())), Ports()
    for name in first:
        each = [ports[name] for ports in lanes.values()]
        if name in _ANY:
            found[name] = side.b.any(each)
        elif name != "data":
            if len(set(each)) > 1:
                raise InternalError(f"lanes of {side.plan.name} ask for words of two rows")
            found[name] = each[0]
    written = "wen" if "wen" in first else "en"
    mask = {lane: ports[written] for lane, ports in lanes.items()}
    return found | lanes_of_word(side, mask, {k: ports["data"] for k, ports in lanes.items()})


def lanes_of_word(side: Side, mask: Mapping[int, int], data: Mapping[int, int]) -> Ports:
    """The mask of the lanes that are written, and the word, by lane."""
    b, bits, zero = side.b, side.buffer.bits, side.b.const(0)
    every = range(side.buffer.wide)
    word = [b.slice(data.get(lane, zero), 0, bits) for lane in every]
    return {
        "mask": b.op(Op.CAT, *(mask.get(lane, zero) for lane in every)),
        "data": b.op(Op.CAT, *word),
    }
