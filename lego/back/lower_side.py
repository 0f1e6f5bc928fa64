"""One dataflow's view of a memory: what its data nodes ask of the banks, and what they are given."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.back.bank_view import BankView, Mode, Slot
from lego.back.builder import Builder, index_bits
from lego.back.fu_kind import mask_signal
from lego.back.lower_control import Control, raw_kappa
from lego.back.lower_sums import FORWARDED, accumulates
from lego.back.registers import access_of, address_bits, needs_extent
from lego.back.signals import fetch_port, inside_port, variant_port
from lego.back.switch import Banks, crossbar_cost, rotator_cost
from lego.back.timing import Schedule
from lego.back.turn import digit_name, reached, turn_name
from lego.diag import InternalError
from lego.ir.adg import Fu, InputPlan, OutputPlan
from lego.ir.fused import Buffer, FusedAdg

__all__ = ["Given", "Side", "Turned", "node_port"]


def node_port(buffer: Buffer, fu: Fu) -> str:
    """Port between the memory and the data node of `fu`."""
    return f"{buffer.name}_node_" + "_".join(map(str, fu))


Turned = Mapping[tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class Given:
    """What a data node is given under a dataflow: a word; unless `guard`, if there is one, `pad` instead; after `wait` cycles."""

    word: int
    guard: int | None
    pad: int | None
    wait: int


class Side:
    """One dataflow's view of a memory; node handles belong to the memory's module.

    `sums` are what the units give that add for its data nodes, if they do.
    """

    def __init__(
        self,
        fused: FusedAdg,
        buffer: Buffer,
        view: BankView,
        control: Control,
        times: Schedule,
        b: Builder,
        index: int,
        sums: Sequence[int],
    ) -> None:
        self.buffer, self.view, self.control, self.b = buffer, view, control, b
        self.adg, self.plan = view.adg, view.plan
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

    def _pull(self, signal: str, delay: int, span: tuple[int, int] = (0, 1)) -> int:
        return self.b.input(self.control.tap(signal, delay), span)

    def _skew(self, fu: Fu) -> int:
        return self.adg.dataflow.skew(fu)

    @property
    def _address(self) -> tuple[int, int]:
        return 0, (1 << address_bits(self.buffer.depth)) - 1

    def _digit(self, j: int) -> tuple[str, int]:
        """Signal of a moving digit, and its number of banks."""
        return f"{self.buffer.name}_{digit_name(self.plan, j)}", self.plan.banking.counts[j]

    def _digits(self, at: int) -> dict[int, int]:
        found = {}
        for j in self.view.moving:
            name, count = self._digit(j)
            found[j] = self._pull(name, at, (0, count - 1))
        return found

    def _amounts(self, at: int) -> dict[int, int]:
        """By how much the nodes turn, per dimension in which they do."""
        return {
            j: self._pull(
                f"{self.buffer.name}_{turn_name(self.plan, j, turn)}", at, (0, turn.top - 1)
            )
            for j, turn in enumerate(self.banks.turns)
            if turn.bits
        }

    def _met(self, slot: Slot, at: int) -> list[int]:
        """Whether the moving digits are those at which the node meets the bank."""
        return [self._pull(f"{self._digit(j)[0]}_is{v}", at) for j, v in slot.digits]

    def bank_ports(self) -> dict[int, dict[str, int]]:
        """Address, enable, and for results data and visit, of the banks in use."""
        if self.view.private:
            return {
                slot.bank: self._private(fu, slot)
                for fu in self.view.nodes
                for slot in self.view.slots(fu)
            }
        return self._rotating_output() if self.buffer.output else self._rotating_input()

    def _private(self, fu: Fu, slot: Slot) -> dict[str, int]:
        at = self.issue + self._skew(fu) - self.early
        signal = f"{self.buffer.name}_{variant_port(slot.carries)}"
        ports = {"addr": self._pull(signal, at, self._address)}
        if not self.buffer.output:
            ports["en"] = self.b.all([self._fetch(fu, at), *self._met(slot, at)])
            return ports
        ports["en"] = self._written(fu, slot, at)
        if fu in self.sums:
            late = at + FORWARDED
            return {
                "en": ports["en"],
                "ren": ports["en"],
                "raddr": ports["addr"],
                "wen": self._written(fu, slot, late),
                "waddr": self._pull(signal, late, self._address),
                "data": self.sums[fu],
            }
        ports["data"] = self.b.input(node_port(self.buffer, fu), self.buffer.word)
        return self._direct(ports, at)

    def _written(self, fu: Fu, slot: Slot, at: int) -> int:
        return self.b.all([self._commit(fu, at), *self._met(slot, at)])

    def _direct(self, ports: dict[str, int], at: int) -> dict[str, int]:
        """What else the banks are told of a result that passes no unit."""
        if self.apart:
            return ports | {"waddr": ports["addr"], "wen": ports["en"]}
        return ports | self._visit(at)

    def units(self, words: Sequence[int]) -> list[dict[str, int]]:
        """What the units take that add for the data nodes."""
        return [self._unit(fu, words) for fu in self.sums]

    def _unit(self, fu: Fu, words: Sequence[int]) -> dict[str, int]:
        b, at = self.b, self.issue + self._skew(fu)
        element = [self._element(fu, at + k) for k in range(FORWARDED + 1)]
        ports = {
            f"again{k}": b.all(
                [
                    self._commit(fu, at + k),
                    *(b.eq(*pair) for pair in zip(element[0], element[k], strict=True)),
                ]
            )
            for k in range(1, FORWARDED + 1)
        }
        return ports | {
            "en": self._commit(fu, at),
            "data": b.input(node_port(self.buffer, fu), self.buffer.word),
            "visit": self._pull("visit", at + 1),
            "stored": self._met_word(fu, at + 1, words),
        }

    def _element(self, fu: Fu, at: int) -> list[int]:
        """What tells the elements apart that a node meets: the address in one bank, and the moving digits."""
        signal = f"{self.buffer.name}_{variant_port(self.view.slots(fu)[0].carries)}"
        return [self._pull(signal, at, self._address), *self._digits(at).values()]

    def _fetch(self, fu: Fu, at: int) -> int:
        levels = self.plan.levels(fu) if isinstance(self.plan, InputPlan) else ()
        return self._pull(f"{self.buffer.name}_{fetch_port(levels)}", at)

    def _visit(self, at: int) -> dict[str, int]:
        return {"visit": self._pull("visit", at)} if self.accumulates else {}

    def _commit(self, fu: Fu, at: int) -> int:
        """A result is written if its element exists at the run-time bounds."""
        plan = self.plan
        if not isinstance(plan, OutputPlan):
            raise InternalError("only results are committed")
        parts = [self._pull(f"last{plan.hold}", at)]
        if plan.injective:
            for axis, loop in enumerate(self.adg.dataflow.spatial_loops):
                if fu[axis] and any(row[loop] for row in self.adg.op.output.map.rows):
                    parts.append(self._pull(mask_signal(self.adg, axis, fu), at))
        if self.adg.guarded_commits:
            first = len(self.adg.dataflow.sizes)
            for mask in range(first, first + len(self.adg.op.domain)):
                parts.append(self._pull(mask_signal(self.adg, mask, fu), at))
        if self.adg.checked_dims:
            parts.append(self._inside(fu, at))
        return self.b.all(parts)

    def _inside(self, fu: Fu, at: int) -> int:
        kappa = raw_kappa(self.plan, fu)
        return self.b.all(
            [
                self._pull(f"{self.buffer.name}_{inside_port(j, kappa[j])}", at)
                for j in needs_extent(self.adg, self.plan, access_of(self.adg, self.plan))
            ]
        )

    def _given(self, fu: Fu, at: int, word: int, wait: int) -> Given:
        """The word, or the pad value where the index (issued at `at`) is outside the tensor."""
        tensor = self.plan.tensor
        value = self.b.wrap(word, (tensor.format.low, tensor.format.high))
        checks = needs_extent(self.adg, self.plan, access_of(self.adg, self.plan))
        if tensor.pad is None or not checks:
            return Given(value, None, None, wait)
        return Given(value, self._inside(fu, at), self.b.const(tensor.pad), wait)

    def values(self, words: Sequence[int], turned: Turned | None) -> dict[Fu, Given]:
        """What each data node is given; `turned` are the banks' words after a rotator that dataflows share."""
        if self.view.private:
            return {
                fu: self._given(fu, at, self._met_word(fu, at, words), self.wait)
                for fu in self.view.nodes
                for at in [self.read + self._skew(fu)]
            }
        if turned is not None and self.rotates:
            routed = {fu: turned[self.banks.place(fu)] for fu in self.view.nodes}
        else:
            routed = self.banks.to_nodes(words, self._amounts(self.read), not self.rotates)
        return {
            fu: self._given(fu, self.read, routed[fu], self.wait + self._skew(fu))
            for fu in self.view.nodes
        }

    @property
    def rotates(self) -> bool:
        """Whether a rotator brings words to data nodes, which needs fewer multiplexers than a crossbar."""
        view, narrow = self.view, self.narrow
        return not view.private and rotator_cost(view, narrow=narrow) <= crossbar_cost(
            view, narrow=narrow
        )

    def selects(self) -> list[dict[int, int]]:
        """Per dimension with several banks, what tells whether to turn by so many powers of two of banks."""
        amounts = self._amounts(self.read)
        return [
            {turn.start + k: self.b.slice(amounts[j], k, 1) for k in range(turn.bits)}
            for j, turn in enumerate(self.banks.turns)
            if turn.count > 1
        ]

    def _met_word(self, fu: Fu, at: int, words: Sequence[int]) -> int:
        found = {tuple(v for _, v in slot.digits): words[slot.bank] for slot in self.view.slots(fu)}
        for j in reversed(self.view.moving):
            name, count = self._digit(j)
            heads = sorted({key[:-1] for key in found})
            digit = self._pull(name, at, (0, count - 1))
            found = {
                head: self.b.select(
                    digit, index_bits(count), [found[*head, v] for v in range(count)]
                )
                for head in heads
            }
        return found[()]

    def _bank_addresses(self, at: int) -> dict[tuple[int, ...], int]:
        """Address per bank: banks below the first digit are one row further; lanes bring theirs."""
        first = self.view.first
        digits = self._digits(at)
        if self.view.mode is Mode.LANES:
            lanes = {
                self.view.offset(fu): self._pull(
                    f"{self.buffer.name}_{variant_port(self.view.carries(fu, {}))}",
                    at,
                    self._address,
                )
                for fu in self.view.nodes
            }
            return self.banks.to_banks(lanes, self._amounts(at))
        rows = [j for j in self.view.rows if self.plan.banking.counts[j] > 1]
        still, turned = ([j for j in rows if (j in digits) == yes] for yes in (False, True))
        found: dict[tuple[int, ...], int] = {}
        for bank in self.banks.box():
            carried = [j for j in still if bank[j] < first[j]]
            totals: Sequence[int] = self._row_sums(carried, turned, at)
            for j in turned:
                half = len(totals) // 2
                totals = self._below(j, bank[j], digits[j], totals[half:], totals[:half])
            (found[bank],) = totals
        return found

    def _below(
        self, j: int, bank: int, digit: int, yes: Sequence[int], no: Sequence[int]
    ) -> Sequence[int]:
        """`yes` if the bank is below the digit; banks that no digit tells apart ask the same."""
        least = bank
        if self.narrow:
            met = reached(self.view, j)
            if bank < met[0] or bank >= met[-1]:
                return yes if bank < met[0] else no
            least = max(q for q in met if q <= bank)
        below = self.b.less(self.b.const(least), digit)
        return [self.b.mux(below, *pair) for pair in zip(yes, no, strict=True)]

    def _row_sums(self, carried: Sequence[int], turned: Sequence[int], at: int) -> list[int]:
        """The address, `carried` rows further, with none to all of the `turned` rows; the first of these is the highest bit of
        a sum's place."""
        b = self.b
        address = self._pull(f"{self.buffer.name}_addr", at, self._address)
        rows = {
            j: self._pull(f"{self.buffer.name}_row{j}", 0, self._address)
            for j in (*carried, *turned)
        }
        sums = []
        for which in itertools.product((False, True), repeat=len(turned)):
            total = address
            for j in (*carried, *itertools.compress(turned, which)):
                total = b.add(total, rows[j])
            sums.append(b.wrap(total, self._address))
        return sums

    def requests(self) -> list[int]:
        """Whether each data node reads or commits, when its bank does."""
        last = max(self._skew(fu) for fu in self.view.nodes)
        found = []
        for fu in self.view.nodes:
            if self.view.private:
                at = self.issue + self._skew(fu)
            else:
                at = self.issue + (last if self.buffer.output else 0)
            at -= self.early
            found.append(self._commit(fu, at) if self.buffer.output else self._fetch(fu, at))
        return found

    def _rotating_input(self) -> dict[int, dict[str, int]]:
        at = self.issue
        addresses = self._bank_addresses(at)
        reads = {self.view.offset(fu): self._fetch(fu, at) for fu in self.view.nodes}
        enables = self.banks.to_banks(reads, self._amounts(at))
        return {
            self.view.flat(k): {"addr": address, "en": enables[k]}
            for k, address in addresses.items()
        }

    def _rotating_output(self) -> dict[int, dict[str, int]]:
        b, nodes = self.b, self.view.nodes
        skew = max(self._skew(fu) for fu in nodes)
        at = self.issue + skew
        said = at - self.early
        addresses = self._bank_addresses(said)
        data: dict[tuple[int, ...], int] = {}
        enable: dict[tuple[int, ...], int] = {}
        for fu in nodes:
            value = b.input(node_port(self.buffer, fu), self.buffer.word)
            data[self.view.offset(fu)] = b.delay(value, skew - self._skew(fu))
            enable[self.view.offset(fu)] = self._commit(fu, said)
        data = self.banks.to_banks(data, self._amounts(at))
        enable = self.banks.to_banks(enable, self._amounts(said))
        return {
            self.view.flat(k): self._direct(
                {"addr": addresses[k], "en": enable[k], "data": data[k]}, said
            )
            for k in addresses
        }
