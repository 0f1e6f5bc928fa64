"""Networks from DRAM to DRAM in RTL, one doorbell each: every byte is that of the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lego.device.compile import compiled
from lego.diag import LegoError
from lego.runtime.functional import FunctionalDevice
from sim.device.session import expected, inputs_for
from tests.device.chips import NETWORKS, edge, edge_rtl, network


@pytest.mark.parametrize("name", [*NETWORKS, "large_product"])
def test_a_network_in_rtl(name: str) -> None:
    """`large_product` has three times the bytes that the device's memories hold."""
    workload = network(name)
    made = compiled(edge(), workload)
    inputs = inputs_for(made, workload, 3)
    wanted = expected(workload, {**made.constants, **inputs})
    run = edge_rtl().run(made.program, inputs)
    assert list(run.outputs) == list(made.program.outputs)
    for output, values in run.outputs.items():
        assert np.array_equal(values, wanted[output])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["resnet_tiny", "mobilenetv2_tiny"])
def test_a_network_of_the_catalogue_in_rtl(name: str) -> None:
    """Traced from PyTorch, made integers, compiled: PyTorch's bits in the functional model and in RTL."""
    torch = pytest.importorskip("torch")
    from frontends.models.build import build
    from frontends.torch_export.tracer import trace
    from lego.ir.formats import INT16
    from lego.ir.hardware import Architecture
    from lego.ir.workload import Workload
    from sim.compare import given_to
    from sim.integers import calibrated, run_in_torch

    sample = build(name, device="cpu")
    module = sample.module.eval().requires_grad_(False)
    traced = trace(module, sample.args, name=name)
    torch.manual_seed(5)
    images = [torch.randn_like(sample.args[0]) for _ in range(4)]
    runs = [given_to(traced, module, (image,), {}) for image in images[:3]]
    made = calibrated(traced.network, runs, residual=INT16)
    operations = made.network.operations
    workload = Workload(made.network, tuple(() for _ in operations), Architecture())
    program = compiled(edge(), workload, made.values).program
    (image,) = program.inputs
    given = {image: images[3].numpy()}
    wanted = run_in_torch(made, given)
    rounded = {image: made.rounded(image, given[image])}
    for found in (
        FunctionalDevice(edge()).run(program, rounded),
        edge_rtl().run(program, rounded).outputs,
    ):
        for output, values in found.items():
            assert np.array_equal(values, wanted[output])


def test_a_program_for_another_chip_stops_with_its_reason() -> None:
    workload = network("gemm_chain")
    made = compiled(edge(), workload)
    foreign = replace(made.program, chip=made.program.chip ^ 1)
    with pytest.raises(LegoError, match="stops at command 2 with CHIP") as caught:
        edge_rtl().run(foreign, inputs_for(made, workload, 3))
    assert caught.value.code == "E703"
