"""What data nodes ask of the banks under one dataflow, and of the units that add for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from lego.back.lower.memory.in_turn import in_turn
from lego.back.lower.memory.lanes import by_macro
from lego.back.lower.memory.side import Side
from lego.back.lower.node_ports import node_port
from lego.back.plan.memory.adders import FORWARDED
from lego.back.plan.memory.bank_view import BankSlot, Mode
from lego.back.plan.memory.turn import reached
from lego.back.plan.signals import variant_port
from lego.ir.adg import Fu
from lego.ir.words import Word

__all__ = ["bank_ports", "requests", "units"]


def bank_ports(side: Side) -> dict[int, dict[str, int]]:
    """Address, enable, and for results data and visit, of the macros in use."""
    if side.view.mode is Mode.IN_TURN:
        return in_turn(side)
    if side.view.private and not side.buffer.output:
        return {k: port for word in side.view.words for k, port in _of_word(side, word).items()}
    if side.view.private:
        return by_macro(
            side,
            {
                slot.bank: _of_node(side, fu, slot)
                for fu in side.view.nodes
                for slot in side.view.slots(fu)
            },
        )
    if side.buffer.output:
        return by_macro(side, _rotating_output(side))
    return _rotating_input(side)


def _of_word(side: Side, word: Word) -> dict[int, dict[str, int]]:
    """The macros that a word is in at some timestamp: all of its nodes meet them at one row."""
    b, first = side.b, word.nodes[0]
    at = side.issue + side.view.lead[first] - side.early
    met: dict[int, list[BankSlot]] = {}
    for slot in side.view.slots(first):
        met.setdefault(slot.bank // side.buffer.wide, []).append(slot)
    found = {}
    for macro, slots in met.items():
        signal = f"{side.buffer.name}_{variant_port(slots[0].carries)}"
        address, fetch = side.pull(signal, at, side.address), side.reads(word.levels, at)
        each = [side.met(slot, at) for slot in slots]
        here = each[0] if len(each) == 1 else [b.any([b.all(bits) for bits in each])]
        found[macro] = {"addr": address, "en": b.all([fetch, *here])}
    return found


def _of_node(side: Side, fu: Fu, slot: BankSlot) -> dict[str, int]:
    at = side.issue + side.skew(fu) - side.early
    signal = f"{side.buffer.name}_{variant_port(slot.carries)}"
    ports = {"addr": side.pull(signal, at, side.address), "en": _written(side, fu, slot, at)}
    if fu in side.sums:
        late = at + FORWARDED
        return {
            "en": ports["en"],
            "ren": ports["en"],
            "raddr": ports["addr"],
            "wen": _written(side, fu, slot, late),
            "waddr": side.pull(signal, late, side.address),
            "data": side.sums[fu],
        }
    ports["data"] = side.b.input(node_port(side.buffer, fu), side.buffer.word)
    return _direct(side, ports, at)


def _written(side: Side, fu: Fu, slot: BankSlot, at: int) -> int:
    return side.b.all([side.commit(fu, at), *side.met(slot, at)])


def _direct(side: Side, ports: dict[str, int], at: int) -> dict[str, int]:
    """What else the banks are told of a result that passes no unit."""
    return ports | side.beside(ports, at)


def units(side: Side, words: Sequence[int]) -> list[dict[str, int]]:
    """What the units take that add for the data nodes."""
    return [_unit(side, fu, words) for fu in side.sums]


def _unit(side: Side, fu: Fu, words: Sequence[int]) -> dict[str, int]:
    b, at = side.b, side.issue + side.skew(fu)
    element = [_element(side, fu, at + k) for k in range(FORWARDED + 1)]
    ports = {
        f"again{k}": b.all(
            [
                side.commit(fu, at + k),
                *(b.eq(*pair) for pair in zip(element[0], element[k], strict=True)),
            ]
        )
        for k in range(1, FORWARDED + 1)
    }
    return ports | {
        "en": side.commit(fu, at),
        "data": b.input(node_port(side.buffer, fu), side.buffer.word),
        "visit": side.pull("visit", at + 1),
        "stored": side.met_word(fu, at + 1, words),
    }


def _element(side: Side, fu: Fu, at: int) -> list[int]:
    """What tells the elements apart that a node meets: the address in one bank, and the moving digits."""
    signal = f"{side.buffer.name}_{variant_port(side.view.slots(fu)[0].carries)}"
    return [side.pull(signal, at, side.address), *side.digits(at).values()]


def _bank_addresses(side: Side, at: int) -> dict[tuple[int, ...], int]:
    """Address per bank, of a macro's its last: banks below the first digit are one row further, of macros in
    a window that begins `skip` banks after it those below that; lanes bring theirs.
    """
    first, banking = side.view.first, side.plan.banking
    digits = side.digits(at)
    if side.view.mode is Mode.LANES:
        lanes = {
            side.view.offset(fu): side.pull(
                f"{side.buffer.name}_{variant_port(side.view.carries(fu, {}))}",
                at,
                side.address,
            )
            for fu in side.view.nodes
        }
        every = side.banks.to_banks(lanes, side.amounts(at))
        return {bank: address for bank, address in every.items() if side.is_last(bank)}
    rows = [j for j in side.view.rows if banking.counts[j] > 1]
    still, turned = ([j for j in rows if (j in digits) == yes] for yes in (False, True))
    found: dict[tuple[int, ...], int] = {}
    for bank in filter(side.is_last, side.banks.box()):
        late = [n - banking.skip * (j == banking.along) for j, n in enumerate(bank)]
        carried = [j for j in still if late[j] < first[j]]
        totals: Sequence[int] = _row_sums(side, carried, turned, at)
        for j in turned:
            half = len(totals) // 2
            totals = _below(side, j, late[j], digits[j], totals[half:], totals[:half])
        (found[bank],) = totals
    return found


def _below(
    side: Side, j: int, bank: int, digit: int, yes: Sequence[int], no: Sequence[int]
) -> Sequence[int]:
    """`yes` if the bank is below the digit; banks that no digit tells apart ask the same."""
    least = bank
    if side.narrow:
        met = reached(side.view, j)
        if bank < met[0] or bank >= met[-1]:
            return yes if bank < met[0] else no
        least = max(q for q in met if q <= bank)
    below = side.b.less(side.b.const(least), digit)
    return [side.b.mux(below, *pair) for pair in zip(yes, no, strict=True)]


def _row_sums(side: Side, carried: Sequence[int], turned: Sequence[int], at: int) -> list[int]:
    """The address, `carried` rows further, with none to all of the `turned` rows; the first of these is the
    highest bit of a sum's place.
    """
    address = side.pull(f"{side.buffer.name}_addr", at, side.address)
    rows = {
        j: side.pull(f"{side.buffer.name}_row{j}", 0, side.word_address)
        for j in (*carried, *turned)
    }
    sums = []
    for which in itertools.product((False, True), repeat=len(turned)):
        further = [rows[j] for j in (*carried, *itertools.compress(turned, which))]
        sums.append(side.ahead(address, further))
    return sums


def requests(side: Side) -> list[int]:
    """Whether each data node commits, or each word is read, when its bank is."""
    last = max(side.skew(fu) for fu in side.view.nodes)
    at = side.issue - side.early
    found = []
    if side.buffer.output:
        for nodes in side.view.written:
            late = side.turn(nodes[0]) if side.view.timed else last
            found.append(side.b.any([side.commit(fu, at + late) for fu in nodes]))
        return found
    for word in side.view.words:
        late = side.view.lead[word.nodes[0]] if side.view.timed else 0
        found += [side.reads(word.levels, at + late)] * word.macros
    return found


def _rotating_input(side: Side) -> dict[int, dict[str, int]]:
    """A macro is asked as its last lane is: of a macro below the first digit, all is a row further."""
    at, wide = side.issue, side.buffer.wide
    addresses = _bank_addresses(side, at)
    reads: dict[tuple[int, ...], int] = {}
    for word in side.view.words:
        fetch = side.reads(word.levels, at)
        reads |= dict.fromkeys(_places(side, word), fetch)
    enables = side.banks.to_banks(reads, side.amounts(at))
    return {
        side.view.flat(k) // wide: {"addr": address, "en": enables[k]}
        for k, address in addresses.items()
    }


def _places(side: Side, word: Word) -> Iterator[tuple[int, ...]]:
    """The banks of a word, in digits ahead of the least element's: its nodes', or all of its lanes."""
    offset, lanes = side.view.offset(word.nodes[0]), side.view.lanes
    if lanes is None:
        yield offset
        return
    j, wide = side.plan.banking.along, side.plan.banking.wide
    count = side.plan.banking.counts[j]
    first = (lanes.start + offset[j]) // wide * wide - lanes.start
    ahead = range(count) if lanes.window else range(first, first + wide)
    yield from ((*offset[:j], x % count, *offset[j + 1 :]) for x in ahead)


def _rotating_output(side: Side) -> dict[int, dict[str, int]]:
    b, nodes = side.b, side.view.nodes
    skew = max(side.skew(fu) for fu in nodes)
    at = side.issue + skew
    said = at - side.early
    addresses = _bank_addresses(side, said)
    data: dict[tuple[int, ...], int] = {}
    enable: dict[tuple[int, ...], int] = {}
    for fu in nodes:
        value = b.input(node_port(side.buffer, fu), side.buffer.word)
        data[side.view.offset(fu)] = b.delay(value, skew - side.skew(fu))
        enable[side.view.offset(fu)] = side.commit(fu, said)
    data = side.banks.to_banks(data, side.amounts(at))
    enable = side.banks.to_banks(enable, side.amounts(said))
    return {
        side.view.flat(k): _direct(
            side, {"addr": addresses[side.last_of(k)], "en": enable[k], "data": data[k]}, said
        )
        for k in side.banks.box()
    }
