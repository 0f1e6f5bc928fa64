"""Registers of an engine, written by the words of a program."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.ir.engines import EngineRegister

__all__ = ["held_registers", "taken"]


def held_registers(b: Builder, table: Sequence[EngineRegister]) -> dict[str, int]:
    """The registers of a table by name; ports `e_write`, `e_register` and `e_value` write one per cycle."""
    write = b.input("e_write")
    number = b.input("e_register", (0, 255))
    value = b.input("e_value", (0, (1 << 32) - 1))
    found = {}
    for k, each in enumerate(table):
        register = b.reg((0, (1 << each.bits) - 1), name=each.name, resets=True)
        b.drive(register, b.slice(value, 0, each.bits), b.all([write, b.eq(number, b.const(k))]))
        found[each.name] = register
    return found


def taken(b: Builder, prefix: str, values: dict[str, int], when: int) -> dict[str, int]:
    """Copies of values, taken in the cycles of `when`."""
    found = {}
    for name, value in values.items():
        copy = b.reg(b.nodes[value].range, name=f"{prefix}_{name}", resets=False)
        b.drive(copy, value, when)
        found[name] = copy
    return found
