"""Ports of an FU: what each brings or gives, so that nobody has to read that off its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lego.back.plan.array.fu_kind import FuKind, Pick, mask_numbers
from lego.back.plan.array.halves import HALVES

__all__ = [
    "FIRST",
    "FuPort",
    "PortRole",
    "inputs_of",
    "load",
    "mask",
    "node",
    "reuse",
    "source",
    "sum_in",
    "sum_out",
    "total_in",
]


class PortRole(StrEnum):
    """What a port is for."""

    SOURCE = "source"  # an operand, by a link
    NODE = "node"  # an operand, from the data node
    LOAD = "load"  # whether the data node's value is new
    REUSE = "reuse"  # whether a delay reuse holds
    MASK = "mask"  # whether the FU is within the loops
    SUM_IN = "sum_in"  # the sum of the FUs before it
    TOTAL_IN = "total_in"  # a tree's total
    FIRST = "first"  # whether the accumulator starts anew
    SUM_OUT = "sum_out"  # the sum that another FU takes


@dataclass(frozen=True, slots=True)
class FuPort:
    """A port;

    `operand` is the operand port's number, -1 for none; `upper`: the upper half of a value that comes in
    halves.
    """

    name: str
    role: PortRole
    operand: int = -1
    number: int = 0
    upper: bool = False


FIRST = FuPort("first", PortRole.FIRST)


def source(operand: int, memory: str, number: int) -> FuPort:
    """The input of a link, of the operand in a memory."""
    return FuPort(f"{memory}_link{number}", PortRole.SOURCE, operand, number)


def node(operand: int, memory: str) -> FuPort:
    """The data node's value."""
    return FuPort(f"{memory}_node", PortRole.NODE, operand)


def load(operand: int, memory: str) -> FuPort:
    """Whether the data node's value is new."""
    return FuPort(f"{memory}_load", PortRole.LOAD, operand)


def reuse(operand: int, memory: str, number: int) -> FuPort:
    """Whether a delay reuse holds."""
    return FuPort(f"{memory}_reuse{number}", PortRole.REUSE, operand, number)


def mask(number: int) -> FuPort:
    """Whether the FU is within the loop of an axis, or obeys an inequality of the domain."""
    return FuPort(f"valid{number}", PortRole.MASK, number=number)


def sum_in(number: int, *, split: bool) -> list[FuPort]:
    """The sum of FUs before it, whole or in halves, the lower first."""
    return _halves(f"sum_in{number}", PortRole.SUM_IN, number, split=split)


def sum_out(*, split: bool) -> list[FuPort]:
    """The sum that another FU takes, whole or in halves, the lower first."""
    return _halves("sum_out", PortRole.SUM_OUT, 0, split=split)


def _halves(name: str, role: PortRole, number: int, *, split: bool) -> list[FuPort]:
    if not split:
        return [FuPort(name, role, number=number)]
    return [
        FuPort(f"{name}_{half}", role, number=number, upper=half == HALVES[1]) for half in HALVES
    ]


def total_in(number: int) -> FuPort:
    """A tree's total."""
    return FuPort(f"total_in{number}", PortRole.TOTAL_IN, number=number)


def inputs_of(kind: FuKind, memories: Sequence[str], *, split: bool) -> Iterator[FuPort]:
    """The inputs that an FU of this kind may have; `memories` are the operands', by port."""
    for k, (memory, port) in enumerate(zip(memories, kind.ports, strict=True)):
        choices = [choice for choice in port.picks if choice is not None]
        yield from (source(k, memory, n) for n in sorted({n for _, x in choices for _, n in x}))
        yield node(k, memory)
        yield load(k, memory)
        either = [links for pick, links in choices if pick is Pick.EITHER]
        yield from (reuse(k, memory, n) for n in sorted({n for x in either for n, _ in x}))
    yield from map(mask, mask_numbers(kind.masks))
    parts = [part for part in kind.sums if part is not None]
    for number in sorted({part.link for part in parts} - {-1}):
        yield from sum_in(number, split=split)
    yield from (total_in(number) for number in sorted({part.tree for part in parts} - {-1}))
    yield FIRST
