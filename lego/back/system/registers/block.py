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
from lego.back.system.registers.fields import labels, mapped, number, word_of, written_fields
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
    write, read = taken_write(b), taken_read(b)
    idle = b.invert(b.input("busy"))
    free = {label: [idle] * each.locked for each in registers for label in labels(each)}
    here = dict(mapped(b, write.word, registers))
    open_ = {label: b.all([hit, *free[label]]) for label, hit in here.items()}
    written = written_fields(b, write, open_, registers)
    commands = commanded(b, written)
    (engines,) = (each for each in registers if each.name == "ENGINE_INDEX")
    values = dict(written.values) | told(b, commands, written, engines) | _fixed(b, registers)
    answered_write(b, write, b.invert(b.any(list(open_.values()))))
    found = dict(mapped(b, read.word, registers))
    words = [
        (found[label], word_of(b, each, label, values))
        for each in registers
        for label in labels(each)
    ]
    answered_read(b, read, b.one_of(words), b.invert(b.any(list(found.values()))))
    for name, pulse in zip(
        ("doorbell", "abort", "soft_reset"),
        (commands.starts, commands.abort, commands.reset),
        strict=True,
    ):
        b.output(name, pulse)
    _settings(b, identity, values)
    b.output(
        "irq",
        b.any(
            [
                b.all([values[f"IRQ_STATUS.{source}"], values[f"IRQ_MASK.{source}"]])
                for source in ("DONE", "COMMAND", "ERROR")
            ]
        ),
    )
    return infer_widths(b.build())


def _fixed(b: Builder, registers: Sequence[Register]) -> dict[str, int]:
    """Fields that never change."""
    return {
        f"{label}.{field.name}": number(b, field.reset, field.bits)
        for register in registers
        for label in labels(register)
        for field in register.fields
        if field.access is Access.CONSTANT
    }


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
