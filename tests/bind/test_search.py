"""Operations on chips that weren't compiled from them, against PyTorch; and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.nn import functional

from lego.bind.freedom import Freedom
from lego.bind.result import Bound, Refusal
from lego.bind.search import bind, bind_any
from lego.bind.site import sites_of
from tests.bind import examples
from tests.bind.examples import operation, site
from tests.bind.running import (
    Array,
    chip_of,
    expected,
    operation_of,
    ran,
    random_operands,
    simulated,
    sites_of_text,
)
from tests.designs import with_style

Eager = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def conv(stride: int = 1, dilation: int = 1, groups: int = 1, padding: int = 0) -> Eager:
    def run(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(
            x[None].double(), w.double(), None, stride, padding, dilation, groups
        )[0]

    return run


def pointwise(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return functional.conv2d(x[None].double(), w[:, :, None, None].double())[0]


def channels(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return functional.conv2d(x[None].double(), w[:, None].double(), groups=len(w))[0]


def transposed(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    whole = functional.conv_transpose2d(x[None].double(), w.transpose(0, 1).double(), stride=2)[0]
    return whole[:, 0:8:2, 0:8:2]


EAGER: dict[str, Eager] = {
    "LINEAR": lambda x, w: x @ w.T,
    "SMALL": lambda x, w: x @ w.T,
    "PIECE": pointwise,
    "RAGGED": lambda x, w: x @ w.T,
    "GEMV": lambda x, w: x @ w,
    "POINTWISE": pointwise,
    "BATCHED": torch.bmm,
    "SCORES": lambda q, k: torch.bmm(q, k.transpose(1, 2)),
    "VALUES": torch.bmm,
    "CONV": conv(),
    "STRIDED": conv(stride=2),
    "WIDE": conv(),
    "DILATED": conv(dilation=2),
    "GROUPED": conv(groups=2),
    "CHANNELS": channels,
    "TRANSPOSED": transposed,
    "SAME": conv(padding=1),
}


def eager(name: str, operands: Mapping[str, Array], shape: tuple[int, ...]) -> Array:
    x, w = (torch.from_numpy(operands[n].astype(np.int64)) for n in ("X", "W"))
    found = EAGER[name](x, w)
    assert tuple(found.shape) == shape
    return found.round().to(torch.int64).numpy()


BINDS = [
    ("gemm", "LINEAR"),
    ("gemm", "RAGGED"),
    ("gemm", "GEMV"),
    ("gemm", "POINTWISE"),
    ("gemm", "BATCHED"),
    ("gemm", "SCORES"),
    ("gemm", "VALUES"),
    ("weights", "LINEAR"),
    ("weights", "POINTWISE"),
    ("weights", "SCORES"),
    ("weights", "VALUES"),
    ("weights", "CONV"),
    ("weights", "STRIDED"),
    ("weights", "WIDE"),
    ("weights", "DILATED"),
    ("weights", "GROUPED"),
    ("weights", "TRANSPOSED"),
    ("weights", "SAME"),
    ("gemm", "SMALL"),
    ("pixels", "PIECE"),
    ("pixels", "CONV"),
    ("pixels", "WIDE"),
    ("pixels", "DILATED"),
    ("pixels", "SAME"),
    ("depthwise", "CHANNELS"),
    ("padded", "SAME"),
]


@pytest.mark.parametrize(("chip", "name"), BINDS)
def test_bound_operations_are_right_in_every_bit(chip: str, name: str) -> None:
    op, tensors = operation_of(getattr(examples, name))
    bound = bind(site(chip), op, tensors)
    assert isinstance(bound, Bound), str(bound)
    operands = random_operands(op, tensors, seed=len(name))
    left = ran(site(chip), bound, tensors, operands)
    shape = tensors[op.output.tensor].shape
    wanted = eager(name, operands, shape)
    assert len(left) == wanted.size
    assert all(left[element] == wanted[element] for element in np.ndindex(shape))
    assert simulated(site(chip), bound, tensors, operands) == left
    assert expected(op, tensors, operands) == left


@pytest.mark.parametrize(
    ("chip", "name", "busy"),
    [
        ("gemm", "LINEAR", Fraction(1)),
        ("gemm", "RAGGED", Fraction(15 * 11, 16 * 12)),
        ("gemm", "GEMV", Fraction(1, 4)),
        ("weights", "LINEAR", Fraction(1)),
        ("weights", "WIDE", Fraction(3, 4)),
        ("depthwise", "CHANNELS", Fraction(1)),
    ],
)
def test_fus_are_as_busy_as_can_be(chip: str, name: str, busy: Fraction) -> None:
    op, tensors = operation_of(getattr(examples, name))
    bound = bind(site(chip), op, tensors)
    assert isinstance(bound, Bound)
    assert bound.utilisation == busy


REFUSED = [
    ("gemm", examples.CONV, "d", "too few counters, or trips"),
    ("pixels", examples.STRIDED, "b", "X has delay reuse 0, which is always on"),
    ("pixels", examples.CHANNELS, "d", "axis 0 (oh): the FUs along it share what they read of W"),
    ("pixels", examples.CHANNELS, "d", "counter 2 (oc): X has no address step for it"),
    (
        "depthwise",
        examples.SMALL,
        "d",
        "k (8 trips) on counter 3 (kh) of up to 3 or counter 4 (kw)",
    ),
    ("weights", examples.RAGGED, "d", "too few counters, or trips"),
    ("gemm", operation("deep", "m: 4, k: 33", "Y[m] += X[m,k] * W[k]"), "a", "memory holds"),
    (
        "gemm",
        operation("sum", "m: 4, n: 4, k: 4", "Y[m,n] += X[m,k] + W[n,k]"),
        "a",
        "the FUs compute the body of mm, not of sum",
    ),
    (
        "gemm",
        operation("largest", "m: 4, n: 4, k: 4", "Y[m,n] max= X[m,k] * W[n,k]"),
        "a",
        "the FUs combine results by +=, the operation by max=",
    ),
    (
        "gemm",
        operation("half", "m: 4, n: 4, k: 4", "Y[m,n] += X[m,k] * W[n,k]").replace("int8", "uint8"),
        "a",
        "X has words of int8, the operation reads uint8",
    ),
    (
        "gemm",
        operation("sums", "a: 4, b: 4, k: 4", "Y[a+b] += X[a,k] * W[b,k]"),
        "d",
        "several iterations of sums write one element",
    ),
    (
        "gemm",
        operation("causal", "i: 4, j: i + 1, d: 4", "Y[i,j] += X[i,d] * W[j,d]"),
        "a",
        "no comparator is wired for j < i + 1",
    ),
    (
        "padded",
        examples.CONV,
        "e",
        "X has comparators that are wired for index -1..4 of dimension 1",
    ),
    (
        "depthwise",
        operation(
            "tall",
            "c: 4, oh: 8, ow: 8, kh: 3, kw: 3",
            "Y[c,oh,ow] += X[c,8*oh+kh,ow+kw] * W[c,kh,kw]",
        ),
        "e",
        "a larger memory, or a smaller tile",
    ),
]


@pytest.mark.parametrize(("chip", "text", "condition", "reason"), REFUSED)
def test_refusals_say_what_would_have_to_change(
    chip: str, text: str, condition: str, reason: str
) -> None:
    op, tensors = operation_of(text)
    refused = bind(site(chip), op, tensors)
    assert isinstance(refused, Refusal)
    assert refused.condition == condition, str(refused)
    assert reason in refused.reason
    assert str(refused).startswith(f"dataflow 0: ({condition}) ")


@pytest.mark.parametrize(
    ("chip", "name", "freedom"),
    [
        ("pixels", "PATCH", Freedom(delays=True)),
        ("loose", "LINE", Freedom(holds=True, steps=True)),
    ],
)
def test_freedom_lets_more_operations_in(chip: str, name: str, freedom: Freedom) -> None:
    op, tensors = operation_of(getattr(examples, name))
    text = examples.CHIPS[chip]
    (narrow,) = sites_of_text(text if "memory_style" in text else with_style(text, "narrow"))
    assert isinstance(bind(narrow, op, tensors, Freedom.of(narrow.design.fused)), Refusal)
    bound = bind(narrow, op, tensors, freedom)
    assert isinstance(bound, Bound), str(bound)
    operands = random_operands(op, tensors, seed=5)
    assert simulated(narrow, bound, tensors, operands) == expected(op, tensors, operands)


def test_macros_of_several_banks_keep_the_delays_that_they_need() -> None:
    op, tensors = operation_of(examples.PATCH)
    assert site("pixels").inputs[0].needs_delays
    assert isinstance(bind(site("pixels"), op, tensors, Freedom(delays=True)), Refusal)


def test_chips_run_what_they_were_compiled_from() -> None:
    for chip, text in examples.CHIPS.items():
        op, tensors = operation_of(text)
        bound = bind(site(chip), op, tensors)
        assert isinstance(bound, Bound), f"{chip}: {bound}"
        assert bound.cycles == np.prod(site(chip).limits)
        for port, placed in zip(site(chip).ports, bound.placements, strict=True):
            assert placed.words <= port.depth(port.plan.tensor.shape)


def test_of_several_dataflows_the_fastest_comes_first() -> None:
    text = examples.GEMM.replace("    dataflow: {", "    dataflows:\n      - {").replace(
        "control: systolic}",
        "control: systolic}\n"
        "      - {name: kn, spatial: {k: 4, n: 4}, temporal: [b, n, k, m], control: systolic}",
    )
    sites = sites_of(chip_of(text))
    op, tensors = operation_of(operation("gemv", "n: 16, k: 16", "Y[n] += X[k] * W[k,n]"))
    first, second = bind_any(sites, op, tensors)
    assert isinstance(first, Bound)
    assert isinstance(second, Bound)
    assert (first.dataflow, second.dataflow) == (1, 0)
    assert first.cycles < second.cycles == 64


def test_what_is_bound_depends_on_no_name() -> None:
    op, tensors = operation_of(examples.STRIDED)
    renamed = examples.STRIDED
    for old, new in (("oc", "z"), ("ic", "a"), ("oh", "y"), ("ow", "b"), ("kh", "x"), ("kw", "c")):
        renamed = renamed.replace(old, new)
    other, others = operation_of(renamed)
    mine, its = bind(site("weights"), op, tensors), bind(site("weights"), other, others)
    assert isinstance(mine, Bound)
    assert isinstance(its, Bound)
    assert (mine.assignment, mine.placements) == (its.assignment, its.placements)


def test_refusals_tell_whether_every_way_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    op, tensors = operation_of(examples.PATCH)
    whole = bind(site("pixels"), op, tensors)
    assert isinstance(whole, Refusal)
    assert whole.complete
    monkeypatch.setattr("lego.bind.search.MOST_TRIED", 1)
    cut = bind(site("pixels"), op, tensors)
    assert isinstance(cut, Refusal)
    assert not cut.complete
