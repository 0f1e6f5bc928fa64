"""One memory: its banks, and the distribution switch between banks and data nodes.

A dataflow under which every bank is private to one data node runs each bank with its node's skew; moving
digits select among the node's banks. Otherwise all banks run without skew, a rotator or a
crossbar (whichever has fewer multiplexers for the routes needed) moves words between banks and
nodes, and registers add the skew on the data side. The dataflow id chooses among the dataflows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from lego.back.builder import Builder, index_bits
from lego.back.hoist import delayed
from lego.back.lower_bank import bank_kinds
from lego.back.lower_control import Control
from lego.back.lower_side import Given, Side, Turned, node_port
from lego.back.lower_sums import n_units, sum_unit
from lego.back.passes.dead_nodes import remove_dead_nodes
from lego.back.passes.widths import infer_widths
from lego.back.registers import address_bits
from lego.back.switch import turned
from lego.back.timing import Schedule
from lego.ir.dag import Module, Op
from lego.ir.fused import Buffer, FusedAdg

__all__ = ["build_memory"]


def build_memory(
    fused: FusedAdg, buffer: Buffer, control: Control, times: Schedule, prefix: str
) -> tuple[Module, ...]:
    """Modules of the memory; the last one holds the others."""
    apart = buffer.output and times.gathered
    modules, kinds = bank_kinds(
        fused, buffer, prefix, late=times.stages.sums, apart=apart, narrow=times.narrow
    )
    b = Builder(f"{prefix}_memory_{buffer.name}", "memory", len(fused.layers))
    views = control.views[buffer.index]
    units = [sum_unit(fused, buffer, prefix)] if apart else []
    sums = [b.wire(buffer.word) for _ in range(n_units(fused, buffer) if apart else 0)]
    sides = [
        None if view is None else Side(fused, buffer, view, control, times, b, k, sums)
        for k, view in enumerate(views)
    ]
    staged = times.staged[buffer.index]
    ports = _bank_ports(b, buffer, sides, control, staged=staged, together=times.together)
    b.origin = "assertion: no bank meets two nodes"
    _check(b, sides, ports, staged=staged)
    b.origin = "the host's access"
    words, host_words = _banks(b, fused, buffer, kinds, ports)
    b.origin = "sums at data nodes"
    for unit in units:
        _add_at_nodes(b, unit, sides, words, sums)
    b.origin = "words to data nodes"
    if not buffer.output:
        _deliver(b, buffer, sides, words, together=times.together)
    b.origin = "the host's access"
    _host_read(b, buffer, host_words)
    return *modules, *units, infer_widths(_read(b.build()))


def _read(module: Module) -> Module:
    """The module without ports that it doesn't read: what tells banks apart may turn out not to be needed."""
    live = remove_dead_nodes(module)
    return live if _n_inputs(live) < _n_inputs(module) else module


def _n_inputs(module: Module) -> int:
    return sum(node.op is Op.INPUT for node in module.nodes)


_ADDRESSES = ("addr", "raddr", "waddr")
_ENABLES = frozenset({"en", "ren", "wen"})


def _bank_ports(
    b: Builder,
    buffer: Buffer,
    sides: Sequence[Side | None],
    control: Control,
    *,
    staged: bool,
    together: bool,
) -> dict[int, dict[str, int]]:
    """Array-side ports of every bank: those of the running dataflow, registered if `staged`. `together`: registers are
    in front of what chooses addresses, if that takes fewer."""
    each = []
    for side in sides:
        b.origin = f"requests of {side.adg.name}" if side is not None else ""
        each.append(side.bank_ports() if side is not None else {})
    b.origin = "requests of the running dataflow"
    ports: dict[int, dict[str, int]] = {}
    for bank in range(buffer.n_banks):
        found = [mine.get(bank) for mine in each]
        names = {name for mine in found if mine is not None for name in mine}
        ports[bank] = {
            name: b.choose([None if mine is None else mine.get(name) for mine in found])
            for name in sorted(names - _ENABLES)
        }
        off = b.const(0)  # a bank that the running dataflow doesn't use is never enabled
        for name in sorted(names & _ENABLES):
            ports[bank][name] = b.choose([off if m is None else m.get(name, off) for m in found])
    if not staged:
        return ports
    bits = address_bits(buffer.depth)
    after = partial(control.after, b)
    addresses = {}
    for name in _ADDRESSES:
        wanted = [p[name] for p in ports.values() if name in p]
        addresses[name] = delayed(b, wanted, bits, hoist=together, after=after)
    for port in ports.values():
        for name, node in port.items():
            if name in addresses:
                port[name] = addresses[name][node]
            elif name != "data":
                port[name] = b.delay(node, 1, resets=name in _ENABLES)
    return ports


def _add_at_nodes(
    b: Builder,
    unit: Module,
    sides: Sequence[Side | None],
    words: Sequence[int],
    sums: Sequence[int],
) -> None:
    """Instantiate the units that add for data nodes; each serves a node of every dataflow that has so many."""
    each = [side.units(words) if side else [] for side in sides]
    for k, wire in enumerate(sums):
        found = [mine[k] if k < len(mine) else {"en": b.const(0)} for mine in each]
        names = sorted({name for mine in found for name in mine})
        wires = {name: b.choose([mine.get(name) for mine in found]) for name in names}
        if any(n.name == "dataflow" for n in unit.nodes):
            wires["dataflow"] = b.input("dataflow", (0, b.max_dataflow))
        total = b.instance(unit, f"sums_{k}", wires)["sum"]
        b.connect(wire, b.wrap(total, b.nodes[wire].range))  # below zero where words are unsigned


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
    asked = b.choose([b.popcount(side.requests()) if side else b.const(0) for side in sides])
    asked = b.delay(asked, int(staged), resets=True)
    met = b.popcount([port["en"] for port in ports.values() if "en" in port])
    if asked == met:
        return
    b.check(b.eq(asked, met, name="no_conflict"), b.input("busy"))


def _banks(
    b: Builder,
    fused: FusedAdg,
    buffer: Buffer,
    kinds: Sequence[Module],
    ports: Mapping[int, Mapping[str, int]],
) -> tuple[list[int], list[int]]:
    """Instantiate the banks with their array-side ports; returns the words that the array and the
    host read."""
    bits, count, lanes = address_bits(buffer.depth), index_bits(buffer.groups), buffer.lanes
    data = b.input("host_wdata", (0, (1 << (buffer.bits * lanes)) - 1))
    address = b.input("host_addr", (0, (1 << (bits + count + fused.halves - 1)) - 1))
    group = b.slice(address, bits, count)
    asks = {name: b.input(name) for name in ("host_ren", "host_wen")}
    if fused.halves > 1:  # the half in use is the array's
        using = b.eq(b.slice(address, bits + count, 1), b.input("half"))
        free = b.invert(b.all([b.input("busy"), using]))
        asks = {name: b.all([node, free]) for name, node in asks.items()}
    words, host_words = [], []
    for k, bank in enumerate(kinds):
        inputs = {n.name: n for n in bank.nodes if n.op is Op.INPUT}
        here = b.eq(group, b.const(k // lanes))
        writes = [asks["host_wen"], here]
        if lanes > 1:
            mask = b.input("host_mask", (0, (1 << lanes) - 1))
            writes.append(b.slice(mask, k % lanes, 1))
        wires = {
            "host_addr": b.slice(address, 0, inputs["host_addr"].bits),
            "host_ren": b.all([asks["host_ren"], here]),
            "host_wen": b.all(writes),
            "host_wdata": b.slice(data, k % lanes * buffer.bits, buffer.bits),
        }
        if fused.halves > 1:
            wires["host_half"] = b.slice(address, bits + count, 1)
            wires["half"] = b.input("half_settled")
        if "dataflow" in inputs:
            wires["dataflow"] = b.input("dataflow", (0, b.max_dataflow))
        wires |= {name: b.const(0) for name in inputs if name not in wires}
        wires |= {name: node for name, node in ports.get(k, {}).items() if name in inputs}
        wires |= {
            name: b.wrap(wires[name], inputs[name].range)
            for name in (*_ADDRESSES, "data")
            if name in inputs
        }
        outs = b.instance(bank, f"bank_{k}", wires)
        words.append(outs["rdata"])
        host_words.append(outs.get("host_rdata", outs["rdata"]))
    return words, host_words


def _host_read(b: Builder, buffer: Buffer, words: Sequence[int]) -> None:
    """The words of the group that was asked for, side by side."""
    bits, lanes = index_bits(buffer.groups), buffer.lanes
    address = b.input("host_addr", b.nodes[b.input("host_addr")].range)
    index = b.delay(b.slice(address, address_bits(buffer.depth), bits), 1)
    groups = [words[k : k + lanes] for k in range(0, len(words), lanes)]
    packed = [group[0] if len(group) == 1 else b.cat(group) for group in groups]
    b.output("host_rdata", b.delay(b.select(index, bits, packed), 1, name="host_word"))


def _deliver(
    b: Builder,
    buffer: Buffer,
    sides: Sequence[Side | None],
    words: Sequence[int],
    *,
    together: bool,
) -> None:
    """Drive every data node; what waits equally long in several dataflows waits once. `together`: dataflows share rotators."""
    turns = _turned(b, sides, words) if together else {}
    given = [
        side.values(words, turns.get(_box(side))) if side is not None else {} for side in sides
    ]
    for fu in sorted({fu for mine in given for fu in mine}):
        found = [mine.get(fu) for mine in given]
        late = {
            wait: b.delay(_guarded(b, [m if m and m.wait == wait else None for m in found]), wait)
            for wait in sorted({mine.wait for mine in found if mine is not None})
        }
        value = b.choose([None if mine is None else late[mine.wait] for mine in found])
        b.output(node_port(buffer, fu), value)


def _guarded(b: Builder, found: Sequence[Given | None]) -> int:
    """The running dataflow's word, or its pad value."""
    word = b.choose([m.word if m else None for m in found])
    if all(m is None or m.guard is None for m in found):
        return word
    one = b.const(1)
    guard = b.choose([None if m is None else one if m.guard is None else m.guard for m in found])
    return b.mux(guard, word, b.choose([m.pad if m else None for m in found]))


def _box(side: Side) -> tuple[int, ...]:
    """Banks per dimension, of those with several."""
    return tuple(count for count in side.plan.banking.counts if count > 1)


def _turned(
    b: Builder, sides: Sequence[Side | None], words: Sequence[int]
) -> dict[tuple[int, ...], Turned]:
    """The words behind one rotator per box of banks, for all dataflows whose words a rotator brings."""
    boxes = {_box(side): None for side in sides if side and side.rotates}
    found: dict[tuple[int, ...], Turned] = {}
    off = b.const(0)
    for box in boxes:
        each = [
            side.selects() if side and side.rotates and _box(side) == box else None
            for side in sides
        ]
        running = []
        for j in range(len(box)):
            mine = [None if selects is None else selects[j] for selects in each]
            bits = sorted({bit for stages in mine if stages is not None for bit in stages})
            running.append(
                {
                    bit: b.choose([None if m is None else m.get(bit, off) for m in mine])
                    for bit in bits
                }
            )
        found[box] = turned(b, words, box, running)
    return found
