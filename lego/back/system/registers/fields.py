"""Fields that a host writes, as registers and pulses of the table's kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.system.registers.axi_lite import WriteSide
from lego.ir.control_map import Access, Field, Register

__all__ = ["Written", "labels", "mapped", "number", "word_of", "written_fields"]


@dataclass(frozen=True, slots=True)
class Written:
    """What writes do, by `REGISTER.FIELD`.

    Attributes
    ----------
    values : registers that hold what was written last.
    pulses : set in the cycle in which a 1 is written.
    clears : likewise, of fields that a 1 clears.
    """

    values: Mapping[str, int]
    pulses: Mapping[str, int]
    clears: Mapping[str, int]


def labels(register: Register) -> list[str]:
    """The name of a register, or of each of several alike: with its number."""
    return [register.name + str(k) * (register.count > 1) for k in range(register.count)]


def mapped(b: Builder, word: int, registers: Sequence[Register]) -> Iterator[tuple[str, int]]:
    """For every register whether the word of this number is it."""
    for register in registers:
        for label, offset in zip(labels(register), register.offsets, strict=True):
            yield label, b.eq(word, b.const(offset // 4))


def written_fields(
    b: Builder, write: WriteSide, hits: Mapping[str, int], registers: Sequence[Register]
) -> Written:
    """All fields that a host writes; `hits` tells by register whether a write that acts is of it."""
    found: dict[Access, dict[str, int]] = {access: {} for access in Access}
    for register in registers:
        for label in labels(register):
            for field in (each for each in register.fields if each.access.written):
                name, hit = f"{label}.{field.name}", b.all([write.acts, hits[label]])
                make = _value if field.access is Access.RW else _ones
                found[field.access][name] = make(b, write, hit, name, field)
    return Written(found[Access.RW], found[Access.PULSE], found[Access.W1C])


def word_of(b: Builder, register: Register, label: str, values: Mapping[str, int]) -> int:
    """The word that is read, of the values of its fields; pulses, and what has no field, read 0."""
    parts, end = [], 0
    for field in register.fields:
        if field.low > end:
            parts.append(number(b, 0, field.low - end))
        pulse = field.access is Access.PULSE
        parts.append(number(b, 0, field.bits) if pulse else values[f"{label}.{field.name}"])
        end = field.low + field.bits
    return b.cat(parts)


def number(b: Builder, value: int, bits: int) -> int:
    """A constant of so many bits."""
    return b.wrap(b.const(value), (0, (1 << bits) - 1))


def _pieces(field: Field) -> Iterator[tuple[int, int, int]]:
    """The parts of a field in each byte: the byte, the lowest bit in it, and how many bits."""
    for byte in range(4):
        low, end = max(field.low, 8 * byte), min(field.low + field.bits, 8 * byte + 8)
        if low < end:
            yield byte, low - 8 * byte, end - low


def _value(b: Builder, write: WriteSide, hit: int, name: str, field: Field) -> int:
    """A register of each byte's part."""
    parts, done = [], 0
    for byte, low, bits in _pieces(field):
        reset = field.reset >> done & (1 << bits) - 1
        part = b.reg((0, (1 << bits) - 1), name=f"{_plain(name)}_b{byte}", init=reset)
        data = b.slice(write.data[byte], low, bits)
        b.drive(part, data, b.all([hit, write.strobes[byte]]))
        parts.append(part)
        done += bits
    return parts[0] if len(parts) == 1 else b.wrap(b.cat(parts), (0, (1 << field.bits) - 1))


def _ones(b: Builder, write: WriteSide, hit: int, name: str, field: Field) -> int:
    """Whether a 1 is written to a field of one bit."""
    ((byte, low, _),) = _pieces(field)
    return b.all([hit, write.strobes[byte], b.slice(write.data[byte], low, 1)], name=_plain(name))


def _plain(name: str) -> str:
    return name.lower().replace(".", "_")
