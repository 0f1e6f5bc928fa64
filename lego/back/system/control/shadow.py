"""Copies of the engines' registers, to which writes may add."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.bits import exclusive_or, plus
from lego.back.system.control.check import WORD_SPAN, field
from lego.back.system.control.gate import VALUE_SPAN
from lego.ir.commands import Mode, field_of
from lego.ir.dag import Module, index_bits

__all__ = ["build_shadow"]


def build_shadow(prefix: str, *, registers: Sequence[int]) -> Module:
    """The module `PREFIX_shadow`: a RAM with a word per register of each engine.

    Ports
    -----
    ahead, load : a command word, and whether it is the next one; its register is read.
    word : the command word of the last `load`, until the next one.
    value : what its register gets, from the cycle after `load` on.
    write : pulse, perhaps together with the next `load`: the register gets it.
    """
    b = Builder(f"{prefix}_shadow", "control")
    load, write, word = b.input("load"), b.input("write"), b.input("word", WORD_SPAN)
    total = sum(registers)
    bases = list(accumulate(registers, initial=0))[:-1]
    reads = _address(b, b.input("ahead", WORD_SPAN), bases, total)
    writes = _address(b, word, bases, total)
    span = VALUE_SPAN
    new = b.wire(span)
    ram = b.memory((reads, load), (writes, new, write), total, field_of("value").bits)
    same = b.reg((0, 1), name="same")
    b.drive(same, b.all([write, b.eq(reads, writes)]), load)
    latest = b.reg(span, name="latest", resets=False)
    b.drive(latest, new, load)
    b.connect(new, _combined(b, word, b.mux(same, latest, ram)))
    b.output("value", new)
    return infer_widths(b.build())


def _address(b: Builder, word: int, bases: Sequence[int], total: int) -> int:
    """The place of a command's register; any place for one that doesn't exist."""
    engine = b.slice(field(b, word, "engine"), 0, 2)
    base = b.select(engine, 2, [b.const(each) for each in bases])
    return b.wrap(b.add(base, field(b, word, "register")), (0, (1 << index_bits(total)) - 1))


def _combined(b: Builder, word: int, old: int) -> int:
    """The register's new value by the command's mode; a start hands on its own value."""
    value, mode = field(b, word, "value"), field(b, word, "mode")
    added = plus(b, old, value, field_of("value").bits)
    mixed = exclusive_or(b, old, value, field_of("value").bits)
    is_add, is_xor = (b.eq(mode, b.const(each)) for each in (Mode.ADD, Mode.XOR))
    return b.mux(is_add, added, b.mux(is_xor, mixed, value))
