"""A fault, then the good program: python -m tests.device.recovery

The device must say what went wrong, leave nothing half done on the bus, and run the good program afterwards
as if nothing had been.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from frontends.yaml.load import load_text
from lego.device.compile import compiled
from lego.device.memory_map import DATA, PROGRAM
from lego.device.program import DeviceProgram
from lego.ir.commands import ErrorCode
from lego.runtime.functional import FunctionalDevice
from sim.device.dram import Dram
from sim.device.rtl import REPORT, Host, Placed, placed
from sim.device.session import inputs_for
from tests.device.campaign import drawn_dram
from tests.device.chips import edge, edge_rtl
from tests.device.faults import DOORBELL, KINDS, SOFT_RESET, Fault, drawn_fault
from tests.device.random_networks import drawn_network

__all__ = ["drawn", "judge"]

NETWORKS = (1, 12, 27, 10, 13)
SPOILED = 3
"""Segment of the program that is run instead."""

BUSY, DONE, ERROR, REFUSED = 1, 2, 4, 8
MOST = 1 << 18


@dataclass(frozen=True)
class Scene:
    """A program with what it needs in memory, a memory, the tensors that it leaves, and its cycles."""

    program: DeviceProgram
    where: Placed
    dram: Dram
    left: bytes
    cycles: int


@cache
def scene(number: int) -> Scene:
    """One of some networks, on a memory of its own."""
    seed = NETWORKS[number]
    made = compiled(edge(), (workload := load_text(drawn_network(seed))), seed=seed)
    inputs, dram = inputs_for(made, workload, seed), drawn_dram(seed)
    model = FunctionalDevice(edge())
    model.run(made.program, inputs)
    run = edge_rtl().run(made.program, inputs, dram=dram, seed=seed)
    left = model.segments[DATA].tobytes()
    return Scene(made.program, placed(made.program, inputs), dram, left, run.cycles)


def _with_spoiled(where: Placed, fault: Fault) -> Placed:
    """The memory with the program that is run instead."""
    data = b"".join(word.to_bytes(8, "little") for word in fault.words)
    at = len(where.image)
    bases, limits = {**where.bases, SPOILED: at}, {**where.limits, SPOILED: len(data)}
    return Placed(where.image + data + bytes(-len(data) % 4096), bases, limits)


def _failing(host: Host, where: Placed, fault: Fault) -> None:
    """The run that goes wrong."""
    limits = {**where.limits, **fault.limits}
    host.settings(replace(where, limits=limits), fault.watchdog)
    host.write("PROGRAM_SEGMENT", SPOILED if fault.words else PROGRAM)
    host.write("PROGRAM_OFFSET", fault.offset)
    host.write("CONTROL", DOORBELL)
    host.idle(fault.after)
    if fault.reset:
        host.reset(fault.reset)
    elif fault.control:
        host.write("CONTROL", fault.control)
    if fault.control == DOORBELL:
        host.write("SEGMENT_LIMIT", 0, DATA)
    if not fault.reset and fault.control != SOFT_RESET:
        host.wait(MOST)
    host.until_idle()
    for name in REPORT:
        host.read(name)
    host.write("STATUS", REFUSED)
    host.write("IRQ_STATUS", 0b111)


def _numbers(answers: Sequence[str], kind: str) -> list[int]:
    return [int(line.split()[1], 16) for line in answers if line.startswith(kind)]


def _check_failure(fault: Fault, answers: Sequence[str], said: Mapping[str, int]) -> None:
    """The device says what went wrong."""
    status = said["STATUS"]
    if fault.code is not ErrorCode.NONE:
        assert status == ERROR, f"status {status}"
    elif fault.control == DOORBELL:
        assert status == DONE | REFUSED, f"status {status}"
        assert "x 2" in answers, "a locked register was written"
    else:
        assert status == 0, f"status {status}"
    found = ErrorCode(said["ERROR"])
    assert found is fault.code, f"{found.name} instead of {fault.code.name}"
    if fault.index is not None:
        assert said["ERROR_INDEX"] == fault.index, f"command {said['ERROR_INDEX']}"


def _check_address(where: Placed, fault: Fault, said: Mapping[str, int]) -> None:
    """Errors of the bus say an address of a segment, or the first beyond it."""
    if fault.code in (ErrorCode.READ, ErrorCode.WRITE, ErrorCode.RANGE):
        address = said["ERROR_ADDRESS_LOW"]
        spans = [(base, base + where.limits[k]) for k, base in where.bases.items()]
        assert any(low <= address < high for low, high in spans), f"address {address:#x}"


def drawn(seed: int) -> tuple[Scene, Fault]:
    """A fault, and where it happens."""
    stage = scene(seed // len(KINDS) % len(NETWORKS))
    return stage, drawn_fault(seed, stage.program, stage.cycles)


def judge(seed: int, stage: Scene, fault: Fault) -> None:
    """Let a fault happen, and run the good program."""
    where, host = _with_spoiled(stage.where, fault), Host()
    _failing(host, where, fault)
    if seed % 3 == 0:
        host.write("CONTROL", SOFT_RESET)
        host.until_idle()
    host.settings(where)
    host.run(MOST)
    dram = replace(stage.dram, seed=seed, **fault.dram)
    answers, memory = edge_rtl().play(host, where, dram=dram, seed=seed)
    assert "h" not in answers, "the device doesn't end"
    words = _numbers(answers, "r")
    said = dict(zip(REPORT, words[1 : 1 + len(REPORT)], strict=True))
    _check_failure(fault, answers, said)
    _check_address(where, fault, said)
    after = dict(zip(REPORT, words[-len(REPORT) :], strict=True))
    assert after["STATUS"] == DONE, f"afterwards status {after['STATUS']}, error {after['ERROR']}"
    wanted = bytearray(where.image)
    wanted[where.bases[DATA] : where.bases[DATA] + len(stage.left)] = stage.left
    differ = np.flatnonzero(np.frombuffer(memory, np.uint8) != np.frombuffer(wanted, np.uint8))
    assert not len(differ), f"byte {differ[0]:#x} of memory, and {len(differ) - 1} more"


def main() -> None:
    """Judge faults, a line each, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first fault")
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.count):
        try:
            stage, fault = drawn(seed)
            judge(seed, stage, fault)
            verdict, kind = f"{fault.kind}, {fault.code.name}", fault.kind
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is told, and the next one judged
            verdict, kind = f"WRONG: {error!r}", "wrong"
        tally[kind] += 1
        print(f"{seed}: {verdict}", flush=True)
    for kind, count in sorted(tally.items()):
        print(f"{count} {kind}")


if __name__ == "__main__":
    main()
