"""One bank, or the banks of one macro:

RAMs shared by the array and the host, and for sums its read-modify-write unit, unless data nodes add.

With two halves the array uses the one that the register `half` names, and the host may fill or
drain the other at the same time. Otherwise the host waits until the array is idle, or uses only the port
that the array doesn't.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.graph.prune import remove_dead_nodes
from lego.back.graph.widths import infer_widths
from lego.back.lower.memory.sums import combined, late_sum
from lego.back.plan.memory.adders import FORWARDED, accumulates, adds_alike, spans_in_memory
from lego.back.sram.model import sram_model
from lego.ir.dag import Module, Op, bits_for
from lego.ir.fused import FusedAdg, MemoryPlan
from lego.ir.operation import Reduction

__all__ = ["BankKinds", "bank_kinds"]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class BankKinds:
    """The kinds of RAMs and banks of a memory, and the kind of the banks of every macro."""

    rams: tuple[Module, ...]
    banks: tuple[Module, ...]
    of_bank: tuple[Module, ...]


def bank_kinds(
    fused: FusedAdg,
    buffer: MemoryPlan,
    prefix: str,
    *,
    late: bool,
    apart: bool,
    narrow: bool,
    selects: bool,
) -> BankKinds:
    """The modules that the memory's banks need.

    `late`: where banks add, registers stand around the adder. `apart`: what is added
    to is read and written by data nodes, which have the adders. `narrow`: adders have the bits that sums
    fill. `selects`: the upper half of sums is chosen by the carry.
    """
    depths = [depth for count, depth in buffer.depths for _ in range(count // buffer.wide)]
    wanted = [(depth, accumulates(buffer, k * buffer.wide)) for k, depth in enumerate(depths)]
    kinds = list(dict.fromkeys(wanted))
    rams = {depth: _ram(buffer, depth, prefix) for depth, _ in kinds}
    made = {}
    spans = _spans(fused, narrow=narrow)
    for depth, adds in kinds:
        several = f"_{depth}" if len(rams) > 1 else ""
        if adds and (depth, False) in kinds:
            several += "_sums"
        name = f"{prefix}_bank_{buffer.name}{several}"
        ram = rams[depth]
        made[depth, adds] = _bank(
            name,
            fused,
            buffer,
            ram,
            spans,
            adds=adds and not apart,
            apart=adds and apart,
            late=late,
            selects=selects,
        )
    return BankKinds(
        tuple(rams.values()), tuple(made.values()), tuple(made[kind] for kind in wanted)
    )


def _spans(fused: FusedAdg, *, narrow: bool) -> list[Range]:
    """Intervals of what banks write, per dataflow; sums that don't wrap share one."""
    adgs = [layer.adg for layer in fused.layers]
    formats = [(a.output_format.low, a.output_format.high) for a in adgs]
    if not narrow:
        return formats
    spans = spans_in_memory(fused)
    adding = [s for s, adg in zip(spans, adgs, strict=True) if adg.output.accumulates] or spans
    common = min(low for low, _ in adding), max(high for _, high in adding)
    return [
        common
        if adg.output.accumulates and adg.reduction is Reduction.ADD and span != whole
        else span
        for adg, span, whole in zip(adgs, spans, formats, strict=True)
    ]


def _ram(buffer: MemoryPlan, depth: int, prefix: str) -> Module:
    """The RAM of so many words; those of one shape become one module after the passes."""
    bits = buffer.bits * buffer.wide
    return sram_model(f"{prefix}_ram_{bits}x{depth}_{buffer.name}", depth, bits, buffer.wide)


def _bank(
    name: str,
    fused: FusedAdg,
    buffer: MemoryPlan,
    ram: Module,
    spans: Sequence[Range],
    *,
    adds: bool,
    apart: bool,
    late: bool,
    selects: bool,
) -> Module:
    """The bank around a RAM; if it `adds`, in these intervals, and `late` where a register stands before.

    `apart`: reads and writes have ports of their own.
    """
    word = (0, (1 << (buffer.bits * buffer.wide)) - 1)
    b = Builder(name, "memory", len(fused.layers))
    (span,) = (node.range for node in ram.nodes if node.name == "raddr")
    span = (0, 2 * span[1] + 1) if buffer.half_bits else span
    if apart:
        array = {f"{way}addr": b.input(f"{way}addr", span) for way in "rw"}
        array |= {"ren": b.input("ren"), "wen": b.input("wen"), "wdata": b.input("data", word)}
        _rams(b, buffer, ram, array | _mask(b, buffer))
        return infer_widths(remove_dead_nodes(b.build()))
    addr, en = b.input("addr", span), b.input("en")
    if not buffer.output:
        _rams(b, buffer, ram, {"raddr": addr, "ren": en})
    elif adds:
        one = (0, (1 << buffer.bits) - 1)
        _accumulate(b, buffer, ram, (addr, en), _Sums(b, fused, one, spans, late, selects))
    else:
        array = {"waddr": addr, "wdata": b.input("data", word), "wen": en}
        _rams(b, buffer, ram, array | _mask(b, buffer))
    return infer_widths(remove_dead_nodes(b.build()))


def _mask(b: Builder, buffer: MemoryPlan) -> dict[str, int]:
    """Which lanes of a macro's word the array writes."""
    return {"wmask": b.input("mask", (0, (1 << buffer.wide) - 1))} if buffer.wide > 1 else {}


def _rams(b: Builder, buffer: MemoryPlan, ram: Module, array: Mapping[str, int]) -> int:
    """The RAM of every half, its ports the array's where it asks, else the host's; returns the
    array's word.

    The memory keeps the host off what the array uses, so a bank needs no signal that says who owns
    it: one that all banks look at would be the slowest net of the design.
    """
    b.origin = "the array's or the host's access"
    bits = bits_for(*next(n.range for n in ram.nodes if n.name == "raddr"))
    b.input("host_addr", (0, (1 << bits) - 1))
    words = [_ram_of_half(b, buffer, ram, array, half) for half in range(buffer.halves)]
    if buffer.halves == 1:
        b.output("rdata", words[0])
        return words[0]
    read = _half(b, buffer, array.get("raddr"), bits)
    word = b.mux(b.delay(read, buffer.half_bits), words[1], words[0])
    b.output("rdata", word)
    b.output("host_rdata", b.mux(b.delay(b.input("host_half"), 1), words[1], words[0]))
    return word


def _ram_of_half(
    b: Builder, buffer: MemoryPlan, ram: Module, array: Mapping[str, int], half: int
) -> int:
    """The word that the RAM of a half reads."""
    ports = {n.name: n.range for n in ram.nodes if n.op == "input"}
    address, bits = b.input("host_addr", ports["raddr"]), bits_for(*ports["raddr"])
    asks = {"ren": b.input("host_ren"), "wen": b.input("host_wen")}
    uses = {name: array[name] for name in asks if name in array}
    if buffer.halves > 1:
        asked = b.eq(b.input("host_half"), b.const(half))
        told = {"ren": array.get("raddr"), "wen": array.get("waddr")}
        used = {name: b.eq(_half(b, buffer, told[name], bits), b.const(half)) for name in uses}
        asks = {name: b.all([node, asked]) for name, node in asks.items()}
        uses = {name: b.all([node, used[name]]) for name, node in uses.items()}
    host = {"raddr": address, "waddr": address, "wdata": b.input("host_wdata", ports["wdata"])}
    if "wmask" in ports:
        host["wmask"] = b.input("host_mask", ports["wmask"])
    wires = {
        name: b.any([uses[name], node] if name in uses else [node]) for name, node in asks.items()
    }
    for name, node in host.items():
        enable = uses.get("ren" if name == "raddr" else "wen")
        if enable is not None:
            mine = array[name]
            mine = b.slice(mine, 0, bits) if buffer.half_bits and "addr" in name else mine
            node = b.mux(enable, mine, node)
        wires[name] = node
    name = "ram" if buffer.halves == 1 else f"ram_{half}"
    return b.instance(ram, name, wires)["rdata"]


def _half(b: Builder, buffer: MemoryPlan, address: int | None, bits: int) -> int:
    """What tells the half that the array uses: a register, or the bit above an address of so many bits."""
    if not buffer.half_bits:
        return b.input("half")
    return b.const(0) if address is None else b.slice(address, bits, 1)


@dataclass(frozen=True, slots=True)
class _Sums:
    """What adds to the words of a bank, in the interval `span`; `late`: with registers around the adder;
    `selects`: the carry chooses the upper half of sums."""

    b: Builder
    fused: FusedAdg
    word: Range
    spans: Sequence[Range]
    late: bool
    selects: bool

    @property
    def span(self) -> Range:
        """Interval of the sums; that of words if it takes as many bits."""
        span = min(low for low, _ in self.spans), max(high for _, high in self.spans)
        return self.word if bits_for(*span) >= bits_for(*self.word) else span

    @property
    def adds_at(self) -> int:
        """Cycles after a request in which it is added."""
        return 2 if self.late else 1

    def fitted(self, word: int, span: Range) -> int:
        """A word as a sum, or back."""
        return word if self.span == self.word else self.b.wrap(word, span)

    def lane(self, data: int, visit: int, again: Sequence[int], active: int) -> _Lane:
        """The adder of a bank: what it takes of memory, and what is written."""
        b, span, fused, spans = self.b, self.span, self.fused, self.spans
        total = b.reg(span, name="total", resets=False)
        read = b.wire(self.word)
        stored = self.fitted(read, span)
        if self.late:
            other = None if adds_alike(fused, spans, span) else data
            old = late_sum(b, fused, (total, stored), visit, again, span)
            new = combined(b, fused, old, data, span, other, spans, selects=self.selects)
        else:
            old = b.mux(b.delay(again[0], 1, resets=True, name="again"), total, stored, name="old")
            new = b.mux(visit, data, combined(b, fused, old, data, span, None, spans))
        b.drive(total, new, active)
        return _Lane(read, total if self.late else new)


@dataclass(frozen=True, slots=True)
class _Lane:
    """The wire that brings a bank's word, and the sum to write."""

    read: int
    sum: int


def _accumulate(
    b: Builder, buffer: MemoryPlan, ram: Module, port: tuple[int, int], sums: _Sums
) -> None:
    """Read in one cycle, combine and write a cycle later; or combine two and write three cycles later.

    Forwarding makes any distance between two commits to one element safe: a word that is read before the
    sums of the last requests are written comes from the register that holds them. A dataflow that
    writes each element once doesn't read. Each bank of a macro has an adder of its own.
    """
    b.origin = "sums in the bank"
    (addr, en), written_at = port, FORWARDED if sums.late else 1
    given = [
        b.delay(sums.fitted(data, sums.span), sums.adds_at, name="data")
        for data in _by_lane(b, buffer)
    ]
    visit = b.delay(b.input("visit"), 1, name="visit")
    before = [b.delay(addr, k, name="addr") for k in range(1, written_at + 1)]
    lanes, writes = [], []
    for data, asked in zip(given, _asked(b, buffer, en), strict=True):
        active = [b.delay(asked, k, resets=True, name="en") for k in range(1, written_at + 1)]
        again = [
            b.all([b.eq(addr, a), e], name=f"again{k}")
            for k, (a, e) in enumerate(zip(before, active, strict=True), start=1)
        ]
        lanes.append(sums.lane(data, visit, again, active[sums.adds_at - 1]))
        writes.append(active[-1])
    adding = [layer.adg.output.accumulates for layer in sums.fused.layers]
    adds = b.choose([b.const(int(each)) for each in adding])
    array = {
        "raddr": addr,
        "ren": b.all([en, adds]) if adds != b.const(1) else en,
        "waddr": before[-1],
        "wdata": _side_by_side(b, [sums.fitted(x.sum, sums.word) for x in lanes], buffer.bits),
        "wen": b.any(writes),
    }
    if buffer.wide > 1:
        array["wmask"] = b.op(Op.CAT, *writes)
    word = _rams(b, buffer, ram, array)
    for k, lane in enumerate(lanes):
        own = word if buffer.wide == 1 else b.slice(word, k * buffer.bits, buffer.bits)
        b.connect(lane.read, own)


def _by_lane(b: Builder, buffer: MemoryPlan) -> list[int]:
    """What is added in each bank of a macro."""
    word = b.input("data", (0, (1 << (buffer.bits * buffer.wide)) - 1))
    if buffer.wide == 1:
        return [word]
    return [b.slice(word, k * buffer.bits, buffer.bits) for k in range(buffer.wide)]


def _asked(b: Builder, buffer: MemoryPlan, en: int) -> list[int]:
    """Whether each bank of a macro is asked."""
    if buffer.wide == 1:
        return [en]
    mask = b.input("mask", (0, (1 << buffer.wide) - 1))
    return [b.all([en, b.slice(mask, k, 1)]) for k in range(buffer.wide)]


def _side_by_side(b: Builder, words: Sequence[int], bits: int) -> int:
    return words[0] if len(words) == 1 else b.op(Op.CAT, *(b.slice(x, 0, bits) for x in words))
