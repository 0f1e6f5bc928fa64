"""What every device satisfies: its host finds all that programs use, at addresses of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from lego.ir.checks.memory_check import macro_faults, memory_faults
from lego.ir.checks.program_check import program_faults, rows_of
from lego.ir.device import Device, DeviceDataflow, DevicePort
from lego.ir.formulas import HALF, RESUME, base_of, evaluated
from lego.ir.layout import Layout
from lego.ir.program import Program

__all__ = ["device_faults", "runs_faults"]


def device_faults(device: Device) -> Iterator[str]:
    """Broken rules: of ports, registers, memories and addresses, then of every dataflow's program."""
    if device.fus > math.prod(device.array):
        yield f"{device.fus} FUs in an array of {list(device.array)}"
    yield from _name_faults(device)
    yield from _port_faults(device)
    yield from _register_faults(device)
    for memory in device.memories:
        for fault in memory_faults(device, memory):
            yield f"memory {memory.name}: {fault}"
    yield from _region_faults(device)
    yield from macro_faults(device)
    for k, flow in enumerate(device.dataflows):
        if flow.id != k or flow.program.dataflow != k:
            yield f"dataflow {k} has the id {flow.id}, its program {flow.program.dataflow}"
        for fault in chain(program_faults(flow.program), runs_faults(device, flow.program)):
            yield f"program of {flow.full_name}: {fault}"
        for fault in _formula_faults(flow):
            yield f"closed forms of {flow.full_name}: {fault}"


def runs_faults(device: Device, program: Program) -> Iterator[str]:
    """Broken rules of a program on a device: it has such a dataflow, such registers, and the room."""
    if program.dataflow >= len(device.dataflows):
        yield f"there is no dataflow {program.dataflow}"
    if program.half >= max(memory.halves for memory in device.memories):
        yield f"there is no half {program.half}"
    bits = {register.name: register.bits for register in device.registers}
    if program.registers.keys() != bits.keys():
        yield f"registers {sorted(program.registers.keys() ^ bits.keys())} aren't in both"
    for name, value in program.registers.items():
        if value.bit_length() > bits[name]:
            yield f"{value} doesn't fit register {name} of {bits[name]} bits"
    asked = {"dataflow": program.dataflow, "half": program.half, "resume": int(program.resume)}
    for name, wanted in asked.items():
        if program.registers.get(name, wanted) != wanted:
            yield f"register {name} is {program.registers[name]}, not {wanted}"
    for name, layout in program.layouts.items():
        for fault in _room_faults(device, layout):
            yield f"layout of {name}: {fault}"


def _formula_faults(flow: DeviceDataflow) -> Iterator[str]:
    """Closed forms are of the program's registers and operands, in their order, and give its numbers."""
    run, closed = flow.program, flow.formulas
    for kind, mine, wanted in (
        ("registers", closed.registers, run.registers),
        ("operands", closed.accesses, run.accesses),
    ):
        if list(mine) != list(wanted):
            yield f"they are of {kind} {list(mine)}, not {list(wanted)}"
    values = run.bounds | {base_of(name): each.base for name, each in run.layouts.items()}
    values |= {HALF: run.half, RESUME: int(run.resume)}
    texts = [("cycles", closed.cycles, run.cycles)]
    texts += [(name, text, run.registers.get(name, 0)) for name, text in closed.registers.items()]
    for name, text, number in texts:
        if (found := evaluated(text, values)) != number:
            yield f"{name} is {text}, which is {found}, and the program's is {number}"


def _room_faults(device: Device, layout: Layout) -> Iterator[str]:
    if layout.memory not in [memory.name for memory in device.memories]:
        yield f"there is no memory {layout.memory}"
    memory, banks = device.memory(layout.memory), layout.n_banks
    if layout.bits > memory.bits:
        yield f"{layout.bits} bits in words of {memory.bits}"
    if banks > memory.banks:
        yield f"{banks} banks of {memory.banks}"
    end, depth = layout.base + math.prod(rows_of(layout)), memory.bank_depths()[banks - 1]
    if end > depth:
        yield f"it ends at word {end} of {depth}"


def _name_faults(device: Device) -> Iterator[str]:
    """Names become Verilog's and files': they differ in more than case."""
    lists: dict[str, Sequence[str]] = {
        "ports": [port.name for port in device.ports],
        "registers": [register.name for register in device.registers],
        "memories": [memory.name for memory in device.memories],
        "instances": [memory.instance for memory in device.memories],
        "modules": [part.module for part in device.parts],
        "dataflows": [flow.full_name for flow in device.dataflows],
        "stages": device.stages,
    }
    for kind, names in lists.items():
        if len({name.lower() for name in names}) != len(names):
            yield f"two {kind} have one name of {', '.join(names)}"
    if device.top not in lists["modules"]:
        yield f"no module is the top, {device.top}"


def _port_faults(device: Device) -> Iterator[str]:
    """Every port has bits and a direction; clock, reset and the host's are as wide as they say."""
    for port in device.ports:
        if port.bits < 1 or port.direction not in ("in", "out"):
            yield f"port {port.name} has {port.bits} bits, and the direction {port.direction!r}"
    if device.engines is not None:
        yield from _bus_faults(device)
        return
    host = device.host
    wanted = [DevicePort(name, "in", 1) for name in ("clk", "rst", "start", "host_en", "host_we")]
    wanted += [DevicePort(name, "out", 1) for name in ("busy", "done", "host_rvalid")]
    wanted.append(DevicePort("host_addr", "in", host.address_bits))
    wanted.append(DevicePort("host_wdata", "in", host.data_bits))
    wanted.append(DevicePort("host_rdata", "out", host.data_bits))
    if device.queue:
        wanted += [DevicePort("ready", "out", 1), DevicePort("finished", "out", 8)]
    if host.mask_bits:
        wanted.append(DevicePort("host_mask", "in", host.mask_bits))
    for port in wanted:
        if port not in device.ports:
            yield f"there is no port {port.name}, {port.direction}, of {port.bits} bits"


def _bus_faults(device: Device) -> Iterator[str]:
    """A device with engines has a clock, a reset, an interrupt, a port of AXI4-Lite and one of AXI4."""
    directions = {port.name: port.direction for port in device.ports}
    wanted = {"aclk": "in", "aresetn": "in", "irq": "out"}
    wanted |= {"s_axi_awvalid": "in", "s_axi_rvalid": "out"}
    wanted |= {"m_axi_arvalid": "out", "m_axi_rvalid": "in", "m_axi_wvalid": "out"}
    for name, direction in wanted.items():
        if directions.get(name) != direction:
            yield f"there is no port {name}, {direction}"


def _register_faults(device: Device) -> Iterator[str]:
    for k, register in enumerate(device.registers):
        if register.address != k:
            yield f"register {register.name} is number {k}, at address {register.address}"
        if register.bits > device.host.data_bits:
            yield f"register {register.name} of {register.bits} bits is wider than the host's port"


def _region_faults(device: Device) -> Iterator[str]:
    """Regions of addresses don't meet; each memory has one, and the registers theirs."""
    found = {(region.name, region.base, region.words) for region in device.regions}
    wanted = {("registers", 0, len(device.registers))}
    wanted |= {(m.name, m.base_address, m.halves * m.half_stride) for m in device.memories}
    if found != wanted or len(device.regions) != len(wanted):
        yield f"regions are {sorted(found)}, registers and memories need {sorted(wanted)}"
    regions = sorted(device.regions, key=lambda region: region.base)
    for one, other in pairwise(regions):
        if one.base + one.words > other.base:
            yield f"the regions of {one.name} and {other.name} meet"
    if regions[-1].base + regions[-1].words > 1 << device.host.address_bits:
        yield f"the region of {regions[-1].name} ends behind the host's addresses"
