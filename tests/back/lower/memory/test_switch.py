"""Switches: at every turn each node meets the bank that is so far ahead of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.memory.switch import Banks, turned
from lego.back.plan.memory.bank_view import BankView
from lego.ir.layout import bank_number
from tests.back.designs import EDGES, SHIFTED, WINDOWS, design_of
from tests.back.machine import machine_of

TWO = """\
name: two
operations:
  - name: op
    loops: {y: 4, x: 6, j: 3, i: 2}
    statement: "Y[y,x] += X[y+j,x+i] * W[j,i]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {y: 2, x: 3}, temporal: [y, x, j, i], control: broadcast}
architecture: {array: [2, 3]}
"""


def turning(text: str) -> Iterator[BankView]:
    design = design_of(text)
    for buffer in design.buffers:
        yield from (view for view in design.views_of(buffer) if not view.private)


def views() -> list[BankView]:
    return [view for text in (WINDOWS, SHIFTED, EDGES, TWO) for view in turning(text)]


VIEWS = views()


def amounts_of(banks: Banks) -> Iterator[tuple[dict[int, int], tuple[int, ...]]]:
    """The amounts per dimension that turns, with the digits of the least element."""
    for met in itertools.product(*(turn.values for turn in banks.turns)):
        digits = [
            (turn.low + (value << turn.start)) % turn.count
            for turn, value in zip(banks.turns, met, strict=True)
        ]
        given = {j: met[j] for j, turn in enumerate(banks.turns) if turn.bits}
        yield given, tuple(digits)


def inputs_of(b: Builder, banks: Banks) -> dict[int, int]:
    turns = enumerate(banks.turns)
    return {j: b.input(f"amount{j}", (0, turn.top - 1)) for j, turn in turns if turn.bits}


def bank_of(view: BankView, fu: tuple[int, ...], digits: tuple[int, ...]) -> int:
    """The bank of a node, of the digits of the least element."""
    banking = view.plan.banking
    ahead = zip(digits, view.offset(fu), banking.counts, strict=True)
    met = [(q + x) % count for q, x, count in ahead]
    return bank_number(met, banking.counts, banking.wide, banking.along)


def test_there_are_switches_along_one_and_two_dimensions() -> None:
    dims = {sum(count > 1 for count in view.plan.banking.counts) for view in VIEWS}
    assert {1, 2} <= dims


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("crossbar", [False, True])
@pytest.mark.parametrize("at", range(len(VIEWS)))
def test_nodes_get_the_words_of_the_banks_that_they_meet(
    at: int, crossbar: bool, narrow: bool
) -> None:
    view, b = VIEWS[at], Builder("switch", "memory")
    banks = Banks(b, view, narrow=narrow)
    words = [b.input(f"word{k}", (0, 255)) for k in range(view.plan.banking.n_banks)]
    for fu, word in banks.to_nodes(words, inputs_of(b, banks), crossbar).items():
        b.output(str(fu), word)
    machine = machine_of(b)
    for amounts, digits in amounts_of(banks):
        given = {f"amount{j}": amount for j, amount in amounts.items()}
        given |= {f"word{k}": 100 + k for k in range(len(words))}
        found = machine.cycle(given)
        assert found == {str(fu): 100 + bank_of(view, fu, digits) for fu in view.nodes}


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("at", range(len(VIEWS)))
def test_banks_get_the_values_of_the_nodes_that_meet_them(at: int, narrow: bool) -> None:
    view, b = VIEWS[at], Builder("switch", "memory")
    banks = Banks(b, view, narrow=narrow)
    values = {view.offset(fu): b.input(f"value{k}", (0, 255)) for k, fu in enumerate(view.nodes)}
    for digits, node in banks.to_banks(values, inputs_of(b, banks)).items():
        b.output(str(view.flat(digits)), node)
    machine = machine_of(b)
    for amounts, digits in amounts_of(banks):
        given = {f"amount{j}": amount for j, amount in amounts.items()}
        given |= {f"value{k}": 100 + k for k in range(len(view.nodes))}
        met = {bank_of(view, fu, digits): 100 + k for k, fu in enumerate(view.nodes)}
        found = machine.cycle(given)
        assert found == {str(k): met.get(k, 0) for k in range(view.plan.banking.n_banks)}


@pytest.mark.parametrize("counts", [(4,), (3,), (5,), (2, 3), (4, 2)])
def test_a_rotator_for_several_dataflows(counts: tuple[int, ...]) -> None:
    b = Builder("switch", "memory")
    box = list(itertools.product(*map(range, counts)))
    words = {at: b.input(f"word{k}", (0, 255)) for k, at in enumerate(box)}
    bits = [(count - 1).bit_length() for count in counts]
    selects = [{k: b.input(f"turn{j}_{k}") for k in range(n)} for j, n in enumerate(bits)]
    for at, node in turned(b, words, counts, selects).items():
        b.output(str(at), node)
    machine = machine_of(b)
    for by in itertools.product(*(range(1 << n) for n in bits)):
        given = {f"turn{j}_{k}": by[j] >> k & 1 for j, n in enumerate(bits) for k in range(n)}
        found = machine.cycle(given | {f"word{k}": k for k in range(len(box))})
        for at in box:
            ahead = tuple((x + d) % n for x, d, n in zip(at, by, counts, strict=True))
            assert found[str(at)] == box.index(ahead)
