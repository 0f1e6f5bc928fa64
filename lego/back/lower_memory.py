"""One memory: its banks, and the distribution switch between banks and data nodes.

A dataflow under which every bank is private to one data node runs each bank with its node's skew; moving
digits select among the node's banks. Otherwise all banks run without skew, a rotator or a
crossbar (whichever has fewer multiplexers for the routes needed) moves words between banks and
nodes, and registers add the skew on the data side. The dataflow id chooses among the dataflows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.back.bank_view import BankView, Mode, Slot
from lego.back.builder import Builder, index_bits
from lego.back.lower_bank import accumulates, bank_kinds
from lego.back.lower_control import (
    Control,
    digit_name,
    fetch_port,
    inside_port,
    raw_kappa,
    variant_port,
)
from lego.back.passes.widths import infer_widths
from lego.back.registers import access_of, address_bits, needs_extent
from lego.back.switch import Banks, crossbar_cost, rotator_cost
from lego.back.timing import Schedule
from lego.diag import InternalError
from lego.ir.adg import Fu, InputPlan, OutputPlan
from lego.ir.dag import Module, Op
from lego.ir.fused import Buffer, FusedAdg

__all__ = ["build_memory", "node_port"]


def node_port(buffer: Buffer, fu: Fu) -> str:
    """Port between the memory and the data node of `fu`."""
    return f"{buffer.name}_node_" + "_".join(map(str, fu))


def build_memory(
    fused: FusedAdg, buffer: Buffer, control: Control, times: Schedule, prefix: str
) -> tuple[Module, ...]:
    """Modules of the memory; the last one holds the others."""
    modules, kinds = bank_kinds(fused, buffer, prefix, late=times.stages.sums)
    b = Builder(f"{prefix}_memory_{buffer.name}", "memory", len(fused.layers))
    sides = [
        None if view is None else _Side(fused, buffer, view, control, times, b, k)
        for k, view in enumerate(control.views[buffer.index])
    ]
    ports = _bank_ports(b, buffer, sides, staged=times.staged[buffer.index])
    _check(b, sides, ports, staged=times.staged[buffer.index])
    words, host_words = _banks(b, fused, buffer, kinds, ports)
    if not buffer.output:
        _deliver(b, buffer, sides, words)
    _host_read(b, buffer, host_words)
    return *modules, infer_widths(b.build())


def _bank_ports(
    b: Builder, buffer: Buffer, sides: Sequence[_Side | None], *, staged: bool
) -> dict[int, dict[str, int]]:
    """Array-side ports of every bank: those of the running dataflow, registered if `staged`."""
    each = [side.bank_ports() if side is not None else {} for side in sides]
    ports: dict[int, dict[str, int]] = {}
    for bank in range(buffer.n_banks):
        found = [mine.get(bank) for mine in each]
        names = {name for mine in found if mine is not None for name in mine}
        ports[bank] = {
            name: b.choose([None if mine is None else mine[name] for mine in found])
            for name in sorted(names - {"en"})
        }
        if names:  # a bank that the running dataflow doesn't use is never enabled
            off = b.const(0)
            ports[bank]["en"] = b.choose([off if mine is None else mine["en"] for mine in found])
        if staged:
            ports[bank] = {
                name: node if name == "data" else b.delay(node, 1, resets=name == "en")
                for name, node in ports[bank].items()
            }
    return ports


def _check(
    b: Builder,
    sides: Sequence[_Side | None],
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
        wires["addr"] = b.wrap(wires["addr"], inputs["addr"].range)
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
    b: Builder, buffer: Buffer, sides: Sequence[_Side | None], words: Sequence[int]
) -> None:
    """Drive every data node; what waits equally long in several dataflows waits once."""
    given = [side.values(words) if side is not None else {} for side in sides]
    for fu in sorted({fu for mine in given for fu in mine}):
        found = [mine.get(fu) for mine in given]
        waits = sorted({wait for mine in found if mine is not None for wait in [mine[1]]})
        late = {
            wait: b.delay(
                b.choose([m[0] if m is not None and m[1] == wait else None for m in found]), wait
            )
            for wait in waits
        }
        value = b.choose([None if mine is None else late[mine[1]] for mine in found])
        b.output(node_port(buffer, fu), value)


class _Side:
    """One dataflow's view of a memory; node handles belong to the memory's module."""

    def __init__(
        self,
        fused: FusedAdg,
        buffer: Buffer,
        view: BankView,
        control: Control,
        times: Schedule,
        b: Builder,
        index: int,
    ) -> None:
        self.buffer, self.view, self.control, self.b = buffer, view, control, b
        self.adg, self.plan = view.adg, view.plan
        self.word = (0, (1 << buffer.bits) - 1)
        self.banks = Banks(b, view)
        self.early = 0
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
        ports["en"] = self.b.all([self._commit(fu, at), *self._met(slot, at)])
        ports["data"] = self.b.input(node_port(self.buffer, fu), self.word)
        return ports | self._visit(at)

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
                    parts.append(self._pull(f"valid{axis}_{fu[axis]}", at))
        else:
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

    def _padded(self, fu: Fu, at: int, word: int) -> int:
        """The word, or the pad value where the index (issued at `at`) is outside the tensor."""
        fmt = self.plan.tensor.format
        value = self.b.wrap(word, (fmt.low, fmt.high))
        checks = needs_extent(self.adg, self.plan, access_of(self.adg, self.plan))
        if self.plan.tensor.pad is None or not checks:
            return value
        return self.b.mux(self._inside(fu, at), value, self.b.const(self.plan.tensor.pad))

    def values(self, words: Sequence[int]) -> dict[Fu, tuple[int, int]]:
        """Per data node its value, and how many cycles it must still wait."""
        if self.view.private:
            return {
                fu: (self._selected(fu, self.read + self._skew(fu), words), self.wait)
                for fu in self.view.nodes
            }
        digits = self._digits(self.read)
        routed = self.banks.to_nodes(words, digits, _cheaper(self.view))
        return {
            fu: (self._padded(fu, self.read, routed[fu]), self.wait + self._skew(fu))
            for fu in self.view.nodes
        }

    def _selected(self, fu: Fu, at: int, words: Sequence[int]) -> int:
        """The word of the bank that the node meets now."""
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
        return self._padded(fu, at, found[()])

    def _bank_addresses(self, at: int) -> dict[tuple[int, ...], int]:
        """Address per bank: banks below the first digit are one row further; lanes bring theirs."""
        b, first = self.b, self.view.first
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
            return self.banks.to_banks(lanes, digits)
        address = self._pull(f"{self.buffer.name}_addr", at, self._address)
        turned = [j for j in self.view.rows if self.plan.banking.counts[j] > 1]
        rows = {j: self._pull(f"{self.buffer.name}_row{j}", 0, self._address) for j in turned}
        found: dict[tuple[int, ...], int] = {}
        for bank in self.banks.box():
            total = address
            for j, row in rows.items():
                if j in digits:
                    below = b.less(b.const(bank[j]), digits[j])
                    total = b.add(total, b.mux(below, row, b.const(0)))
                elif bank[j] < first[j]:
                    total = b.add(total, row)
            found[bank] = b.wrap(total, self._address)
        return found

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
        enables = self.banks.to_banks(reads, self._digits(at))
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
            value = b.input(node_port(self.buffer, fu), self.word)
            data[self.view.offset(fu)] = b.delay(value, skew - self._skew(fu))
            enable[self.view.offset(fu)] = self._commit(fu, said)
        data = self.banks.to_banks(data, self._digits(at))
        enable = self.banks.to_banks(enable, self._digits(said))
        extra = self._visit(said)
        return {
            self.view.flat(k): {"addr": addresses[k], "en": enable[k], "data": data[k], **extra}
            for k in addresses
        }


def _cheaper(view: BankView) -> bool:
    """Whether a crossbar has fewer multiplexers than a rotator."""
    return crossbar_cost(view) < rotator_cost(view)
