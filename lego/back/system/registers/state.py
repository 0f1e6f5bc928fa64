"""What the registers tell of a program: its state, its error, its interrupts, its cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.registers.axi_lite import WORD
from lego.back.system.registers.fields import Written, labels
from lego.ir.control_map import Register

__all__ = ["Commands", "commanded", "told"]

BIT = (0, 1)
LONG = (0, (1 << 64) - 1)


@dataclass(frozen=True, slots=True)
class Commands:
    """Pulses: a program starts, a doorbell was refused, the program is to end, all is to be cleared."""

    starts: int
    refused: int
    abort: int
    reset: int

    @property
    def pulses(self) -> tuple[int, int, int]:
        """Those that the device is told: start, abort, reset."""
        return self.starts, self.abort, self.reset


def commanded(b: Builder, written: Written) -> Commands:
    """What the host commands in this cycle. Of several commands at once a doorbell is refused."""
    rings, abort, reset = (
        written.pulses[f"CONTROL.{name}"] for name in ("DOORBELL", "ABORT", "SOFT_RESET")
    )
    unfit = b.any([b.input("busy"), abort, reset])
    return Commands(b.all([rings, b.invert(unfit)]), b.all([rings, unfit]), abort, reset)


@dataclass(frozen=True, slots=True)
class Events:
    """What happens in this cycle: a program runs, reaches its end, is stopped, asks for an interrupt."""

    runs: int
    finished: int
    failed: int
    interrupt: int


def told(
    b: Builder, commands: Commands, written: Written, registers: Sequence[Register]
) -> dict[str, int]:
    """Fields that are only read, or set by the device, by `REGISTER.FIELD`."""
    found = {"STATUS.BUSY": b.input("busy"), "COMMAND_INDEX.INDEX": b.input("command_index", WORD)}
    anew = b.any([commands.starts, commands.reset])
    now = _events(b, commands)
    found |= _ending(b, now, anew)
    found |= _kept_until_cleared(b, commands, now, written.clears)
    found |= _counted(b, now, anew)
    (engines,) = (each for each in registers if each.name == "ENGINE_INDEX")
    for k, label in enumerate(labels(engines)):
        found[f"{label}.WORDS"] = b.input(f"engine_index{k}", WORD)
    semaphores = b.input("semaphores", LONG)
    for k in range(16):
        part = "LOW" if k < 8 else "HIGH"
        found[f"SEMAPHORES_{part}.S{k}"] = b.slice(semaphores, 4 * k, 4)
    return found


def _events(b: Builder, commands: Commands) -> Events:
    """What the device says; after a reset nothing more of the program that it ended."""
    busy, ended = b.input("busy"), b.reg(BIT, name="ended_by_reset")
    ignored = b.any([commands.reset, ended])
    b.drive(ended, b.all([ignored, busy]))
    names = ("busy", "finished", "failed", "interrupt")
    return Events(*(b.all([b.input(name), b.invert(ignored)]) for name in names))


def _latch(b: Builder, name: str, sets: int, clears: int) -> int:
    """A bit that is set and cleared; set, if both."""
    bit = b.reg(BIT, name=name)
    b.drive(bit, b.any([sets, b.all([bit, b.invert(clears)])]))
    return bit


def _ending(b: Builder, now: Events, anew: int) -> dict[str, int]:
    """How the last program ended: the first error counts."""
    done = _latch(b, "done", now.finished, anew)
    error = _latch(b, "error", now.failed, anew)
    first = b.all([now.failed, b.any([anew, b.invert(error)])])
    found = {"STATUS.DONE": done, "STATUS.ERROR": error}
    address = b.input("error_address", LONG)
    for name, value in {
        "ERROR.CODE": b.input("error_code", (0, 255)),
        "ERROR_INDEX.INDEX": b.input("error_index", WORD),
        "ERROR_ADDRESS_LOW.ADDRESS": b.slice(address, 0, 32),
        "ERROR_ADDRESS_HIGH.ADDRESS": b.slice(address, 32, 32),
    }.items():
        span = b.nodes[value].range
        kept = b.reg(span, name=name.split(".")[0].lower())
        b.drive(kept, b.wrap(b.mux(first, value, b.const(0)), span), b.any([first, anew]))
        found[name] = kept
    return found


def _kept_until_cleared(
    b: Builder, commands: Commands, now: Events, clears: Mapping[str, int]
) -> dict[str, int]:
    """Bits that stay until the host writes a 1, or clears all."""
    sets = {
        "STATUS.REFUSED": commands.refused,
        "IRQ_STATUS.DONE": now.finished,
        "IRQ_STATUS.COMMAND": now.interrupt,
        "IRQ_STATUS.ERROR": now.failed,
    }
    return {
        name: _latch(b, name.lower().replace(".", "_"), when, b.any([clears[name], commands.reset]))
        for name, when in sets.items()
    }


def _counted(b: Builder, now: Events, anew: int) -> dict[str, int]:
    """Cycles while a program runs, and those of them in which the device waits."""
    low = b.reg(WORD, name="cycles_low")
    found = {"CYCLES_LOW.CYCLES": low}
    _count(b, low, now.runs, anew)
    high = b.reg(WORD, name="cycles_high")
    _count(b, high, b.all([now.runs, b.eq(low, b.const(WORD[1]))]), anew)
    found["CYCLES_HIGH.CYCLES"] = high
    for cause in ("semaphore", "bus", "queue"):
        waits = b.reg(WORD, name=f"stalls_{cause}")
        full = b.eq(waits, b.const(WORD[1]))
        _count(b, waits, b.all([now.runs, b.input(f"stall_{cause}"), b.invert(full)]), anew)
        found[f"STALLS_{cause.upper()}.CYCLES"] = waits
    return found


def _count(b: Builder, counter: int, when: int, anew: int) -> None:
    """Count up when told, from 0 anew."""
    more = b.wrap(b.add(counter, b.const(1)), WORD)
    b.drive(counter, b.mux(anew, b.const(0), more), b.any([anew, when]))
