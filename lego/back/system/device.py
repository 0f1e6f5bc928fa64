"""The device: an array with its memories, engines around it, and the bus.

Its host sees a port of AXI4-Lite, its memory is behind one of AXI4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lego.back.graph.builder import Builder
from lego.back.graph.netlist import Netlist
from lego.back.graph.widths import infer_widths
from lego.back.system.axi.read import build_axi_read
from lego.back.system.axi.write import build_axi_write
from lego.back.system.control.gate import build_gate
from lego.back.system.control.semaphores import build_semaphores
from lego.back.system.control.sequencer import build_sequencer
from lego.back.system.load import build_load
from lego.back.system.registers.block import build_control
from lego.back.system.store import build_store
from lego.back.system.vector.engine import build_vector
from lego.ir.commands import Engine
from lego.ir.control_map import Identity
from lego.ir.dag import AXI_PINS, Dag, Module, Op
from lego.ir.engines import BEAT_BYTES, LOAD_REGISTERS, STORE_MEMORY, STORE_REGISTERS
from lego.ir.vector.plan import OWN_MEMORY, VectorPlan

__all__ = ["DevicePlan", "build_device"]

ENGINES = {
    Engine.ARRAY: "core",
    Engine.VECTOR: "vector",
    Engine.LOAD: "load",
    Engine.STORE: "store",
}


SOURCES = ("read", "write", "load", "store")
"""Who reports faults, the first is believed first."""


WAY = 1
"""Cycles from an engine to the array's memories, where another one passes."""


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What a device is made of, beside its core.

    Attributes
    ----------
    name : of the top.
    operands : memories of the core that engines write; the memory of results comes behind them.
    registers : of the core.
    store_words : beats that the store engine's memory holds.
    """

    name: str
    chip_hash: int
    operands: int
    registers: int
    vector: VectorPlan
    store_words: int


def build_device(plan: DevicePlan, core: Dag) -> Dag:
    """The modules of a core with those around it; the last is the top."""
    prefix = f"{plan.name}_device"
    counts = [plan.registers, len(plan.vector.registers), len(LOAD_REGISTERS), len(STORE_REGISTERS)]
    gate = build_gate(prefix)
    made: dict[str, Module | tuple[Module, ...]] = {
        "control": build_control(prefix, Identity(chip=plan.chip_hash)),
        "sequencer": build_sequencer(
            prefix, chip=plan.chip_hash, registers=counts, sources=SOURCES
        ),
        "semaphores": build_semaphores(prefix),
        **{_gate(engine): gate for engine in Engine},
        "load": build_load(prefix),
        "store": build_store(prefix, depth=plan.store_words),
        "vector": build_vector(prefix, plan.vector),
        "read": build_axi_read(prefix),
        "write": build_axi_write(prefix),
    }
    held = [module for each in made.values() for module in _listed(each)]
    parts = {name: _listed(each)[-1] for name, each in made.items()}
    parts["core"] = core.top
    b = Builder(plan.name, "control")
    net = Netlist(b, parts)
    _control(net)
    _bus(net)
    _commands(net)
    _core(net)
    _memories(net, plan)
    net.build()
    top = replace(infer_widths(b.build()), pins=AXI_PINS)
    return Dag((*core.modules, *_once(held), top))


def _listed(made: Module | tuple[Module, ...]) -> tuple[Module, ...]:
    """Modules that hold those before them; the last is the one that is meant."""
    return made if isinstance(made, tuple) else (made,)


def _once(modules: Sequence[Module]) -> list[Module]:
    """The same modules, each once."""
    return list({module.name: module for module in modules}.values())


def _gate(engine: Engine) -> str:
    return f"gate_{engine.name.lower()}"


def _control(net: Netlist) -> None:
    """The host's port, and what the device tells it."""
    b = net.b
    net.bring("control", "s_axi_")
    b.output("irq", net.port("control.irq"))
    for name in ("busy", "finished", "failed", "interrupt", "command_index"):
        net.join({f"control.{name}": f"sequencer.{name}"})
    for name in ("error_code", "error_index", "error_address"):
        net.join({f"control.{name}": f"sequencer.{name}"})
    net.join({"control.semaphores": "semaphores.levels"})
    waits = b.any([net.port(f"{_gate(engine)}.held_up") for engine in Engine])
    asks = b.all([net.port("load.c_valid"), b.invert(net.port("read.c1_ready"))])
    net.drive("control.stall_semaphore", waits)
    net.drive("control.stall_bus", b.any([net.port("sequencer.starved"), asks]))
    net.join({"control.stall_queue": "sequencer.blocked"})
    for engine in Engine:
        net.join({f"control.engine_index{engine.value}": f"{_gate(engine)}.passed"})


def _bus(net: Netlist) -> None:
    """Masters, their clients, segments, faults, and how they are halted."""
    b = net.b
    for instance in ("read", "write"):
        net.bring(instance, "m_axi_")
        for name in net.inputs(instance):
            if name.startswith("segment_") or name in ("cache", "prot", "qos"):
                net.join({f"{instance}.{name}": f"control.{name}"})
    for client, instance in enumerate(("sequencer", "load")):
        for name in ("valid", "segment", "offset", "beats"):
            net.join({f"read.c{client}_{name}": f"{instance}.c_{name}"})
        net.join({f"{instance}.c_ready": f"read.c{client}_ready"})
        for name in ("valid", "data", "last", "error"):
            net.join({f"{instance}.r_{name}": f"read.r{client}_{name}"})
        net.join({f"read.r{client}_ready": f"{instance}.r_ready"})
    for name in ("valid", "segment", "offset", "beats"):
        net.join({f"write.c_{name}": f"store.c_{name}"})
    for name in ("valid", "data", "strobe"):
        net.join({f"write.w_{name}": f"store.w_{name}"})
    net.join({"store.c_ready": "write.c_ready", "store.w_ready": "write.w_ready"})
    net.join({"store.w_done": "write.done", "store.w_error": "write.error"})
    for name in SOURCES:
        net.join({f"sequencer.{name}_fault": f"{name}.fault"})
        net.join({f"sequencer.{name}_fault_code": f"{name}.fault_code"})
        place = "fault_address" if name in ("read", "write") else "fault_offset"
        net.join({f"sequencer.{name}_fault_address": f"{name}.{place}"})
    net.drive("sequencer.bus_idle", b.all([net.port("read.idle"), net.port("write.idle")]))
    for name in ("read", "write", "load", "store", "vector", *map(_gate, Engine)):
        net.join({f"{name}.halt": "sequencer.halt"})


def _commands(net: Netlist) -> None:
    """The way of commands: from the sequencer through gates to engines, and semaphores."""
    b = net.b
    net.join({"sequencer.go": "control.doorbell", "sequencer.watchdog": "control.watchdog"})
    for name in ("program_segment", "program_offset"):
        net.join({f"sequencer.{name}": f"control.{name}"})
    stops = [net.port("control.abort"), net.port("control.soft_reset")]
    net.drive("sequencer.abort", b.any(stops))
    net.join({"semaphores.clear": "sequencer.clear"})
    for engine, instance in ENGINES.items():
        gate, k = _gate(engine), engine.value
        for name in ("valid", "start", "register", "value"):
            net.join({f"{gate}.in_{name}": f"sequencer.q{k}_{name}"})
        net.join({f"sequencer.q{k}_ready": f"{gate}.in_ready"})
        net.join({f"sequencer.e{k}_idle": f"{gate}.idle"})
        net.join({f"semaphores.wait{k}": f"{gate}.wait_mask"})
        net.join({f"semaphores.start{k}": f"{gate}.e_start"})
        net.join({f"semaphores.signal{k}": f"{gate}.signal_mask"})
        net.join({f"{gate}.granted": f"semaphores.granted{k}", f"{gate}.clear": "sequencer.clear"})
        if engine is Engine.ARRAY:
            continue
        for name in ("write", "register", "value", "start"):
            net.join({f"{instance}.e_{name}": f"{gate}.e_{name}"})
        for name in ("ready", "done", "idle"):
            net.join({f"{gate}.e_{name}": f"{instance}.e_{name}"})
        net.drive(f"{gate}.e_accepts", b.const(1))
    dones = [net.port(f"{instance}.e_done") for instance in ("vector", "load", "store")]
    net.drive("sequencer.done", b.any([*dones, _core_done(net)]))


def _core_done(net: Netlist) -> int:
    """A pulse for every run of the array that has ended."""
    finished = net.port("core.finished")
    return net.b.invert(net.b.eq(finished, net.b.delay(finished, 1, resets=True)))


def _core(net: Netlist) -> None:
    """The array as an engine: it has a queue of its own, which takes starts and writes alike."""
    gate = _gate(Engine.ARRAY)
    net.join({"core.e_write": f"{gate}.e_write", "core.start": f"{gate}.e_start"})
    net.join({"core.e_register": f"{gate}.e_register", "core.e_value": f"{gate}.e_value"})
    net.join({f"{gate}.e_ready": "core.ready", f"{gate}.e_accepts": "core.ready"})
    net.drive(f"{gate}.e_done", _core_done(net))
    net.drive(f"{gate}.e_idle", net.b.invert(net.port("core.busy")))


def _memories(net: Netlist, plan: DevicePlan) -> None:
    """Who writes memories: the vector engine, which never waits, before the load.

    Registers on the way to the array's memories become trees to all banks. A start that waits for a write
    reads later than it arrives.
    """
    b = net.b
    writes, loads = net.port("vector.d_valid"), net.port("load.p_valid")
    wanted, given = net.port("load.p_memory"), net.port("vector.d_memory")
    own = b.all([loads, b.eq(wanted, b.const(OWN_MEMORY))])
    net.drive("vector.o_wen", own)
    taken = [b.all([own, net.port("vector.o_ready")])]
    for name in ("address", "data", "mask"):
        net.join({f"vector.o_{name}": f"load.p_{name}"})
    for k in range(plan.operands):
        mine = b.all([writes, b.eq(given, b.const(k))])
        theirs = b.all([loads, b.eq(wanted, b.const(k)), b.invert(mine)])
        taken.append(theirs)
        net.drive(f"core.m{k}_wen", b.delay(b.any([mine, theirs]), WAY, resets=True))
        for name, port in (("address", "address"), ("data", "wdata"), ("mask", "mask")):
            node = b.mux(mine, net.port(f"vector.d_{name}"), net.port(f"load.p_{name}"))
            net.drive(f"core.m{k}_{port}", b.delay(node, WAY))
    net.drive("load.p_ready", b.any(taken))
    stores = b.all([writes, b.eq(given, b.const(STORE_MEMORY))])
    net.drive("store.s_wen", stores)
    net.join({"store.s_address": "vector.d_address"})
    net.drive("store.s_data", _masked(b, net.port("vector.d_data"), net.port("vector.d_mask")))
    net.drive("store.s_mask", b.const((1 << BEAT_BYTES) - 1))
    results = plan.operands
    net.join({f"core.m{results}_address": "vector.a_address"})
    net.join({f"core.m{results}_ren": "vector.a_ren", "vector.a_data": f"core.m{results}_rdata"})


def _masked(b: Builder, data: int, mask: int) -> int:
    """A beat with 0 in lanes that aren't in the mask: what goes to DRAM is whole beats."""
    zero = b.const(0)
    lanes = [b.mux(b.slice(mask, k, 1), b.slice(data, 8 * k, 8), zero) for k in range(BEAT_BYTES)]
    return b.op(Op.CAT, *lanes)
