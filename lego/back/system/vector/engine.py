"""The vector engine: what it is put together of, and the elements' way through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.sram.model import sram_model
from lego.back.system.vector.held import build_held, element_port
from lego.back.system.vector.issue import build_issue
from lego.back.system.vector.lane import build_lane, choice_of, held_port, operand_port
from lego.back.system.vector.memory import build_operands
from lego.back.system.vector.timing import FETCH, Timing, timing_of
from lego.ir.dag import Module, Op, bits_for, index_bits
from lego.ir.intervals import Interval
from lego.ir.vector.chain import BYTE, TABLE_ENTRIES, Source
from lego.ir.vector.plan import ADDRESS_BITS, OWN_MEMORY, VALUE_BITS, WITHOUT_OPERAND, VectorPlan

__all__ = ["RESULT_BITS", "build_vector"]

RESULT_BITS = 32
"""Of an element of the result memory."""

GATE: Mapping[str, Interval] = {
    "e_write": (0, 1),
    "e_register": (0, 255),
    "e_value": (0, (1 << VALUE_BITS) - 1),
    "e_start": (0, 1),
    "halt": (0, 1),
}
"""What comes from the gate."""

Ports = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The modules that the engine holds."""

    issue: Module
    operands: Module
    lane: Module
    held: Module | None


def build_vector(prefix: str, plan: VectorPlan) -> tuple[Module, ...]:
    """The engine and what it holds; the engine is the last.

    Gate: `e_write, e_register, e_value, e_start`, `e_ready, e_done, e_idle`. `halt`: no element is issued
    any more, those under way are written. Result memory: `a_ren, a_address`, and
    `a_data` two cycles later. Writes from outside into its own memory: `o_wen, o_address, o_data, o_mask`,
    taken in cycles with `o_ready`. Destination: `d_valid, d_memory, d_address, d_data, d_mask`; what goes to
    the engine's own memory isn't told there.
    """
    table = sram_model(f"{prefix}_table", TABLE_ENTRIES, 8) if plan.has_table else None
    ram, operands = build_operands(f"{prefix}_operands", plan)
    held = build_held(f"{prefix}_held", plan) if plan.held else None
    lane = build_lane(f"{prefix}_lane", plan, table)
    issue = build_issue(f"{prefix}_issue", plan)
    top = _Engine(prefix, plan, _Parts(issue, operands, lane, held)).build()
    inside = (table, ram, operands, held, lane, issue, top)
    return tuple(module for module in inside if module is not None)


class _Engine:
    """The module in the making."""

    def __init__(self, name: str, plan: VectorPlan, parts: _Parts) -> None:
        self.b = Builder(name, "interconnect")
        self.plan, self.parts = plan, parts
        self.times: Timing = timing_of(plan)
        self.issue: Ports = {}
        self.word: Interval = (0, (1 << 8 * plan.lanes) - 1)

    def build(self) -> Module:
        """All of it."""
        b = self.b
        drained = b.wire((0, 1))
        gate = {name: b.input(name, span) for name, span in GATE.items()}
        self.issue = b.instance(self.parts.issue, "issue", {**gate, "drained": drained})
        self._progress(drained)
        own = self._own_writes()
        words = self._operand_memory(own)
        elements = self._stream_a(words["a_word"])
        second = self._bytes_of(b.delay(b.delay(words["b_word"], 1), 1)) if self.plan.stream else []
        held, table = self._loaded(elements)
        results = self._lanes(elements, second, held, table)
        self._destination(results, own)
        return infer_widths(b.build())

    def _progress(self, drained: int) -> None:
        """Says when a run may start, has ended, and whether none is under way."""
        b, issue = self.b, self.issue
        element = b.all([issue["running"], issue["computes"]])
        loads = b.all([issue["running"], b.invert(issue["computes"])])
        inside = [self._late(element, k) for k in range(1, self.times.written + 1)]
        loading = [self._late(loads, k) for k in range(1, FETCH + 1)]
        b.connect(drained, b.invert(b.any(inside[: self.times.result - 1])))
        ends = self._late(b.all([element, issue["ends"]]), self.times.written)
        loaded = self._late(b.all([loads, issue["ends"]]), FETCH)
        b.output("e_ready", issue["e_ready"])
        b.output("e_done", b.any([ends, loaded]))
        b.output("e_idle", b.invert(b.any([issue["running"], *inside, *loading])))

    def _late(self, bit: int, cycles: int) -> int:
        """A bit so many cycles ago; none in reset."""
        return self.b.delay(bit, cycles, resets=True)

    def _own_writes(self) -> dict[str, int]:
        """Wires for what the engine writes into its own memory."""
        spans = {
            "w_wen": (0, 1),
            "w_address": (0, (1 << ADDRESS_BITS) - 1),
            "w_data": self.word,
            "w_mask": (0, (1 << self.plan.lanes) - 1),
        }
        return {name: self.b.wire(span) for name, span in spans.items()}

    def _reads_own(self) -> int:
        """Whether stream A comes from the engine's memory: always what is loaded, and bytes."""
        if self.plan.first == BYTE:
            return self.b.const(1)
        return self.b.any([self.issue["source"], self.b.invert(self.issue["computes"])])

    def _operand_memory(self, own: Ports) -> Ports:
        """The memory, whose words come a cycle after the issue."""
        b, plan, issue = self.b, self.plan, self.issue
        ports = {
            **own,
            "o_wen": b.input("o_wen"),
            "o_address": b.input("o_address", (0, (1 << ADDRESS_BITS) - 1)),
            "o_data": b.input("o_data", self.word),
            "o_mask": b.input("o_mask", (0, (1 << plan.lanes) - 1)),
            "a_ren": b.all([issue["running"], self._reads_own()]),
            "a_address": issue["a_address"],
        }
        if plan.stream:
            wants = self._wants_second()
            ports["b_ren"] = b.all([issue["running"], issue["computes"], wants])
            ports["b_address"] = issue["b_address"]
        found = b.instance(self.parts.operands, "operands", ports)
        b.output("o_ready", found["o_ready"])
        return found

    def _wants_second(self) -> int:
        """Whether a slot takes stream B."""
        chosen = [
            self.b.eq(self.issue[choice_of(k)], self.b.const(slot.sources.index(Source.STREAM)))
            for k, slot in enumerate(self.plan.slots)
            if Source.STREAM in slot.sources
        ]
        return self.b.any(chosen)

    def _stream_a(self, own_word: int) -> list[int]:
        """The elements of stream A, as they reach the lanes."""
        b, issue, plan = self.b, self.issue, self.plan
        own = self._bytes_of(b.delay(own_word, 1))
        whole = (0, (1 << RESULT_BITS * plan.lanes) - 1)
        wide = b.input("a_data", whole)
        wants = b.all([issue["running"], b.invert(self._reads_own())])
        b.output("a_ren", wants)
        b.output("a_address", issue["a_address"])
        if plan.first == BYTE:
            return [b.delay(byte, 1) for byte in own]
        takes_own = b.delay(self._reads_own(), FETCH - 1)
        found = []
        for lane, byte in enumerate(own):
            element = b.wrap(b.slice(wide, RESULT_BITS * lane, RESULT_BITS), plan.first)
            found.append(b.delay(b.mux(takes_own, byte, element), 1))
        return found

    def _bytes_of(self, word: int) -> list[int]:
        """The lanes of a word of an operand memory."""
        return [
            self.b.wrap(self.b.slice(word, 8 * lane, 8), BYTE) for lane in range(self.plan.lanes)
        ]

    def _loaded(self, elements: Sequence[int]) -> tuple[Ports, Ports]:
        """Elements of held vectors, and what lanes are given to load their tables."""
        b, issue, plan = self.b, self.issue, self.plan
        loads = b.all([issue["running"], b.invert(issue["computes"])])
        loading, index = self._late(loads, FETCH), b.delay(issue["index"], FETCH)
        lanes = [b.slice(element, 0, 8) for element in elements]
        is_table = b.delay(issue["loads_table"], FETCH) if plan.has_table else b.const(0)
        held: Ports = {}
        if self.parts.held is not None:
            load = b.all([loading, b.invert(is_table)])
            ports = {"word": b.op(Op.CAT, *lanes), "index": index, "load": load}
            held = b.instance(self.parts.held, "held", ports)
        table = {"table_write": b.all([loading, is_table]), "table_at": index}
        byte = b.select(index, index_bits(plan.lanes), lanes)
        return held, {**table, "table_byte": byte} if plan.has_table else {}

    def _lanes(
        self, elements: Sequence[int], second: Sequence[int], held: Ports, table: Ports
    ) -> list[int]:
        """The lanes' results."""
        b, issue = self.b, self.issue
        shared = {
            **table,
            **self._operands(),
            "first": b.delay(issue["first"], FETCH),
            "taken": self._late(b.all([issue["running"], issue["computes"]]), FETCH),
        }
        wanted = [node.name for node in self.parts.lane.nodes if node.op is Op.INPUT]
        results = []
        for lane, element in enumerate(elements):
            own = {held_port(k): held[element_port(k, lane)] for k in range(len(self.plan.held))}
            own |= {"a": element} | ({"b": second[lane]} if second else {})
            given = {**issue, **shared, **own}
            ports = {name: given[name] for name in wanted}
            results.append(b.instance(self.parts.lane, f"lane{lane}", ports)["result"])
        return results

    def _operands(self) -> dict[str, int]:
        """Immediate operands, of the registers that hold their parts."""
        spans = {
            operand_port(k): (f"slot{k}", slot.operand)
            for k, slot in enumerate(self.plan.slots)
            if slot.fn not in WITHOUT_OPERAND
        }
        if self.plan.scale is not None:
            spans["scale"] = ("scale", self.plan.scale)
        return {port: self._joined(name, span) for port, (name, span) in spans.items()}

    def _joined(self, name: str, span: Interval) -> int:
        """The registers of a value as a word of its interval."""
        parts = [self.issue[f"{name}_value"]]
        if bits_for(*span) > VALUE_BITS:
            parts.append(self.issue[f"{name}_high"])
        return self.b.wrap(self.b.cat(parts) if len(parts) > 1 else parts[0], span)

    def _destination(self, results: Sequence[int], own: Ports) -> None:
        """Rotates results and their mask, and writes them."""
        b, issue, plan = self.b, self.issue, self.plan
        last = b.all([issue["running"], issue["computes"], issue["last"]])
        written = self._late(last, self.times.written)
        rotation = b.delay(issue["rotate"], self.times.result)
        mask = [b.slice(issue["mask"], lane, 1) for lane in range(plan.lanes)]
        memory = b.delay(issue["memory"], 1)
        is_own = b.eq(memory, b.const(OWN_MEMORY))
        word = {
            "address": b.delay(issue["d_address"], self.times.written),
            "data": b.delay(b.cat(_rotated(b, rotation, results)), 1),
            "mask": b.delay(b.cat(_rotated(b, rotation, mask)), 1),
        }
        b.output("d_valid", b.all([written, b.invert(is_own)]))
        b.output("d_memory", memory)
        b.connect(own["w_wen"], b.all([written, is_own]))
        for port, node in word.items():
            b.output(f"d_{port}", node)
            b.connect(own[f"w_{port}"], node)


def _rotated(b: Builder, by: int, lanes: Sequence[int]) -> list[int]:
    """Lane `l` at lane `l + by`, modulo their number."""
    found = list(lanes)
    for k in range(index_bits(len(lanes))):
        moves, step = b.slice(by, k, 1), 1 << k
        found = [b.mux(moves, found[lane - step], found[lane]) for lane in range(len(found))]
    return [b.wrap(lane, b.nodes[lanes[0]].range) for lane in found]
