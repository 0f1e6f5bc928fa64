"""A device in RTL: its program runs in Verilator, between a host and a memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lego.back.rtl.verilog import to_verilog
from lego.back.system.axi.checker import build_axi_checker
from lego.device.memory_map import CONSTANTS, DATA, PROGRAM
from lego.device.program import DeviceProgram
from lego.diag import LegoError
from lego.ir.command_program import encode
from lego.ir.commands import ErrorCode
from lego.ir.control_map import offset_of
from lego.ir.dag import Dag
from sim.device.build import build_bench, run_bench
from sim.device.dram import Dram
from sim.objects import ModelOptions

__all__ = ["Host", "Placed", "RtlDevice", "RtlRun", "placed"]

PAGE = 4096
FIRST = 0x10000
"""Byte at which the first segment begins."""


@dataclass(frozen=True)
class Placed:
    """A program with its data in a memory.

    Attributes
    ----------
    image : bytes of the memory from address 0 on.
    bases, limits : of segments by number: first bytes, and sizes.
    """

    image: bytes
    bases: Mapping[int, int]
    limits: Mapping[int, int]


def placed(program: DeviceProgram, inputs: Mapping[str, NDArray[np.integer]]) -> Placed:
    """Everything that a run needs in memory, a segment behind the other."""
    contents = {
        PROGRAM: encode(program.commands, program.chip),
        CONSTANTS: program.constants,
        DATA: _data(program, inputs),
    }
    bases, at = {}, FIRST
    for number, content in contents.items():
        bases[number] = at
        at += len(content) + -len(content) % PAGE
    image = bytearray(at)
    for number, content in contents.items():
        image[bases[number] : bases[number] + len(content)] = content
    limits = {number: max(16, len(content)) for number, content in contents.items()}
    return Placed(bytes(image), bases, limits)


def _data(program: DeviceProgram, inputs: Mapping[str, NDArray[np.integer]]) -> bytes:
    """The segment of tensors, with the inputs in it."""
    data = bytearray(program.data_bytes)
    for name in program.inputs:
        located = program.tensors[name]
        packed = located.layout.packed(inputs[name])
        data[located.offset : located.offset + len(packed)] = packed
    return bytes(data)


class Host:
    """Commands of a host, as the bench plays them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, name: str, value: int, index: int = 0) -> None:
        """Write a control register."""
        self.lines.append(f"1 {offset_of(name, index):x} {value & 0xFFFFFFFF:x}")

    def read(self, name: str, index: int = 0) -> None:
        """Read one."""
        self.lines.append(f"2 {offset_of(name, index):x} 0")

    def wait(self, cycles: int) -> None:
        """Wait for the interrupt."""
        self.lines.append(f"3 0 {cycles:x}")

    def idle(self, cycles: int) -> None:
        """Do nothing for a time."""
        self.lines.append(f"4 0 {cycles:x}")

    def until_idle(self) -> None:
        """Read the status until the device isn't busy."""
        self.lines.append(f"6 {offset_of('STATUS'):x} 1")

    def reset(self, cycles: int) -> None:
        """Pull the reset."""
        self.lines.append(f"5 0 {cycles:x}")

    def settings(self, where: Placed, watchdog: int = 0) -> None:
        """Segments, the program and which interrupts there are."""
        for number, base in where.bases.items():
            self.write("SEGMENT_BASE_LOW", base, number)
            self.write("SEGMENT_BASE_HIGH", base >> 32, number)
            self.write("SEGMENT_LIMIT", where.limits[number], number)
        self.write("PROGRAM_SEGMENT", PROGRAM)
        self.write("PROGRAM_OFFSET", 0)
        self.write("IRQ_MASK", 0b111)
        self.write("WATCHDOG", watchdog)

    def run(self, cycles: int) -> None:
        """Ring the doorbell and wait; then ask what became of it."""
        self.write("CONTROL", 1)
        self.wait(cycles)
        for name in REPORT:
            self.read(name)
        self.write("IRQ_STATUS", 0b111)


REPORT = ("STATUS", "ERROR", "ERROR_INDEX", "ERROR_ADDRESS_LOW", "CYCLES_LOW", "CYCLES_HIGH")
"""What a host asks for after a run."""

_DONE = 0b10


@dataclass(frozen=True)
class RtlRun:
    """What a run left: its outputs, and the cycles from the doorbell to the last answer of a write."""

    outputs: dict[str, NDArray[np.int8]]
    cycles: int
    memory: bytes


@dataclass(frozen=True)
class RtlDevice:
    """A device in Verilog: the text of its modules, those of its SRAMs included, and the name of its top."""

    top: str
    verilog: str

    def model(self, options: ModelOptions | None = None) -> Path:
        """The executable of the bench, built unless it is there."""
        bench = f'`define DUT {self.top}\n`include "dram.svh"\n`include "host.svh"\n'
        checker = to_verilog(Dag((build_axi_checker("bus"),)))
        sources = {"device.v": self.verilog, "checker.v": checker, "bench.sv": bench}
        return build_bench(sources, options=options)

    def run(
        self,
        program: DeviceProgram,
        inputs: Mapping[str, NDArray[np.integer]],
        *,
        dram: Dram | None = None,
        most: int = 1 << 24,
        seed: int = 0,
    ) -> RtlRun:
        """Run a program: one doorbell. Raises E703 if the device stops with an error, or doesn't end."""
        where, host = placed(program, inputs), Host()
        host.settings(where)
        host.run(most)
        answers, memory = self.play(host, where, dram=dram, seed=seed)
        words = [int(line.split()[1], 16) for line in answers if line.startswith("r")]
        found = dict(zip(REPORT, words, strict=True))
        if not answers[0].startswith("i") or not found["STATUS"] & _DONE:
            code = ErrorCode(found["ERROR"] & 0xFF).name
            message = f"{program.name} stops at command {found['ERROR_INDEX']} with {code}"
            raise LegoError("E703", message, hint="lego disasm prints the commands")
        base = where.bases[DATA]
        outputs = {}
        for name in program.outputs:
            located = program.tensors[name]
            at = base + located.offset
            outputs[name] = located.layout.unpacked(memory[at : at + located.layout.size])
        return RtlRun(outputs, found["CYCLES_HIGH"] << 32 | found["CYCLES_LOW"], memory)

    def play(
        self, host: Host, where: Placed, *, dram: Dram | None = None, seed: int = 0
    ) -> tuple[Sequence[str], bytes]:
        """What a host's commands are answered, and what the memory holds then."""
        size = len(where.image)
        behaves = replace(dram or Dram(latency=40, answer=40), base=0, bytes=size)
        with tempfile.TemporaryDirectory(prefix="lego-device-") as scratch:
            folder = Path(scratch)
            (folder / "dram.bin").write_bytes(where.image)
            (folder / "commands").write_text("\n".join(host.lines) + "\n")
            plusargs = behaves.plusargs(folder / "dram.bin", folder / "after.bin")
            plusargs += [f"+commands={folder / 'commands'}", f"+answers={folder / 'answers'}"]
            run_bench(self.model(), folder, plusargs, seed=seed, timeout_s=3600)
            answers = (folder / "answers").read_text().splitlines()
            return answers, (folder / "after.bin").read_bytes()
