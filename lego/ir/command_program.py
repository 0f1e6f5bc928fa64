"""Programs of the device as bytes: a header, command words, padding. Encoder, decoder, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lego.diag import InternalError, LegoError
from lego.ir.commands import (
    CHECKED_BITS,
    ENGINES,
    ERRORS,
    LOOP_DEPTH,
    MAX_TRIPS,
    OPCODES,
    WORD_BITS,
    Command,
    Engine,
    ErrorCode,
    Mode,
    Opcode,
    When,
    check_of,
    field_of,
    word_of,
)

__all__ = ["HEADER_WORDS", "MAGIC", "MAX_WORDS", "PAGE_WORDS", "VERSION", "CommandProgram"]
__all__ += ["Fault", "command_of", "decode", "encode", "first_fault", "words_of"]

MAGIC = 0x4F47454C
"""The bytes `LEGO`."""

VERSION = 1
HEADER_WORDS = 4
MAX_WORDS = (1 << 24) - 1
PAGE_WORDS = 64
"""A program fills whole pages of so many words: the first is read before its length is known."""

_BYTES = WORD_BITS // 8


@dataclass(frozen=True, slots=True)
class CommandProgram:
    """Commands for a chip.

    Attributes
    ----------
    chip : 32-bit hash of the chip.
    commands : loops nest, the last one and no other is an end.
    """

    chip: int
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with word `index`; `found` tells it in words."""

    code: ErrorCode
    index: int
    found: str


def encode(commands: Sequence[Command], chip: int) -> bytes:
    """The bytes of a program, in whole pages.

    Raises
    ------
    InternalError : the commands make no program: loops don't nest, no end, too long.
    """
    header = [
        Command(Opcode.HEADER, MAGIC, register=VERSION),
        Command(Opcode.HEADER, HEADER_WORDS + len(commands)),
        Command(Opcode.HEADER, chip),
        Command(Opcode.HEADER),
    ]
    words = [word_of(command, k) for k, command in enumerate((*header, *commands))]
    fault = first_fault(words, chip)
    if fault:
        raise InternalError(f"no program: word {fault.index}: {fault.found}")
    words += [0] * (-len(words) % PAGE_WORDS)
    return b"".join(word.to_bytes(_BYTES, "little") for word in words)


def decode(
    data: bytes, *, chip: int | None = None, registers: Sequence[int] | None = None
) -> CommandProgram:
    """The program in these bytes.

    Parameters
    ----------
    chip : the hash that it must have; any, if there is none.
    registers : how many registers each engine has; as many as a word can name, if not given.

    Raises
    ------
    E506 : the bytes are no program, are damaged, or are for another chip or version.
    """
    if len(data) % _BYTES or len(data) < _BYTES * (HEADER_WORDS + 1):
        raise _error(Fault(ErrorCode.LENGTH, len(data) // _BYTES, f"file has {len(data)} bytes"))
    words = words_of(data)
    expected = field_of("value").of(words[2]) if chip is None else chip
    fault = first_fault(words, expected, registers) or _padding_fault(words)
    if fault:
        raise _error(fault)
    length = field_of("value").of(words[1])
    return CommandProgram(expected, tuple(map(command_of, words[HEADER_WORDS:length])))


def words_of(data: bytes) -> list[int]:
    """Words of 64 bits, little endian."""
    return [int.from_bytes(data[k : k + _BYTES], "little") for k in range(0, len(data), _BYTES)]


def command_of(word: int) -> Command:
    """The command of a word without faults."""
    value, register, engine, opcode, mode, when = (
        field_of(name).of(word)
        for name in ("value", "register", "engine", "opcode", "mode", "when")
    )
    return Command(Opcode(opcode), value, Engine(engine), register, Mode(mode), When(when))


def first_fault(
    words: Sequence[int], chip: int, registers: Sequence[int] | None = None
) -> Fault | None:
    """The first fault in the order of words, which is the one that the device stops at."""
    return next(_faults(words, chip, registers), None)


def _faults(words: Sequence[int], chip: int, registers: Sequence[int] | None) -> Iterator[Fault]:
    for index in range(HEADER_WORDS):
        yield from _header_faults(index, words[index], chip)
    length, depth = field_of("value").of(words[1]), 0
    counts = registers or (1 << field_of("register").bits,) * ENGINES
    for index in range(HEADER_WORDS, length):
        if index >= len(words):
            yield Fault(ErrorCode.LENGTH, index, f"{length} words announced, {index} there")
            return
        word = words[index]
        for code, found in (
            (ErrorCode.CHECK, _check_found(word, index)),
            (ErrorCode.OPCODE, _field_found(word)),
            (ErrorCode.REGISTER, _register_found(word, counts)),
            (ErrorCode.LENGTH, _nesting_found(word, depth, last=index + 1 == length)),
        ):
            if found:
                yield Fault(code, index, found)
        opcode = field_of("opcode").of(word)
        depth += (opcode == Opcode.LOOP) - (opcode == Opcode.NEXT)


def _header_faults(index: int, word: int, chip: int) -> Iterator[Fault]:
    """Faults of one of the first four words."""
    value, register = field_of("value").of(word), field_of("register").of(word)
    if index == 0 and value != MAGIC:
        yield Fault(ErrorCode.MAGIC, index, f"starts with {value:#010x}, not with {MAGIC:#010x}")
    found = _check_found(word, index)
    if found:
        yield Fault(ErrorCode.CHECK, index, found)
    if index == 0 and register != VERSION:
        yield Fault(ErrorCode.VERSION, index, f"version is {register}, {VERSION} expected")
    body = word & (1 << CHECKED_BITS) - 1
    if body != value | (register << field_of("register").low) * (index == 0):
        yield Fault(ErrorCode.OPCODE, index, "not a word of a header")
    if index == 1 and not HEADER_WORDS < value <= MAX_WORDS:
        yield Fault(
            ErrorCode.LENGTH,
            index,
            f"length is {value}, {HEADER_WORDS + 1} to {MAX_WORDS} expected",
        )
    if index == 2 and value != chip:
        yield Fault(ErrorCode.CHIP, index, f"chip is {value:#010x}, {chip:#010x} expected")
    if index == 3 and value:
        yield Fault(ErrorCode.OPCODE, index, f"fourth word holds {value:#x}, 0 expected")


def _check_found(word: int, index: int) -> str:
    check = check_of(word & (1 << CHECKED_BITS) - 1, index)
    found = field_of("check").of(word)
    return f"check byte is {found:#04x}, {check:#04x} expected" if found != check else ""


def _field_found(word: int) -> str:
    """Which field has a value that the command doesn't take."""
    opcode = field_of("opcode").of(word)
    if not 0 < opcode < len(Opcode):
        return f"there is no command {opcode}"
    name, has = Opcode(opcode).name.lower(), OPCODES[Opcode(opcode)][0]
    for each in ("value", "register", "engine", "mode", "when", "zero"):
        found = field_of(each).of(word)
        if found and each not in has:
            return f"{each} of {name} is {found:#x}, 0 expected"
    value, mode, when = (field_of(each).of(word) for each in ("value", "mode", "when"))
    if mode >= len(Mode) or when >= len(When):
        return f"mode {mode} or when {when} of {name} doesn't exist"
    if opcode == Opcode.LOOP and not 1 <= value <= MAX_TRIPS:
        return f"loop has {value} trips, 1 to {MAX_TRIPS} expected"
    if opcode == Opcode.BARRIER and value >= 1 << ENGINES:
        return f"barrier waits for engines {value:#x}, which don't exist"
    return ""


def _register_found(word: int, counts: Sequence[int]) -> str:
    opcode, engine, register = (
        field_of(name).of(word) for name in ("opcode", "engine", "register")
    )
    if opcode not in (Opcode.WRITE, Opcode.START):
        return ""
    if engine >= ENGINES:
        return f"there is no engine {engine}"
    if opcode == Opcode.WRITE and register >= counts[engine]:
        name = Engine(engine).name.lower()
        return f"engine {name} has no register {register}, only {counts[engine]}"
    return ""


def _nesting_found(word: int, depth: int, *, last: bool) -> str:
    opcode = field_of("opcode").of(word)
    if (opcode == Opcode.END) != last:
        return "the last word isn't an end" if last else "an end before the last word"
    if last and depth:
        return f"ends with {depth} loops open"
    if opcode == Opcode.NEXT and not depth:
        return "next without a loop"
    if opcode == Opcode.LOOP and depth == LOOP_DEPTH:
        return f"more than {LOOP_DEPTH} loops open"
    return ""


def _padding_fault(words: Sequence[int]) -> Fault | None:
    """What is behind the last word, if not zeros to the end of its page."""
    length = field_of("value").of(words[1])
    if len(words) != length + -length % PAGE_WORDS:
        return Fault(
            ErrorCode.LENGTH, length, f"{length} words announced, {len(words)} there with padding"
        )
    for index in range(length, len(words)):
        if words[index]:
            return Fault(ErrorCode.LENGTH, index, f"padding is {words[index]:#018x}, not 0")
    return None


_REMEDIES = {
    ErrorCode.MAGIC: "give a program that `lego compile` wrote",
    ErrorCode.VERSION: "compile it again with this version",
    ErrorCode.CHIP: "compile it again for this chip",
    ErrorCode.REGISTER: "compile it again for this chip",
}


def _error(fault: Fault) -> LegoError:
    where = f"word {fault.index} of the program: {fault.found}"
    remedy = _REMEDIES.get(fault.code, "the file is damaged: copy it again, or compile it again")
    return LegoError("E506", where, hint=f"{ERRORS[fault.code]}; {remedy}")
