"""The driver in C against the register block, through its port of AXI4-Lite."""

from __future__ import annotations

import ctypes
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum, auto
from pathlib import Path

import pytest

from lego.back.system.registers.block import build_control
from lego.diag import LegoError
from lego.ir.commands import ErrorCode
from lego.ir.control_map import Identity, offset_of
from lego.runtime.driver import DRIVER, driver_files
from lego.tools import run
from tests.back.quick import Quick
from tests.back.verilated import Verilated
from tests.runtime.driver.board import BASE, GCC, IDENTITY, Board, Run, compiled, sources

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc isn't installed")


class Result(IntEnum):
    OK = 0
    BUSY = auto()
    IDLE = auto()
    STOPPED = auto()
    TIMEOUT = auto()
    NO_DEVICE = auto()
    OTHER_VERSION = auto()
    OTHER_CHIP = auto()
    BAD_ARGUMENT = auto()


DONE, COMMAND, ERROR = 1, 2, 4


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def board(library: ctypes.CDLL) -> Iterator[Board]:
    """A board on which the driver never causes a fault of the bus."""
    made = Board(library)
    yield made
    assert made.faults == 0


def test_it_needs_no_library_and_names_are_the_header_s(tmp_path: Path) -> None:
    sources(IDENTITY, tmp_path)
    command = [*GCC, "-O2", "-DLEGO_COHERENT", "-c", DRIVER, "-o", "driver.o"]
    run(command, cwd=tmp_path, timeout_s=100)
    assert run(["nm", "-u", "driver.o"], cwd=tmp_path, timeout_s=10).stdout == ""
    text = driver_files()["lego_driver.h"].decode()
    for enum, prefix, members in (
        ("lego_result", "LEGO_", Result),
        ("lego_error_code", "LEGO_ERROR_", ErrorCode),
    ):
        (body,) = re.findall(rf"typedef enum {{([^}}]*)}} {enum};", text)
        assert re.findall(rf"{prefix}(\w+)(?= = 0)?[, ]", re.sub(r"/\*.*?\*/", " ", body)) == [
            each.name for each in members
        ]
        assert [each.value for each in members] == list(range(len(members)))


def test_a_board_must_say_what_its_caches_need(tmp_path: Path) -> None:
    sources(IDENTITY, tmp_path)
    with pytest.raises(LegoError, match="define LEGO_CACHE_CLEAN and LEGO_CACHE_INVALIDATE"):
        run([*GCC, "-c", DRIVER], cwd=tmp_path, timeout_s=100)


@pytest.mark.parametrize(
    ("identity", "result"),
    [(IDENTITY, Result.OK), (replace(IDENTITY, chip=0x600DCAFF), Result.OTHER_CHIP)],
)
def test_probe_knows_its_chip(library: ctypes.CDLL, identity: Identity, result: Result) -> None:
    board = Board(library, Quick(build_control("unit", identity)))
    board.device = ctypes.c_size_t(0)
    assert board.call("probe", BASE) == result
    assert board.device.value == BASE


@pytest.mark.parametrize(
    ("text", "other", "result"),
    [("VERSION", 2, Result.OTHER_VERSION), ("MAGIC", 0xFFFFFFFF, Result.NO_DEVICE)],
)
def test_probe_refuses_what_it_does_not_know(
    library: ctypes.CDLL,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    other: int,
    result: Result,
) -> None:
    monkeypatch.setattr(f"lego.ir.control_map.{text}", other)
    board = Board(library, Quick(build_control("unit", IDENTITY)))
    assert board.call("probe", BASE) == result


def test_settings_arrive_at_the_device(board: Board) -> None:
    base = 0xABC_1234_5640
    assert board.call("set_segment", 5, base, 0xFFFF0000) == Result.OK
    assert board.call("set_program", 5, 0x1230) == Result.OK
    assert board.call("set_parameter", 7, 99) == Result.OK
    assert board.call("set_watchdog", 10_000) == Result.OK
    assert board.call("set_attributes", 0b1111, 0b010, 9) == Result.OK
    said = board.idle()
    assert (said["segment_base5"], said["segment_limit5"]) == (base, 0xFFFF0000)
    assert (said["program_segment"], said["program_offset"]) == (5, 0x1230)
    assert (said["parameter7"], said["watchdog"]) == (99, 10_000)
    assert (said["cache"], said["prot"], said["qos"]) == (0b1111, 0b010, 9)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_segment", (8, 1 << 40, 64)),
        ("set_segment", (0, (1 << 40) + 32, 64)),
        ("set_program", (8, 0)),
        ("set_program", (0, 8)),
        ("set_parameter", (8, 0)),
        ("set_attributes", (16, 0, 0)),
        ("set_attributes", (0, 8, 0)),
        ("set_attributes", (0, 0, 16)),
        ("set_interrupts", (8,)),
    ],
)
def test_arguments_out_of_range_are_refused(
    board: Board, name: str, arguments: tuple[int, ...]
) -> None:
    assert board.call(name, *arguments) == Result.BAD_ARGUMENT
    assert [event for event in board.events if event[0] == "write"] == []


def test_a_program_runs_to_its_end(board: Board) -> None:
    assert board.call("poll") == Result.IDLE
    board.runs(Run(300), Run(20))
    for cycles in (300, 20):
        assert board.call("start") == Result.OK
        assert board.call("poll") == Result.BUSY
        assert board.call("wait", 1000) == Result.OK
        assert board.call("get_progress").cycles == cycles + 1
    assert board.pulses["doorbell"] == 2


def test_memory_is_in_order_before_the_doorbell(board: Board) -> None:
    data = ctypes.create_string_buffer(64)
    at = ctypes.addressof(data)
    board.runs(Run(10))
    board.library.lego_to_device(data, ctypes.c_size_t(48))
    assert board.call("start") == Result.OK
    board.library.lego_from_device(data, ctypes.c_size_t(64))
    order = [each for each in board.events if each[0] != "read"]
    doorbell = ("write", offset_of("CONTROL"), 1)
    assert order[:2] == [("c", at, 48), ("fence",)]
    assert order[-4:] == [("fence",), doorbell, ("fence",), ("i", at, 64)]


def test_a_second_start_is_refused_and_changes_nothing(board: Board) -> None:
    board.runs(Run(400))
    assert board.call("start") == Result.OK
    assert board.call("start") == Result.BUSY
    assert board.call("set_program", 0, 0) == Result.BUSY
    assert board.call("set_segment", 0, 1 << 40, 64) == Result.BUSY
    assert board.call("set_parameter", 0, 1) == Result.BUSY
    assert board.call("set_watchdog", 1) == Result.BUSY
    assert board.call("set_attributes", 0, 0, 0) == Result.BUSY
    assert board.call("wait", 2) == Result.TIMEOUT
    assert board.call("wait", 0) == Result.TIMEOUT
    assert board.call("wait", 1000) == Result.OK
    assert board.pulses["doorbell"] == 1


def test_a_doorbell_that_somebody_else_rang_first_is_noticed(board: Board) -> None:
    """Between the driver's look at the status and its doorbell the device becomes busy."""
    inner = board._event

    def rang(what: int, address: int, size: int) -> None:
        inner(what, address, size)
        assert board.write(offset_of("CONTROL"), 1) == 0

    board.runs(Run(400))
    call = type(board._calls[2])(rang)
    pointer = ctypes.c_void_p.in_dll(board.library, "board_event")
    pointer.value = ctypes.cast(call, ctypes.c_void_p).value
    assert board.call("start") == Result.BUSY
    assert board.pulses["doorbell"] == 1
    assert board.call("wait", 1000) == Result.OK


def test_a_refusal_of_the_past_does_not_count(board: Board) -> None:
    board.runs(Run(50), Run(400))
    assert board.call("start") == Result.OK
    assert board.write(offset_of("CONTROL"), 1) == 0
    assert board.call("wait", 1000) == Result.OK
    assert board.read(offset_of("STATUS"))[0] == 0b1010
    assert board.call("start") == Result.OK


def test_interrupts_are_told_once(board: Board) -> None:
    assert board.call("set_interrupts", DONE | COMMAND) == Result.OK
    board.runs(Run(200, interrupts=(60, 120)), Run(50, code=ErrorCode.RANGE))
    assert board.call("start") == Result.OK
    seen = []
    for _ in range(400):
        if board.idle()["irq"]:
            seen.append(board.call("interrupt"))
            assert board.idle()["irq"] == 0
    assert seen == [COMMAND, COMMAND, DONE]
    assert board.call("interrupt") == 0
    assert board.call("start") == Result.OK
    assert board.call("wait", 1000) == Result.STOPPED
    assert board.idle()["irq"] == 0
    assert board.call("interrupt") == 0
    assert board.call("set_interrupts", ERROR) == Result.OK
    assert board.idle()["irq"] == 1
    assert board.call("interrupt") == ERROR


def test_errors_are_told_with_their_place(board: Board) -> None:
    address = 0x1_2345_6789_ABC0
    board.runs(Run(50, ErrorCode.READ, 123456, address), Run(10))
    assert board.call("start") == Result.OK
    assert board.call("wait", 1000) == Result.STOPPED
    failure = board.call("error")
    assert (failure.code, failure.index, failure.address) == (ErrorCode.READ, 123456, address)
    assert board.call("start") == Result.OK
    assert board.call("wait", 1000) == Result.OK
    assert board.call("error").code == ErrorCode.NONE


def test_errors_have_names(library: ctypes.CDLL) -> None:
    library.lego_error_name.restype = ctypes.c_char_p
    names = [library.lego_error_name(code).decode() for code in range(len(ErrorCode) + 1)]
    assert names == [*(each.name.lower() for each in ErrorCode), "unknown"]


def test_an_aborted_program_says_so(board: Board) -> None:
    board.runs(Run(100_000))
    assert board.call("start") == Result.OK
    board.call("abort")
    assert board.call("wait", 100) == Result.STOPPED
    assert board.call("error").code == ErrorCode.ABORTED


def test_a_reset_waits_for_the_program_s_end_and_clears(board: Board) -> None:
    board.runs(Run(100_000))
    assert board.call("set_parameter", 3, 5) == Result.OK
    assert board.call("start") == Result.OK
    assert board.call("reset", 0) == Result.TIMEOUT
    assert board.call("reset", 100) == Result.OK
    assert board.call("poll") == Result.IDLE
    assert board.call("error").code == 0
    assert board.idle()["parameter3"] == 5


def test_cycles_are_read_whole(board: Board) -> None:
    """Whenever the low half wraps, between or in any of the driver's reads."""
    board.runs(Run(100_000))
    assert board.call("start") == Result.OK
    for ahead in range(30):
        assert isinstance(board.machine, Quick)
        board.machine.set("cycles_low", 0xFFFFFFFF - ahead)
        board.machine.set("cycles_high", 4)
        found = board.call("get_progress").cycles
        assert 0 <= found - ((4 << 32) + 0xFFFFFFFF - ahead) < 60


def test_progress(board: Board) -> None:
    board.runs(Run(100))
    board.inputs |= {"command_index": 77, "semaphores": 0xFEDCBA9876543210, "stall_bus": 1}
    board.inputs |= {f"engine_index{k}": k + 5 for k in range(4)}
    assert board.call("start") == Result.OK
    assert board.call("wait", 1000) == Result.OK
    found = board.call("get_progress")
    assert (found.command, list(found.engines)) == (77, [5, 6, 7, 8])
    assert (found.semaphores, found.cycles, found.waits_bus) == (0xFEDCBA9876543210, 101, 101)
    assert (found.waits_semaphore, found.waits_queue) == (0, 0)


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "device.md").read_text()
    (example,) = [
        each for each in re.findall(r"```c\n(.*?)```", page, re.DOTALL) if "probe" in each
    ]
    declared = (
        "int set_up(uintptr_t, const void *, uint32_t);\nint run(void *, uint32_t, uint32_t);\n"
    )
    head = '#include "lego_driver.h"\n'
    (tmp_path / "example.c").write_text(example.replace(head, head + declared))
    board = Board(compiled(tmp_path, more=("example.c",)))
    memory = ctypes.create_string_buffer(256)
    at = ctypes.addressof(memory) & ~63
    call = board.library
    assert call.set_up(ctypes.c_size_t(BASE), ctypes.c_size_t(at), 128) == 1
    assert board.idle()["segment_base0"] == at
    board.runs(Run(100), Run(100, ErrorCode.CHECK))
    assert call.run(ctypes.c_size_t(at), 128, 64) == 0
    assert board.idle()["program_offset"] == 64
    assert call.run(ctypes.c_size_t(at), 128, 0) == ErrorCode.CHECK
    assert board.faults == 0


BROKEN = (
    ("    PUT(device, STATUS, refused);\n", "", test_a_refusal_of_the_past_does_not_count),
    (
        "refused) == 0 ? LEGO_OK : LEGO_BUSY",
        "refused) == 0 ? LEGO_OK : LEGO_OK",
        test_a_doorbell_that_somebody_else_rang_first_is_noticed,
    ),
    (
        "    LEGO_CACHE_CLEAN(address, bytes);\n    LEGO_FENCE();\n",
        "    LEGO_FENCE();\n    LEGO_CACHE_CLEAN(address, bytes);\n",
        test_memory_is_in_order_before_the_doorbell,
    ),
    (
        "return (GET(device, STATUS) & LEGO_CONTROL__STATUS__BUSY_bm) != 0;",
        "return device == 0;",
        test_a_second_start_is_refused_and_changes_nothing,
    ),
    (
        "PUT(device, IRQ_STATUS, sources);",
        "PUT(device, IRQ_STATUS, 7);",
        test_interrupts_are_told_once,
    ),
    ("if (again != high)", "if (again < high)", test_cycles_are_read_whole),
    ("CONTROL__ABORT_bm", "CONTROL__SOFT_RESET_bm", test_an_aborted_program_says_so),
    (
        "joined(GET(device, ERROR_ADDRESS_HIGH), GET(device, ERROR_ADDRESS_LOW))",
        "joined(GET(device, ERROR_ADDRESS_LOW), GET(device, ERROR_ADDRESS_HIGH))",
        test_errors_are_told_with_their_place,
    ),
    (
        "if (!is_busy(device))\n            return LEGO_OK;",
        "if (is_busy(device))\n            return LEGO_OK;",
        test_a_reset_waits_for_the_program_s_end_and_clears,
    ),
    ("(uint32_t)(base >> 32)", "0", test_settings_arrive_at_the_device),
    ("found != LEGO_BUSY", "found == LEGO_BUSY", test_a_program_runs_to_its_end),
)


@pytest.mark.parametrize(("old", "new", "test"), BROKEN, ids=[each[2].__name__ for each in BROKEN])
def test_broken_drivers_are_noticed(
    tmp_path: Path, old: str, new: str, test: Callable[[Board], None]
) -> None:
    with pytest.raises(AssertionError):
        test(Board(compiled(tmp_path, old, new)))


@pytest.mark.slow
def test_the_driver_drives_the_verilog(library: ctypes.CDLL, tmp_path: Path) -> None:
    machine = Verilated([build_control("unit", IDENTITY)], tmp_path)
    scenes = {test for *_, test in BROKEN if test is not test_cycles_are_read_whole}
    for scene in sorted(scenes, key=lambda test: test.__name__):
        machine.reset()
        board = Board(library, machine)
        scene(board)
        assert board.faults == 0
