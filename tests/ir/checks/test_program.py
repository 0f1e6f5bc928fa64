"""Every rule of programs can be broken, by themselves and on a device."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.diag import InternalError
from lego.ir.checks.check import check_fits
from lego.ir.program import Program
from lego.program import configure
from tests.ir.checks.broken import compiled, design, refuse


def good() -> Program:
    return configure(design("fused_gemm_sys"), {"m": 5}, dataflow=1)


def layout(program: Program, **fields: object) -> Program:
    """The program, with another layout of X."""
    other = replace(program.layouts["X"], **fields)
    return replace(program, layouts=program.layouts | {"X": other})


def register(program: Program, name: str, value: int) -> Program:
    return replace(program, registers=program.registers | {name: value})


BROKEN: dict[str, Callable[[Program], Program]] = {
    "register trip0 is -1": lambda p: register(p, "trip0", -1),
    "-1 iterations within": lambda p: replace(p, iterations=-1),
    "9999 iterations within the bounds": lambda p: replace(p, iterations=9999),
    "of different operands": lambda p: replace(p, accesses={"X": 1}),
    "less than never": lambda p: replace(p, accesses=p.accesses | {"X": -1}),
    "two operands are in one memory": lambda p: layout(p, memory="W"),
    "layout of X: counts, divisors and skews": lambda p: layout(p, bank_counts=(1,)),
    "layout of X: strides are (1, 1)": lambda p: layout(p, strides=(1, 1)),
    "layout of X: indices along dimension": lambda p: layout(p, shift=-1),
    "layout of X: the preload 512 has more than": lambda p: layout(p, preload=512),
}
ON_DEVICE: dict[str, Callable[[Program], Program]] = {
    "there is no dataflow 3": lambda p: replace(p, dataflow=3),
    "there is no half 1": lambda p: replace(p, half=1),
    "registers ['other'] aren't in both": lambda p: register(p, "other", 0),
    "4096 doesn't fit register trip0 of": lambda p: register(p, "trip0", 4096),
    "register dataflow is 2, not 1": lambda p: register(p, "dataflow", 2),
    "layout of X: there is no memory Z": lambda p: layout(p, memory="Z"),
    "layout of X: 99 bits in words of": lambda p: layout(p, bits=99),
    "layout of X: 128 banks of 16": lambda p: layout(p, bank_counts=(32, 4)),
    "layout of X: it ends at word": lambda p: layout(p, base=4096),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    refuse(good(), BROKEN[rule], rule)


@pytest.mark.parametrize("rule", ON_DEVICE)
def test_a_program_that_does_not_fit_its_device_is_named(rule: str) -> None:
    device = compiled("fused_gemm_sys")
    check_fits(good(), device)
    with pytest.raises(InternalError, match=re.escape(rule)):
        check_fits(ON_DEVICE[rule](good()), device)
