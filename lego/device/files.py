"""A program of a device as files: commands, constants, and where tensors lie."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from lego.device.chip import Chip
from lego.device.program import DeviceProgram
from lego.diag import LegoError
from lego.ir.command_program import CommandProgram, decode, encode
from lego.ir.command_text import disassemble
from lego.ir.commands import Engine
from lego.ir.engines import LOAD_REGISTERS, STORE_REGISTERS

__all__ = [
    "COMMANDS",
    "CONSTANTS_FILE",
    "PROGRAM_FILE",
    "disassembled",
    "program_files",
    "read_commands",
    "registers_of",
]

COMMANDS, CONSTANTS_FILE, PROGRAM_FILE = "program.bin", "weights.bin", "program.json"
"""Files of an artefact folder: the commands, the segment of constants, and the places of tensors."""

SCHEMA = "lego/device-program/1"


def program_files(program: DeviceProgram, source: str) -> dict[str, bytes]:
    """The files of a program; `source` says where its constants come from."""
    return {
        COMMANDS: encode(program.commands, program.chip),
        CONSTANTS_FILE: program.constants,
        PROGRAM_FILE: (json.dumps(_described(program, source), indent=1) + "\n").encode(),
    }


def _described(program: DeviceProgram, source: str) -> Mapping[str, object]:
    """What a host needs to know: tensors with their layouts, and how large segments are.

    A tensor is in beats of 16 bytes. Blocks of 16 indices of dimension `lane` are outermost, then the other
    dimensions follow in their order, and the lanes of a beat are the indices of the block.
    """
    return {
        "schema": SCHEMA,
        "name": program.name,
        "chip": program.chip,
        "constants": source,
        "segments": {"program": 0, "constants": 1, "data": 2},
        "data_bytes": program.data_bytes,
        "inputs": program.inputs,
        "outputs": program.outputs,
        "tensors": {
            name: asdict(located.layout) | {"segment": located.segment, "offset": located.offset}
            for name, located in program.tensors.items()
        },
    }


def read_commands(folder: Path, chip: Chip) -> CommandProgram:
    """The commands of a folder. Raises E504 if there are none, and as :func:`decode` for a bad program."""
    try:
        data = (folder / COMMANDS).read_bytes()
    except OSError as error:
        message = f"{folder} holds no {COMMANDS}: {error.strerror}"
        raise LegoError(
            "E504", message, hint="compile a workload whose chip has `interface: axi`"
        ) from None
    return decode(data, chip=chip.hash, registers=registers_of(chip))


def disassembled(program: CommandProgram, chip: Chip) -> str:
    """A line per command, with the names of registers."""
    return disassemble(program, {engine: list(names) for engine, names in _names(chip).items()})


def _names(chip: Chip) -> dict[Engine, Sequence[str]]:
    """Registers of every engine, by number."""
    return {
        Engine.ARRAY: [register.name for register in chip.device.registers],
        Engine.VECTOR: [register.name for register in chip.vector.registers],
        Engine.LOAD: [register.name for register in LOAD_REGISTERS],
        Engine.STORE: [register.name for register in STORE_REGISTERS],
    }


def registers_of(chip: Chip) -> list[int]:
    """How many registers each engine has."""
    return [len(names) for names in _names(chip).values()]
