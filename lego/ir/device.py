"""What a device is to its host, to simulators and to pricing; the back end makes it, all others read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from lego.ir.clients import Client, Use, When
from lego.ir.formulas import Formulas
from lego.ir.program import Program
from lego.ir.sram import Band, SramCell
from lego.ir.vector.plan import VectorPlan

__all__ = [
    "SCHEMA",
    "CommandQueue",
    "Device",
    "DeviceDataflow",
    "DevicePort",
    "Engines",
    "HostPort",
    "HostRegion",
    "Macro",
    "Memory",
    "Part",
    "Register",
    "devices_from_json",
    "devices_to_json",
]

SCHEMA = "lego/device/3"


@dataclass(frozen=True, slots=True)
class HostPort:
    """The host's port; addresses in words, data `read_latency` cycles after the address.

    `mask_bits` is 0 where an access reaches one word of a memory, else there is one bit per lane.
    """

    address_bits: int
    data_bits: int
    mask_bits: int
    read_latency: int

    def __post_init__(self) -> None:
        _demand_positive(self.address_bits, self.data_bits, self.mask_bits + 1)


@dataclass(frozen=True, slots=True)
class CommandQueue:
    """Where writes of registers and starts wait; the port `ready` tells that it takes one.

    Attributes
    ----------
    words : writes and starts that fit.
    start : cycles from a start to the first timestamp, less one, while nothing is under way.
    drain : cycles after the last timestamp in which something is: the longest tail.
    change : idle cycles, behind those, in front of a run that changes a register that is read `behind`.
    """

    words: int
    start: int
    drain: int
    change: int

    def __post_init__(self) -> None:
        _demand_positive(self.words, self.start, self.drain, self.change)


@dataclass(frozen=True, slots=True)
class DevicePort:
    """A port of the top; `direction` is `in` or `out`. The first two are clock and reset: `clk` and `rst`,
    of a device with engines `aclk` and `aresetn`, which resets while it is 0."""

    name: str
    direction: str
    bits: int


@dataclass(frozen=True, slots=True)
class HostRegion:
    """A part of the host's address space: the registers, or a memory; `words` addresses from `base` on."""

    name: str
    base: int
    words: int


@dataclass(frozen=True, slots=True)
class Register:
    """A register that the host writes.

    `settles`: what looks at it sees a new value some cycles later only; `at_once`: some of the design sees
    it at once, too; `behind`: what looks at it acts behind the first timestamp of a run, so with a queue a
    run that changes it waits until nothing is under way.
    """

    name: str
    address: int
    bits: int
    about: str
    settles: bool = False
    at_once: bool = False
    behind: bool = False

    def __post_init__(self) -> None:
        _demand_positive(self.address + 1, self.bits)


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory behind a port of the array, of banks.

    Attributes
    ----------
    direction : `in` for operands, `out` for results.
    instance : the top's instance that holds it.
    clients : who reads or writes it, and when.
    base_address, bank_stride, half_stride : in the host's address space.
    halves : 2 if the host uses one while the array uses the other.
    lanes : banks that one access of the host reaches.
    depths : (number of banks, their words), in the banks' order.
    bits : per word.
    wide : banks side by side in one macro.
    """

    name: str
    direction: str
    instance: str
    clients: tuple[Use, ...]
    base_address: int
    bank_stride: int
    halves: int
    half_stride: int
    lanes: int
    banks: int
    depths: tuple[tuple[int, int], ...]
    bits: int
    wide: int = 1

    def __post_init__(self) -> None:
        _demand_positive(self.base_address + 1, self.bank_stride, self.halves, self.half_stride)
        _demand_positive(
            self.lanes, self.banks, self.bits, self.wide, *(n for each in self.depths for n in each)
        )
        if self.direction not in ("in", "out"):
            raise ValueError(f"a memory has no direction {self.direction[:20]!r}")

    @property
    def banks_text(self) -> str:
        """Banks for people: macros times banks in each, where there are several in one."""
        return f"{self.banks // self.wide}x{self.wide}" if self.wide > 1 else str(self.banks)

    @property
    def host(self) -> Use:
        """When the host reads and writes it; never if it is no client."""
        found = (use for use in self.clients if use.client is Client.HOST)
        return next(found, Use(Client.HOST, When.NEVER, When.NEVER))

    @property
    def middle(self) -> int:
        """The first word of part 1, where the host uses words while the array uses others; 0 where it waits,
        or has a half."""
        free = When.ALWAYS in (self.host.reads, self.host.writes)
        return max(depth for _, depth in self.depths) // 2 if free else 0

    def bank_depths(self) -> list[int]:
        """Words of every bank."""
        return [depth for count, depth in self.depths for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Macro:
    """The SRAMs of one shape in one memory: their module, which others share, and how many there are.

    Attributes
    ----------
    depth : words of `bits` bits.
    registers : priced as registers, as there are no macros so small.
    bands : the macros that a map has for it.
    lanes : parts of its words that are written apart, by a mask.
    """

    module: str
    operand: str
    bits: int
    depth: int
    count: int
    registers: bool = False
    bands: tuple[Band, ...] = ()
    lanes: int = 1

    def __post_init__(self) -> None:
        _demand_positive(self.bits, self.depth, self.count + 1, self.lanes)


@dataclass(frozen=True, slots=True)
class Part:
    """A module of the device that is no SRAM, and where its area belongs: fu, interconnect, memory or
    control."""

    module: str
    category: str


@dataclass(frozen=True, slots=True)
class DeviceDataflow:
    """One dataflow that the device runs.

    Attributes
    ----------
    id : the dataflow id, its place in :attr:`Device.dataflows`.
    operation, name, about : the operation, the dataflow's name, and the mapping for people.
    macs_per_fu : multiplications of one iteration.
    tail : cycles from the last issue to the end of the last commit.
    program : at the full loop bounds.
    formulas : how cycles, accesses and registers follow from the bounds.
    apart : with a queue, 0, or from how many idle cycles on any number keeps runs apart, where fewer than
        that must be as many as registers ask for.
    """

    id: int
    operation: str
    name: str
    about: str
    macs_per_fu: int
    tail: int
    program: Program
    formulas: Formulas
    apart: int = 0

    @property
    def full_name(self) -> str:
        """Operation and dataflow."""
        return f"{self.operation}.{self.name}"


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines around an array that make a device of it.

    Attributes
    ----------
    chip : 32-bit hash of the device, which its programs name.
    vector : what the vector engine is made of.
    store_words : beats that the store engine's memory holds.
    macros : SRAMs of the engines.
    """

    chip: int
    vector: VectorPlan
    store_words: int
    macros: tuple[Macro, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """One accelerator.

    Attributes
    ----------
    top : its module, and the design's name.
    verilog : the file that holds its modules, but for those of its SRAMs.
    sram_verilog : the file that holds these, for all designs of the folder.
    array, fus : FUs per axis, and those that some dataflow uses.
    stages : pipeline registers that its clock asks for.
    sram_cells : the macros that its SRAMs are made of, if it was compiled with a map.
    sram_models : the file of their models, if there is one.
    queue : where commands wait while it works, if it has one.
    engines : those around its array, if it is a device that runs programs; None: it has a host's port.
    """

    top: str
    verilog: str
    sram_verilog: str
    array: tuple[int, ...]
    fus: int
    host: HostPort
    ports: tuple[DevicePort, ...]
    regions: tuple[HostRegion, ...]
    registers: tuple[Register, ...]
    memories: tuple[Memory, ...]
    stages: tuple[str, ...]
    macros: tuple[Macro, ...]
    parts: tuple[Part, ...]
    dataflows: tuple[DeviceDataflow, ...]
    sram_cells: tuple[SramCell, ...] = ()
    sram_models: str = ""
    queue: CommandQueue | None = None
    engines: Engines | None = None

    def __post_init__(self) -> None:
        _demand_positive(self.fus, len(self.dataflows), *(flow.tail for flow in self.dataflows))

    def memory(self, name: str) -> Memory:
        """The memory of this name; KeyError if there is none."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise KeyError(name)

    @property
    def clock(self) -> str:
        """The port of the clock, which comes first."""
        return self.ports[0].name

    @property
    def srams(self) -> tuple[Macro, ...]:
        """SRAMs of the array's memories and of engines."""
        return self.macros + (self.engines.macros if self.engines else ())

    @property
    def sources(self) -> tuple[str, ...]:
        """The files of Verilog that make it whole, but for models of macros."""
        return (self.verilog, self.sram_verilog)

    @property
    def models(self) -> tuple[str, ...]:
        """The files of Verilog that a simulation needs beside them."""
        return (self.sram_models,) if self.sram_models else ()

    @property
    def double(self) -> bool:
        """Whether memories have two halves."""
        return any(memory.halves > 1 for memory in self.memories)

    @property
    def split(self) -> bool:
        """Whether memories have two parts: words that the host uses while the array uses others."""
        return any(memory.middle for memory in self.memories)

    @property
    def resumes(self) -> bool:
        """Whether a register tells runs to go on from results in memory."""
        return any(register.name == "resume" for register in self.registers)

    def instances(self) -> dict[str, str]:
        """Memories by the top's instances that hold them."""
        return {memory.instance: memory.name for memory in self.memories}

    def categories(self) -> dict[str, str]:
        """Where each module's area belongs."""
        found = {part.module: part.category for part in self.parts}
        return found | dict.fromkeys((macro.module for macro in self.srams), "memory")

    def names(self) -> Iterator[str]:
        """All names that appear in Verilog or in files."""
        yield self.top
        yield from (register.name for register in self.registers)
        yield from (name for memory in self.memories for name in (memory.name, memory.instance))
        yield from (name for macro in self.srams for name in (macro.module, macro.operand))
        yield from (name for cell in self.sram_cells for name in (cell.module, *cell.pins))
        yield from (part.module for part in self.parts)
        yield from (name for flow in self.dataflows for name in (flow.operation, flow.name))


def _demand_positive(*values: int) -> None:
    """Raise ValueError for a number below 1."""
    if min(values) < 1:
        raise ValueError(f"{min(values)} is too small")


@dataclass(frozen=True, slots=True)
class _Document:
    schema: str
    devices: tuple[Device, ...]


def devices_to_json(devices: Sequence[Device]) -> str:
    """The text of device.json; :func:`devices_from_json` reads it back equal."""
    document = asdict(_Document(SCHEMA, tuple(devices)), dict_factory=_written)
    return json.dumps(document, indent=1) + "\n"


def _written(fields: list[tuple[str, object]]) -> dict[str, object]:
    """Without the shift of a layout that has none."""
    return {name: value for name, value in fields if (name, value) != ("shift", 0)}


def devices_from_json(text: str | bytes) -> tuple[Device, ...]:
    """Read what :func:`devices_to_json` wrote. Raises ValueError, also for another schema."""
    from pydantic import TypeAdapter

    document = TypeAdapter(_Document).validate_json(text, strict=True)
    if document.schema != SCHEMA:
        raise ValueError(f"schema: {document.schema[:40]!r} isn't {SCHEMA}")
    return document.devices
