"""Bound operations in RTL: the Verilog of a chip runs what the chip wasn't compiled from."""

from __future__ import annotations

import numpy as np

from frontends.yaml import load_text
from lego.bind.program import program_of
from lego.bind.result import Bound
from lego.bind.search import bind
from lego.bind.site import Site, sites_of
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.ir.device import devices_from_json
from sim.session import Case
from sim.streams import Stream
from tests.bind import examples
from tests.bind.examples import CHIPS
from tests.bind.running import contents, expected, operation_of, random_operands
from tests.designs import verdicts_of, whole

RUNS = {
    "gemm": ["RAGGED", "GEMV", "POINTWISE", "SCORES", "VALUES"],
    "weights": ["CONV", "STRIDED", "DILATED", "GROUPED", "TRANSPOSED", "LINEAR"],
    "pixels": ["CONV", "DILATED", "PIECE", "SAME"],
    "depthwise": ["CHANNELS"],
    "padded": ["SAME"],
}


def add_run(stream: Stream, site: Site, text: str, tail: int, seed: int) -> None:
    """Load, run, and read back an operation that must be bound."""
    op, tensors = operation_of(text)
    bound = bind(site, op, tensors)
    assert isinstance(bound, Bound), str(bound)
    program = program_of(site, bound, tail)
    operands = random_operands(op, tensors, seed)
    stream.program(program)
    for port, values in zip(site.inputs, contents(bound, tensors, operands), strict=True):
        stream.write(program.layouts[port.name], values)
    layout = program.layouts[site.output.name]
    if layout.preload is not None:
        stream.write(layout, np.full(layout.shape, layout.preload))
    stream.run(program.cycles)
    values, mask = np.zeros(layout.shape, dtype=np.int64), np.zeros(layout.shape, dtype=np.bool_)
    wanted = expected(op, tensors, operands)
    for element, index in bound.results().items():
        values[index], mask[index] = wanted[element], True
    assert mask.sum() == len(wanted)
    stream.read(layout, values, mask)


def case_of(chip: str) -> Case:
    workload = load_text(CHIPS[chip])
    files = compile_workload(workload, source=CHIPS[chip].encode())
    (device,) = devices_from_json(files["device.json"])
    (site,) = sites_of(designs_of(workload)[0])
    stream = Stream(device)
    stream.reset()
    for seed, name in enumerate(RUNS[chip]):
        add_run(stream, site, getattr(examples, name), device.dataflows[0].tail, seed)
    return Case(whole(files, device), stream)


def test_rtl_runs_bound_operations_in_every_bit_and_in_the_cycles_foretold() -> None:
    cases = [case_of(chip) for chip in RUNS]
    verdicts = verdicts_of(cases)
    for chip, verdict in zip(RUNS, verdicts, strict=True):
        assert not verdict.failures, f"{chip}: {verdict.failures[:3]}"
        assert verdict.compared > 0


def test_a_wrong_address_step_is_seen() -> None:
    case = case_of("depthwise")
    register = next(r for r in case.stream.device.registers if r.name == "X_step1")
    start = f"1 {register.address:x} "
    at = next(n for n, line in enumerate(case.stream.commands) if line.startswith(start))
    value = int(case.stream.commands[at].removeprefix(start), 16)
    case.stream.commands[at] = f"{start}{value + 1:x}"
    (verdict,) = verdicts_of([case])
    assert verdict.failures
