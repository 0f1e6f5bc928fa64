"""Parts of memory: words that one run uses while the host loads, or reads, those of another."""

from __future__ import annotations

import math
from dataclasses import replace

from lego.diag import LegoError
from lego.ir.checks.program_check import rows_of
from lego.ir.device import Device
from lego.ir.formulas import HALF, RESUME, base_of, evaluated
from lego.ir.layout import Layout
from lego.ir.program import Program

__all__ = ["apart", "fits", "in_part"]


def apart(one: Layout, other: Layout) -> bool:
    """Whether two tensors have no word of a memory in common, whichever banks they use."""
    (first, end), (start, last) = _words(one), _words(other)
    return one.memory != other.memory or end <= start or last <= first


def _words(layout: Layout) -> tuple[int, int]:
    """The words of a tensor in its banks, and the first behind them."""
    return layout.base, layout.base + math.prod(rows_of(layout))


def fits(device: Device, layout: Layout) -> bool:
    """Whether a tensor still lies in its memory if it begins as many words later as part 1 does."""
    memory = device.memory(layout.memory)
    return _words(layout)[1] + memory.middle <= memory.bank_depths()[layout.n_banks - 1]


def in_part(device: Device, program: Program, part: int, *, strict: bool = True) -> Program:
    """The program with its tensors in part 0 or 1 of memories, and in that half of those that have halves.

    Bases are counted from the part's first word. Raises E203 if there is no such part, or a tensor is too
    large for it; that one stays where it is if not `strict`.
    """
    if part not in ((0, 1) if device.double or device.split else (0,)):
        several = "parts are 0 and 1"
        alone = "part 1 takes `double_buffer: parts`, or yes, in `architecture`"
        hint = several if device.double or device.split else alone
        raise LegoError("E203", f"{device.top} has no part {part}", hint=hint)
    moved = {
        name: _moved(device, layout, part, strict=strict)
        for name, layout in program.layouts.items()
    }
    half = part if device.double else 0
    closed = device.dataflows[program.dataflow].formulas.registers
    values = program.bounds | {base_of(name): each.base for name, each in moved.items()}
    values |= {HALF: half, RESUME: int(program.resume)}
    found = {
        name: evaluated(text, values)
        for name, text in closed.items()
        if any(word in text for word in (HALF, base_of("")))
    }
    return replace(program, half=half, layouts=moved, registers=program.registers | found)


def _moved(device: Device, layout: Layout, part: int, *, strict: bool) -> Layout:
    if part and fits(device, layout):
        return replace(layout, base=layout.base + device.memory(layout.memory).middle)
    if part and strict:
        message = f"{layout.tensor!r} is too large for part 1 of its memory"
        hint = "smaller loop bounds, or a memory twice as large, leave room for two"
        raise LegoError("E203", message, hint=hint)
    return layout
