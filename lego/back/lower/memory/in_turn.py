"""What banks are asked that serve several data nodes, each in a cycle of its own.

Where control is skewed, the nodes of one bank act one after another, and the next bank's nodes do the same
some cycles later. So the address of a bank is that of another one a few cycles ago, and is put together
once: the address of the least element when the node acts, and the rows by which the node is ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lego.back.lower.memory.lanes import lanes_of_word
from lego.back.lower.memory.side import Side
from lego.back.lower.node_ports import node_port
from lego.back.plan.memory.bank_view import BankSlot, Carries
from lego.back.plan.signals import fetch_port
from lego.ir.adg import Fu, InputPlan

__all__ = ["in_turn"]

Ports = dict[str, int]


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    """A node's turn at a bank: the tap of the control at which it acts, the signal that tells whether,
    the moving digits at which it meets this bank, and its row carries."""

    at: int
    acts: str
    digits: tuple[tuple[int, int], ...]
    carries: Carries


def in_turn(side: Side) -> dict[int, Ports]:
    """The ports of every macro in use."""
    met: dict[int, list[tuple[Fu, BankSlot]]] = {}
    for fu in side.view.nodes:
        for slot in side.view.slots(fu):
            met.setdefault(slot.bank // side.buffer.wide, []).append((fu, slot))
    turns = {bank: [_turn(side, *pair) for pair in pairs] for bank, pairs in sorted(met.items())}
    addresses = _addresses(side, turns)
    return {bank: _ports(side, met[bank], turns[bank], addresses[bank]) for bank in turns}


def _turn(side: Side, fu: Fu, slot: BankSlot) -> _Turn:
    plan = side.plan
    acts = side.last
    if isinstance(plan, InputPlan):
        acts = f"{side.buffer.name}_{fetch_port(plan.levels(fu))}"
    return _Turn(side.issue + side.turn(fu) - side.early, acts, slot.digits, slot.carries)


def _ports(
    side: Side, pairs: Sequence[tuple[Fu, BankSlot]], turns: Sequence[_Turn], address: int
) -> Ports:
    """The ports of one bank."""
    b, fus = side.b, [fu for fu, _ in pairs]
    asks = [
        side.commit(fu, turn.at) if side.buffer.output else side.fetch(fu, turn.at)
        for fu, turn in zip(fus, turns, strict=True)
    ]
    own = [
        b.all([ask, *side.met(slot, turn.at)])
        for ask, (_, slot), turn in zip(asks, pairs, turns, strict=True)
    ]
    ports = {"addr": address, "en": b.any(own)}
    if not side.buffer.output:
        return ports
    selects = [_select(side, turn) for turn in turns]
    now = [_select(side, replace(turn, at=turn.at + side.early)) for turn in turns]
    given = list(zip(now, (_kept(side, fu) for fu in fus), strict=True))
    ports |= {"data": b.one_of(given)} if side.buffer.wide == 1 else _word(side, pairs, own, given)
    each = [side.beside(ports, turn.at) for turn in turns]
    return ports | {
        name: b.one_of([(s, told[name]) for s, told in zip(selects, each, strict=True)])
        for name in each[0]
    }


def _word(
    side: Side,
    pairs: Sequence[tuple[Fu, BankSlot]],
    own: Sequence[int],
    given: Sequence[tuple[int, int]],
) -> Ports:
    """The word that is written of a macro, and its lanes: each is the one node's whose turn it is there."""
    lanes: dict[int, list[int]] = {}
    for k, (_, slot) in enumerate(pairs):
        lanes.setdefault(slot.bank % side.buffer.wide, []).append(k)
    mask = {lane: side.b.any([own[k] for k in mine]) for lane, mine in lanes.items()}
    data = {lane: side.b.one_of([given[k] for k in mine]) for lane, mine in lanes.items()}
    return lanes_of_word(side, mask, data)


def _kept(side: Side, fu: Fu) -> int:
    """A node's result when its turn comes: where that is later than the result, from a register."""
    if side.turn(fu) == side.skew(fu):
        return side.b.input(node_port(side.buffer, fu), side.buffer.word)
    when = side.pull(side.last, side.issue + side.skew(fu))
    return side.keep.bring(side.index, fu, when)


def _select(side: Side, turn: _Turn) -> int:
    """Whether it is the node's turn, should it act at all."""
    met = [side.pull(f"{side.digit(j)[0]}_is{v}", turn.at) for j, v in turn.digits]
    return side.b.all([side.pull(turn.acts, turn.at), *met])


def _addresses(side: Side, turns: dict[int, list[_Turn]]) -> dict[int, int]:
    """The address of every bank: one that is the same some cycles earlier is delayed."""
    patterns: dict[tuple[_Turn, ...], list[tuple[int, int]]] = {}
    for bank, each in turns.items():
        moved = sorted(_since_start(side, turn) for turn in each)
        first = moved[0].at
        shape = tuple(_Turn(t.at - first, t.acts, t.digits, t.carries) for t in moved)
        patterns.setdefault(shape, []).append((first, bank))
    found = {}
    for shape, banks in patterns.items():
        first = min(banks)[0]
        address = _address(side, [_Turn(t.at + first, t.acts, t.digits, t.carries) for t in shape])
        for at, bank in banks:
            found[bank] = side.b.delay(address, at - first, name="addr")
    return found


def _since_start(side: Side, turn: _Turn) -> _Turn:
    """The turn at digit zero, if that is so many cycles before, and the address hasn't changed since.

    So it is with a digit that the innermost counter alone moves, by one, and that starts at zero.
    """
    if len(turn.digits) != 1 or side.buffer.room is not None:
        return turn
    ((j, value),) = turn.digits
    view = side.view
    counts, gcds, steps = view.plan.banking.counts, view.plan.banking.gcds, view.plan.time
    others = [row[-1] for i, row in enumerate(steps) if i != j]
    outer = [step % (gcds[j] * counts[j]) for step in steps[j][:-1]]
    runs = steps[j][-1] == 1 == gcds[j] and not any(outer) and not any(others)
    if not runs or view.start[j] % counts[j] or any(view.plan.banking.skews[j]):
        return turn
    return _Turn(turn.at + value, turn.acts, ((j, 0),), turn.carries)


def _address(side: Side, turns: Sequence[_Turn]) -> int:
    """The address of a bank: of the least element, and rows ahead."""
    b, name = side.b, side.buffer.name
    selects = [_select(side, turn) for turn in turns]
    least = [side.pull(f"{name}_addr", turn.at, side.address) for turn in turns]
    address = b.one_of(list(zip(selects, least, strict=True)))
    ahead = [_ahead(side, turn.carries) for turn in turns]
    if not any(turn.carries for turn in turns):
        return address
    rows = b.one_of(list(zip(selects, ahead, strict=True)))
    return side.ahead(address, [rows])


def _ahead(side: Side, carries: Carries) -> int:
    """Words by which rows carried so often are ahead; they stand still while the array runs."""
    b, total = side.b, side.b.const(0)
    for j, times in carries:
        row = side.pull(f"{side.buffer.name}_row{j}", 0, side.word_address)
        total = b.add(total, b.times(row, times)) if total != b.const(0) else b.times(row, times)
    return b.delay(b.wrap(total, side.word_address), 1) if carries else total
