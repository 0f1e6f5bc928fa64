"""Registers: which a design has, in which order, and how wide."""

from __future__ import annotations

import pytest

from lego.back.plan.registers import (
    RegisterSpec,
    access_of,
    address_bits,
    delay_register,
    levels,
    loop_on,
    needs_extent,
    row_registers,
)
from tests.back.designs import (
    CHAIN,
    EDGES,
    FIFOS,
    GEMM,
    RESUMED,
    SEVERAL,
    TRIANGLE,
    WINDOWS,
    design_of,
)


def highs(text: str) -> dict[str, int]:
    return {spec.name: spec.high for spec in design_of(text).registers}


def test_registers_of_a_matrix_product() -> None:
    """X lies in 2 banks of 3 x 4 words, W in 2 of 4 x 2, Y in 2 of 3 x 3, the rows of two FUs
    one row apart; X and Y take SRAMs of 64 words; trips are told less one."""
    assert list(highs(GEMM).items()) == [
        ("trip0", 2), ("trip1", 1), ("trip2", 3), ("pause2", 1), ("bound0", 5), ("bound1", 3),
        ("X_base", 63), ("X_step0", 63), ("X_step2", 63),
        ("W_base", 7), ("W_step1", 7), ("W_step2", 7),
        ("Y_base", 63), ("Y_step0", 63), ("Y_step1", 63), ("Y_row0", 63),
    ]  # fmt: skip


def test_registers_say_what_they_are() -> None:
    about = {spec.name: spec.about for spec in design_of(SEVERAL).registers}
    assert about["dataflow"] == "dataflow id; 0: mm.os, 1: mm.ws, 2: pool.user"
    assert about["trip1"] == "trips of n (0) or k (1) or oh (2), less one"
    about = {spec.name: spec.about for spec in design_of(GEMM).registers}
    assert about["trip1"] == "trips of n, less one"


def test_more_registers_where_the_design_asks_for_them() -> None:
    double = highs(CHAIN.replace("[3, 2]", "[3, 2], double_buffer: yes"))
    assert next(iter(double.items())) == ("half", 1)
    assert next(iter(highs(SEVERAL).items())) == ("dataflow", 2)
    # `j - i < 1` with i, j below 6: both shifted by the 5 that i reaches at most
    assert "guard0" in highs(TRIANGLE)
    assert highs(FIFOS)["W_delay0"] == 0b11111  # 9 cycles: segments of 1, 1, 2, 4 and 1
    assert {name for name in highs(WINDOWS) if "extent" in name} == {"X_extent1", "X_extent2"}


def test_what_the_whole_design_looks_at_settles() -> None:
    specs = {spec.name: spec for spec in design_of(SEVERAL).registers}
    assert {name for name, spec in specs.items() if spec.settles} == {
        "dataflow", *(name for name in specs if "_row" in name),
    }  # fmt: skip


@pytest.mark.parametrize(("high", "bits"), [(0, 1), (1, 1), (2, 2), (7, 3), (8, 4)])
def test_registers_are_as_wide_as_their_largest_value(high: int, bits: int) -> None:
    assert RegisterSpec("r", high, "").bits == bits


@pytest.mark.parametrize(("depth", "bits"), [(2, 1), (3, 2), (4, 2), (5, 3), (12, 4)])
def test_addresses_reach_every_word(depth: int, bits: int) -> None:
    assert address_bits(depth) == bits


def test_counters_that_an_element_depends_on() -> None:
    x, w, y = design_of(GEMM).buffers  # temporal [m, n, k]
    assert [levels(buffer.plans) for buffer in (x, w, y)] == [(0, 2), (1, 2), (0, 1)]
    assert levels([None, *w.plans]) == (1, 2)


def test_rows_are_carried_where_nodes_turn_or_share_a_bank() -> None:
    design = design_of(WINDOWS)
    assert [row_registers(views) for views in design.views] == [(1, 2), (), (2,)]
    assert [row_registers(views) for views in design_of(GEMM).views] == [(), (), (0,)]


@pytest.mark.parametrize(
    ("text", "operand", "dims"),
    [
        (WINDOWS, 0, (1, 2)),  # `oh+kh-1` and `2*ow+kw-1` leave the tensor, `ic` doesn't
        (WINDOWS, 1, ()),  # nothing beside W is read
        (WINDOWS.replace("pad: {X: 7}", "pad: {X: 7, W: 0}"), 1, ()),  # bare loops as long as W
        # the two bare loops of a window can leave where FUs stand beyond a bound
        (WINDOWS.replace("oh+kh-1", "oh+kh").replace("2*ow+kw-1", "ow+kw"), 0, (1, 2)),
        (EDGES, 1, (0,)),  # results of ragged edges would be other elements
        (GEMM, 2, ()),
    ],
)
def test_indices_are_compared_where_they_can_leave(
    text: str, operand: int, dims: tuple[int, ...]
) -> None:
    (adg,) = design_of(text).adgs
    plan = list(adg.operands())[operand]
    assert needs_extent(adg, plan, access_of(adg, plan)) == dims


def test_the_loop_along_an_axis() -> None:
    adgs = design_of(SEVERAL).adgs
    assert [[loop_on(adg, axis).name for axis in range(2)] for adg in adgs] == [
        ["m", "n"], ["k", "n"], ["c", "oh"],
    ]  # fmt: skip


def test_names_of_delay_registers() -> None:
    assert delay_register(design_of(FIFOS).buffers[1], 0) == "W_delay0"


def test_a_register_tells_reductions_to_go_on() -> None:
    """Not where the host preloads results, nor for assignments."""
    assert list(highs(RESUMED).items())[:2] == [("resume", 1), ("trip0", 2)]
    assert "resume" not in highs(EDGES.replace("[3, 2]", "[3, 2], resume: yes"))
    copied = GEMM.replace("Y[m,n] += X[m,k] * W[k,n]", "Y[m,n,k] = X[m,k] * W[k,n]")
    assert "resume" not in highs(copied.replace("[2, 2]", "[2, 2], resume: yes"))
