"""The accelerator's top: host port, registers, control, memories and array, wired by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lego.back.builder import Builder, index_bits
from lego.back.estimate import stages_for
from lego.back.lower_array import ArrayLowering
from lego.back.lower_control import Control
from lego.back.lower_memory import build_memory
from lego.back.passes.narrow import narrow_widths
from lego.back.passes.widths import infer_widths
from lego.back.pipeline import DEFAULT, Options, Step, chosen, optimise
from lego.back.registers import RegisterSpec, address_bits, register_specs
from lego.back.timing import BEST, NO_STAGES, Schedule, Stages, Ways, schedule, settling
from lego.ir.dag import Dag, Module, Op
from lego.ir.fused import FusedAdg
from lego.tell import Tell, silent

__all__ = ["HostMap", "build", "host_map", "lower"]


@dataclass(frozen=True, slots=True)
class HostMap:
    """Address map of the host port, in words.

    Region 0 holds the registers, region `1 + k` operand k's banks side by side.
    """

    offset_bits: int
    region_bits: int
    data_bits: int
    mask_bits: int = 0

    @property
    def address_bits(self) -> int:
        """Width of a host address."""
        return self.offset_bits + self.region_bits

    def base(self, region: int) -> int:
        """First address of a region."""
        return region << self.offset_bits


def host_map(fused: FusedAdg) -> HostMap:
    """Least map that holds all registers and memories."""
    buffers = fused.buffers()
    needed = [
        address_bits(buffer.depth) + index_bits(buffer.groups) + fused.halves - 1
        for buffer in buffers
    ]
    specs = register_specs(fused)
    needed.append(index_bits(len(specs)))
    width = max(
        [32, fused.dma_bits, *(buffer.bits for buffer in buffers), *(s.bits for s in specs)]
    )
    lanes = max(buffer.lanes for buffer in buffers)
    return HostMap(max(needed), index_bits(1 + len(buffers)), width, lanes if lanes > 1 else 0)


def lower(
    fused: FusedAdg,
    options: Options = DEFAULT,
    watch: Callable[[Step], None] | None = None,
    tell: Tell = silent,
) -> tuple[Dag, Schedule]:
    """All modules of the accelerator after the passes that `options` ask for; `watch` sees each, `tell` hears what begins."""
    tell("lowering to primitives", 0, 0)
    passes = chosen(options)
    ways = Ways("delays" in passes, "pins" in passes, "reductions" in passes, "widths" in passes)
    dag, times = build(fused, ways)
    if options.clock_ps is not None:
        stages = stages_for(narrow_widths(dag), fused, options.clock_ps)
        if stages != NO_STAGES:
            dag, times = build(fused, ways, stages=stages)
    return optimise(dag, options, watch, tell), times


def build(
    fused: FusedAdg, ways: Ways = BEST, *, stages: Stages = NO_STAGES
) -> tuple[Dag, Schedule]:
    """All modules of the accelerator before any pass: FUs and trees have latencies and a contract."""
    times = schedule(fused, ways, stages=stages)
    prefix = fused.name
    control = Control(fused, prefix)
    array = ArrayLowering(fused, control, times, prefix)
    array_module = array.build()
    memories = [build_memory(fused, buf, control, times, prefix) for buf in fused.buffers()]
    control_module = control.build(times.tails, late=stages.events, narrow=times.narrow)
    registers = _register_file(fused, prefix, host_map(fused))
    parts = [registers, control_module, *(m[-1] for m in memories), array_module]
    top = _top(fused, registers, control_module, [m[-1] for m in memories], array_module)
    modules = [*array.modules, *control.modules, *(m for group in memories for m in group[:-1])]
    return Dag((*modules, *parts, top)), times


def _register_file(fused: FusedAdg, prefix: str, host: HostMap) -> Module:
    """Registers, each on its own output port, read back through `rdata` two cycles later."""
    b = Builder(f"{prefix}_registers", "control")
    specs = register_specs(fused)
    bits = index_bits(len(specs))
    address = b.input("host_addr", (0, (1 << bits) - 1))
    wdata = b.input("host_wdata", (0, (1 << host.data_bits) - 1))
    wen = b.input("host_wen")
    values = [
        _register(b, spec, b.all([wen, b.eq(address, b.const(i))]), wdata, settling(fused))
        for i, spec in enumerate(specs)
    ]
    index = b.delay(address, 1)
    word = b.select(index, bits, values) if values else b.const(0)
    b.output("host_rdata", b.delay(word, 1, name="host_word"))
    return infer_widths(b.build())


def _register(b: Builder, spec: RegisterSpec, enable: int, wdata: int, settle: int) -> int:
    """What the whole design looks at arrives some cycles later, so that registers can form a tree."""
    span = (0, (1 << spec.bits) - 1)
    reg = b.reg(span, name=f"{spec.name}_value", resets=False)
    b.drive(reg, b.wrap(wdata, span), enable)
    settled = b.delay(reg, settle if spec.settles else 0, name=spec.name)
    b.output(spec.name, reg if spec.at_once else settled)
    if spec.settles and spec.at_once:
        b.output(f"{spec.name}_settled", settled)
    return reg


def _top(
    fused: FusedAdg, registers: Module, control: Module, memories: list[Module], array: Module
) -> Module:
    b = Builder(fused.name, "control", len(fused.layers))
    host = host_map(fused)
    names = ["registers", *(f"memory_{name}" for name in fused.names)]
    wires = {"start": b.input("start"), "busy": b.wire((0, 1))}
    modules = [registers, *memories]
    ports = _host_ports(b, host, names, modules, wires["busy"], always=fused.halves > 1)
    reads = {}
    outs = b.instance(registers, "registers", ports["registers"])
    reads["registers"] = outs["host_rdata"]
    wires |= {name: node for name, node in outs.items() if name != "host_rdata"}
    outs = b.instance(control, "control", _connections(b, control, wires))
    b.connect(wires["busy"], outs["busy"])
    wires |= {name: node for name, node in outs.items() if name not in ("busy", "done")}
    b.output("busy", outs["busy"])
    b.output("done", outs["done"])
    results = {port: b.wire(array.nodes[node].range) for port, node in array.outputs}
    wires |= results
    for name, module in zip(names[1:], memories, strict=True):
        outs = b.instance(module, name, _connections(b, module, wires | ports[name]))
        reads[name] = outs["host_rdata"]
        wires |= {port: node for port, node in outs.items() if port != "host_rdata"}
    outs = b.instance(array, "array", _connections(b, array, wires))
    for port, wire in results.items():
        b.connect(wire, outs[port])
    _read_back(b, host, [reads[name] for name in names])
    return infer_widths(b.build())


def _connections(b: Builder, module: Module, wires: dict[str, int]) -> dict[str, int]:
    """What drives each input port of a module, by name, at the port's width."""
    found = {}
    for port in module.nodes:
        if port.op is Op.INPUT:
            source = b.nodes[wires[port.name]]
            fits = source.low is None or (source.bits, source.signed) == (port.bits, port.signed)
            found[port.name] = wires[port.name] if fits else b.wrap(wires[port.name], port.range)
    return found


def _host_ports(
    b: Builder, host: HostMap, names: list[str], modules: list[Module], busy: int, *, always: bool
) -> dict[str, dict[str, int]]:
    """Decode the host port per region; the host writes registers only while idle, and memories too
    unless they guard themselves (`always`)."""
    address = b.input("host_addr", (0, (1 << host.address_bits) - 1))
    wdata = b.input("host_wdata", (0, (1 << host.data_bits) - 1))
    idle = b.invert(busy)
    asked = b.all([b.input("host_en"), b.input("host_we")])
    read = b.all([b.input("host_en"), b.invert(b.input("host_we"))])
    region = b.slice(address, host.offset_bits, host.region_bits)
    ports: dict[str, dict[str, int]] = {}
    for k, (name, module) in enumerate(zip(names, modules, strict=True)):
        here = b.eq(region, b.const(k))
        found = {n.name: n for n in module.nodes if n.op is Op.INPUT}
        free = [] if always and k > 0 else [idle]
        every = {"host_wen": b.all([asked, here, *free])}
        every["host_ren"] = b.all([read, here, *(free if k > 0 else [])])
        every["host_addr"] = b.slice(address, 0, found["host_addr"].bits)
        every["host_wdata"] = b.slice(wdata, 0, found["host_wdata"].bits)
        if "host_mask" in found:
            mask = b.input("host_mask", (0, (1 << host.mask_bits) - 1))
            every["host_mask"] = b.slice(mask, 0, found["host_mask"].bits)
        ports[name] = {port: node for port, node in every.items() if port in found}
    b.output("host_rvalid", b.delay(read, 2, resets=True))
    return ports


def _read_back(b: Builder, host: HostMap, words: list[int]) -> None:
    address = b.input("host_addr", (0, (1 << host.address_bits) - 1))
    region = b.delay(b.slice(address, host.offset_bits, host.region_bits), 2)
    word = b.select(region, host.region_bits, words)
    b.output("host_rdata", b.wrap(word, (0, (1 << host.data_bits) - 1)))
