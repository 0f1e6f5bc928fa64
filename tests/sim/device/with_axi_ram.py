"""cocotb's side of the copier before a memory of cocotbext-axi: plays copies, and keeps what memory holds."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from cocotbext.axi import AxiBus, AxiRam

from tests.sim.device.copier import SEGMENT

PORTS = ("source_segment", "source_offset", "target_segment", "target_offset", "beats")


def pauses(seed: int, percent: int) -> Iterator[bool]:
    r = random.Random(seed)
    while True:
        yield r.randrange(100) < percent


@cocotb.test()
async def copies(dut: cocotb.handle.HierarchyObject) -> None:
    folder = Path(os.environ["LEGO_STREAMS"])
    seed, percent = (int(word) for word in (folder / "pauses.txt").read_text().split())
    before = (folder / "before.bin").read_bytes()
    dut.rst.value, dut.copy_valid.value, dut.halt.value = 1, 0, 0
    dut.cache.value, dut.prot.value, dut.qos.value = 3, 2, 0
    for k in range(8):
        getattr(dut, f"segment_base{k}").value = k * SEGMENT
        getattr(dut, f"segment_limit{k}").value = SEGMENT
    cocotb.start_soon(Clock(dut.clk, 2, "ns").start())
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=len(before))
    ram.write(0, before)
    if percent:
        slave = [ram.read_if.ar_channel, ram.read_if.r_channel]
        slave += [ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel]
        for k, channel in enumerate(slave):
            channel.set_pause_generator(pauses(seed + k, percent))
    await ClockCycles(dut.clk, 4)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    wanted, done = (folder / "copies.txt").read_text().splitlines(), 0
    left = list(wanted)
    for _ in range(20000):
        if left:
            for port, number in zip(PORTS, left[0].split(), strict=True):
                getattr(dut, port).value = int(number, 16)
        dut.copy_valid.value = int(bool(left))
        taken = left and int(dut.copy_ready.value)  # in the edge that comes
        await FallingEdge(dut.clk)
        if taken:
            left.pop(0)
        done += int(dut.write_done.value)
        assert not int(dut.write_error.value)
        if dut.write_idle.value and not left:
            break
    (folder / "after.bin").write_bytes(ram.read(0, len(before)))
    assert done == len(wanted)
