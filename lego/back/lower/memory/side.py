"""One dataflow's view of a memory: the signals of the control that its data nodes go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.memory.switch import Banks
from lego.back.lower.node_ports import node_port
from lego.back.lower.taps import Taps
from lego.back.plan.array.fu_kind import mask_signal
from lego.back.plan.memory.adders import accumulates
from lego.back.plan.memory.bank_view import BankSlot, BankView, Mode
from lego.back.plan.memory.switch import crossbar_cost, rotator_cost
from lego.back.plan.memory.turn import digit_name, turn_name
from lego.back.plan.registers import access_of, address_bits, array_bits, needs_extent
from lego.back.plan.room import last_port
from lego.back.plan.signals import fetch_port, inside_port
from lego.back.schedule.times import Schedule
from lego.diag import InternalError
from lego.ir.adg import Fu, InputPlan, OutputPlan
from lego.ir.dag import index_bits
from lego.ir.fused import MemoryPlan

__all__ = ["Keep", "Side"]


class Keep:
    """Registers in which results wait for their turn, one per data node, whatever the dataflow."""

    def __init__(self, b: Builder, buffer: MemoryPlan, dataflows: int) -> None:
        self.b, self.buffer, self.dataflows = b, buffer, dataflows
        self.registers: dict[Fu, int] = {}
        self.asked: dict[Fu, dict[int, int]] = {}

    def bring(self, index: int, fu: Fu, when: int) -> int:
        """The register of a node, which takes its result when a dataflow says so."""
        if fu not in self.registers:
            self.registers[fu] = self.b.reg(self.buffer.word, name="kept", resets=False)
        self.asked.setdefault(fu, {})[index] = when
        return self.registers[fu]

    def drive(self) -> None:
        """Connect all registers that were asked for."""
        b = self.b
        for fu, register in self.registers.items():
            when = b.choose([self.asked[fu].get(k) for k in range(self.dataflows)])
            b.drive(register, b.input(node_port(self.buffer, fu), self.buffer.word), when)


class Side:
    """One dataflow's view of a memory; node handles belong to the memory's module.

    `sums` are what the units give that add for its data nodes, if they do; `keep` has the registers of
    results that wait.
    """

    def __init__(
        self,
        buffer: MemoryPlan,
        view: BankView,
        taps: Taps,
        times: Schedule,
        b: Builder,
        index: int,
        sums: Sequence[int],
        keep: Keep,
    ) -> None:
        self.index, self.keep = index, keep
        self.buffer, self.view, self.taps, self.b = buffer, view, taps, b
        self.adg, self.plan = view.adg, view.plan
        self.last = last_port(buffer, view.plan)
        self.narrow = times.narrow
        self.banks = Banks(b, view, narrow=times.narrow)
        self.early = 0
        self.apart = buffer.output and times.gathered
        adds = self.apart and isinstance(view.plan, OutputPlan) and view.plan.accumulates
        self.sums = dict(zip(view.nodes, sums, strict=False)) if adds else {}
        if buffer.output:
            self.issue = times.results[index]
            self.early = int(times.staged[buffer.index])
            self.accumulates = accumulates(buffer, 0)
        else:
            self.issue = times.operand[buffer.index] - times.reads[buffer.index]
            self.read = self.issue + times.staged[buffer.index] + 1
            self.wait = times.operand[buffer.index] - self.read

    def pull(self, signal: str, delay: int, span: tuple[int, int] = (0, 1)) -> int:
        """A signal of the control, so many cycles after a timestamp's issue."""
        return self.taps.bring(self.b, signal, delay, span)

    def skew(self, fu: Fu) -> int:
        """Cycles by which control reaches an FU later than the first."""
        return self.adg.dataflow.skew(fu)

    def turn(self, fu: Fu) -> int:
        """Cycles by which the node of an FU uses its bank later than the first, if each does at its own
        time."""
        banking = self.plan.banking
        return banking.phase(fu) if self.view.mode is Mode.IN_TURN else self.skew(fu)

    @property
    def address(self) -> tuple[int, int]:
        """Interval of the array's addresses: of a word, and above it perhaps of the half."""
        return 0, (1 << array_bits(self.buffer)) - 1

    @property
    def word_address(self) -> tuple[int, int]:
        """Interval of the addresses of words in a bank."""
        return 0, (1 << address_bits(self.buffer.depth)) - 1

    def ahead(self, address: int, rows: Sequence[int]) -> int:
        """An address so many rows further, in the same half."""
        b, bits = self.b, address_bits(self.buffer.depth)
        total = b.slice(address, 0, bits) if self.buffer.half_bits else address
        for row in rows:
            total = b.add(total, row)
        total = b.wrap(total, self.word_address)
        if not self.buffer.half_bits:
            return total
        return b.cat([total, b.slice(address, bits, self.buffer.half_bits)])

    def is_last(self, bank: Sequence[int]) -> bool:
        """Whether a bank, given by its digits, is the one by which its macro is asked: the last of those in
        use."""
        return tuple(bank) == self.last_of(bank)

    def last_of(self, bank: Sequence[int]) -> tuple[int, ...]:
        """The bank by which that bank's macro is asked, by its digits."""
        j, wide = self.plan.banking.along, self.plan.banking.wide
        if j < 0:
            return tuple(bank)
        return (*bank[:j], bank[j] // wide * wide + wide - 1, *bank[j + 1 :])

    def digit(self, j: int) -> tuple[str, int]:
        """Signal of a moving digit, and its number of banks."""
        return f"{self.buffer.name}_{digit_name(self.plan, j)}", self.plan.banking.counts[j]

    def digits(self, at: int) -> dict[int, int]:
        """The moving digits of the least element, by dimension."""
        found = {}
        for j in self.view.moving:
            name, count = self.digit(j)
            found[j] = self.pull(name, at, (0, count - 1))
        return found

    def amounts(self, at: int) -> dict[int, int]:
        """By how much the nodes turn, per dimension in which they do."""
        return {
            j: self.pull(
                f"{self.buffer.name}_{turn_name(self.plan, j, turn)}", at, (0, turn.top - 1)
            )
            for j, turn in enumerate(self.banks.turns)
            if turn.bits
        }

    def met(self, slot: BankSlot, at: int) -> list[int]:
        """Whether the moving digits are those at which the node meets the bank."""
        return [self.pull(f"{self.digit(j)[0]}_is{v}", at) for j, v in slot.digits]

    def fetch(self, fu: Fu, at: int) -> int:
        """Whether the node of an FU reads."""
        return self.reads([self.plan.levels(fu) if isinstance(self.plan, InputPlan) else ()], at)

    def reads(self, levels: Sequence[Sequence[int]], at: int) -> int:
        """Whether some node reads of those that these sets of delay reuses serve."""
        each = [self.pull(f"{self.buffer.name}_{fetch_port(numbers)}", at) for numbers in levels]
        return self.b.any(each)

    def commit(self, fu: Fu, at: int) -> int:
        """A result is written if its element exists at the run-time bounds."""
        plan = self.plan
        if not isinstance(plan, OutputPlan):
            raise InternalError("only results are committed")
        parts = [self.pull(self.last, at)]
        if plan.injective:
            for axis, loop in enumerate(self.adg.dataflow.spatial_loops):
                if fu[axis] and any(row[loop] for row in self.adg.op.output.map.rows):
                    parts.append(self.pull(mask_signal(self.adg, axis, fu), at))
        if self.adg.guarded_commits:
            first = len(self.adg.dataflow.sizes)
            for mask in range(first, first + len(self.adg.op.domain)):
                parts.append(self.pull(mask_signal(self.adg, mask, fu), at))
        if self.adg.checked_dims:
            parts.append(self.inside(fu, at))
        return self.b.all(parts)

    def beside(self, ports: Mapping[str, int], at: int) -> dict[str, int]:
        """What else banks are told of a result that passes no unit."""
        if self.apart:
            return {"waddr": ports["addr"], "wen": ports["en"]}
        return {"visit": self.pull("visit", at)} if self.accumulates else {}

    def inside(self, fu: Fu, at: int) -> int:
        """Whether the index lies in the tensor."""
        kappa = self.view.shift(fu)
        return self.b.all(
            [
                self.pull(f"{self.buffer.name}_{inside_port(j, kappa[j])}", at)
                for j in needs_extent(self.adg, self.plan, access_of(self.adg, self.plan))
            ]
        )

    @property
    def rotates(self) -> bool:
        """Whether a rotator brings words to data nodes, which needs fewer multiplexers than a crossbar."""
        view, narrow = self.view, self.narrow
        return not view.private and rotator_cost(view, narrow=narrow) <= crossbar_cost(
            view, narrow=narrow
        )

    def selects(self) -> list[dict[int, int]]:
        """Per dimension with several banks, what tells whether to turn by so many powers of two of banks."""
        amounts = self.amounts(self.read)
        return [
            {turn.start + k: self.b.slice(amounts[j], k, 1) for k in range(turn.bits)}
            for j, turn in enumerate(self.banks.turns)
            if turn.count > 1
        ]

    def met_word(self, fu: Fu, at: int, words: Sequence[int]) -> int:
        """The word of the bank that the node meets, where its banks are private."""
        found = {tuple(v for _, v in slot.digits): words[slot.bank] for slot in self.view.slots(fu)}
        for j in reversed(self.view.moving):
            name, count = self.digit(j)
            heads = sorted({key[:-1] for key in found})
            digit = self.pull(name, at, (0, count - 1))
            found = {
                head: self.b.select(
                    digit, index_bits(count), [found[*head, v] for v in range(count)]
                )
                for head in heads
            }
        return found[()]
