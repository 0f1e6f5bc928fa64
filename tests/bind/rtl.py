"""Verilog of chips, and the bench's commands for bound operations on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lego.back.backend import lower
from lego.back.pipeline import DEFAULT
from lego.back.plan.design import plan_of
from lego.back.rtl.verilog import to_verilog
from lego.back.sram.files import sram_files
from lego.bind.program import program_of
from lego.bind.result import Bound
from lego.bind.site import Site
from lego.compile import device_of
from lego.ir.array import Tensor
from lego.ir.fused import FusedAdg
from lego.tell import silent
from sim.session import Case
from sim.streams import Stream
from tests.bind.running import contents, expected, random_operands

Run = tuple[Site, Bound, Mapping[str, Tensor]]


def case_of(chip: FusedAdg, runs: Sequence[Run]) -> Case:
    """A chip that runs bound operations one after the other; each result is read back and compared."""
    plan = plan_of(chip)
    lowered = lower(plan, DEFAULT, [].append, silent)
    device = device_of(plan, lowered)
    verilog = to_verilog(lowered.dag, [macro.module for macro in device.macros])
    srams = "".join(data.decode() for data in sram_files([device], None).values())
    stream = Stream(device)
    stream.reset()
    for seed, run in enumerate(runs):
        _add(stream, run, device.dataflows[run[1].dataflow].tail, seed)
    return Case(verilog + srams, stream)


def _add(stream: Stream, run: Run, tail: int, seed: int) -> None:
    site, bound, tensors = run
    program = program_of(site, bound, tail)
    operands = random_operands(bound.op, tensors, seed)
    stream.program(program)
    for port, values in zip(site.inputs, contents(bound, tensors, operands), strict=True):
        stream.write(program.layouts[port.name], values)
    layout = program.layouts[site.output.name]
    if layout.preload is not None:
        stream.write(layout, np.full(layout.shape, layout.preload))
    stream.run(program.cycles)
    values, mask = np.zeros(layout.shape, dtype=np.int64), np.zeros(layout.shape, dtype=np.bool_)
    wanted = expected(bound.op, tensors, operands)
    for element, index in bound.results().items():
        if element in wanted:
            values[index], mask[index] = wanted[element], True
    assert mask.sum() == len(wanted)
    stream.read(layout, values, mask)
