"""The accelerator's top: host port, registers, control, memories and array, wired by name.

Within a device it is a core, whose commands and memories have ports of their own (see `client_ports`).
"""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.client_ports import client_ports, words_read
from lego.back.lower.host_port import host_ports, read_back
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import host_map
from lego.back.plan.memory.clients import host_of
from lego.ir.dag import Module, Op
from lego.ir.fused import FusedAdg

__all__ = ["build_top", "memory_instance", "top_name"]


def top_name(fused: FusedAdg) -> str:
    """The name of the module that holds all others, within a device or as the design itself."""
    return f"{fused.name}_core" if fused.engines else fused.name


def memory_instance(name: str) -> str:
    """The instance that holds a memory."""
    return f"memory_{name}"


def build_top(
    design: DesignPlan,
    host_side: list[Module],
    control: Module,
    memories: list[Module],
    array: Module,
) -> Module:
    """The top's module, which holds the others; on the host's side are registers, perhaps a queue."""
    fused, host = design.fused, host_map(design)
    b = Builder(top_name(fused), "control", len(fused.layers))
    names = ["registers", *map(memory_instance, fused.names)]
    wires = {"start": b.input("start"), "busy": b.wire((0, 1))}
    modules, queued = [host_side[-1], *memories], fused.queue > 0
    uses = [host_of(buffer) for buffer in design.buffers]
    if fused.engines:
        ports = client_ports(b, names, modules, design.buffers)
    else:
        ports = host_ports(b, host, names, modules, wires["busy"], uses, queued=queued)
    looped = {name: b.wire((0, 1)) for name in ("pending", "adopt", "swap")} if queued else {}
    reads = {}
    for module, name in reversed(list(zip(host_side, ("registers", "queue"), strict=False))):
        known = wires | looped | ports["registers"]
        outs = b.instance(module, name, _connections(b, module, known))
        wires |= {port: node for port, node in outs.items() if port != "host_rdata"}
    reads["registers"] = outs["host_rdata"]
    outs = b.instance(control, "control", _connections(b, control, wires))
    for name, wire in ({"busy": wires["busy"]} | looped).items():
        b.connect(wire, outs[name])
    wires |= {name: node for name, node in outs.items() if name not in ("busy", "done", *looped)}
    for name in ("busy", "done", *(("ready", "finished") if queued else ())):
        b.output(name, outs[name] if name in outs else wires[name])
    results = {port: b.wire(array.nodes[node].range) for port, node in array.outputs}
    wires |= results
    for name, module in zip(names[1:], memories, strict=True):
        outs = b.instance(module, name, _connections(b, module, wires | ports[name]))
        reads[name] = outs["host_rdata"]
        wires |= {port: node for port, node in outs.items() if port != "host_rdata"}
    outs = b.instance(array, "array", _connections(b, array, wires))
    for port, wire in results.items():
        b.connect(wire, outs[port])
    if fused.engines:
        words_read(b, design.buffers, reads[names[-1]])
    else:
        read_back(b, host, [reads[name] for name in names])
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
