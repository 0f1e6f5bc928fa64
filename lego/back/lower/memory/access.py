"""The banks of a memory, with the host's access to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.plan.registers import address_bits
from lego.ir.dag import Module, Node, Op, index_bits
from lego.ir.fused import FusedAdg, MemoryPlan

__all__ = ["ADDRESSES", "ENABLES", "build_banks", "host_read"]

ADDRESSES = ("addr", "raddr", "waddr")
"""Ports of a bank that bring addresses."""

ENABLES = frozenset({"en", "ren", "wen"})
"""Ports of a bank that make it act."""


def build_banks(
    b: Builder,
    fused: FusedAdg,
    buffer: MemoryPlan,
    kinds: Sequence[Module],
    ports: Mapping[int, Mapping[str, int]],
) -> tuple[list[int], list[int]]:
    """Instantiate the banks, macro by macro, with their array-side ports; returns the words that the array
    and the host read, by bank. What engines write is in registers first, which become trees to all banks."""
    bits, count = address_bits(buffer.depth), index_bits(buffer.groups)
    data = b.input("host_wdata", (0, (1 << (buffer.bits * buffer.lanes)) - 1))
    address = b.input("host_addr", (0, (1 << (bits + count + buffer.halves - 1)) - 1))
    group = b.slice(address, bits, count)
    asks = {name: b.input(name) for name in ("host_ren", "host_wen")}
    if buffer.halves > 1:
        free = b.invert(_used(b, fused, b.slice(address, bits + count, 1)))
        asks = {name: b.all([node, free]) for name, node in asks.items()}
    words: list[int] = []
    host_words: list[int] = []
    for k, bank in enumerate(kinds):
        inputs = {n.name: n for n in bank.nodes if n.op is Op.INPUT}
        banks = range(k * buffer.wide, (k + 1) * buffer.wide)
        here = [_here(b, buffer, bank, group) for bank in banks]
        wires = {"host_addr": b.slice(address, 0, inputs["host_addr"].bits)}
        wires |= _host_wires(b, buffer, here, data, asks)
        if fused.engines and not buffer.output:
            wires = {name: b.delay(node, 1, resets=name in asks) for name, node in wires.items()}
        if buffer.halves > 1:
            wires["host_half"] = b.slice(address, bits + count, 1)
            if not fused.travels:
                wires["half"] = b.input("half_settled")
        if "dataflow" in inputs:
            wires["dataflow"] = b.input("dataflow", (0, b.max_dataflow))
        wires |= {name: b.const(0) for name in inputs if name not in wires}
        wires |= {name: node for name, node in ports.get(k, {}).items() if name in inputs}
        wires |= {
            name: _fitted(b, wires[name], inputs[name], bits if name in ADDRESSES else 0, buffer)
            for name in (*ADDRESSES, "data")
            if name in inputs
        }
        outs = b.instance(bank, f"bank_{k}", wires)
        words += _apart(b, buffer, outs["rdata"])
        host_words += _apart(b, buffer, outs.get("host_rdata", outs["rdata"]))
    return words, host_words


def _used(b: Builder, fused: FusedAdg, half: int) -> int:
    """Whether the array uses a half: that of the run that issues timestamps, or of one before it."""
    using = b.eq(half, b.input("half"))
    if fused.travels:
        return b.mux(using, b.input("under_way"), b.input("other_half"))
    return b.all([b.input("busy"), using])


def _fitted(b: Builder, node: int, port: Node, bits: int, buffer: MemoryPlan) -> int:
    """What a bank is told, in its bits; a shallow bank's address ends with the half, too."""
    if not bits or not buffer.half_bits or port.bits == bits + 1:
        return b.wrap(node, port.range)
    return b.cat([b.slice(node, 0, port.bits - 1), b.slice(node, bits, 1)])


@dataclass(frozen=True, slots=True)
class _Here:
    """A bank's lane of the host's access, whether it is for the bank, and whether it writes there."""

    lane: int
    read: int
    write: tuple[int, ...]


def _here(b: Builder, buffer: MemoryPlan, bank: int, group: int) -> _Here:
    lane, here = bank % buffer.lanes, b.eq(group, b.const(bank // buffer.lanes))
    if buffer.lanes == 1:
        return _Here(lane, here, (here,))
    mask = b.input("host_mask", (0, (1 << buffer.lanes) - 1))
    return _Here(lane, here, (here, b.slice(mask, lane, 1)))


def _host_wires(
    b: Builder, buffer: MemoryPlan, banks: Sequence[_Here], data: int, asks: Mapping[str, int]
) -> dict[str, int]:
    """What the host asks of the banks of a macro."""
    wires = {"host_ren": b.all([asks["host_ren"], b.any([bank.read for bank in banks])])}
    if len(banks) == 1:
        wires["host_wen"] = b.all([asks["host_wen"], *banks[0].write])
        return wires | {"host_wdata": b.slice(data, banks[0].lane * buffer.bits, buffer.bits)}
    written = [b.all(bank.write) for bank in banks]
    parts = [b.slice(data, bank.lane * buffer.bits, buffer.bits) for bank in banks]
    return wires | {
        "host_wen": b.all([asks["host_wen"], b.any(written)]),
        "host_wdata": b.cat(parts),
        "host_mask": b.op(Op.CAT, *written),
    }


def _apart(b: Builder, buffer: MemoryPlan, word: int) -> list[int]:
    """The lanes of a macro's word."""
    if buffer.wide == 1:
        return [word]
    return [b.slice(word, lane * buffer.bits, buffer.bits) for lane in range(buffer.wide)]


def host_read(b: Builder, buffer: MemoryPlan, words: Sequence[int]) -> None:
    """The words of the group that was asked for, side by side."""
    bits, lanes = index_bits(buffer.groups), buffer.lanes
    address = b.input("host_addr", b.nodes[b.input("host_addr")].range)
    index = b.delay(b.slice(address, address_bits(buffer.depth), bits), 1)
    groups = [words[k : k + lanes] for k in range(0, len(words), lanes)]
    packed = [group[0] if len(group) == 1 else b.cat(group) for group in groups]
    b.output("host_rdata", b.delay(b.select(index, bits, packed), 1, name="host_word"))
