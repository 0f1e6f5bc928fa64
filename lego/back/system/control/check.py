"""Whether a command word may be carried out: its check byte, its fields, registers, the nesting of loops."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.bits import parity
from lego.ir.command_program import HEADER_WORDS, MAGIC, MAX_WORDS, VERSION
from lego.ir.commands import (
    CHECKED_BITS,
    ENGINES,
    MAX_TRIPS,
    OPCODES,
    WORD_BITS,
    ErrorCode,
    Mode,
    Opcode,
    When,
    check_of,
    field_of,
)
from lego.ir.dag import Module, bits_for

__all__ = ["CODE_SPAN", "INDEX_BITS", "INDEX_SPAN", "WORD_SPAN", "build_check", "field"]

INDEX_BITS = bits_for(0, MAX_WORDS)
INDEX_SPAN = (0, (1 << INDEX_BITS) - 1)
WORD_SPAN = (0, (1 << WORD_BITS) - 1)
CODE_SPAN = (0, 15)

Case = tuple[int, ErrorCode]
"""Whether something is wrong, and its code."""


def field(b: Builder, word: int, name: str) -> int:
    """A field of a command word."""
    found = field_of(name)
    return b.slice(word, found.low, found.bits)


def build_check(prefix: str, *, chip: int, registers: Sequence[int]) -> Module:
    """The module `PREFIX_check`, without state.

    Parameters
    ----------
    chip : 32-bit hash that programs must name; registers : how many each engine has.

    Ports
    -----
    word, index : a word of a program and its number.
    last : it is the last one; no_loops, all_loops : none, or as many as can be, are open.
    code : an :class:`lego.ir.commands.ErrorCode`, 0 if nothing is wrong.
    """
    b = Builder(f"{prefix}_check", "control")
    word, index = b.input("word", WORD_SPAN), b.input("index", INDEX_SPAN)
    damaged = _damaged(b, word, index)
    header = b.eq(b.slice(index, 2, INDEX_BITS - 2), b.const(0))
    codes = [_first(b, _header_cases(b, word, k, damaged, chip)) for k in range(HEADER_WORDS)]
    opened = b.select(b.slice(index, 0, 2), 2, codes)
    command = _first(b, _command_cases(b, word, damaged, registers))
    b.output("code", b.wrap(b.mux(header, opened, command), CODE_SPAN))
    return infer_widths(b.build())


def _first(b: Builder, cases: Sequence[Case]) -> int:
    """The code of the first thing that is wrong."""
    code = b.const(ErrorCode.NONE)
    for wrong, each in reversed(cases):
        code = b.mux(wrong, b.const(each), code)
    return code


def _nonzero(b: Builder, word: int, low: int, high: int) -> int:
    """Whether any bit from `low` up to `high`, itself not included, is set."""
    return b.invert(b.eq(b.slice(word, low, high - low), b.const(0)))


def _damaged(b: Builder, word: int, index: int) -> int:
    """Whether the check byte is wrong: the sum of what each bit adds to it isn't zero."""
    terms = [(b.slice(word, k, 1), check_of(1 << k, 0)) for k in range(CHECKED_BITS)]
    terms += [(b.slice(word, CHECKED_BITS + k, 1), 1 << k) for k in range(8)]
    terms += [(b.slice(index, k, 1), check_of(0, 1 << k)) for k in range(8)]
    wrong = [parity(b, [bit for bit, mask in terms if mask >> k & 1]) for k in range(8)]
    return b.any(wrong)


def _header_cases(b: Builder, word: int, number: int, damaged: int, chip: int) -> list[Case]:
    """What may be wrong with one of the first four words, in the order in which it counts."""
    value, register = field(b, word, "value"), field(b, word, "register")
    low = field_of("register").low
    above = low if number else low + field_of("register").bits
    odd = _nonzero(b, word, above, CHECKED_BITS)
    cases = [(damaged, ErrorCode.CHECK)]
    if number == 0:
        other = b.invert(b.eq(value, b.const(MAGIC)))
        version = b.invert(b.eq(register, b.const(VERSION)))
        cases = [(other, ErrorCode.MAGIC), *cases, (version, ErrorCode.VERSION)]
    cases.append((odd, ErrorCode.OPCODE))
    if number == 1:
        short = b.less(value, b.const(HEADER_WORDS + 1))
        cases.append((b.any([short, b.less(b.const(MAX_WORDS), value)]), ErrorCode.LENGTH))
    if number == 2:
        cases.append((b.invert(b.eq(value, b.const(chip))), ErrorCode.CHIP))
    if number == 3:
        cases.append((b.invert(b.eq(value, b.const(0))), ErrorCode.OPCODE))
    return cases


def _command_cases(b: Builder, word: int, damaged: int, registers: Sequence[int]) -> list[Case]:
    """What may be wrong with a command, in the order in which it counts."""
    opcode = field(b, word, "opcode")
    is_op = {each: b.eq(opcode, b.const(each)) for each in Opcode}
    known = b.any([is_op[each] for each in Opcode if each is not Opcode.HEADER])
    fields = [b.invert(known), *_odd_fields(b, word, is_op)]
    return [
        (damaged, ErrorCode.CHECK),
        (b.any(fields), ErrorCode.OPCODE),
        (_unknown_register(b, word, is_op, registers), ErrorCode.REGISTER),
        (_badly_nested(b, is_op), ErrorCode.LENGTH),
    ]


def _odd_fields(b: Builder, word: int, is_op: dict[Opcode, int]) -> list[int]:
    """Fields that have a value which the command doesn't take."""
    wrong = []
    for name in ("value", "register", "engine", "mode", "when", "zero"):
        without = [is_op[each] for each, (has, _) in OPCODES.items() if name not in has]
        here = field_of(name)
        odd = _nonzero(b, word, here.low, here.low + here.bits)
        wrong.append(b.all([odd, b.any(without)]))
    value, mode, when = (field(b, word, name) for name in ("value", "mode", "when"))
    wrong.append(b.less(b.const(len(Mode) - 1), mode))
    wrong.append(b.less(b.const(len(When) - 1), when))
    trips = b.any([b.eq(value, b.const(0)), b.less(b.const(MAX_TRIPS), value)])
    wrong.append(b.all([is_op[Opcode.LOOP], trips]))
    engines = b.less(b.const((1 << ENGINES) - 1), value)
    return [*wrong, b.all([is_op[Opcode.BARRIER], engines])]


def _unknown_register(
    b: Builder, word: int, is_op: dict[Opcode, int], registers: Sequence[int]
) -> int:
    """Whether a write or a start names an engine, or a register, that isn't there."""
    engine, register = field(b, word, "engine"), field(b, word, "register")
    counts = b.select(b.slice(engine, 0, 2), 2, [b.const(count) for count in registers])
    no_engine = b.less(b.const(ENGINES - 1), engine)
    no_register = b.all([is_op[Opcode.WRITE], b.invert(b.less(register, counts))])
    named = b.any([is_op[Opcode.WRITE], is_op[Opcode.START]])
    return b.all([named, b.any([no_engine, no_register])])


def _badly_nested(b: Builder, is_op: dict[Opcode, int]) -> int:
    """Whether the program ends elsewhere than at its last word, or loops don't nest."""
    last, none, most = (b.input(name) for name in ("last", "no_loops", "all_loops"))
    ends = is_op[Opcode.END]
    return b.any(
        [
            b.invert(b.eq(ends, last)),
            b.all([ends, b.invert(none)]),
            b.all([is_op[Opcode.NEXT], none]),
            b.all([is_op[Opcode.LOOP], most]),
        ]
    )
