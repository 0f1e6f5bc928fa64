"""The memory of one operand: its banks, and the switch between banks and data nodes.

Where every data node always meets the same bank, the switch is wires and each bank runs with its
node's skew. Otherwise all banks run without skew, a barrel rotator per tensor dimension routes
them, and registers add the skew on the data side.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from lego.back.builder import Builder, index_bits
from lego.back.lower_bank import bank_modules
from lego.back.lower_control import (
    Control,
    fixed_bank,
    inside_port,
    node_digits,
    raw_kappa,
    variant_port,
)
from lego.back.passes.widths import infer_widths
from lego.back.registers import access_of, address_bits, needs_extent
from lego.back.timing import Schedule, read_latency
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.dag import Module, Op

__all__ = ["build_memory", "node_port"]

Plan = InputPlan | OutputPlan
Fu = tuple[int, ...]


def node_port(plan: Plan, fu: Fu) -> str:
    """Port between the memory and the data node of `fu`."""
    return f"{plan.name}_node_" + "_".join(map(str, fu))


def build_memory(
    adg: Adg, plan: Plan, control: Control, times: Schedule, prefix: str
) -> tuple[Module, ...]:
    """Modules of the operand's memory; the last one holds the others."""
    ram, bank = bank_modules(adg, plan, prefix)
    b = Builder(f"{prefix}_memory_{plan.name}", "memory")
    if isinstance(plan, InputPlan):
        build = _fixed_input if plan.banking.fixed else _rotating_input
        ports = build(adg, plan, control, times.operand[plan.name], b)
    else:
        commit = _fixed_output if plan.banking.fixed else _rotating_output
        ports = commit(adg, plan, control, times.result, b)
    words = _banks(b, plan, bank, ports)
    if isinstance(plan, InputPlan):
        deliver = _deliver_fixed if plan.banking.fixed else _deliver_rotating
        deliver(adg, plan, control, times.operand[plan.name], b, words)
    _host_read(b, words)
    return ram, bank, infer_widths(b.build())


def _banks(
    b: Builder, plan: Plan, bank: Module, ports: Mapping[int, Mapping[str, int]]
) -> list[int]:
    """Instantiate the banks with their array-side ports; returns the words read."""
    bits = address_bits(plan)
    count = plan.banking.n_banks
    word = b.input("host_wdata", (0, (1 << plan.tensor.format.bits) - 1))
    address = b.input("host_addr", (0, (1 << (bits + index_bits(count))) - 1))
    index = b.slice(address, bits, index_bits(count))
    inputs = {n.name: n.range for n in bank.nodes if n.op is Op.INPUT}
    words = []
    for k in range(count):
        here = b.eq(index, b.const(k))
        wires = {
            "host_addr": b.slice(address, 0, bits),
            "host_ren": b.all([b.input("host_ren"), here]),
            "host_wen": b.all([b.input("host_wen"), here]),
            "host_wdata": word,
            "busy": b.input("busy"),
        }
        wires |= {name: b.const(0) for name in inputs if name not in wires}
        wires |= ports.get(k, {})
        words.append(b.instance(bank, f"bank_{k}", wires)["rdata"])
    return words


def _host_read(b: Builder, words: Sequence[int]) -> None:
    bits = index_bits(len(words))
    address = b.input("host_addr", b.nodes[b.input("host_addr")].range)
    top = b.nodes[address].bits
    index = b.delay(b.slice(address, top - bits, bits), 1)
    b.output("host_rdata", b.delay(b.select(index, bits, words), 1, name="host_word"))


def _pulled(
    b: Builder, control: Control, signal: str, delay: int, span: tuple[int, int] = (0, 1)
) -> int:
    return b.input(control.tap(signal, delay), span)


def _address_span(plan: Plan) -> tuple[int, int]:
    return 0, (1 << address_bits(plan)) - 1


def _reads(adg: Adg, plan: InputPlan, fu: Fu) -> str:
    """Enable signal of a data node."""
    return f"{plan.name}_{'fetch' if reuse_source(adg, plan, fu) else 'en'}"


def reuse_source(adg: Adg, plan: InputPlan, fu: Fu) -> Fu | None:
    """FU from which a data node's delay reuse comes, if it has one."""
    if plan.partial is None:
        return None
    source = tuple(a - d for a, d in zip(fu, plan.partial.shift, strict=True))
    inside = all(0 <= x < size for x, size in zip(source, adg.dataflow.sizes, strict=True))
    return source if inside and source in adg.data_nodes(plan) else None


def _fixed_input(
    adg: Adg, plan: InputPlan, control: Control, arrival: int, b: Builder
) -> dict[int, dict[str, int]]:
    ports = {}
    for fu in adg.data_nodes(plan):
        bank, carries = fixed_bank(plan, fu)
        at = arrival - read_latency(plan) + adg.dataflow.skew(fu)
        ports[bank] = {
            "addr": _pulled(
                b, control, f"{plan.name}_{variant_port(carries)}", at, _address_span(plan)
            ),
            "en": _pulled(b, control, _reads(adg, plan, fu), at),
        }
    return ports


def _inside(adg: Adg, plan: Plan, fu: Fu, control: Control, at: int, b: Builder) -> int:
    kappa = raw_kappa(plan, fu)
    return b.all(
        [
            _pulled(b, control, f"{plan.name}_{inside_port(j, kappa[j])}", at)
            for j in needs_extent(adg, plan, access_of(adg, plan))
        ]
    )


def _padded(
    adg: Adg, plan: InputPlan, fu: Fu, control: Control, at: int, b: Builder, word: int
) -> int:
    """The word, or the pad value where the index (issued at `at`) is outside the tensor."""
    value = b.wrap(word, (plan.tensor.format.low, plan.tensor.format.high))
    if plan.tensor.pad is None or not needs_extent(adg, plan, access_of(adg, plan)):
        return value
    return b.mux(_inside(adg, plan, fu, control, at, b), value, b.const(plan.tensor.pad))


def _deliver_fixed(
    adg: Adg, plan: InputPlan, control: Control, arrival: int, b: Builder, words: Sequence[int]
) -> None:
    for fu in adg.data_nodes(plan):
        at = arrival - read_latency(plan) + 1 + adg.dataflow.skew(fu)
        value = _padded(adg, plan, fu, control, at, b, words[fixed_bank(plan, fu)[0]])
        b.output(node_port(plan, fu), b.delay(value, read_latency(plan) - 1))


def _box(plan: Plan) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(count) for count in plan.banking.counts)))


def _rotate(
    b: Builder, plan: Plan, values: dict[tuple[int, ...], int], digits: Mapping[int, int], sign: int
) -> dict[tuple[int, ...], int]:
    """Move every value by `sign` times the digit along each dimension, around its banks."""
    for j, digit in sorted(digits.items()):
        count = plan.banking.counts[j]
        for bit in range(index_bits(count)):
            select = b.slice(digit, bit, 1)
            step = sign * (1 << bit)

            def moved(
                at: tuple[int, ...], j: int = j, step: int = step, count: int = count
            ) -> tuple[int, ...]:
                return (*at[:j], (at[j] - step) % count, *at[j + 1 :])

            values = {at: b.mux(select, values[moved(at)], value) for at, value in values.items()}
    return values


def _digits(b: Builder, plan: Plan, control: Control, at: int) -> dict[int, int]:
    return {
        j: _pulled(b, control, f"{plan.name}_digit{j}", at, (0, count - 1))
        for j, count in enumerate(plan.banking.counts)
        if count > 1
    }


def _bank_addresses(
    b: Builder, plan: Plan, control: Control, at: int
) -> dict[tuple[int, ...], int]:
    """Address per bank: banks below the first digit are one row further."""
    span = _address_span(plan)
    address = _pulled(b, control, f"{plan.name}_addr", at, span)
    digits = _digits(b, plan, control, at)
    rows = {j: _pulled(b, control, f"{plan.name}_row{j}", 0, span) for j in digits}
    below = {
        (j, at_j): b.less(b.const(at_j), digit)
        for j, digit in digits.items()
        for at_j in range(plan.banking.counts[j])
    }
    addresses: dict[tuple[int, ...], int] = {}
    for bank in _box(plan):
        total = address
        for j in digits:
            total = b.add(total, b.mux(below[j, bank[j]], rows[j], b.const(0)))
        addresses[bank] = b.wrap(total, span)
    return addresses


def _flat(plan: Plan, bank: tuple[int, ...]) -> int:
    index = 0
    for digit, count in zip(bank, plan.banking.counts, strict=True):
        index = index * count + digit
    return index


def _rotating_input(
    adg: Adg, plan: InputPlan, control: Control, arrival: int, b: Builder
) -> dict[int, dict[str, int]]:
    at = arrival - read_latency(plan)
    addresses = _bank_addresses(b, plan, control, at)
    reads = {digits: b.const(0) for digits in _box(plan)}
    for fu in adg.data_nodes(plan):
        reads[node_digits(plan, fu)] = _pulled(b, control, _reads(adg, plan, fu), at)
    reads = _rotate(b, plan, reads, _digits(b, plan, control, at), 1)
    return {_flat(plan, k): {"addr": addresses[k], "en": reads[k]} for k in addresses}


def _deliver_rotating(
    adg: Adg, plan: InputPlan, control: Control, arrival: int, b: Builder, words: Sequence[int]
) -> None:
    at = arrival - read_latency(plan) + 1
    values = {bank: words[_flat(plan, bank)] for bank in _box(plan)}
    values = _rotate(b, plan, values, _digits(b, plan, control, at), -1)
    for fu in adg.data_nodes(plan):
        value = _padded(adg, plan, fu, control, at, b, values[node_digits(plan, fu)])
        b.output(node_port(plan, fu), b.delay(value, 1 + adg.dataflow.skew(fu)))


def _commit_enable(
    adg: Adg, plan: OutputPlan, fu: Fu, control: Control, at: int, b: Builder
) -> int:
    """A result is written if its element exists at the run-time bounds."""
    parts = [_pulled(b, control, f"last{plan.hold}", at)]
    if plan.injective:
        for axis, loop in enumerate(adg.dataflow.spatial_loops):
            if fu[axis] and any(row[loop] for row in adg.op.output.map.rows):
                name = adg.op.loops[loop].name
                parts.append(_pulled(b, control, f"valid_{name}_{fu[axis]}", at))
    else:
        parts.append(_inside(adg, plan, fu, control, at, b))
    return b.all(parts)


def _visit(plan: OutputPlan, control: Control, at: int, b: Builder) -> dict[str, int]:
    if not plan.accumulates:
        return {}
    first = _pulled(b, control, "visit", at) if plan.injective else b.const(0)
    return {"visit": first}


def _fixed_output(
    adg: Adg, plan: OutputPlan, control: Control, result: int, b: Builder
) -> dict[int, dict[str, int]]:
    ports = {}
    word = (0, (1 << plan.tensor.format.bits) - 1)
    for fu in adg.data_nodes(plan):
        bank, carries = fixed_bank(plan, fu)
        at = result + adg.dataflow.skew(fu)
        ports[bank] = {
            "addr": _pulled(
                b, control, f"{plan.name}_{variant_port(carries)}", at, _address_span(plan)
            ),
            "en": _commit_enable(adg, plan, fu, control, at, b),
            "data": b.input(node_port(plan, fu), word),
            **_visit(plan, control, at, b),
        }
    return ports


def _rotating_output(
    adg: Adg, plan: OutputPlan, control: Control, result: int, b: Builder
) -> dict[int, dict[str, int]]:
    nodes = adg.data_nodes(plan)
    skew = max(adg.dataflow.skew(fu) for fu in nodes)
    at = result + skew
    word = (0, (1 << plan.tensor.format.bits) - 1)
    addresses = _bank_addresses(b, plan, control, at)
    zero = b.const(0)
    data = dict.fromkeys(_box(plan), zero)
    enable = dict(data)
    for fu in nodes:
        value = b.input(node_port(plan, fu), word)
        data[node_digits(plan, fu)] = b.delay(value, skew - adg.dataflow.skew(fu))
        enable[node_digits(plan, fu)] = _commit_enable(adg, plan, fu, control, at, b)
    digits = _digits(b, plan, control, at)
    data, enable = _rotate(b, plan, data, digits, 1), _rotate(b, plan, enable, digits, 1)
    extra = _visit(plan, control, at, b)
    return {
        _flat(plan, k): {"addr": addresses[k], "en": enable[k], "data": data[k], **extra}
        for k in addresses
    }
