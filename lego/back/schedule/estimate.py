"""Which pipeline registers a clock asks for, by the table of delays.

The longest paths of a design are estimated where it may be cut: from the counters through the address
generators, from a memory through an FU's first primitive, and from an FU's operands through their choice.
`lego ppa` then measures what the clock really is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from lego.back.graph.body import HALVED
from lego.back.plan.array.halves import can_split
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.adders import spans_in_memory
from lego.back.plan.parts import Parts
from lego.back.schedule.stages import Stages
from lego.back.sram.share import shapes_of
from lego.ir.costs import DELAYS
from lego.ir.dag import Dag, Module, Node, Op, bits_for
from lego.ir.fused import MemoryPlan
from lego.ir.sram import in_registers

__all__ = ["delay_of", "stages_for"]

_SOURCES = (Op.INPUT, Op.DELAY)
"""What broadcast rewiring copies where it drives too many pins."""

_STATE = (Op.DELAY, Op.REG, Op.MEMORY)

HOST_PORTS = frozenset({"host_addr", "host_wdata", "host_mask", "host_ren", "host_wen", "busy"})
"""What a memory is told by the host, or while it stands still."""

Start = Callable[[Node], int | None]


def stages_for(dag: Dag, parts: Parts, design: DesignPlan, period_ps: int) -> Stages:
    """The stages without which the design wouldn't run at this period.

    `dag` is the design without any, before any pass but that of widths. A seventh is kept for what the
    table doesn't see; between an FU's registers it sees nearly all.
    """
    products = DELAYS.register + max(map(_multiplied, dag.modules)) > period_ps * 20 // 21
    clock_ps, period_ps = period_ps, period_ps * 6 // 7
    fus = [dag.module(name) for name in parts.fus]
    first = max((_inside(module, _is_input) for module in fus), default=0)
    choice = max((_before_bodies(module) for module in fus), default=0)
    memories = [dag.module(name) for name in parts.memories]
    told = list(map(partial(_told, dag, parts), memories, design.buffers))
    words = [
        _word(memory, buffer, levels)
        for memory, buffer, levels in zip(memories, design.operands, design.spread, strict=False)
    ]
    sums = _sums(dag, parts) > period_ps
    return Stages(
        events=DELAYS.register + _events(dag, parts) > period_ps,
        banks=DELAYS.register + max(told[:-1]) > period_ps,
        commits=DELAYS.register + told[-1] > period_ps,
        read=max(words) + first > period_ps,
        choice=choice > 0 and DELAYS.register + first > period_ps,
        sums=sums,
        products=products,
        carries=can_split(design.adgs) and max(map(_added, fus), default=0) > clock_ps,
        selects=(sums or design.at_nodes) and _summed(design) > clock_ps,
    )


def _summed(design: DesignPlan) -> int:
    """From register to register through the adder of a sum in memory."""
    spans = zip(design.adgs, spans_in_memory(design.fused), strict=True)
    wide = max((bits_for(*s) for adg, s in spans if adg.output.accumulates), default=0)
    return DELAYS.register + DELAYS.adder + DELAYS.adder_bit * wide if wide else 0


def _multiplied(module: Module) -> int:
    """The slowest multiplier whose factor can be taken in halves."""
    found = (n for n in module.nodes if n.op is Op.MUL)
    wide = (n for n in found if max(module.nodes[s].bits for s in n.srcs) >= HALVED)
    return max((delay_of(module, node) for node in wide), default=0)


def _added(fu: Module) -> int:
    """From an FU's registers, or what it is told, through the sum of an accumulator or a chain."""
    times = _arrivals(
        fu, lambda node: 0 if node.latency or node.op in (Op.INPUT, *_STATE) else None
    )
    ends = [n.srcs[0] for n in fu.nodes if n.name in ("acc", "sum")]
    found = [times[end] or 0 for end in ends if fu.nodes[end].bits >= HALVED]
    return DELAYS.register + max(found) if found else 0


def _word(memory: Module, buffer: MemoryPlan, levels: int) -> int:
    """From the clock until a data node's word has reached its FUs."""
    access = _access(buffer.depth, buffer.bits)
    times = _arrivals(memory, lambda node: access if node.op is Op.PORT else None)
    reached = [times[node] for _, node in memory.outputs]
    slowest = max((time for time in reached if time is not None), default=DELAYS.register)
    return slowest + DELAYS.mux * 2 * levels


def _access(words: int, bits: int) -> int:
    """From the clock to the word that was read; registers hold it at once."""
    if in_registers(words, bits):
        return DELAYS.register
    return DELAYS.sram + DELAYS.sram_side * math.isqrt(bits * words)


def _chosen(words: int, bits: int) -> int:
    """From the address to the word, where that is before the clock: in registers."""
    if not in_registers(words, bits):
        return 0
    return (words - 1).bit_length() * (DELAYS.mux + DELAYS.select_bit * bits)


def _told(dag: Dag, parts: Parts, memory: Module, buffer: MemoryPlan) -> int:
    """From the control's registers to the banks, the nets that reach many banks included, and through
    what they choose and compare there."""
    times = _arrivals(memory, _is_control)
    cells = [node for node in memory.nodes if node.op is Op.INSTANCE]
    pins = Counter(s for cell in cells for s in set(cell.srcs))
    nets = {
        s: time + DELAYS.pin * count * (memory.nodes[s].op not in _SOURCES)
        for s, count in pins.items()
        if (time := times[s]) is not None
    }
    chosen = max(_chosen(depth, buffer.bits * buffer.wide) for _, depth in buffer.depths)
    banks = dict(parts.banks)
    found = {_compared(dag.module(c.text), c, nets) for c in cells if c.text in banks}
    return max(max(nets.values(), default=0) + chosen, *found)


def _compared(bank: Module, cell: Node, nets: Mapping[int, int]) -> int:
    """From the control's registers to those of a bank."""
    given = {port: nets[s] for port, s in zip(cell.ports, cell.srcs, strict=True) if s in nets}
    return _inside(bank, lambda node: given.get(node.name) if node.op is Op.INPUT else None)


def _is_control(node: Node) -> int | None:
    return 0 if node.op is Op.INPUT and node.name not in HOST_PORTS else None


def _sums(dag: Dag, parts: Parts) -> int:
    """From the clock through a bank's RAM and adder to the register of the sum."""
    found = [0]
    for bank, ram in parts.banks:
        module = dag.module(bank)
        if any(n.op is Op.REG for n in module.nodes):
            ((words, bits, _),) = shapes_of(Dag((dag.module(ram),))).values()
            found.append(_inside(module, partial(_from_ram, _access(words, bits))))
    return max(found)


def _from_ram(access: int, node: Node) -> int | None:
    return access if node.op is Op.PORT else None


def _events(dag: Dag, parts: Parts) -> int:
    """From the counters' registers to those of the slowest address generator."""
    sequencer = dag.module(parts.sequencer)
    agus = [dag.module(name) for name in parts.agus]
    pins = Counter(agu.nodes[s].name for agu in agus for node in agu.nodes for s in node.srcs)
    times = _arrivals(sequencer, lambda node: 0 if node.op in _STATE else None)
    given = {
        name: time + DELAYS.pin * pins[name]
        for name, node in sequencer.outputs
        if (time := times[node]) is not None
    }

    def start(node: Node) -> int | None:
        return given.get(node.name) if node.op is Op.INPUT else None

    return max((_inside(agu, start) for agu in agus), default=0)


def _is_input(node: Node) -> int | None:
    return 0 if node.op is Op.INPUT and node.name != "dataflow" else None


def _before_bodies(module: Module) -> int:
    """From the operands to the first primitive with a register."""
    times = _arrivals(module, _is_input)
    found = (times[s] for n in module.nodes if n.latency for s in n.srcs)
    return max((time for time in found if time is not None), default=0)


def _inside(module: Module, start: Start) -> int:
    """The longest path that ends in a register of the module."""
    times = _arrivals(module, start)
    ends = [0]
    for node in module.nodes:
        reached = [time for s in node.srcs if (time := times[s]) is not None]
        if reached and (node.latency or node.op in _STATE):
            enabled = node.op is Op.REG and len(node.srcs) > 1
            own = delay_of(module, node) if node.latency else _select(node) * enabled
            ends.append(max(reached) + own)
    return max(ends)


def _arrivals(module: Module, start: Start) -> list[int | None]:
    """When every node has its value; None if it doesn't depend on what `start` gives a time.

    Wires may read later nodes, so there is a second round for them.
    """
    times: list[int | None] = [None] * len(module.nodes)
    for _ in range(2):
        for i, node in enumerate(module.nodes):
            at = start(node)
            if at is None and node.op not in _STATE and not node.latency and node.op is not Op.PORT:
                reached = [time for s in node.srcs if (time := times[s]) is not None]
                at = max(reached) + delay_of(module, node) if reached else None
            times[i] = at
    return times


def _select(node: Node) -> int:
    """Delay of a multiplexer whose select drives every bit."""
    return DELAYS.mux + DELAYS.select_bit * node.bits


def delay_of(module: Module, node: Node) -> int:
    """Delay of a primitive in ps."""
    widths = [module.nodes[s].bits for s in node.srcs]
    match node.op:
        case Op.ADD | Op.SUB | Op.NEG | Op.ABS:
            return DELAYS.adder + DELAYS.adder_bit * node.bits
        case Op.EQ | Op.LT:
            return DELAYS.compare + DELAYS.compare_bit * max(widths)
        case Op.MIN | Op.MAX:
            return DELAYS.compare + DELAYS.compare_bit * max(widths) + DELAYS.mux
        case Op.MUL:
            mixed = len({module.nodes[s].signed for s in node.srcs}) > 1  # as if both were signed
            return DELAYS.multiplier + DELAYS.multiplier_bit * (sum(widths) + mixed)
        case Op.MUX:
            return _select(node)
        case Op.ONEHOT:
            return (
                DELAYS.gate * (1 + (len(widths) // 2 - 1).bit_length())
                + DELAYS.select_bit * node.bits
            )
        case Op.AND | Op.OR:
            return DELAYS.gate * max(1, (len(widths) - 1).bit_length())
        case Op.NOT:
            return DELAYS.gate // 2
    return 0
