"""The registers through which a host controls the device: the one table of them.

Hardware, drivers and documents are made from it. All registers have 32 bits and lie at multiples of four
bytes. Bits that no field has are read as 0, and what is written to them is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from lego.ir.command_program import MAGIC, VERSION
from lego.ir.commands import ENGINES, SEMAPHORES

__all__ = [
    "ADDRESS_BITS",
    "BUSY",
    "DEVICE_VERSION",
    "Access",
    "Field",
    "Identity",
    "Register",
    "control_registers",
    "offset_of",
]

ADDRESS_BITS = 12
"""Bits of a byte address in the block."""

DEVICE_VERSION = 1
"""Of the registers."""

BUSY = "STATUS.BUSY"
"""The field that locks registers while it is set."""


class Access(StrEnum):
    """What a read and a write of a field do."""

    CONSTANT = "constant"  # reads the reset value, always
    RO = "ro"  # reads what the hardware says
    RW = "rw"  # reads what was written last
    W1C = "w1c"  # set by the hardware; a written 1 clears its bit
    PULSE = "pulse"  # a written 1 acts once; reads 0

    @property
    def written(self) -> bool:
        """Whether a write can do something."""
        return self in (Access.RW, Access.W1C, Access.PULSE)


@dataclass(frozen=True, slots=True)
class Field:
    """Consecutive bits of a register.

    Attributes
    ----------
    name : in capitals; unique in its register.
    low, bits : lowest bit, and how many.
    reset : value after reset, as a number of `bits` bits.
    about : one or two sentences for the reader of the register map.
    """

    name: str
    low: int
    bits: int
    access: Access
    about: str
    reset: int = 0

    def __post_init__(self) -> None:
        if not (self.low >= 0 < self.bits and self.low + self.bits <= 32):
            raise ValueError(f"{self.name} has bits that a register doesn't have")
        if not 0 <= self.reset < 1 << self.bits:
            raise ValueError(f"{self.name} has {self.bits} bits and can't be {self.reset}")

    @property
    def mask(self) -> int:
        """The bits of the field in its register."""
        return ((1 << self.bits) - 1) << self.low


@dataclass(frozen=True, slots=True)
class Register:
    """A register, or `count` alike of them, four bytes apart.

    Attributes
    ----------
    name : in capitals; unique in the block.
    offset : byte address of the first.
    fields : lowest bits first.
    locked : while the device is busy a write changes nothing and is answered with an error.
    """

    name: str
    offset: int
    fields: tuple[Field, ...]
    about: str
    count: int = 1
    locked: bool = False

    def __post_init__(self) -> None:
        ends = [0, *(field.low + field.bits for field in self.fields)]
        if any(field.low < end for field, end in zip(self.fields, ends, strict=False)):
            raise ValueError(f"fields of {self.name} overlap or are out of order")
        if self.offset % 4 or self.offset + 4 * self.count > 1 << ADDRESS_BITS:
            raise ValueError(f"{self.name} is at no address for it")

    @property
    def reset(self) -> int:
        """The word after reset."""
        return sum(field.reset << field.low for field in self.fields)

    @property
    def offsets(self) -> range:
        """The byte address of each."""
        return range(self.offset, self.offset + 4 * self.count, 4)

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name}.{name}")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a host may ask a device about itself.

    Attributes
    ----------
    chip : hash of the chip, 32 bits; programs carry that of the chip that they are for.
    bus_bytes : width of the bus to memory.
    lanes : elements that the vector engine computes side by side.
    """

    chip: int
    bus_bytes: int = 16
    lanes: int = 16
    engines: int = ENGINES
    segments: int = 8
    semaphores: int = SEMAPHORES
    parameters: int = 8


def control_registers(identity: Identity) -> tuple[Register, ...]:
    """The registers of a device, in the order of their addresses."""
    return (
        *_identification(identity),
        *_commands(),
        *_errors(),
        *_interrupts(),
        *_settings(),
        *_counters(identity),
        *_tables(identity),
    )


def offset_of(name: str, index: int = 0) -> int:
    """Byte address of a register, the same in every device. Raises KeyError."""
    for register in control_registers(Identity(0)):
        if register.name == name:
            return register.offsets[index]
    raise KeyError(name)


def _word(name: str, access: Access, about: str, reset: int = 0) -> tuple[Field, ...]:
    """A field of all bits."""
    return (Field(name, 0, 32, access, about, reset),)


def _identification(i: Identity) -> Iterator[Register]:
    fixed = Access.CONSTANT
    magic = "The letters LEGO in ASCII, the first in the lowest byte."
    yield Register("ID", 0x000, _word("MAGIC", fixed, magic, MAGIC), "Tells that a device is here.")
    versions = (
        Field("PROGRAM", 0, 16, fixed, "Version of programs that run here.", VERSION),
        Field("DEVICE", 16, 16, fixed, "Version of these registers.", DEVICE_VERSION),
    )
    yield Register("VERSION", 0x004, versions, "Versions.")
    chip = "Hash of the chip. The header of a program holds that of the chip that it is for."
    yield Register("CHIP", 0x008, _word("HASH", fixed, chip, i.chip), "Which chip this is.")
    capability = (
        Field("BUS_BYTES", 0, 8, fixed, "Bytes of a beat of the bus to memory.", i.bus_bytes),
        Field("LANES", 8, 8, fixed, "Lanes of the vector engine.", i.lanes),
        Field("SEMAPHORES", 16, 8, fixed, "Number of semaphores.", i.semaphores),
        Field("ENGINES", 24, 4, fixed, "Number of engines.", i.engines),
        Field("SEGMENTS", 28, 4, fixed, "Number of segments.", i.segments),
    )
    yield Register("CAPABILITY", 0x00C, capability, "What the device has.")


def _commands() -> Iterator[Register]:
    reset = "Ends the program untold and clears what isn't a setting."
    control = (
        Field("DOORBELL", 0, 1, Access.PULSE, "Starts the program, unless the device is busy."),
        Field("ABORT", 1, 1, Access.PULSE, "Ends the program as soon as the bus allows it."),
        Field("SOFT_RESET", 2, 1, Access.PULSE, reset),
    )
    rule = "Commands. A doorbell together with another command is refused."
    yield Register("CONTROL", 0x010, control, rule)
    refused = "A doorbell was refused; it had no other effect. Cleared by writing 1."
    status = (
        Field("BUSY", 0, 1, Access.RO, "A program runs."),
        Field("DONE", 1, 1, Access.RO, "The last program reached its end."),
        Field("ERROR", 2, 1, Access.RO, "The last program was stopped by an error."),
        Field("REFUSED", 3, 1, Access.W1C, refused),
    )
    about = "State of the device. A doorbell clears DONE and ERROR."
    yield Register("STATUS", 0x014, status, about)


def _errors() -> Iterator[Register]:
    code = (Field("CODE", 0, 8, Access.RO, "What happened; 0: nothing."),)
    yield Register("ERROR", 0x018, code, "The first error since the doorbell.")
    about = "Number of the command word in the program."
    yield Register("ERROR_INDEX", 0x01C, _word("INDEX", Access.RO, about), "Where it happened.")
    for k, part in enumerate(("LOW", "HIGH")):
        about = f"{('Low', 'High')[k]} 32 bits of the address, of errors of the bus."
        fields = _word("ADDRESS", Access.RO, about)
        yield Register(f"ERROR_ADDRESS_{part}", 0x020 + 4 * k, fields, "Address that failed.")


def _interrupts() -> Iterator[Register]:
    sources = ("DONE", "COMMAND", "ERROR")
    when = ("A program reached its end.", "A program asked for it.", "An error stopped a program.")
    for name, offset, access, about in (
        ("IRQ_STATUS", 0x028, Access.W1C, "Sources of interrupts; each stays until 1 is written."),
        ("IRQ_MASK", 0x02C, Access.RW, "Sources that raise the interrupt."),
    ):
        fields = tuple(
            Field(source, k, 1, access, text)
            for k, (source, text) in enumerate(zip(sources, when, strict=True))
        )
        yield Register(name, offset, fields, about)


def _settings() -> Iterator[Register]:
    segment = (Field("SEGMENT", 0, 3, Access.RW, "Segment that holds the program."),)
    yield Register("PROGRAM_SEGMENT", 0x030, segment, "Where the program is.", locked=True)
    offset = _word("OFFSET", Access.RW, "Bytes from the start of the segment.")
    yield Register("PROGRAM_OFFSET", 0x034, offset, "Where the program is.", locked=True)
    cycles = _word("CYCLES", Access.RW, "Cycles without progress that are an error; 0: no limit.")
    yield Register("WATCHDOG", 0x038, cycles, "Limit of idleness.", locked=True)
    attributes = (
        Field("CACHE", 0, 4, Access.RW, "AxCACHE of all accesses.", 0b0011),
        Field("PROT", 4, 3, Access.RW, "AxPROT of all accesses."),
        Field("QOS", 8, 4, Access.RW, "AxQOS of all accesses."),
    )
    about = "Attributes of the device's own accesses to memory."
    yield Register("AXI_ATTRIBUTES", 0x03C, attributes, about, locked=True)


def _counters(i: Identity) -> Iterator[Register]:
    ro = Access.RO
    for k, part in enumerate(("LOW", "HIGH")):
        fields = _word("CYCLES", ro, f"{('Low', 'High')[k]} 32 bits.")
        about = "Cycles of the running or the last program."
        yield Register(f"CYCLES_{part}", 0x040 + 4 * k, fields, about)
    index = _word("INDEX", ro, "Number of the command word.")
    yield Register("COMMAND_INDEX", 0x048, index, "The command that is dispatched next.")
    words = _word("WORDS", ro, "Command words since the doorbell.")
    about = "Words that each engine has taken."
    yield Register("ENGINE_INDEX", 0x050, words, about, count=i.engines)
    for k, part in enumerate(("LOW", "HIGH")):
        half = range(8 * k, 8 * k + 8)
        values = tuple(Field(f"S{n}", 4 * (n % 8), 4, ro, f"Value of semaphore {n}.") for n in half)
        yield Register(f"SEMAPHORES_{part}", 0x060 + 4 * k, values, "Semaphores.")
    for k, cause in enumerate(("SEMAPHORE", "BUS", "QUEUE")):
        cycles = _word("CYCLES", ro, "Stops at its largest value.")
        about = f"Cycles of this program in which the device waited for a {cause.lower()}."
        yield Register(f"STALLS_{cause}", 0x068 + 4 * k, cycles, about)


def _tables(i: Identity) -> Iterator[Register]:
    value = _word("VALUE", Access.RW, "Value that a program may use.")
    about = "Parameters of a program."
    yield Register("PARAMETER", 0x080, value, about, count=i.parameters, locked=True)
    low = (Field("BASE", 6, 26, Access.RW, "Bits 6 to 31: a base is a multiple of 64."),)
    high = _word("BASE", Access.RW, "Bits 32 to 63.")
    limit = _word("BYTES", Access.RW, "An access ends at or below it; 0: the segment is closed.")
    for name, offset, fields, about in (
        ("SEGMENT_BASE_LOW", 0x100, low, "Start of each segment in memory."),
        ("SEGMENT_BASE_HIGH", 0x120, high, "Start of each segment in memory."),
        ("SEGMENT_LIMIT", 0x140, limit, "Bytes of each segment."),
    ):
        yield Register(name, offset, fields, about, count=i.segments, locked=True)
