"""Widening casts before contractions: the contraction reads the narrow numbers, and gives the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from frontends.torch_export.tracer import Traced  # noqa: E402
from lego.ir.kinds import Kind, kind_of  # noqa: E402
from tests.frontends.torch_export.compare import compare  # noqa: E402
from tests.frontends.torch_export.test_operators import Call  # noqa: E402

BYTES = torch.arange(2 * 6 * 4).reshape(2, 6, 4).mul(37).remainder(255).sub(127).to(torch.int8)
HALVES = torch.arange(2 * 6 * 4).reshape(2, 6, 4).sub(20).half() / 8


def formats(traced: Traced) -> list[str]:
    """Of the contraction's operands and result."""
    (op,) = (op for op in traced.network.operations if kind_of(op) is Kind.ARRAY)
    return [
        str(traced.network.buffer(place.buffer).format) for place in (*op.inputs, op.output.place)
    ]


FOLDED: dict[str, tuple[Callable[[Any], Any], Any, list[str]]] = {
    "linear": (lambda x: x.int() @ x[0].int().t(), BYTES, ["int8", "int8", "int32"]),
    "transposed": (lambda x: x.transpose(1, 2).int() @ x.int(), BYTES, ["int8", "int8", "int32"]),
    "slice": (lambda x: x[:, 1:5:2].int() @ x[:1, :4].int(), BYTES, ["int8", "int8", "int32"]),
    "split before": (
        lambda x: x.view(2, 3, 2, 4).int().flatten(0, 1) @ x.view(6, 2, 4).mT.int(),
        BYTES,
        ["int8", "int8", "int32"],
    ),
    "split after": (
        lambda x: x.int().view(2, 3, 2, 4) @ x.int().view(2, 3, 4, 2),
        BYTES,
        ["int8", "int8", "int32"],
    ),
    "twice": (lambda x: x.short().int() @ x.int().mT, BYTES, ["int8", "int8", "int32"]),
    "mixed": (
        lambda x: x.float() @ x.float().mT.mul(0.5),
        HALVES,
        ["float16", "float32", "float32"],
    ),
    "fp8": (
        lambda x: x.to(torch.float8_e4m3fn).float() @ x.mT.to(torch.float8_e4m3fn).float(),
        HALVES.float(),
        ["float8_e4m3fn", "float8_e4m3fn", "float32"],
    ),
    "padded": (
        lambda x: torch.nn.functional.conv1d(x.float(), x[:, :, :3].float(), padding=1),
        HALVES,
        ["float16", "float16", "float32"],
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_a_contraction_reads_what_is_widened_for_it(name: str) -> None:
    function, operand, wanted = FOLDED[name]
    traced = compare(Call(function), [operand])
    assert formats(traced) == wanted
    casts = [op.name for op in traced.network.operations if op.name.startswith("to")]
    assert len(casts) == {"fp8": 2, "mixed": 1}.get(name, 0)  # into fp8, and before `mul`


def test_a_cast_that_others_read_stays() -> None:
    def both(x: Any) -> Any:
        wide = x.int()
        return wide @ wide.mT, wide + 1

    traced = compare(Call(both), [BYTES])
    assert formats(traced) == ["int8", "int8", "int32"]
    assert "to" in [op.name for op in traced.network.operations]


@pytest.mark.parametrize("narrow", [torch.int8, torch.float16])
def test_a_cast_that_rounds_stays(narrow: Any) -> None:
    operand = torch.arange(48.0).reshape(2, 6, 4).mul(1.37).sub(30)
    traced = compare(Call(lambda x: x.to(narrow).float() @ x.mT), [operand])
    assert [op.name for op in traced.network.operations] == ["to", "matmul"]


def of_pairs(x: Any) -> Any:
    """Columns of [4, 12] are two indices of the operand [12, 2, 2], the outer one being its last."""
    return x.view(12, 2, 2).mT.reshape(12, 4).int().mT


def test_a_loop_is_split_where_the_operand_has_two_dimensions() -> None:
    traced = compare(Call(lambda x: x[0].int() @ of_pairs(x)), [BYTES])
    assert formats(traced) == ["int8", "int8", "int32"]
    (op,) = (op for op in traced.network.operations if kind_of(op) is Kind.ARRAY)
    assert sorted(loop.extent for loop in op.loops) == [2, 2, 2, 6, 6]


def test_a_cast_that_no_affine_access_passes_stays() -> None:
    """Three columns of the four."""
    traced = compare(Call(lambda x: x[0, :, :3].int() @ of_pairs(x)[:3]), [BYTES])
    assert formats(traced) == ["int8", "int32", "int32"]


def test_a_cast_into_what_is_read_outside_its_bounds_stays() -> None:
    """The padding isn't where the slice ends."""
    traced = compare(
        Call(
            lambda x: torch.nn.functional.conv1d(x[:, 1:5].float(), x[:, :4, :3].float(), padding=1)
        ),
        [HALVES],
    )
    assert formats(traced)[0] == "float32"
