"""A trained network in integers only: as right as it was."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import torch

from examples.digits.train import accuracy, images, trained
from frontends.torch_export.tracer import trace
from lego.quantise.integer import in_integers
from sim.calibrate import observed
from sim.compare import given_to
from sim.integers import run_in_numpy, run_in_torch

pytestmark = pytest.mark.filterwarnings("ignore")


def test_digits_are_read_as_well_in_integers() -> None:
    """Half a point is 1.8 images; with seeds 0 to 3 none is lost or won."""
    train, test, train_digits, test_digits = images()
    network = trained(train, train_digits)
    real = network(test)
    assert accuracy(real, test_digits) > 0.97
    traced, few = (trace(network, (x,), name="digits") for x in (test, test[:3]))
    run = given_to(traced, network, (train[:360],), {})
    ranges = observed(traced.network, [run])
    values = {name: value.numpy() for name, value in run.items()}
    made, small = (in_integers(each.network, values, ranges) for each in (traced, few))
    (x,), (y,) = traced.network.inputs, traced.network.outputs
    found = torch.from_numpy(run_in_torch(made, {x: test.numpy()})[y])
    assert abs(accuracy(found, test_digits) - accuracy(real, test_digits)) < 0.005
    assert np.array_equal(run_in_numpy(small, {x: test[:3].numpy()})[y], found[:3].numpy())
