"""The register block: a port of AXI4-Lite on one side, the device's settings and state on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.registers.axi_lite import (
    answered_read,
    answered_write,
    taken_read,
    taken_write,
)
from lego.back.system.registers.fields import (
    Written,
    labels,
    mapped,
    number,
    word_of,
    written_fields,
)
from lego.back.system.registers.state import commanded, told
from lego.ir.control_map import Access, Identity, Register, control_registers
from lego.ir.dag import Module

__all__ = ["build_control"]

_SETTINGS = {
    "program_segment": "PROGRAM_SEGMENT.SEGMENT",
    "program_offset": "PROGRAM_OFFSET.OFFSET",
    "watchdog": "WATCHDOG.CYCLES",
    "cache": "AXI_ATTRIBUTES.CACHE",
    "prot": "AXI_ATTRIBUTES.PROT",
    "qos": "AXI_ATTRIBUTES.QOS",
}
"""Output ports that are fields."""


def build_control(prefix: str, identity: Identity) -> Module:
    """The registers of the table as a module `{prefix}_control`.

    Host: a port `s_axi_*` of AXI4-Lite. Device: pulses `doorbell` (never while `busy`), `abort` and
    `soft_reset`, settings by name, which stand still while busy, and `irq`, high while a source is set
    that the mask lets through. The device answers with `busy`, from the cycle after a doorbell to that
    of the pulse `finished` or `failed`; `error_*` count with `failed`, `stall_*` while busy.
    A soft reset is an abort of whose end nothing is told, and clears all but the settings.
    """
    b = Builder(f"{prefix}_control", "control")
    registers = control_registers(identity)
    written = _written(b, registers)
    commands = commanded(b, written)
    values = {**written.values, **told(b, commands, written, registers), **_fixed(b, registers)}
    _read(b, registers, values)
    for name, pulse in zip(("doorbell", "abort", "soft_reset"), commands.pulses, strict=True):
        b.output(name, pulse)
    b.output("irq", _interrupt(b, values))
    _settings(b, identity, values)
    return infer_widths(b.build())


def _written(b: Builder, registers: Sequence[Register]) -> Written:
    """The host's writes; one of a register that isn't there, or is locked, is an error."""
    write = taken_write(b)
    idle = b.invert(b.input("busy"))
    locked = {label for each in registers if each.locked for label in labels(each)}
    fit = {
        label: b.all([here, *[idle] * (label in locked)])
        for label, here in mapped(b, write.word, registers)
    }
    answered_write(b, write, b.invert(b.any(list(fit.values()))))
    return written_fields(b, write, fit, registers)


def _read(b: Builder, registers: Sequence[Register], values: Mapping[str, int]) -> None:
    """The host's reads; one of a register that isn't there is an error, and reads 0."""
    read = taken_read(b)
    here = dict(mapped(b, read.word, registers))
    names = [(label, each) for each in registers for label in labels(each)]
    words = [(here[label], word_of(b, each, label, values)) for label, each in names]
    answered_read(b, read, b.one_of(words), b.invert(b.any(list(here.values()))))


def _fixed(b: Builder, registers: Sequence[Register]) -> dict[str, int]:
    """Fields that never change."""
    return {
        f"{label}.{field.name}": number(b, field.reset, field.bits)
        for register in registers
        for label in labels(register)
        for field in register.fields
        if field.access is Access.CONSTANT
    }


def _interrupt(b: Builder, values: Mapping[str, int]) -> int:
    """Whether a source is set that the mask lets through."""
    names = ("DONE", "COMMAND", "ERROR")
    return b.any([b.all([values[f"IRQ_{part}.{n}"] for part in ("STATUS", "MASK")]) for n in names])


def _settings(b: Builder, identity: Identity, values: Mapping[str, int]) -> None:
    """The ports of what the host has set."""
    for port, name in _SETTINGS.items():
        b.output(port, values[name])
    zeros = number(b, 0, 6)
    for k in range(identity.segments):
        low, high = (values[f"SEGMENT_BASE_{part}{k}.BASE"] for part in ("LOW", "HIGH"))
        b.output(f"segment_base{k}", b.cat([zeros, low, high]))
        b.output(f"segment_limit{k}", values[f"SEGMENT_LIMIT{k}.BYTES"])
    for k in range(identity.parameters):
        b.output(f"parameter{k}", values[f"PARAMETER{k}.VALUE"])
