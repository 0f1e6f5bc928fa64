"""cocotb test: let the bench run free and check its answers when it has finished."""

from __future__ import annotations

import os
from pathlib import Path

import cocotb
from cocotb.triggers import RisingEdge, Timer

from sim.checks import check_folder


@cocotb.test()  # type: ignore[untyped-decorator]
async def answers_match(dut: cocotb.handle.HierarchyObject) -> None:
    """Every element equals the reference and every run took the predicted cycles."""
    await Timer(1, "ns")  # before time zero has settled, signals hold random values
    while not int(dut.finished.value):
        await RisingEdge(dut.finished)
    failures = check_folder(Path(os.environ["LEGO_STREAMS"]))
    assert not failures, "\n".join(failures[:20])
