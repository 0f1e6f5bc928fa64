"""Operands as wide as what is computed from them, so that no Verilog reader extends any by itself.

Yosys trims the known upper bits of operands, and Verilog's rules of expressions restore them. Linters warn
where they do; here the bits are written. Synthesis trims them again.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyosys import libyosys as ys

__all__ = ["compact", "extend_operands", "fold_comparisons"]

_ARITHMETIC = frozenset({"$add", "$sub", "$mul", "$and", "$or", "$xor", "$xnor", "$neg", "$not"})
_COMPARING = frozenset({"$eq", "$ne", "$lt", "$le", "$gt", "$ge"})


def extend_operands(design: ys.Design) -> None:
    """Make the operands of a Yosys design's cells as wide as Verilog would."""
    for module in design.selected_modules():
        for cell in module.selected_cells():
            kind = cell.type.str()
            if kind == "$logic_not":
                _compare_with_zero(cell)
            elif kind in _ARITHMETIC:
                _resize(cell, cell.getPort(_id("Y")).size())
            elif kind in _COMPARING:
                _resize(cell, max(cell.getPort(_id(name)).size() for name in "AB"))


def fold_comparisons(design: ys.Design) -> None:
    """Replace comparisons whose outcome is known from the operands' widths."""
    from pyosys import libyosys as ys

    for module in design.selected_modules():
        for cell in module.selected_cells():
            if (outcome := _outcome(cell)) is not None:
                result = cell.getPort(_id("Y"))
                module.remove(cell)
                module.connect(result, ys.SigSpec(ys.Const(int(outcome), result.size())))


def _outcome(cell: ys.Cell) -> bool | None:
    """What a comparison gives whatever the values, if that is known."""
    kind = cell.type.str()
    if kind not in ("$lt", "$le", "$gt", "$ge"):
        return None
    signed = all(cell.getParam(_id(f"{name}_SIGNED")).as_bool() for name in "AB")
    a, b = (_span(cell.getPort(_id(name)), signed) for name in "AB")
    if kind in ("$gt", "$ge"):  # a > b is b < a, and a >= b is b <= a
        a, b = b, a
    strict = kind in ("$lt", "$gt")
    if a[1] + strict <= b[0]:
        return True
    return False if b[1] < a[0] + strict else None


def _span(operand: ys.SigSpec, signed: bool) -> tuple[int, int]:
    """Least and greatest value of a signal."""
    bits = operand.size()
    if operand.is_fully_def():
        value = int(operand.as_const().as_string() or "0", 2)  # trimmed to nothing: 0
        value -= (value >> (bits - 1)) << bits if signed and bits else 0
        return value, value
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def _resize(cell: ys.Cell, bits: int) -> None:
    """Operands of so many bits: the result has no more, so that what is above them doesn't matter."""
    ports = [name for name in "AB" if cell.hasPort(_id(name))]
    signed = all(cell.getParam(_id(f"{name}_SIGNED")).as_bool() for name in ports)
    for name in ports:
        operand = cell.getPort(_id(name))
        if operand.size() != bits:
            operand.extend_u0(bits, signed)
            cell.setPort(_id(name), operand)
    cell.fixup_parameters()


def _compare_with_zero(cell: ys.Cell) -> None:
    """`!x` of several bits as `x == 0`."""
    from pyosys import libyosys as ys

    bits = cell.getPort(_id("A")).size()
    if bits == 1:
        return
    cell.type = ys.IdString("$eq")
    cell.setPort(_id("B"), ys.SigSpec(ys.Const(0, bits)))
    for name in "AB":
        cell.setParam(_id(f"{name}_SIGNED"), ys.Const(0, 1))
    cell.fixup_parameters()


@cache
def _id(name: str) -> ys.IdString:
    from pyosys import libyosys as ys

    return ys.IdString(f"\\{name}")


_REPEATED = re.compile(r"(?<=[{ ])([a-zA-Z_]\w*(?:\[\d+\])?)((?:, \1)+)(?=[, ])")


def compact(verilog: str) -> str:
    """The text with `{n{x}}` for a bit that is repeated in a concatenation."""
    return _REPEATED.sub(_replicated, verilog)


def _replicated(found: re.Match[str]) -> str:
    count = 1 + found[2].count(",")
    return f"{{{count}{{{found[1]}}}}}"
