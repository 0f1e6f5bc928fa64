"""Random runs out of a queue, for the tests that simulate them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.ir.device import Device, devices_from_json
from lego.ir.fused import FusedAdg
from lego.ir.network import Buffer
from lego.ir.operation import Operation
from lego.ir.program import Program
from lego.ir.workload import Workload
from lego.program import configure
from sim.queued import Image, queued_stream
from sim.session import Case
from sim.streams import Stream
from tests.designs import moved, whole

Run = tuple[Operation, Program]


def queued(text: str, words: int, name: str = "") -> str:
    """A workload with a queue, and perhaps another name."""
    found = text.replace("architecture: {", f"architecture: {{queue: {words}, ")
    assert found != text
    first, rest = found.split("\n", 1)
    return f"name: {name}\n{rest}" if name else f"{first}\n{rest}"


@dataclass(frozen=True)
class Made:
    """A design that was compiled, and its Verilog."""

    workload: Workload
    fused: FusedAdg
    device: Device
    verilog: str

    @cached_property
    def tensors(self) -> dict[str, Buffer]:
        return {tensor.name: tensor for tensor in self.workload.network.buffers}

    def stream(self) -> Stream:
        """A stream after a reset."""
        stream = Stream(self.device)
        stream.reset(3)
        stream.idle(2)
        return stream

    def run(self, flow: int, bounds: dict[str, int] | None = None, half: int = 0) -> Run:
        """A run of a dataflow whose operands begin where their memories do."""
        tail = self.device.dataflows[flow].tail
        program = configure(self.fused, bounds, dataflow=flow, half=half, tail=tail)
        return self.workload.operation(self.fused.layers[flow].adg.op.name), program

    def any_run(self, rng: np.random.Generator, flow: int, bounds: dict[str, int]) -> Run:
        """A run at these bounds, anywhere in memory, in any half; some go on from what is there."""
        tail, half = self.device.dataflows[flow].tail, int(rng.integers(1 + self.device.double))
        found = moved(self.fused, bounds, rng, flow, tail)
        bases = {name: layout.base for name, layout in found.layouts.items()}
        program = configure(
            self.fused,
            bounds,
            dataflow=flow,
            bases=bases,
            half=half,
            resume=found.resume,
            tail=tail,
        )
        return self.workload.operation(self.fused.layers[flow].adg.op.name), program

    def sequence(self, rng: np.random.Generator, image: Image, most: int = 8) -> list[Run]:
        """Random runs: three of four of the dataflow of the one before, half of these at its bounds."""
        runs: list[Run] = []
        flow, bounds, trial = -1, dict[str, int](), image.copy()
        for _ in range(int(rng.integers(2, most + 1))):
            if flow < 0 or rng.random() < 0.25:
                flow, bounds = int(rng.integers(len(self.fused.layers))), {}
            if not bounds or rng.random() < 0.5:
                loops = self.fused.layers[flow].adg.op.loops
                bounds = {
                    loop.name: int(rng.choice([1, loop.extent, rng.integers(1, loop.extent + 1)]))
                    for loop in loops
                }
            op, program = self.any_run(rng, flow, bounds)
            try:
                trial.run(op, self.tensors, program)
            except ValueError:  # it would go on from what nobody knows
                continue
            runs.append((op, program))
        return runs


def made_of(text: str, options: Options = DEFAULT) -> Made:
    """The only design of a workload."""
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode(), options=options)
    (device,), (fused,) = devices_from_json(files["device.json"]), designs_of(workload)
    return Made(workload, fused, device, whole(files, device))


def case_of(made: Made, sequences: Sequence[Sequence[Run]], rng: np.random.Generator) -> Case:
    """All sequences, one after the other, each in memory of its own."""
    stream, ended = made.stream(), 0
    for runs in sequences:
        ended += len(runs)
        queued_stream(stream, Image.random(made.device, rng), runs, made.tensors, rng, ended)
    return Case(made.verilog, stream)


def random_case(made: Made, seed: int, count: int, most: int = 8) -> Case:
    """Random sequences."""
    rng, stream, ended = np.random.default_rng(seed), made.stream(), 0
    for _ in range(count):
        image = Image.random(made.device, rng)
        if runs := made.sequence(rng, image, most):
            ended += len(runs)
            queued_stream(stream, image, runs, made.tensors, rng, ended)
    return Case(made.verilog, stream)
