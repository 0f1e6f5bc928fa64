"""Formats of constants, reads and sums are those in which PyTorch computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from frontends.torch_export.tracer import trace  # noqa: E402
from sim.bit_true import BIT_TRUE  # noqa: E402
from sim.network import FLOAT, execute  # noqa: E402
from tests.frontends.torch_export.test_operators import Call  # noqa: E402

REALS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
TENTHS = torch.tensor([0.1, 0.2, -0.1, 0.0, float("nan")], dtype=torch.float64)
NEAR = torch.tensor([16777217, 16777216, 3, 4], dtype=torch.int32)
MASK = torch.tensor([True, False])
LEAST = torch.finfo(torch.float32).min


def equal(function: Callable[..., Any], *args: Any) -> None:
    network = trace(Call(function), list(args)).network
    want = function(*args)
    for arithmetic in (FLOAT, BIT_TRUE):
        given = dict(zip(network.inputs, args, strict=True))
        found = execute(network, given, arithmetic=arithmetic)[network.outputs[0]]
        assert found.dtype == want.dtype
        assert torch.equal(found.double().nan_to_num(7.0), want.double().nan_to_num(7.0))


@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_a_number_is_compared_in_the_tensors_format(dtype: torch.dtype) -> None:
    x = TENTHS.to(dtype)
    equal(lambda x: x == 0.1, x)
    equal(lambda x: x != 0.1, x)
    equal(lambda x: x < 0.1, x)
    equal(lambda x: x >= 0.1, x)
    equal(lambda x: x <= 3, x)
    equal(lambda x: x % 0.07, x)
    equal(lambda x: x % -2, x)


def test_integers_beside_numbers_that_are_none() -> None:
    equal(lambda x: x == 16777217.0, NEAR)
    equal(lambda x: x < 3.5, NEAR)
    equal(lambda x: x > 3, NEAR.to(torch.int8))
    equal(lambda x: x <= -1e30, NEAR.float())
    equal(lambda x: x == LEAST, MASK)
    equal(lambda x: x.masked_fill(x, 1e30), MASK)


def test_products_of_widened_integers_are_added_as_they_are_widened() -> None:
    """In float64, which doesn't wrap: squares of 32 bits are 64 bits wide."""
    most = torch.full((2, 4), 2**32 - 1, dtype=torch.int64).to(torch.uint32)
    equal(lambda x: x.double() @ x.double().T, most)
    equal(lambda x: x.double() @ x.double().T, torch.full((2, 4), -(2**31), dtype=torch.int32))
    short = torch.full((3, 3), -(2**15), dtype=torch.int16)
    equal(lambda x: torch.einsum("ij,ij,ij,ij->i", *[x.float()] * 4), short)
