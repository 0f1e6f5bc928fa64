"""What every program satisfies, whatever device it is for."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lego.ir.checks.banks_check import form_faults, shift_faults, word_faults
from lego.ir.layout import Layout, moved
from lego.ir.program import Program

__all__ = ["program_faults", "rows_of"]


def program_faults(program: Program) -> Iterator[str]:
    """Broken rules: numbers are natural, and every operand has a layout in a memory of its own."""
    for name, value in program.registers.items():
        if value < 0:
            yield f"register {name} is {value}"
    if not 0 <= program.iterations <= math.prod(program.bounds.values()):
        yield f"{program.iterations} iterations within the bounds {program.bounds}"
    if program.accesses.keys() != program.layouts.keys():
        yield "accesses and layouts are of different operands"
    if min(program.accesses.values(), default=0) < 0:
        yield "an operand is accessed less than never"
    memories = [layout.memory for layout in program.layouts.values()]
    if len(set(memories)) != len(memories):
        yield f"two operands are in one memory of {', '.join(memories)}"
    for name, layout in program.layouts.items():
        for fault in _layout_faults(layout):
            yield f"layout of {name}: {fault}"


def rows_of(layout: Layout) -> tuple[int, ...]:
    """Words per dimension that one bank keeps."""
    sides = moved(layout.shape, layout.along, layout.shift)
    dimensions = zip(sides, layout.gcds, layout.bank_counts, strict=True)
    return tuple(-(-extent // (g * count)) * g for extent, g, count in dimensions)


def _layout_faults(layout: Layout) -> Iterator[str]:
    rank = len(layout.shape)
    yield from form_faults(rank, layout.bank_counts, layout.gcds, layout.skews)
    yield from word_faults(layout.bank_counts, layout.wide, layout.along)
    yield from shift_faults(layout.gcds, layout.wide, layout.along, layout.shift)
    rows = rows_of(layout)
    wanted = tuple(math.prod(rows[j + 1 :]) for j in range(rank))
    if layout.strides != wanted:
        yield f"strides are {layout.strides}, rows of {rows} words need {wanted}"
    if layout.preload is not None and layout.preload.bit_length() > layout.bits:
        yield f"the preload {layout.preload} has more than {layout.bits} bits"
