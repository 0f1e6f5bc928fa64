"""Programs of the device as text, and the tables of their format in the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.ir.command_program import HEADER_WORDS, MAGIC, VERSION, CommandProgram
from lego.ir.commands import ENGINES, ERRORS, FIELDS, OPCODES, Command, Engine, Mode, Opcode, When

__all__ = ["command_text", "disassemble", "error_table", "field_table", "opcode_table"]

Names = Mapping[Engine, Sequence[str]]
"""Names of registers by engine; the place in the list is the number."""

_ASSIGNS = {Mode.SET: "=", Mode.ADD: "+=", Mode.XOR: "^="}


def disassemble(program: CommandProgram, names: Names | None = None) -> str:
    """A line per word: its number, the command, its operands; bodies of loops are indented.

    >>> from lego.ir.commands import end, following, loop, start, write
    >>> body = [loop(3), write(Engine.LOAD, 3, 64, Mode.ADD), start(Engine.LOAD, signal=[2])]
    >>> print(disassemble(CommandProgram(7, (*body, following(), end())), {Engine.LOAD: ["a"] * 4}))
       0  header magic 0x4f47454c version 1
       1  header length 9
       2  header chip 0x00000007
       3  header
       4  loop 3
       5    write load.a += 64
       6    start load signal 2
       7  next
       8  end
    """
    length = HEADER_WORDS + len(program.commands)
    lines = [
        f"header magic {MAGIC:#010x} version {VERSION}",
        f"header length {length}",
        f"header chip {program.chip:#010x}",
        "header",
    ]
    depth = 0
    for command in program.commands:
        depth -= command.opcode is Opcode.NEXT
        lines.append("  " * depth + command_text(command, names))
        depth += command.opcode is Opcode.LOOP
    digits = max(4, len(str(length)))
    return "\n".join(f"{k:{digits}}  {line}" for k, line in enumerate(lines))


def command_text(command: Command, names: Names | None = None) -> str:
    """One command in words."""
    operands = _operands(command, names or {})
    trips = command.when.name.lower().replace("_", " ")
    when = "" if command.when is When.ALWAYS else f" if {trips}"
    return f"{command.opcode.name.lower()}{operands}{when}"


def _operands(command: Command, names: Names) -> str:
    engine = command.engine.name.lower()
    match command.opcode:
        case Opcode.WRITE:
            known = names.get(command.engine, ())
            at = command.register
            register = known[at] if at < len(known) else f"r{at}"
            return f" {engine}.{register} {_ASSIGNS[command.mode]} {command.value}"
        case Opcode.START:
            parts = (("wait", command.wait), ("signal", command.signal))
            lists = [f" {word} {','.join(map(str, which))}" for word, which in parts if which]
            return f" {engine}{''.join(lists)}"
        case Opcode.LOOP:
            return f" {command.value}"
        case Opcode.BARRIER:
            which = [Engine(k).name.lower() for k in range(ENGINES) if command.value >> k & 1]
            return f" {','.join(which)}"
    return ""


def field_table() -> str:
    """Fields of a word, as Markdown."""
    rows = [f"| {f.low + f.bits - 1}:{f.low} | `{f.name}` | {f.meaning} |" for f in FIELDS]
    return "\n".join(("| bits | field | meaning |", "|---|---|---|", *rows))


def opcode_table() -> str:
    """Commands, as Markdown."""
    rows = [
        f"| {opcode.value} | `{opcode.name.lower()}` | {', '.join(has) or '-'} | {does} |"
        for opcode, (has, does) in OPCODES.items()
    ]
    return "\n".join(("| opcode | command | fields | does |", "|---|---|---|---|", *rows))


def error_table() -> str:
    """Codes of errors, as Markdown."""
    rows = [f"| {code.value} | `{code.name}` | {about} |" for code, about in ERRORS.items()]
    return "\n".join(("| code | name | meaning |", "|---|---|---|", *rows))
