"""What a program makes the engines do: loops, conditions and modes resolved, as the hardware does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lego.diag import InternalError
from lego.ir.command_program import HEADER_WORDS, Fault, command_of, first_fault
from lego.ir.commands import Command, Engine, ErrorCode, Mode, Opcode

__all__ = ["Shadow", "Step", "Stop", "carried_out", "streams"]

Shadow = dict[tuple[Engine, int], int]
"""Values of registers by engine and number: those that were written so far."""

_MASK = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is carried out.

    Attributes
    ----------
    opcode : write, start, barrier or interrupt.
    index : number of the word.
    engine, register : of a write or start.
    value : of a write, what the register then has; of others, the word's.
    """

    opcode: Opcode
    index: int
    engine: Engine
    register: int
    value: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the program stops: at its end, without error, or at a word that is wrong."""

    code: ErrorCode
    index: int


@dataclass(slots=True)
class _Loop:
    """A loop that is open; `left` are the trips after this one."""

    body: int
    left: int
    first: bool = True


def carried_out(
    words: Sequence[int],
    chip: int,
    registers: Sequence[int] | None = None,
    shadow: Shadow | None = None,
) -> Iterator[Step | Stop]:
    """All that a program does, in its order; last comes a stop.

    Parameters
    ----------
    words : of the program, header first, and what lies behind it in memory.
    chip : hash of the chip; registers : how many each engine has, as many as a word can name if not given.
    shadow : values of registers when the program begins; takes the new ones.

    Raises
    ------
    InternalError : a value is added to a register that was never written.
    """
    fault = first_fault(words, chip, registers)
    values: Shadow = {} if shadow is None else shadow
    loops: list[_Loop] = []
    at = HEADER_WORDS
    while fault is None or at < fault.index:
        command = command_of(words[at])
        if command.opcode is Opcode.END:
            yield Stop(ErrorCode.NONE, at)
            return
        if _acts(command, loops):
            yield Step(
                command.opcode,
                at,
                command.engine,
                command.register,
                _written(command, values) if command.opcode is Opcode.WRITE else command.value,
            )
        at = _following(command, at, loops)
    yield _stop(fault)


def _stop(fault: Fault) -> Stop:
    return Stop(fault.code, fault.index)


def _acts(command: Command, loops: Sequence[_Loop]) -> bool:
    """Whether the command is carried out, and not only steers the program."""
    if command.opcode in (Opcode.LOOP, Opcode.NEXT):
        return False
    inner = loops[-1] if loops else _Loop(0, 0)
    return command.when.holds(first=inner.first, last=inner.left == 0)


def _written(command: Command, values: Shadow) -> int:
    """The register's new value, which is kept."""
    key = command.engine, command.register
    if command.mode is not Mode.SET and key not in values:
        raise InternalError(
            f"register {command.register} of {command.engine.name.lower()} isn't set before"
        )
    match command.mode:
        case Mode.SET:
            new = command.value
        case Mode.ADD:
            new = values[key] + command.value & _MASK
        case Mode.XOR:
            new = values[key] ^ command.value
    values[key] = new
    return new


def _following(command: Command, at: int, loops: list[_Loop]) -> int:
    """The number of the word that comes next; opens and closes loops."""
    if command.opcode is Opcode.LOOP:
        loops.append(_Loop(at + 1, command.value - 1))
    if command.opcode is Opcode.NEXT:
        inner = loops[-1]
        if inner.left:
            inner.left, inner.first = inner.left - 1, False
            return inner.body
        loops.pop()
    return at + 1


def streams(steps: Iterable[Step | Stop]) -> Mapping[Engine, list[tuple[bool, int, int]]]:
    """What each engine's queue gets: whether it is a start, the register, the value."""
    found: dict[Engine, list[tuple[bool, int, int]]] = {engine: [] for engine in Engine}
    for step in steps:
        if isinstance(step, Step) and step.opcode in (Opcode.WRITE, Opcode.START):
            item = step.opcode is Opcode.START, step.register, step.value
            found[step.engine].append(item)
    return found
