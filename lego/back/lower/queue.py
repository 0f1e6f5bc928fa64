"""The queue of commands: the host's writes of registers and starts wait in it, in their order.

A word is a write of a register, a start, or both. One leaves per cycle, unless a start that left waits for
its run: then what is behind it waits, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.plan.design import DesignPlan
from lego.ir.dag import Module, index_bits

__all__ = ["build_queue", "word_bits"]


def word_bits(design: DesignPlan) -> int:
    """Bits of the widest register."""
    return max(spec.bits for spec in design.registers)


def build_queue(design: DesignPlan) -> Module:
    """A FIFO; `ready` tells that it takes what comes, `started` that it takes a start.

    Out come `write`, `write_addr` and `write_data`, and `go` with a start, unless `pending`.
    """
    words = design.fused.queue
    b = Builder(f"{design.fused.name}_queue", "control")
    address = b.input("host_addr", (0, (1 << index_bits(len(design.registers))) - 1))
    data = b.input("host_wdata", (0, (1 << word_bits(design)) - 1))
    write, start = b.input("host_wen"), b.input("start")
    held = b.reg((0, words), name="held")
    ready = b.invert(b.eq(held, b.const(words)))
    enters = b.all([ready, b.any([write, start])])
    leaves = b.all([b.invert(b.eq(held, b.const(0))), b.invert(b.input("pending"))])
    counted = b.mux(enters, b.add(held, b.const(1)), b.add(held, b.const(-1)))
    changes = b.any([b.all([enters, b.invert(leaves)]), b.all([leaves, b.invert(enters)])])
    b.drive(held, b.wrap(counted, (0, words)), changes)
    last, first = (_pointer(b, words, n, when) for n, when in (("last", enters), ("first", leaves)))
    found = _stored(b, words, (last, enters, first), [start, write, address, data])
    b.output("ready", ready)
    b.output("started", b.all([start, ready]))
    for name, node in zip(("go", "write"), found, strict=False):
        b.output(name, b.all([leaves, node]))
    b.output("write_addr", found[2])
    b.output("write_data", found[3])
    return infer_widths(b.build())


def _pointer(b: Builder, words: int, name: str, moves: int) -> int:
    """The number of a word, which goes round."""
    span = (0, words - 1)
    at = b.reg(span, name=name)
    b.drive(at, b.wrap(b.add(at, b.const(1)), span), moves)
    return at


def _stored(
    b: Builder, words: int, ends: tuple[int, int, int], parts: Sequence[int]
) -> Sequence[int]:
    """The parts of the first word; in comes what is written behind the last."""
    last, enters, first = ends
    here = [b.all([enters, b.eq(last, b.const(k))]) for k in range(words)]
    found = []
    for number, part in enumerate(parts):
        span = b.nodes[part].range
        each = [b.reg(span, name=f"word{k}_{number}", resets=False) for k in range(words)]
        for register, now in zip(each, here, strict=True):
            b.drive(register, part, now)
        found.append(b.select(first, index_bits(words), each))
    return found
