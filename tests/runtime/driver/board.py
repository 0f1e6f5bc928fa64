"""A board for the driver: a device that plays runs behind the real register block, and its bus in C."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lego.artefact.register_map import register_map
from lego.back.system.registers.block import build_control
from lego.ir.commands import ErrorCode
from lego.ir.control_map import Identity
from lego.runtime.driver import DRIVER, driver_files
from lego.tools import run
from tests.back.quick import Quick
from tests.back.system.registers.port import Cycled, Port

__all__ = ["BASE", "GCC", "IDENTITY", "Board", "Run", "compiled", "sources"]

IDENTITY = Identity(0x600DCAFE)
BASE = 0x40000000
GCC = ["gcc", "-std=c99", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Werror", "-pedantic"]
GCC += ["-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes"]

BOARD = """\
#include <stddef.h>
#include <stdint.h>
extern uint32_t (*bus_read)(uintptr_t address);
extern void (*bus_write)(uintptr_t address, uint32_t word);
extern void (*board_event)(int what, uintptr_t address, size_t bytes);
#define LEGO_READ(address) bus_read(address)
#define LEGO_WRITE(address, word) bus_write(address, word)
#define LEGO_FENCE() board_event(0, 0, 0)
#define LEGO_CACHE_CLEAN(address, bytes) board_event(1, (uintptr_t)(address), bytes)
#define LEGO_CACHE_INVALIDATE(address, bytes) board_event(2, (uintptr_t)(address), bytes)
"""
BUS = """\
#include "board.h"
uint32_t (*bus_read)(uintptr_t address);
void (*bus_write)(uintptr_t address, uint32_t word);
void (*board_event)(int what, uintptr_t address, size_t bytes);
"""
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_size_t)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_uint32)
EVENT = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t)


@dataclass(frozen=True, slots=True)
class Run:
    """A program, as the registers see it: cycles of busy, and how it ends."""

    cycles: int
    code: int = 0
    index: int = 0
    address: int = 0
    interrupts: tuple[int, ...] = ()


def sources(identity: Identity, folder: Path) -> None:
    """Write the driver and the header of the registers, as the folder of a design has them."""
    for name, data in (driver_files() | register_map(identity)).items():
        if "/" not in name:
            (folder / name).write_bytes(data)


def compiled(folder: Path, old: str = "", new: str = "", more: tuple[str, ...] = ()) -> ctypes.CDLL:
    """The driver with a bus of two callbacks, as a library; with another text somewhere."""
    sources(IDENTITY, folder)
    text = (folder / DRIVER).read_text()
    assert not old or text.count(old) == 1, old
    (folder / DRIVER).write_text(text.replace(old, new) if old else text)
    (folder / "board.h").write_text(BOARD)
    (folder / "board.c").write_text(BUS)
    command = [*GCC, "-O2", '-DLEGO_BOARD="board.h"', "-shared", "-fPIC", "-o", "driver.so"]
    run([*command, DRIVER, "board.c", *more], cwd=folder, timeout_s=100)
    return ctypes.CDLL(str(folder / "driver.so"))


class Failure(ctypes.Structure):
    """`lego_failure`."""

    _fields_ = (
        ("code", ctypes.c_uint32),
        ("index", ctypes.c_uint32),
        ("address", ctypes.c_uint64),
    )


class Progress(ctypes.Structure):
    """`lego_progress`."""

    _fields_ = (
        ("cycles", ctypes.c_uint64),
        ("waits_semaphore", ctypes.c_uint32),
        ("waits_bus", ctypes.c_uint32),
        ("waits_queue", ctypes.c_uint32),
        ("command", ctypes.c_uint32),
        ("engines", ctypes.c_uint32 * 4),
        ("semaphores", ctypes.c_uint64),
    )


@dataclass
class Playing:
    """The run that the device plays, and for how many cycles it has."""

    run: Run | None = None
    done: int = 0
    waiting: deque[Run] = field(default_factory=deque)


class Board(Port):
    """Accesses of the driver as whole cycles of the block, with a device that plays `runs` in turn.

    `events` are what the driver did, in order; an answer with an error is a fault of the bus.
    """

    def __init__(self, library: ctypes.CDLL, machine: Cycled | None = None) -> None:
        super().__init__(machine or Quick(build_control("unit", IDENTITY)), seed=1)
        self.library = library
        self.events: list[tuple[object, ...]] = []
        self.faults = 0
        self.playing = Playing()
        self._calls = READ(self._reads), WRITE(self._writes), EVENT(self._event)
        for name, call in zip(("bus_read", "bus_write", "board_event"), self._calls, strict=True):
            pointer = ctypes.c_void_p.in_dll(library, name)
            pointer.value = ctypes.cast(call, ctypes.c_void_p).value
        library.lego_error.restype = Failure
        library.lego_get_progress.restype = Progress
        library.lego_error_name.restype = ctypes.c_char_p
        library.lego_interrupt.restype = ctypes.c_uint32
        self.device = ctypes.c_size_t(BASE)

    def runs(self, *runs: Run) -> None:
        """What the device plays at the next doorbells."""
        self.playing.waiting.extend(runs)

    def call(self, name: str, *arguments: int) -> Any:
        """A function of the driver on the device."""
        wide = [ctypes.c_uint64(each) if each >> 32 else each for each in arguments]
        function = getattr(self.library, f"lego_{name}")  # `[]` would forget the result's type
        return function(ctypes.byref(self.device), *wide)

    def idle(self) -> dict[str, int]:
        """One cycle of the block and of the device."""
        said = super().idle()
        playing = self.playing
        if said["doorbell"]:
            playing.run, playing.done = playing.waiting.popleft(), 0
        elif playing.run and (said["abort"] or said["soft_reset"]):
            playing.run, playing.done = Run(40, ErrorCode.ABORTED, index=7), 0
        elif playing.run and playing.done == playing.run.cycles:
            playing.run = None
        elif playing.run:
            playing.done += 1
        self.inputs |= _inputs(playing.run, playing.done)
        return said

    def _reads(self, address: int) -> int:
        word, response = self.read(address - BASE)
        self.faults += response != 0
        self.events.append(("read", address - BASE))
        return word

    def _writes(self, address: int, word: int) -> None:
        self.faults += self.write(address - BASE, word) != 0
        self.events.append(("write", address - BASE, word))

    def _event(self, what: int, address: int, size: int) -> None:
        self.events.append(("fence",) if what == 0 else ("  ci"[what + 1], address, size))


def _inputs(playing: Run | None, done: int) -> Mapping[str, int]:
    """What the device says in a cycle of a run, or while it is idle."""
    last = playing is not None and done == playing.cycles
    code = playing.code if playing else 0
    return {
        "busy": int(playing is not None),
        "finished": int(last and not code),
        "failed": int(last and code != 0),
        "interrupt": int(playing is not None and done in playing.interrupts),
        "error_code": code,
        "error_index": playing.index if playing else 0,
        "error_address": playing.address if playing else 0,
    }
