"""The reference of the operations that run on the 16x16 chip in RTL is what PyTorch computes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from frontends.yaml import load_workload
from lego.ir.workload import Workload
from sim.reference import execute

NET = Path(__file__).resolve().parents[2] / "workloads" / "onto" / "edge_net.yaml"
Tensor = torch.Tensor
F = torch.nn.functional


def conv(**how: int) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, w: F.conv2d(x[None], w, **how)[0]


def depthwise(**how: int) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, w: F.conv2d(x[None], w[:, None], groups=len(x), **how)[0]


def grouped(x: Tensor, w: Tensor) -> Tensor:
    found = F.conv2d(x.flatten(0, 1)[None], w.flatten(0, 1), groups=len(x))[0]
    return found.unflatten(0, w.shape[:2])


def parity(y: int, x: int) -> Callable[[Tensor, Tensor], Tensor]:
    """The elements of a transposed convolution of stride 2 at these rows and columns, modulo 2."""

    def found(image: Tensor, w: Tensor) -> Tensor:
        whole = F.conv_transpose2d(image[None], w.transpose(0, 1), stride=2)[0]
        return whole[:, y::2, x::2][:, :8, :8]

    return found


EAGER: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pointwise": lambda x, w: F.conv2d(x[None], w[:, :, None, None])[0],
    "same3": conv(padding=1),
    "stride2": conv(stride=2),
    "five": conv(),
    "seven": conv(),
    "dilated": conv(dilation=2),
    "grouped": grouped,
    "dw3": depthwise(padding=1),
    "dw5": depthwise(),
    "dw3s2": depthwise(stride=2),
    "dw5s2": depthwise(stride=2),
    "dwdil": depthwise(dilation=2),
    "rgb": conv(padding=1, stride=2),
    "linear": F.linear,
    "gemv": lambda x, w: F.linear(x, w),
    "batched": torch.bmm,
    "scores": lambda x, w: x @ w[:, None].mT,
    "values": lambda x, w: x @ w[:, None],
    "kv": lambda x, w: x.mT @ w,
    **{f"tconv{y}{x}": parity(y, x) for y in (0, 1) for x in (0, 1)},
    "longsum": torch.matmul,
    "largeop": torch.matmul,
}


@cache
def net() -> Workload:
    return load_workload(NET)


def random_operands(name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    shapes = {buffer.name: buffer.shape for buffer in net().network.buffers}
    rng = np.random.default_rng(7)
    x, w = (rng.integers(-128, 128, shapes[f"{which}_{name}"]) for which in "XW")
    return x, w


def test_every_operation_has_one_of_pytorch() -> None:
    assert [op.name for op in net().operations] == list(EAGER)


@pytest.mark.parametrize("name", EAGER)
def test_the_reference_is_what_pytorch_computes(name: str) -> None:
    op, buffers = net().operation(name), {b.name: b for b in net().network.buffers}
    x, w = random_operands(name)
    bounds = {loop.name: loop.extent for loop in op.loops}
    given = {f"X_{name}": x, f"W_{name}": w}
    found = execute(op, buffers, given, bounds, buffers[f"Y_{name}"].shape)
    wanted = EAGER[name](*(torch.tensor(each, dtype=torch.float64) for each in (x, w)))
    assert found.written.all()
    assert (wanted.numpy() == found.values).all()
