"""Command words of the device's programs: 64 bits each, defined here once.

The encoder, the decoder, the disassembler, the interpreter, the sequencer in hardware and the table in the
documentation all take the format from :data:`FIELDS` and :data:`OPCODES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from lego.diag import InternalError

__all__ = ["CHECKED_BITS", "ENGINES", "ERRORS", "FIELDS", "LOOP_DEPTH", "MAX_TRIPS"]
__all__ += ["OPCODES", "POLYNOMIAL", "SEMAPHORES", "WORD_BITS", "Command", "Engine", "ErrorCode"]
__all__ += ["Field", "Mode", "Opcode", "When", "barrier", "check_of", "end", "field_of"]
__all__ += ["following", "interrupt", "loop", "start", "word_of", "write"]


class Engine(IntEnum):
    """What a command is for."""

    ARRAY = 0
    VECTOR = 1
    LOAD = 2
    STORE = 3


class Opcode(IntEnum):
    """What a command does; :data:`OPCODES` says it."""

    HEADER = 0
    WRITE = 1
    START = 2
    LOOP = 3
    NEXT = 4
    BARRIER = 5
    INTERRUPT = 6
    END = 7


class Mode(IntEnum):
    """How a register takes a value, modulo 2^32."""

    SET = 0
    ADD = 1
    XOR = 2


class When(IntEnum):
    """In which trips of the innermost loop a command acts; outside of loops a trip is first and last."""

    ALWAYS = 0
    FIRST = 1
    NOT_FIRST = 2
    LAST = 3
    NOT_LAST = 4

    def holds(self, *, first: bool, last: bool) -> bool:
        """Whether the command acts in such a trip."""
        return (True, first, not first, last, not last)[self]


class ErrorCode(IntEnum):
    """Why the device stopped; :data:`ERRORS` says it."""

    NONE = 0
    MAGIC = 1
    VERSION = 2
    CHIP = 3
    LENGTH = 4
    CHECK = 5
    OPCODE = 6
    REGISTER = 7
    RANGE = 8
    ALIGN = 9
    READ = 10
    WRITE = 11
    WATCHDOG = 12
    ABORTED = 13


ERRORS: Mapping[ErrorCode, str] = {
    ErrorCode.NONE: "nothing went wrong",
    ErrorCode.MAGIC: "the first word isn't that of a program",
    ErrorCode.VERSION: "the program's format is another version's",
    ErrorCode.CHIP: "the program was compiled for another chip",
    ErrorCode.LENGTH: "the program is longer or shorter than its header says, or loops don't nest",
    ErrorCode.CHECK: "a word's check byte is wrong",
    ErrorCode.OPCODE: "no such command, or a field has a value that the command doesn't take",
    ErrorCode.REGISTER: "no such engine, or it has no such register",
    ErrorCode.RANGE: "an access outside of its segment",
    ErrorCode.ALIGN: "an address that isn't a multiple of what it has to be",
    ErrorCode.READ: "the bus answered a read with an error",
    ErrorCode.WRITE: "the bus answered a write with an error",
    ErrorCode.WATCHDOG: "no command left and no run ended for too many cycles",
    ErrorCode.ABORTED: "the host stopped the program",
}


@dataclass(frozen=True, slots=True)
class Field:
    """Bits `low` to `low + bits - 1` of a word, unsigned."""

    name: str
    low: int
    bits: int
    meaning: str

    def of(self, word: int) -> int:
        """The field's value in a word."""
        return word >> self.low & (1 << self.bits) - 1


FIELDS = (
    Field("value", 0, 32, "operand of the command"),
    Field("register", 32, 8, "number of a register of the engine; of the first word the version"),
    Field("engine", 40, 3, "0 array, 1 vector, 2 load, 3 store"),
    Field("opcode", 43, 4, "the command"),
    Field("mode", 47, 2, "of a write: 0 set, 1 add, 2 exclusive or"),
    Field(
        "when",
        49,
        3,
        "trips of the innermost loop: 0 all, 1 first, 2 not first, 3 last, 4 not last",
    ),
    Field("zero", 52, 4, "0"),
    Field("check", 56, 8, "CRC-8 of bits 0 to 55, lowest byte first, begun with the word's number"),
)
"""Fields of a word, lowest first."""

OPCODES: Mapping[Opcode, tuple[tuple[str, ...], str]] = {
    Opcode.HEADER: (
        ("value", "register"),
        "four words open a program: magic and version; length in words, these included; hash of the chip; 0",
    ),
    Opcode.WRITE: (
        ("value", "register", "engine", "mode", "when"),
        "gives an engine's register a value, or adds it to what the register has",
    ),
    Opcode.START: (
        ("value", "engine", "when"),
        (
            "starts a run once each semaphore of bits 0 to 15 is above 0, and takes one from each; "
            "when the run is done, those of bits 16 to 31 get one"
        ),
    ),
    Opcode.LOOP: (("value",), "what follows, up to its `next`, runs so many times, at least once"),
    Opcode.NEXT: ((), "end of the innermost loop's body"),
    Opcode.BARRIER: (("value",), "waits until the engines of bits 0 to 3 have nothing to do"),
    Opcode.INTERRUPT: ((), "asks for an interrupt and goes on"),
    Opcode.END: ((), "last word: the program is done when all engines are"),
}
"""Of every command the fields that it has, the others are 0, and what it does."""

WORD_BITS = 64
CHECKED_BITS = 56
ENGINES = len(Engine)
SEMAPHORES = 16
LOOP_DEPTH = 8
"""Loops that may be open at once."""

MAX_TRIPS = (1 << 24) - 1
POLYNOMIAL = 0x07
_BY_NAME = {field.name: field for field in FIELDS}


def field_of(name: str) -> Field:
    """The field called `name`."""
    return _BY_NAME[name]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes
    ----------
    value : 32 bits, unsigned; see :data:`OPCODES`.
    engine, register : of writes and starts.
    """

    opcode: Opcode
    value: int = 0
    engine: Engine = Engine.ARRAY
    register: int = 0
    mode: Mode = Mode.SET
    when: When = When.ALWAYS

    def __post_init__(self) -> None:
        has = OPCODES[self.opcode][0]
        for name in ("value", "register", "engine", "mode", "when"):
            given = int(getattr(self, name))
            most = (1 << field_of(name).bits) - 1 if name in has else 0
            if not 0 <= given <= most:
                raise InternalError(f"{self.opcode.name} can't have {name} {given}")
        if self.opcode is Opcode.LOOP and not 1 <= self.value <= MAX_TRIPS:
            raise InternalError(f"a loop can't have {self.value} trips")
        if self.opcode is Opcode.BARRIER and self.value >= 1 << ENGINES:
            raise InternalError(f"a barrier can't wait for engines {self.value:#x}")

    @property
    def wait(self) -> tuple[int, ...]:
        """Semaphores that a start takes from."""
        return _bits(self.value & (1 << SEMAPHORES) - 1)

    @property
    def signal(self) -> tuple[int, ...]:
        """Semaphores that the end of a run adds to."""
        return _bits(self.value >> SEMAPHORES)


def write(
    engine: Engine, register: int, value: int, mode: Mode = Mode.SET, when: When = When.ALWAYS
) -> Command:
    """Give a register `value`, taken modulo 2^32."""
    return Command(Opcode.WRITE, value & 0xFFFFFFFF, engine, register, mode, when)


def start(
    engine: Engine,
    *,
    wait: Iterable[int] = (),
    signal: Iterable[int] = (),
    when: When = When.ALWAYS,
) -> Command:
    """Start a run that waits for semaphores and signals others; their numbers are below 16."""
    value = _mask(wait, SEMAPHORES) | _mask(signal, SEMAPHORES) << SEMAPHORES
    return Command(Opcode.START, value, engine, when=when)


def loop(trips: int) -> Command:
    """Open a loop of so many trips."""
    return Command(Opcode.LOOP, trips)


def following() -> Command:
    """Close the innermost loop."""
    return Command(Opcode.NEXT)


def barrier(engines: Iterable[Engine] = tuple(Engine)) -> Command:
    """Wait until these engines have nothing to do."""
    return Command(Opcode.BARRIER, _mask(engines, ENGINES))


def interrupt() -> Command:
    """Ask for an interrupt."""
    return Command(Opcode.INTERRUPT)


def end() -> Command:
    """End the program."""
    return Command(Opcode.END)


def _after(crc: int) -> int:
    """The check byte after eight more bits."""
    for _ in range(8):
        crc = (crc << 1 ^ (POLYNOMIAL if crc & 0x80 else 0)) & 0xFF
    return crc


_AFTER = tuple(map(_after, range(256)))


def check_of(body: int, index: int) -> int:
    """Check byte of word `index` of a program whose other 56 bits are `body`.

    It is linear in both: an exclusive or of constants, one per bit that is set.

    >>> check_of(0, 0), check_of(1, 0), hex(check_of(0x4F47454C, 0))
    (0, 223, '0x89')
    """
    crc = index & 0xFF
    for at in range(0, CHECKED_BITS, 8):
        crc = _AFTER[crc ^ body >> at & 0xFF]
    return crc


def word_of(command: Command, index: int) -> int:
    """The command as word `index` of a program."""
    body = sum(
        int(getattr(command, name)) << field_of(name).low
        for name in ("value", "register", "engine", "opcode", "mode", "when")
    )
    return body | check_of(body, index) << CHECKED_BITS


def _mask(numbers: Iterable[int], count: int) -> int:
    mask = 0
    for number in numbers:
        if not 0 <= number < count or mask >> number & 1:
            raise InternalError(f"{number} isn't one of {count}, or there twice")
        mask |= 1 << number
    return mask


def _bits(mask: int) -> tuple[int, ...]:
    return tuple(k for k in range(mask.bit_length()) if mask >> k & 1)
