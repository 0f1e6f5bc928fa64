"""The check of command words, bit by bit, against that of the decoder."""

from __future__ import annotations

import random
from itertools import accumulate

from lego.back.system.control.check import build_check
from lego.ir.command_program import first_fault
from lego.ir.commands import CHECKED_BITS, ErrorCode, Opcode, check_of, field_of
from lego.ir.dag import Module
from tests.back.quick import Quick
from tests.back.system.control.bench import CHIP, REGISTERS
from tests.back.system.control.programs import deep_program, random_program
from tests.back.system.mutants import unnoticed

OPCODE = field_of("opcode")


def rechecked(word: int, index: int) -> int:
    """The word with the check byte that it should have."""
    body = word & (1 << CHECKED_BITS) - 1
    return body | check_of(body, index) << CHECKED_BITS


def depths(words: list[int]) -> list[int]:
    """How many loops are open before each word."""
    ops = [OPCODE.of(word) for word in words]
    steps = [0, 0, 0, 0, *((op == Opcode.LOOP) - (op == Opcode.NEXT) for op in ops[4:])]
    return list(accumulate(steps, initial=0))


def said(machine: Quick, words: list[int], index: int, length: int) -> ErrorCode:
    depth = depths(words[:index])[index]
    given = {"word": words[index], "index": index, "last": int(index + 1 == length)}
    given |= {"no_loops": int(depth <= 0), "all_loops": int(depth >= 8)}
    return ErrorCode(machine.cycle(given)["code"])


def play(module: Module, rounds: int = 400) -> None:
    """Words with some bits wrong, their check byte right or not."""
    r, machine, found = random.Random(1), Quick(module), set[ErrorCode]()
    programs = [random_program(1, 60), deep_program(2)]
    lengths = [field_of("value").of(words[1]) for words in programs]
    for step in range(rounds):
        which = step % 2
        words, length = list(programs[which]), lengths[which]
        index = r.choice([r.randrange(4), r.randrange(length), length - 1])
        for _ in range(r.choice([0, 1, 1, 2])):
            words[index] ^= 1 << r.randrange(64)
        if r.random() < 0.8:
            words[index] = rechecked(words[index], index)
        if r.random() < 0.2:
            words[index] = rechecked(r.randrange(8) << OPCODE.low | r.randrange(2), index)
        fault = first_fault(words, CHIP, REGISTERS)
        code = fault.code if fault and fault.index == index else ErrorCode.NONE
        if index == 1 and code is ErrorCode.NONE:
            continue  # another length makes other words wrong
        assert said(machine, words, index, length) is code, (index, fault)
        found.add(code)
    assert {code for code in ErrorCode if code <= ErrorCode.REGISTER} <= found


def test_words_are_told_right_from_wrong() -> None:
    play(build_check("dev", chip=CHIP, registers=REGISTERS), 2000)


def test_every_flip_of_a_bit_is_seen() -> None:
    machine = Quick(build_check("dev", chip=CHIP, registers=REGISTERS))
    words = random_program(3, 300)
    length = field_of("value").of(words[1])
    assert length > 260
    for index in range(0, length, 7):
        assert said(machine, words, index, length) is ErrorCode.NONE
        for bit in range(64):
            spoiled = [word ^ (1 << bit) * (k == index) for k, word in enumerate(words)]
            expected = ErrorCode.MAGIC if index == 0 and bit < 32 else ErrorCode.CHECK
            assert said(machine, spoiled, index, length) is expected


def test_bounds_of_values() -> None:
    """Trips, engines, registers and lengths at the ends of what there may be."""
    machine, nop = Quick(build_check("dev", chip=CHIP, registers=REGISTERS)), random_program(4)
    length = field_of("value").of(nop[1])
    for index, word, code in (
        (1, 4, ErrorCode.LENGTH),
        (1, 5, ErrorCode.NONE),
        (1, (1 << 24) - 1, ErrorCode.NONE),
        (1, 1 << 24, ErrorCode.LENGTH),
        (9, 3 << 43, ErrorCode.OPCODE),
        (9, 3 << 43 | 1, ErrorCode.NONE),
        (9, 3 << 43 | (1 << 24) - 1, ErrorCode.NONE),
        (9, 3 << 43 | 1 << 24, ErrorCode.OPCODE),
        (9, 5 << 43 | 15, ErrorCode.NONE),
        (9, 5 << 43 | 16, ErrorCode.OPCODE),
        (9, 1 << 43 | 2 << 47, ErrorCode.NONE),
        (9, 1 << 43 | 3 << 47, ErrorCode.OPCODE),
        (9, 2 << 43 | 4 << 49, ErrorCode.NONE),
        (9, 2 << 43 | 5 << 49, ErrorCode.OPCODE),
        (9, 2 << 43 | 3 << 40, ErrorCode.NONE),
        (9, 2 << 43 | 4 << 40, ErrorCode.REGISTER),
        *((9, 1 << 43 | e << 40 | n - 1 << 32, ErrorCode.NONE) for e, n in enumerate(REGISTERS)),
        *((9, 1 << 43 | e << 40 | n << 32, ErrorCode.REGISTER) for e, n in enumerate(REGISTERS)),
    ):
        words = [*nop[:index], rechecked(word, index), *nop[index + 1 :]]
        assert said(machine, words, index, length) is code, (index, hex(word))


def test_spoiled_checks_are_noticed() -> None:
    module = build_check("dev", chip=CHIP, registers=REGISTERS)
    assert unnoticed(module, lambda m: play(m, 600), count=25) == []
