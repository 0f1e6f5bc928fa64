"""The gate of an engine: its commands wait here until the engine, and the semaphores, let them pass.

Commands pass in order, at most one per cycle, the first one in the cycle after it came. A write passes
at once, a start when the engine takes it and each semaphore that it waits for is above 0. What a run
signals when it is done waits in a FIFO of its own, as several runs may be under way.
"""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.fifo import Fifo
from lego.ir.commands import SEMAPHORES, field_of
from lego.ir.dag import Module

__all__ = ["REGISTER_SPAN", "VALUE_SPAN", "build_gate"]

REGISTER_SPAN = (0, (1 << field_of("register").bits) - 1)
VALUE_SPAN = (0, (1 << field_of("value").bits) - 1)


def build_gate(prefix: str, *, depth: int = 16, runs: int = 8) -> Module:
    """The module `PREFIX_gate`.

    Parameters
    ----------
    depth : commands that wait; runs : runs that may be under way. Powers of two.

    Ports
    -----
    in_valid, in_start, in_register, in_value, in_ready : commands; of a start, the value is its masks.
    e_accepts : from the engine: it takes a command in this cycle.
    e_write, e_register, e_value : to the engine, which has the value at the end of the cycle.
    e_start : pulse to the engine, only while it says `e_ready`.
    e_done : pulse from the engine per run, in order, at the earliest in the cycle after its start.
    e_idle : from the engine: no run is under way.
    wait_mask, granted : semaphores of the first command, and whether all are above 0; `e_start` takes them.
    signal_mask : semaphores that go up at the end of this cycle, 0 unless `e_done`.
    halt : commands that wait are dropped, none passes, and `idle` is the engine's.
    clear : forgets everything; the engine is idle.
    idle : nothing waits and no run is under way.
    passed : commands that passed since `clear`; held_up : a start waits for nothing but semaphores.
    """
    b = Builder(f"{prefix}_gate", "control")
    halt, clear, done = b.input("halt"), b.input("clear"), b.input("e_done")
    queue, under_way = Fifo(b, depth, "word"), Fifo(b, runs, "run")
    first_starts, register, value = _first_command(b, queue, halt)
    passes = b.all([b.invert(queue.empty), b.invert(halt), b.input("e_accepts")])
    write = b.all([passes, b.invert(first_starts)])
    may_start = [b.input("e_ready"), b.input("granted"), b.invert(under_way.full)]
    start = b.all([passes, first_starts, *may_start])
    leaves = b.any([write, start])
    queue.take(leaves, b.any([halt, clear]))
    _tell(b, leaves, b.all([passes, first_starts, may_start[0], b.invert(may_start[1])]))
    signalled = under_way.put([b.slice(value, SEMAPHORES, SEMAPHORES)], start)[0]
    under_way.take(done, clear)
    busy = b.any([b.invert(queue.empty), b.invert(under_way.empty)])
    for name, node in (
        ("write", write),
        ("register", register),
        ("value", value),
        ("start", start),
    ):
        b.output(f"e_{name}", node)
    b.output("wait_mask", b.slice(value, 0, SEMAPHORES))
    b.output("signal_mask", b.mux(done, signalled, b.const(0)))
    b.output("idle", b.all([b.input("e_idle"), b.any([halt, b.invert(busy)])]))
    return infer_widths(b.build())


def _tell(b: Builder, leaves: int, held_up: int) -> None:
    """What the host may want to know of an engine."""
    passed = b.reg(VALUE_SPAN, name="commands")
    more = b.wrap(b.add(passed, b.const(1)), VALUE_SPAN)
    clear = b.input("clear")
    b.drive(passed, b.mux(clear, b.const(0), more), b.any([clear, leaves]))
    b.output("passed", passed)
    b.output("held_up", held_up)


def _first_command(b: Builder, queue: Fifo, halt: int) -> list[int]:
    """Whether the first command is a start, its register and its value; what comes is stored."""
    parts = [b.input("in_start"), b.input("in_register", REGISTER_SPAN)]
    parts.append(b.input("in_value", VALUE_SPAN))
    ready = b.all([b.invert(queue.full), b.invert(halt)])
    b.output("in_ready", ready)
    return queue.put(parts, b.all([b.input("in_valid"), ready]))
