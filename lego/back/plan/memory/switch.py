"""Distribution switches for banks that meet several data nodes.

At any one timestamp node ``x`` (its offset in digits) meets bank ``(x + q) mod B`` per dimension, where the
digit ``q`` may change with the timestamp: a rotation. A rotator needs a multiplexer per bank and bit that
tells how far nodes turn along a dimension; a crossbar one per node and further bank that the node can meet.
A butterfly routes rotations with as many multiplexers as a rotator, and needs a select per multiplexer
besides, so it never pays here.
"""

from __future__ import annotations

import math

from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.turn import Turn, turn_of

__all__ = ["crossbar_cost", "rotator_cost", "turns_of"]


def rotator_cost(view: BankView, *, narrow: bool) -> int:
    """Two-input multiplexers of a rotator, per bit of a word."""
    turns = turns_of(view, narrow=narrow)
    return math.prod(turn.count for turn in turns) * sum(turn.bits for turn in turns)


def crossbar_cost(view: BankView, *, narrow: bool) -> int:
    """Two-input multiplexers of a crossbar with only the routes needed, per bit of a word."""
    met = math.prod(len(turn.values) for turn in turns_of(view, narrow=narrow))
    return len(view.nodes) * (met - 1)


def turns_of(view: BankView, *, narrow: bool) -> list[Turn]:
    """The turn along every dimension."""
    return [turn_of(view, j, narrow=narrow) for j in range(len(view.plan.banking.counts))]
