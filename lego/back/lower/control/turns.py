"""The amounts by which data nodes turn over banks, of the digits that the address generators keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lego.back.graph.builder import Builder
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.turn import Turn, digit_name, reached, turn_name, turn_of
from lego.ir.dag import index_bits

__all__ = ["add_turns", "amount"]


def amount(b: Builder, digit: int, turn: Turn) -> int:
    """The amount, of the digit."""
    count, ahead = turn.count, digit
    if turn.low:
        ahead = b.add(digit, b.const(count - turn.low))
        if count & (count - 1):  # a power of two needs no more than the low bits
            past = b.add(digit, b.const(-turn.low))
            ahead = b.mux(b.less(digit, b.const(turn.low)), ahead, past)
        ahead = b.wrap(ahead, (0, (1 << index_bits(count)) - 1))
    return b.slice(ahead, turn.start, turn.bits)


def add_turns(
    b: Builder,
    memory: str,
    views: Sequence[BankView | None],
    digits: Mapping[str, tuple[int, int]],
    asked: Collection[str],
) -> None:
    """The amounts among the signals that are `asked` for, of digits by port; asserted that nodes meet no
    other banks.
    """
    within = []
    for view in views:
        met: list[int] = []
        if view is None:
            within.append(b.const(1))
            continue
        for j in view.moving:
            turn = turn_of(view, j, narrow=True)
            digit, count = digits[digit_name(view.plan, j)]
            name = turn_name(view.plan, j, turn)
            if not turn.plain and f"{memory}_{name}" in asked:
                b.origin = f"turns of {memory}"
                b.output(name, amount(b, digit, turn))
            if len(turn.values) < count:
                b.origin = "assertion: switches reach the banks"
                met.append(b.any([b.eq(digit, b.const(q)) for q in reached(view, j)]))
        within.append(b.all(met))
    if any(node != b.const(1) for node in within):
        b.check(b.choose(within), b.input("running"))
