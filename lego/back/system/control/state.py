"""Whether a program runs, and why it stopped."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.check import CODE_SPAN, INDEX_SPAN
from lego.back.system.control.gate import VALUE_SPAN
from lego.ir.commands import ErrorCode
from lego.ir.dag import Module, Op

__all__ = ["ADDRESS_SPAN", "OFFSET_SPAN", "SETTLING_CYCLES", "build_state"]

ADDRESS_SPAN = (0, (1 << 64) - 1)
OFFSET_SPAN = (0, (1 << 32) - 1)
SETTLING_CYCLES = 8
"""Cycles that a stopped device waits at least, so that everybody has heard of it."""


def build_state(prefix: str, *, sources: Sequence[str]) -> Module:
    """The module `PREFIX_state`; the device is idle, runs a program, or halts.

    Ports
    -----
    go : pulse of the host; ignored unless idle. begins : it isn't.
    program_offset : 16 bytes of which are a beat; otherwise the program doesn't begin.
    abort : pulse of the host.
    S_fault, S_fault_code, S_fault_address : of each source, pulse and what it found, the first source first.
    read_error : a beat of the program came with an error; a source says its address in the next cycle.
    code, index : what is wrong with the word whose turn it is, and its number.
    ended : pulse: the program's last word was carried out.
    progress : a command left or a run ended; watchdog : cycles without progress that are too many, 0: none.
    quiet : engines and buses are idle.
    run, halt, busy : the state; finished, failed : pulses as it ends.
    clear : pulse: gates and semaphores forget everything, as a program begins and as one has failed.
    error_code, error_index, error_address : of the first error, until the next program begins.
    """
    b = Builder(f"{prefix}_state", "control")
    run, halt = b.reg((0, 1), name="run_state"), b.reg((0, 1), name="halt_state")
    busy = b.any([run, halt])
    begins = b.all([b.input("go"), b.invert(busy)])
    low = b.slice(b.input("program_offset", OFFSET_SPAN), 0, 4)
    odd = b.all([begins, b.invert(b.eq(low, b.const(0)))])
    wrong, code, address, faulty = _first_error(b, sources, odd)
    fails = b.all([wrong, b.any([run, odd])])
    ends = b.all([run, b.input("ended"), b.invert(fails)])
    settled = _settled(b, halt)
    recovers = b.all([halt, settled, b.input("quiet")])
    b.drive(run, b.mux(run, b.invert(b.any([fails, ends])), b.all([begins, b.invert(odd)])))
    b.drive(halt, b.mux(halt, b.invert(recovers), fails))
    index = b.mux(odd, b.const(0), b.input("index", INDEX_SPAN))
    unread = b.all([fails, b.eq(code, b.const(ErrorCode.READ)), b.invert(faulty)])
    _remember(b, (begins, fails, unread), (code, index, address))
    for name, node in (("run", run), ("halt", halt), ("busy", busy), ("begins", begins)):
        b.output(name, node)
    b.output("clear", b.any([begins, recovers]))
    b.output("finished", ends)
    b.output("failed", recovers)
    return infer_widths(b.build())


def _first_error(b: Builder, sources: Sequence[str], odd: int) -> tuple[int, int, int, int]:
    """Whether anything is wrong, code and address of what counts first, and whether a source says so."""
    command = b.input("code", CODE_SPAN)
    code, address = b.const(ErrorCode.ABORTED), b.const(0)
    own = [
        (odd, b.const(ErrorCode.ALIGN)),
        (b.invert(b.eq(command, b.const(0))), command),
        (b.input("read_error"), b.const(ErrorCode.READ)),
        (_expired(b), b.const(ErrorCode.WATCHDOG)),
    ]
    for wrong, each in reversed(own):
        code = b.mux(wrong, each, code)
    faults = []
    for source in reversed(sources):
        fault = b.input(f"{source}_fault")
        code = b.mux(fault, b.input(f"{source}_fault_code", CODE_SPAN), code)
        address = b.mux(fault, b.input(f"{source}_fault_address", ADDRESS_SPAN), address)
        faults.append(fault)
    faulty = b.any(faults)
    wrong = b.any([faulty, *(wrong for wrong, _ in own), b.input("abort")])
    return wrong, code, address, faulty


def _expired(b: Builder) -> int:
    """Whether there were too many cycles without progress."""
    limit = b.input("watchdog", VALUE_SPAN)
    waited = b.reg(VALUE_SPAN, name="waited")
    stays = b.any([b.input("progress"), b.input("go")])
    b.drive(waited, b.mux(stays, b.const(0), b.wrap(b.add(waited, b.const(1)), VALUE_SPAN)))
    return b.all([b.eq(waited, limit), b.invert(b.eq(limit, b.const(0)))])


def _settled(b: Builder, halt: int) -> int:
    """Whether the device has halted for long enough."""
    span = (0, SETTLING_CYCLES - 1)
    waited = b.reg(span, name="halted")
    last = b.eq(waited, b.const(SETTLING_CYCLES - 1))
    counted = b.wrap(b.op(Op.ADD, waited, b.invert(last)), span)
    b.drive(waited, b.mux(halt, counted, b.const(0)))
    return last


def _remember(b: Builder, events: tuple[int, int, int], error: tuple[int, int, int]) -> None:
    """Code, index and address of an error stay until the next program begins; the address of what's
    `unread` comes a cycle later.
    """
    begins, fails, unread = events
    late = b.delay(unread, 1, resets=True)
    spans = {"code": CODE_SPAN, "index": INDEX_SPAN, "address": ADDRESS_SPAN}
    for (name, span), new in zip(spans.items(), error, strict=True):
        kept = b.reg(span, name=f"error_{name}")
        comes = b.any([fails, late]) if name == "address" else fails
        b.drive(kept, b.mux(comes, b.wrap(new, span), b.const(0)), b.any([begins, comes]))
        b.output(f"error_{name}", kept)
