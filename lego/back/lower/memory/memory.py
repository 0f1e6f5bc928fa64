"""One memory: its banks, and the distribution switch between banks and data nodes.

A dataflow under which every bank is private to one data node runs each bank with its node's skew; moving
digits select among the node's banks. Otherwise all banks run without skew, a rotator or a
crossbar (whichever has fewer multiplexers for the routes needed) moves words between banks and
nodes, and registers add the skew on the data side. The dataflow id chooses among the dataflows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lego.back.graph.builder import Builder
from lego.back.graph.hoist import delayed
from lego.back.graph.prune import remove_dead_nodes
from lego.back.graph.widths import infer_widths
from lego.back.lower.memory.access import ADDRESSES, ENABLES, build_banks, host_read
from lego.back.lower.memory.bank import bank_kinds
from lego.back.lower.memory.delivery import deliver
from lego.back.lower.memory.requests import bank_ports, requests
from lego.back.lower.memory.side import Keep, Side
from lego.back.lower.memory.sums import add_at_nodes, sum_unit
from lego.back.lower.taps import Taps
from lego.back.plan.design import DesignPlan
from lego.back.plan.registers import array_bits
from lego.back.schedule.times import Schedule
from lego.ir.dag import Module, Op
from lego.ir.fused import MemoryPlan

__all__ = ["LoweredMemory", "lower_memory"]


@dataclass(frozen=True, slots=True)
class LoweredMemory:
    """The memory's module, and those that it holds:

    RAMs, banks, and the unit that adds for data nodes, if there is one.
    """

    module: Module
    rams: tuple[Module, ...]
    banks: tuple[Module, ...]
    units: tuple[Module, ...]


def lower_memory(
    design: DesignPlan, buffer: MemoryPlan, times: Schedule, taps: Taps
) -> LoweredMemory:
    """The memory behind a port."""
    fused, prefix = design.fused, design.fused.name
    apart = buffer.output and times.gathered
    selects = times.stages.selects
    ways = {"late": times.stages.sums, "narrow": times.narrow, "selects": selects}
    kinds = bank_kinds(fused, buffer, prefix, apart=apart, **ways)
    b = Builder(f"{prefix}_memory_{buffer.name}", "memory", len(fused.layers))
    views = design.views[buffer.index]
    adders = [sum_unit(fused, buffer, prefix, selects=selects)] if apart else []
    sums = [b.wire(buffer.word) for _ in range(design.units if apart else 0)]
    keep = Keep(b, buffer, len(fused.layers))
    sides = [
        None if view is None else Side(buffer, view, taps, times, b, k, sums, keep)
        for k, view in enumerate(views)
    ]
    staged = times.staged[buffer.index]
    ports = _bank_ports(b, buffer, sides, taps, staged=staged, together=times.together)
    b.origin = "results that wait for their turn"
    keep.drive()
    b.origin = "assertion: no bank meets two nodes"
    _check(b, sides, ports, staged=staged)
    b.origin = "the host's access"
    words, host_words = build_banks(b, fused, buffer, kinds.of_bank, ports)
    b.origin = "sums at data nodes"
    for unit in adders:
        add_at_nodes(b, unit, sides, words, sums)
    b.origin = "words to data nodes"
    if not buffer.output:
        deliver(b, buffer, sides, words, together=times.together)
    b.origin = "the host's access"
    host_read(b, buffer, host_words)
    module = infer_widths(_read(b.build()))
    return LoweredMemory(module, kinds.rams, kinds.banks, tuple(adders))


def _read(module: Module) -> Module:
    """The module without ports that it doesn't read: what tells banks apart may turn out not to be needed."""
    live = remove_dead_nodes(module)
    return live if _n_inputs(live) < _n_inputs(module) else module


def _n_inputs(module: Module) -> int:
    return sum(node.op is Op.INPUT for node in module.nodes)


def _bank_ports(
    b: Builder,
    buffer: MemoryPlan,
    sides: Sequence[Side | None],
    taps: Taps,
    *,
    staged: bool,
    together: bool,
) -> dict[int, dict[str, int]]:
    """Array-side ports of every macro: those of the running dataflow, registered if `staged`.

    `together`: registers are in front of what chooses addresses, if that takes fewer.
    """
    each = []
    for side in sides:
        b.origin = f"requests of {side.adg.name}" if side is not None else ""
        each.append(bank_ports(side) if side is not None else {})
    b.origin = "requests of the running dataflow"
    ports: dict[int, dict[str, int]] = {}
    for bank in range(buffer.n_macros):
        found = [mine.get(bank) for mine in each]
        names = {name for mine in found if mine is not None for name in mine}
        ports[bank] = {
            name: b.choose([None if mine is None else mine.get(name) for mine in found])
            for name in sorted(names - ENABLES)
        }
        off = b.const(0)  # a bank that the running dataflow doesn't use is never enabled
        for name in sorted(names & ENABLES):
            ports[bank][name] = b.choose([off if m is None else m.get(name, off) for m in found])
    if not staged:
        return ports
    bits = array_bits(buffer)
    after = partial(taps.after, b)
    addresses = {}
    for name in ADDRESSES:
        wanted = [p[name] for p in ports.values() if name in p]
        addresses[name] = delayed(b, wanted, bits, hoist=together, after=after)
    for port in ports.values():
        for name, node in port.items():
            if name in addresses:
                port[name] = addresses[name][node]
            elif name != "data":
                port[name] = b.delay(node, 1, resets=name in ENABLES)
    return ports


def _check(
    b: Builder,
    sides: Sequence[Side | None],
    ports: Mapping[int, Mapping[str, int]],
    *,
    staged: bool,
) -> None:
    """Assert that every request of a data node reaches a bank of its own.

    Where every bank is wired to one node, whatever the timestamp, there is nothing to assert.
    """
    asked = b.choose([b.popcount(requests(side)) if side else b.const(0) for side in sides])
    asked = b.delay(asked, int(staged), resets=True)
    met = b.popcount([port["en"] for port in ports.values() if "en" in port])
    if asked == met:
        return
    b.check(b.eq(asked, met, name="no_conflict"), b.input("busy"))
