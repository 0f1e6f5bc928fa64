"""Handwritten digits on a device, from training to RTL.

    python examples/digits/run.py

trains the network of train.py in seconds, makes it one of integers, compiles the device of
workloads/device/edge16.yaml and the network's program for it, and runs the program on all 360 held-out
images in the functional model and on 20 of them in RTL (`--rtl N` for another number): both have to leave
the bits that PyTorch computes for the integer network.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from examples.digits.train import accuracy, images, trained  # noqa: E402
from frontends.torch_export.tracer import trace  # noqa: E402
from frontends.yaml import load_workload  # noqa: E402
from lego.compile import compile_workload  # noqa: E402
from lego.device.chip import Chip  # noqa: E402
from lego.device.compile import compiled  # noqa: E402
from lego.device.program import DeviceProgram  # noqa: E402
from lego.ir.device import devices_from_json  # noqa: E402
from lego.ir.formats import INT16  # noqa: E402
from lego.ir.fused import FusedAdg  # noqa: E402
from lego.ir.hardware import Architecture  # noqa: E402
from lego.ir.workload import Workload  # noqa: E402
from lego.quantise.integer import InIntegers  # noqa: E402
from lego.runtime.functional import FunctionalDevice  # noqa: E402
from sim.compare import given_to  # noqa: E402
from sim.device.rtl import RtlDevice  # noqa: E402
from sim.integers import calibrated, run_in_torch  # noqa: E402

__all__ = ["Task", "device", "task"]


@dataclass(frozen=True)
class Task:
    """The network in integers with held-out images, their digits, and how many it reads in real numbers."""

    network: InIntegers
    images: torch.Tensor
    digits: torch.Tensor
    real: float

    def bits(self, k: int) -> NDArray[np.integer]:
        """Image number `k` as the host rounds it."""
        (name,) = self.network.network.inputs
        return self.network.rounded(name, self.images[k : k + 1].numpy())

    def wanted(self, k: int) -> NDArray[np.integer]:
        """What PyTorch computes for it in integers."""
        (name,), (out,) = self.network.network.inputs, self.network.network.outputs
        return run_in_torch(self.network, {name: self.images[k : k + 1].numpy()})[out]


def task() -> Task:
    """Train, and make it integers."""
    train, test, train_digits, test_digits = images()
    module = trained(train, train_digits)
    real = accuracy(module(test), test_digits)
    traced = trace(module, (test[:1],), name="digits")
    runs = [given_to(traced, module, (train[k : k + 1],), {}) for k in range(200)]
    return Task(calibrated(traced.network, runs, residual=INT16), test, test_digits, real)


def device() -> tuple[Chip, RtlDevice]:
    """The chip, and its RTL."""
    file = ROOT / "workloads" / "device" / "edge16.yaml"
    files = compile_workload(load_workload(file), source=file.read_bytes())
    (described,) = devices_from_json(files["device.json"])
    fused = FusedAdg.from_json(files[f"{described.top}.adg.json"])
    verilog = "".join(files[name].decode() for name in described.sources)
    return Chip(fused, described), RtlDevice(described.top, verilog)


def program_of(chip: Chip, network: InIntegers) -> DeviceProgram:
    """The network's program."""
    operations = network.network.operations
    workload = Workload(network.network, tuple(() for _ in operations), Architecture())
    return compiled(chip, workload, network.values).program


def main(count: int) -> int:
    """Everything; returns how many images come out wrong."""
    found = task()
    print(f"{found.real:.1%} of {len(found.images)} held-out images in real numbers")
    chip, rtl = device()
    program = program_of(chip, found.network)
    print(f"program of {len(program.commands)} commands for {chip.device.top}")
    (name,), (out,) = program.inputs, program.outputs
    model, wrong, logits = FunctionalDevice(chip), 0, []
    for k in range(len(found.images)):
        logits.append(model.run(program, {name: found.bits(k)})[out])
        wrong += not np.array_equal(logits[-1], found.wanted(k))
    reached = accuracy(torch.from_numpy(np.concatenate(logits)), found.digits)
    print(f"{reached:.1%} in the functional model; {wrong} images differ from PyTorch in integers")
    for k in range(count):
        run = rtl.run(program, {name: found.bits(k)})
        same = np.array_equal(run.outputs[out], logits[k])
        wrong += not same
        if k == 0:
            print(f"RTL: {run.cycles} cycles for an image")
    print(f"RTL: {count} images run")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Handwritten digits on a device.")
    parser.add_argument("--rtl", type=int, default=20, help="images that run in RTL, too")
    sys.exit(1 if main(parser.parse_args().rtl) else 0)
