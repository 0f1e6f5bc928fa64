"""Which primitives become one physical unit, and which of their pins meet: the 0-1 part of pin re-use.

Primitives of one kind that matter under disjoint sets of dataflows can be one unit. With x[k, i, p] = 1 if
the pin i of primitive k is the unit's pin p, and y[p, s] >= x[k, i, p] for its source s, the cost to be
least is that of the unit and of its multiplexers, which the sum of y[p, s] counts (LEGO, back end, pin
re-use; here weighted by area). A commutative primitive has two ways to lie on the unit's pins, so all
assignments are tried and the first least one is taken: exact, and alike everywhere. Of more than EXACT
primitives there would be too many: they lie as in the units that are joined, or so that each source has its
own pin, and single ones turn while that costs less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from lego.ir.costs import COSTS
from lego.ir.dag import Module, Node, Op, bits_for

__all__ = ["EXACT", "SHARED", "Unit", "alone", "area_of", "assigned", "joined", "pairs"]

SHARED = (Op.MUL, Op.ADD, Op.MIN, Op.MAX)

EXACT = 8
"""Most primitives of a unit whose assignments are all tried: 128."""

Pins = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """Primitives on one physical unit.

    Attributes
    ----------
    members : ids of the primitives, ascending.
    pins : per member the sources of the unit's first and second pin.
    mask : dataflows that use the unit.
    cost : area of the unit, its registers and its multiplexers, in 1e-3 um2.
    """

    members: tuple[int, ...]
    pins: Pins
    mask: int
    cost: int


def area_of(op: Op, left: int, right: int, out: int) -> int:
    """Area of a primitive with pins and a result of so many bits, in 1e-3 um2."""
    match op:
        case Op.MUL:
            return COSTS.multiplier_bit * left * right
        case Op.ADD:
            return COSTS.adder_bit * out
    return (COSTS.adder_bit + COSTS.mux_bit) * out


def alone(module: Module, member: int, mask: int) -> Unit:
    """A unit with one primitive."""
    left, right = module.nodes[member].srcs
    pins = ((left, right),)
    return Unit((member,), pins, mask, _cost(module, module.nodes[member], pins))


def joined(module: Module, first: Unit, second: Unit) -> Unit:
    """Both units' primitives on one, with the least multiplexers."""
    members = tuple(sorted(first.members + second.members))
    node = module.nodes[members[0]]
    if len(members) <= EXACT:
        pins = assigned(module, members)
    else:
        pins = _turned(module, members, dict(zip(first.members, first.pins, strict=True)), second)
    return Unit(members, pins, first.mask | second.mask, _cost(module, node, pins))


def assigned(module: Module, members: Sequence[int]) -> Pins:
    """The least assignment of the primitives' sources to the two pins; among equals the first."""
    sources = [module.nodes[m].srcs for m in members]
    ways = product((False, True), repeat=len(members) - 1)
    found = (_swapped(sources, (False, *way)) for way in ways)
    return min(found, key=lambda pins: _cost(module, module.nodes[members[0]], pins))


def _turned(
    module: Module, members: Sequence[int], kept: Mapping[int, tuple[int, int]], other: Unit
) -> Pins:
    """The pins of many primitives: as in both units, or so that each source has its own pin; then
    primitives turn one by one while that costs less. The first one lies as it is.
    """

    def cost(pins: Sequence[tuple[int, int]]) -> int:
        return _cost(module, module.nodes[members[0]], tuple(pins))

    starts: list[list[tuple[int, int]]] = [_sided([module.nodes[m].srcs for m in members])]
    for swap in (False, True):
        way = _swapped(other.pins, [swap] * len(other.pins))
        pins = {**kept, **dict(zip(other.members, way, strict=True))}
        starts.append([pins[m] for m in members])
    best = min(starts, key=cost)
    found = True
    while found:
        turns = ([*best[:k], best[k][::-1], *best[k + 1 :]] for k in range(len(best)))
        turned = min(turns, key=cost)
        found = cost(turned) < cost(best)
        best = turned if found else best
    swap = best[0] != module.nodes[members[0]].srcs
    return _swapped(best, [swap] * len(best))


def _sided(sources: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """Primitive after primitive, those first whose sources have a pin already, each source on its pin if
    that can be.
    """
    sides: dict[int, int] = {}
    pins: dict[int, tuple[int, int]] = {}
    while len(pins) < len(sources):
        waiting = [k for k in range(len(sources)) if k not in pins]
        at = next((k for k in waiting if not sides.keys().isdisjoint(sources[k])), waiting[0])
        left, right = sources[at]
        pins[at] = (right, left) if sides.get(left, 1 - sides.get(right, 1)) else (left, right)
        for pin, source in enumerate(pins[at]):
            sides.setdefault(source, pin)
    return [pins[k] for k in range(len(sources))]


def _swapped(sources: Sequence[tuple[int, ...]], way: Sequence[bool]) -> Pins:
    return tuple((b, a) if swap else (a, b) for (a, b), swap in zip(sources, way, strict=True))


def _cost(module: Module, node: Node, pins: Pins) -> int:
    if len(pins) == 1 and _is_virtual(module, node):
        return 0
    widths, muxes = [], 0
    for pin in zip(*pins, strict=True):
        sources = [module.nodes[s] for s in dict.fromkeys(pin)]
        bits = _bits(sources)
        live = sum(source.op is not Op.CONST for source in sources)
        # A multiplexer with a constant is a gate, about half as large.
        muxes += COSTS.mux_bit * bits * (2 * max(0, live - 1) + (live < len(sources))) // 2
        widths.append(bits)
    left, right = widths
    out = left + right if node.op is Op.MUL else max(widths) + (node.op is Op.ADD)
    return area_of(node.op, left, right, out) + node.latency * out * COSTS.register_bit + muxes


def _is_virtual(module: Module, node: Node) -> bool:
    """Whether the primitive only hands on a value."""
    left, right = node.srcs
    if node.op is Op.ADD:
        return module.nodes[right].op is Op.CONST and module.nodes[right].value == 0
    return node.op is not Op.MUL and left == right


def _bits(sources: Sequence[Node]) -> int:
    spans = [source.range for source in sources]
    return bits_for(min(low for low, _ in spans), max(high for _, high in spans))


def pairs(units: Sequence[Unit]) -> list[tuple[Unit, Unit]]:
    """Units that no dataflow uses both of."""
    return [(a, b) for a, b in combinations(units, 2) if not a.mask & b.mask]
