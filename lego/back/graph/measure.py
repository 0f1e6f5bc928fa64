"""Size of a graph: registers, primitives and estimated area, over all instances."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["Size", "counts_of", "size_of"]

_SHIFTS = frozenset((Op.STAGE, Op.SHL, Op.SHR, Op.SLICE, Op.CAT, Op.WRAP, Op.WIRE))
_WIRES = _SHIFTS | {Op.CONST, Op.INPUT, Op.CHECK, Op.INSTANCE, Op.PORT}
_NO_LOGIC = _WIRES | {Op.DELAY, Op.REG, Op.MEMORY}
_REGISTERS = (Op.DELAY, Op.REG)


@dataclass(frozen=True, slots=True)
class Size:
    """Registers, their bits, other primitives than wires, and area in um2 by the table of costs, all
    without memories. Latencies count as the registers that they will become."""

    registers: int
    bits: int
    primitives: int
    area_um2: int


def counts_of(dag: Dag) -> dict[str, int]:
    """How often the design holds each module."""
    counts = {module.name: 0 for module in dag.modules} | {dag.top.name: 1}
    for module in reversed(dag.modules):
        for node in module.nodes:
            if node.op is Op.INSTANCE:
                counts[node.text] += counts[module.name]
    return counts


def size_of(dag: Dag, known: dict[int, tuple[Module, Size]] | None = None) -> Size:
    """Sum over the modules, each as often as it is there.

    `known` remembers modules by identity, with their own sizes in 1e-3 um2, from one call to the next.
    """
    known = {} if known is None else known
    counts = counts_of(dag)
    registers = bits = primitives = area = 0
    for module in dag.modules:
        if id(module) not in known:
            known[id(module)] = module, _own(module)
        own, many = known[id(module)][1], counts[module.name]
        registers += many * own.registers
        bits += many * own.bits
        primitives += many * own.primitives
        area += many * own.area_um2
    return Size(registers, bits, primitives, area // 1000)


def _own(module: Module) -> Size:
    """Size of a module without the modules that it holds; the area in 1e-3 um2."""
    widths = [0 if node.low is None else node.bits for node in module.nodes]
    registers = bits = primitives = area = 0
    for node, width in zip(module.nodes, widths, strict=True):
        held = node.latency + (node.op in _REGISTERS)
        if held:
            registers += held
            bits += held * width
        if node.op not in _WIRES:
            primitives += node.op not in _NO_LOGIC
            area += _area(node, width, widths)
    return Size(registers, bits, primitives, area + bits * COSTS.register_bit)


def _area(node: Node, width: int, widths: list[int]) -> int:
    """Area of a primitive in 1e-3 um2, without registers; `widths` are the bits of all nodes."""
    match node.op:
        case Op.MUX:
            return COSTS.mux_bit * width
        case Op.ONEHOT:
            return COSTS.mask_bit * width * (len(node.srcs) // 2)
        case Op.REG | Op.DELAY:
            return COSTS.mux_bit * width if len(node.srcs) == 2 else 0
        case Op.AND | Op.OR:
            return COSTS.mux_bit * (len(node.srcs) - 1) // 2
        case Op.ADD | Op.SUB | Op.NEG | Op.ABS:
            return COSTS.adder_bit * width
        case Op.LT | Op.EQ:
            return COSTS.adder_bit * max(widths[s] for s in node.srcs)
        case Op.MIN | Op.MAX:
            return (COSTS.adder_bit + COSTS.mux_bit) * max(widths[s] for s in node.srcs)
        case Op.MUL:
            return COSTS.multiplier_bit * math.prod(widths[s] for s in node.srcs)
    return 0
