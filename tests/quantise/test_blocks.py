"""Blocks of full size, bit-true: CUDA gives the CPU's bits.

`python -m benchmarks.bit_true` reports the throughput of both.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from frontends.models.build import build
from frontends.torch_export.tracer import trace
from lego.quantise.apply import in_formats
from lego.quantise.scheme import SCHEMES
from sim.bit_true import BIT_TRUE
from sim.calibrate import observed, prepared
from sim.compare import given_to
from sim.network import execute

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA"),
]


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if not a.is_floating_point():
        return torch.equal(a, b)
    return torch.equal(a.double().nan_to_num(7.0), b.double().nan_to_num(7.0))


@pytest.mark.parametrize("key", ["w8a8", "w4a8_g128", "fp8", "bf16"])
@pytest.mark.parametrize("name", ["llama_7b_block", "sana_1_6b_block"])
def test_a_block_of_full_size_has_the_same_bits_on_cuda(name: str, key: str) -> None:
    sample = build(name, device="cpu")
    traced = trace(sample.module, sample.args, sample.kwargs, name=name)
    given = given_to(traced, sample.module, sample.args, sample.kwargs)
    made = in_formats(traced.network, SCHEMES[key])
    ready = prepared(made, given, observed(traced.network, [given]))
    here = execute(made.network, ready, arithmetic=BIT_TRUE)
    there = execute(made.network, {k: v.cuda() for k, v in ready.items()}, arithmetic=BIT_TRUE)
    assert [name for name, value in here.items() if not same(value, there[name].cpu())] == []
