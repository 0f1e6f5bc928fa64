"""Every rule of architectures can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.ir.adg import Adg, OutputClass, Source
from lego.ir.delay_reuse import DelayReuse
from lego.ir.operation import Reduction
from tests.ir.checks.broken import design, on_banks, on_input, on_output, on_reuse, put, refuse

Break = Callable[[Adg], Adg]


def tensor(adg: Adg, **fields: object) -> Adg:
    """The first input, of another tensor."""
    return on_input(adg, 0, tensor=replace(adg.inputs[0].tensor, **fields))


def linked(adg: Adg, fu: int, **fields: object) -> Adg:
    """The second input, with another source of an FU."""
    return on_input(adg, 1, sources=put(adg.inputs[1].sources, fu, **fields))


def levels(adg: Adg, change: Callable[[tuple[tuple[tuple[int, ...], ...], ...]], object]) -> Adg:
    """The output, with other levels of the first class."""
    first, *others = adg.output.classes
    return on_output(adg, classes=(OutputClass(change(first.levels)), *others))  # type: ignore[arg-type]


FORM: dict[str, Break] = {
    "a control skew is -1": lambda a: replace(a, dataflow=replace(a.dataflow, control=(-1, 0))),
    "the dataflow names loop 7 of 3": lambda a: replace(
        a, dataflow=replace(a.dataflow, temporal=put(a.dataflow.temporal, 0, loop=7))
    ),
    "1 inputs are planned, the operation has 2": lambda a: replace(a, inputs=a.inputs[:1]),
    "two operands have one name of X, X, Y": lambda a: on_input(a, 1, name="X"),
    "X is tensor Z, the access is to X": lambda a: tensor(a, name="Z"),
    "the shape [0, 8] is empty": lambda a: tensor(a, shape=(0, 8)),
    "don't have the tensor's 1 dimensions": lambda a: tensor(a, shape=(12,)),
    "don't have the tensor's 2 dimensions": lambda a: on_output(a, offset=(0,)),
    "time doesn't have 3 counters": lambda a: on_input(a, 0, time=((0,), (0,))),
    "space doesn't have 2 axes": lambda a: on_input(a, 0, space=((0,), (0,))),
    "time isn't the access": lambda a: on_input(a, 0, time=((4, 1, 0), (0, 4, 0))),
    "space isn't the access": lambda a: on_input(a, 0, space=((1, 1), (0, 1))),
    "the offset is (0, 1), that of the access (0, 0)": lambda a: on_output(a, offset=(0, 1)),
    "a value is held over 4 of 3 counters": lambda a: on_input(a, 0, hold=4),
    "within the 2 counters over which it is held": lambda a: on_input(a, 0, hold=2),
    "counters (1,) revisit an element, () are named": lambda a: on_output(a, revisit=()),
    "an assignment goes on from what memory holds": lambda a: on_output(
        replace(a, op=replace(a.op, reduction=Reduction.ASSIGN)), resumes=True
    ),
    "leaves dimension 1 of 2 elements": lambda a: tensor(a, shape=(12, 2)),
}
LINKS: dict[str, Break] = {
    "W: 15 sources for 16 FUs": lambda a: on_input(a, 1, sources=a.inputs[1].sources[1:]),
    "(9, 9), which isn't in the array": lambda a: linked(a, 4, link=(9, 9)),
    "FU (1, 0) takes from (0, 0) after -1 cycles": lambda a: linked(a, 4, delay=-1),
    "what both use at one timestamp": lambda a: linked(a, 4, delay=2),
    "FU (1, 0) takes another element from (0, 1)": lambda a: linked(a, 4, link=(0, 1), delay=0),
    "end at no data node": lambda a: linked(a, 4, link=(1, 0), delay=0),
    "isn't in the array": lambda a: levels(a, lambda x: (*x, ((9, 9),))),
    "FU (0, 0) contributes 2 times": lambda a: levels(a, lambda x: (x[0] * 2, *x[1:])),
    "FU (0, 0) contributes to nothing": lambda a: levels(a, lambda x: x[1:]),
    "a class has an empty level": lambda a: levels(a, lambda x: (*x, ())),
    "FUs of one level act at different cycles": lambda a: levels(
        a, lambda x: (x[0] + x[1], *x[2:])
    ),
    "aren't by rising skew": lambda a: levels(a, lambda x: (x[1], x[0], *x[2:])),
}
BANKS: dict[str, Break] = {
    "the origin has 1 dimensions": lambda a: on_banks(a, origin=(0,)),
    "skews of banks don't have 2 dimensions": lambda a: on_banks(a, counts=(4,)),
    "a skew doesn't have 2 dimensions": lambda a: on_banks(a, skews=((0,), (0,))),
    "a count or divisor of banks is 0": lambda a: on_banks(a, gcds=(0, 1)),
    "dimension 0 has one bank, but a divisor": lambda a: on_banks(a, counts=(1, 4), gcds=(2, 1)),
    "the skew of dimension 0 adds": lambda a: on_banks(a, skews=((0, 1), (0, 0))),
    "the origin is (1, 0), the least element": lambda a: on_banks(a, origin=(1, 0)),
    "no multiple of (2, 1)": lambda a: on_banks(a, gcds=(2, 1)),
    "indices along dimension 1 are shifted by 4": lambda a: on_banks(a, wide=4, along=1, shift=4),
    "words begin 4 banks after the first, of 4": lambda a: on_banks(a, wide=4, along=1, skip=4),
    "X: 16 data nodes meet 8 banks": lambda a: on_banks(a, counts=(4, 2)),
}
REUSE: dict[str, Break] = {
    "another number of axes": lambda a: on_reuse(a, 0, shift=(0,)),
    "lead to another element": lambda a: on_reuse(a, 0, shift=(0, 2)),
    "aren't in order": lambda a: on_reuse(a, 0, fus=a.inputs[0].delays[0].fus[::-1]),
    "or its source (0, -1) isn't in the array": lambda a: on_reuse(a, 0, fus=((0, 0),)),
    "a value comes 2 cycles before it is there": lambda a: on_reuse(a, 0, delay=-2),
    "the delay is 3, 0 cycles lie between": lambda a: on_reuse(a, 0, delay=3),
    "values chase each other": lambda a: on_reuse(
        a, 0, shift=(0, -1), dt=(0, 0, 0, 0, 0, 1), fus=((0, 0),)
    ),
}


@pytest.mark.parametrize("rule", [*FORM, *LINKS])
def test_a_broken_rule_is_named(rule: str) -> None:
    refuse(design("gemm_is_sys").layers[0].adg, (FORM | LINKS)[rule], rule)


@pytest.mark.parametrize("rule", BANKS)
def test_a_broken_rule_of_banks_is_named(rule: str) -> None:
    refuse(design("gemm_is_bro").layers[0].adg, BANKS[rule], rule)


@pytest.mark.parametrize("rule", REUSE)
def test_a_broken_rule_of_delay_reuse_is_named(rule: str) -> None:
    refuse(design("conv_oh_ow_sys").layers[0].adg, REUSE[rule], rule)


def test_a_fifo_that_is_too_short_is_noticed() -> None:
    adg = design("fifo_conv").layers[0].adg
    rule = "the delay is at most 5, 6 are needed at the full bounds"
    refuse(adg, lambda a: on_reuse(a, 1, delay=5), rule)


def test_values_that_are_held_do_not_come_late() -> None:
    adg = design("gemm_is_sys").layers[0].adg
    late = DelayReuse((0, 0), (0, 0, 1), 1, ((0, 0),))
    rule = "X: values are held, and come by delay reuse as well"
    refuse(adg, lambda a: on_input(a, 0, delays=(late,)), rule)


def test_a_class_of_two_elements_is_noticed() -> None:
    adg = design("gemm_os_bro").layers[0].adg
    first, second, *others = adg.output.classes
    both = OutputClass((first.levels[0] + second.levels[0],))
    rule = "the class of FU (0, 0) is of several elements"
    refuse(adg, lambda a: on_output(a, classes=(both, *others)), rule)


def test_the_architecture_is_named() -> None:
    adg = design("gemm_is_sys").layers[0].adg
    rule = "architecture gemm_is_sys_mm: W: the links of FU (0, 0) end at no data node"
    refuse(adg, lambda a: on_input(a, 1, sources=(Source((0, 0)), *a.inputs[1].sources[1:])), rule)
