"""The loops of a program that are open, the innermost one on top of a stack."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.check import INDEX_SPAN
from lego.ir.commands import LOOP_DEPTH, MAX_TRIPS
from lego.ir.dag import Module, Op

__all__ = ["TRIP_SPAN", "build_loops"]

TRIP_SPAN = (0, MAX_TRIPS)

Level = tuple[int, int, int, int]
"""Of an open loop: its body's first word, trips after this one, whether it is the first trip, or the last."""


def build_loops(prefix: str) -> Module:
    """The module `PREFIX_loops`, with room for :data:`lego.ir.commands.LOOP_DEPTH` loops.

    Ports
    -----
    open, start, trips : pulse: a loop of so many trips begins, its body at word `start`.
    next : pulse: the innermost loop's trip ends; if it was the last, the loop is closed.
    clear : closes all.
    first, last : of the innermost loop's trip; both 1 if none is open.
    body : first word of the innermost loop's body.
    no_loops, all_loops : none is open, or no other one can be opened.
    """
    b = Builder(f"{prefix}_loops", "control")
    opens, follows, clear = b.input("open"), b.input("next"), b.input("clear")
    levels = [_registers(b, k) for k in range(LOOP_DEPTH)]
    top, none = levels[0], (b.const(0), b.const(0), b.const(1), b.const(1))
    closes = b.all([follows, top[3]])
    again = b.all([follows, b.invert(top[3])])
    left = b.op(Op.SUB, top[1], b.const(1))
    repeated = (top[0], b.wrap(left, TRIP_SPAN), b.const(0), b.eq(top[1], b.const(1)))
    trips = b.input("trips", TRIP_SPAN)
    new = (
        b.input("start", INDEX_SPAN),
        b.wrap(b.op(Op.SUB, trips, b.const(1)), TRIP_SPAN),
        b.const(1),
        b.eq(trips, b.const(1)),
    )
    for k, level in enumerate(levels):
        below = levels[k + 1] if k + 1 < LOOP_DEPTH else none
        above = levels[k - 1] if k else new
        for part, register in enumerate(level):
            turns = not k and repeated[part] != register  # changes from trip to trip
            shifted = b.mux(closes, below[part], repeated[part]) if turns else below[part]
            following = b.mux(opens, above[part], shifted)
            moves = b.any([opens, closes, clear, *([again] if turns else [])])
            b.drive(register, b.mux(clear, none[part], following), moves)
    _depth(b, opens, closes, clear)
    for name, node in (("body", top[0]), ("first", top[2]), ("last", top[3])):
        b.output(name, node)
    return infer_widths(b.build())


def _registers(b: Builder, k: int) -> Level:
    return (
        b.reg(INDEX_SPAN, name=f"body{k}", resets=False),
        b.reg(TRIP_SPAN, name=f"left{k}", resets=False),
        b.reg((0, 1), name=f"first{k}", init=1),
        b.reg((0, 1), name=f"last{k}", init=1),
    )


def _depth(b: Builder, opens: int, closes: int, clear: int) -> None:
    """How many are open."""
    depth = b.reg((0, LOOP_DEPTH), name="depth")
    counted = b.op(Op.SUB, b.add(depth, opens), closes)
    b.drive(depth, b.mux(clear, b.const(0), b.wrap(counted, (0, LOOP_DEPTH))))
    b.output("no_loops", b.eq(depth, b.const(0)))
    b.output("all_loops", b.eq(depth, b.const(LOOP_DEPTH)))
