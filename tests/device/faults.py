"""Faults drawn at random: what goes wrong while a device runs a program, and what it must say then."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lego.device.files import registers_of
from lego.device.memory_map import CONSTANTS, DATA
from lego.device.program import DeviceProgram
from lego.ir.command_program import encode, first_fault, words_of
from lego.ir.commands import (
    CHECKED_BITS,
    FIELDS,
    Engine,
    ErrorCode,
    Opcode,
    check_of,
    field_of,
    start,
)
from tests.device.chips import edge

__all__ = ["ABORT", "DOORBELL", "KINDS", "SOFT_RESET", "Fault", "drawn_fault"]

DOORBELL, ABORT, SOFT_RESET = 1, 2, 4


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong in the first of two runs of a program.

    Attributes
    ----------
    code, index : what the device stops with; no index: any.
    words : a program that is run instead; `offset` : where it is said to begin.
    limits : of segments, which are too small.
    dram : what the memory does, by the names of its settings.
    control : a command of the host after so many cycles; 0: none.
    reset : cycles for which the reset is pulled then.
    """

    kind: str
    code: ErrorCode = ErrorCode.NONE
    index: int | None = None
    words: tuple[int, ...] = ()
    offset: int = 0
    limits: Mapping[int, int] = field(default_factory=dict)
    dram: Mapping[str, int] = field(default_factory=dict)
    watchdog: int = 0
    after: int = 0
    control: int = 0
    reset: int = 0


def drawn_fault(seed: int, program: DeviceProgram, cycles: int) -> Fault:
    """A fault of some kind; the program takes so many cycles without it."""
    r = random.Random(seed)
    kind = list(KINDS)[seed % len(KINDS)]
    return replace(KINDS[kind](r, program, cycles), kind=kind)


def _words(program: DeviceProgram) -> list[int]:
    return words_of(encode(program.commands, program.chip))


def _spoiled(words: Sequence[int], chip: int) -> Fault | None:
    """The fault of a program that is damaged; None if it can't be told from a good one."""
    fault = first_fault(words, chip, registers_of(edge()))
    return fault and Fault("", fault.code, fault.index, tuple(words))


def _checked(word: int, index: int) -> int:
    """The word with the check byte that it should have."""
    body = word & (1 << CHECKED_BITS) - 1
    return body | check_of(body, index) << CHECKED_BITS


def _read_error(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """A beat of a read with an error: of the program, of constants or of tensors."""
    least = (8 * len(program.commands) + len(program.constants)) // 16
    return Fault(
        "", ErrorCode.READ, dram={"read_error": r.randint(1, least), "resp": r.choice([2, 3])}
    )


def _write_error(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The burst of a beat of a result that is answered with an error."""
    written = [t.layout.beats for n, t in program.tensors.items() if n not in program.inputs]
    nth = r.randint(1, sum(written))
    return Fault("", ErrorCode.WRITE, dram={"write_error": nth, "resp": r.choice([2, 3])})


def _flipped(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """Some bits of a word are others."""
    while True:
        words = _words(program)
        for bit in r.sample(range(64), r.choice([1, 1, 2, 3, 8])):
            words[0 if r.random() < 0.1 else r.randrange(4 + len(program.commands))] ^= 1 << bit
        if fault := _spoiled(words, program.chip):
            return fault


def _misread(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """A field of a word has another value, and the check byte is that of the word."""
    while True:
        words = _words(program)
        at, part = r.randrange(4 + len(program.commands)), r.choice(FIELDS[:-1])
        words[at] ^= r.randrange(1, 1 << part.bits) << part.low
        words[at] = _checked(words[at], at)
        if fault := _spoiled(words, program.chip):
            return fault


def _truncated(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """Only the first words are there; the header says so, or doesn't."""
    words, length = _words(program), 4 + len(program.commands)
    kept = r.randrange(4, length)
    words[kept:] = [0] * (len(words) - kept)
    if r.random() < 0.5:
        words[1] = _checked(words[1] & ~((1 << 32) - 1) | kept, 1)
    fault = _spoiled(words, program.chip)
    assert fault
    return fault


def _foreign(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """Another chip's program, another version's, or none at all."""
    words = _words(program)
    at, part = r.choice([(0, "value"), (0, "register"), (2, "value")])
    words[at] ^= r.randrange(1, 1 << field_of(part).bits) << field_of(part).low
    words[at] = _checked(words[at], at)
    codes = {(0, "value"): "MAGIC", (0, "register"): "VERSION", (2, "value"): "CHIP"}
    return Fault("", ErrorCode[codes[at, part]], at, tuple(words))


def _short(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """A segment ends before what is read or written there."""
    segment = r.choice([CONSTANTS, DATA])
    size = len(program.constants) if segment == CONSTANTS else program.data_bytes
    return Fault("", ErrorCode.RANGE, limits={segment: r.randrange(size // 2)})


def _fetched_beyond(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The segment of the program ends before the program."""
    limits = {3: r.randrange(8 * (4 + len(program.commands)))}
    return Fault("", ErrorCode.RANGE, words=tuple(_words(program)), limits=limits)


def _misplaced(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The program doesn't begin at a beat."""
    return Fault("", ErrorCode.ALIGN, 0, offset=r.randrange(1, 16))


def _unsignalled(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """An engine signals nothing, and the others wait; the watchdog ends that."""
    engine = r.choice([Engine.LOAD, Engine.VECTOR, Engine.STORE])
    commands = [
        start(engine, wait=each.wait)
        if each.opcode is Opcode.START and each.engine is engine
        else each
        for each in program.commands
    ]
    words = tuple(words_of(encode(commands, program.chip)))
    return Fault("", ErrorCode.WATCHDOG, words=words, watchdog=r.randint(3000, 5000))


def _aborted(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The host ends the program."""
    return Fault("", ErrorCode.ABORTED, after=r.randrange(cycles // 2), control=ABORT)


def _cleared(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The host resets the device by its register."""
    return Fault("", after=r.randrange(cycles // 2), control=SOFT_RESET)


def _reset(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The reset is pulled."""
    return Fault("", after=r.randrange(cycles * 2), reset=r.randint(1, 20))


def _rung_again(r: random.Random, program: DeviceProgram, cycles: int) -> Fault:
    """The host rings while the program runs, and it runs on."""
    return Fault("", after=r.randrange(cycles // 2), control=DOORBELL)


KINDS = {
    "an error of a read": _read_error,
    "an error of a write": _write_error,
    "flipped bits": _flipped,
    "another value of a field": _misread,
    "a program cut off": _truncated,
    "a foreign program": _foreign,
    "a short segment": _short,
    "a short segment of the program": _fetched_beyond,
    "a program between beats": _misplaced,
    "no signals": _unsignalled,
    "abort": _aborted,
    "soft reset": _cleared,
    "reset": _reset,
    "a doorbell while busy": _rung_again,
}
"""What may go wrong, by name."""
