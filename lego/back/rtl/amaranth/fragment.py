"""One Amaranth fragment per DAG module, one statement per primitive.

Statements are added to the fragment itself: Amaranth's `Module` checks and transforms that come before hold
by construction here and take longer than making the statements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import and_, or_

from amaranth import Cat, ClockDomain, Const, Instance, Mux, Shape, Signal
from amaranth.hdl import Assert, Fragment, Value
from amaranth.hdl._ast import Statement, Switch
from amaranth.hdl._ir import Design
from amaranth.lib.memory import Memory

from lego.back.rtl.amaranth.wide import INPUT, is_wide, pieces
from lego.back.rtl.job import Needs
from lego.back.rtl.names import check_name
from lego.diag import InternalError
from lego.ir.dag import Module, Node, Op

__all__ = ["design_of"]


def design_of(module: Module, needs: Needs) -> Design:
    """What Amaranth converts for one module.

    `needs` says of every module that may be instantiated, and of this one, which clocks and reset it has: a
    module has only the ports that it uses.
    """
    builder = _Builder(module, needs)
    ports = [(None, port, None) for port in builder.ports]
    return Design(builder.build(), ports, hierarchy=(module.name,))


class _Builder:
    """Statements and cells of one module, as one fragment; `ports` lists the signals that are its ports."""

    def __init__(self, module: Module, needs: Needs) -> None:
        self._module, self._needs = module, needs
        check_name(module.name)
        inputs = [node for node in module.nodes if node.op is Op.INPUT]
        self._wide = is_wide(node.bits for node in inputs)
        inner = "__in" * self._wide  # the cell has the port's name
        self._inputs = {node.name: _signal(node, node.name + inner) for node in inputs}
        self._outputs = {name: _signal(module.nodes[node], name) for name, node in module.outputs}
        self._fragment = Fragment()
        self._need = needs[module.name]
        self._clks = [Signal(name=name) for name in self._need.clocks]
        self._pin = Signal(name=self._need.reset or "rst")
        self._rst = Signal(name="rst") if self._need.low else self._pin
        self._domain = self._clock()

    def _clock(self) -> ClockDomain | None:
        if not self._clks:
            return None
        resets = bool(self._need.reset)
        domain = ClockDomain("sync", reset_less=not resets)
        domain.clk = self._clks[0]
        if resets:
            domain.rst = self._rst
        self._fragment.add_domains(domain)
        if resets and self._need.low:
            self._fragment.add_statements("comb", self._rst.eq(~self._pin))
        return domain

    @property
    def ports(self) -> list[Signal]:
        """Clock and reset as needed, inputs unless they are cells, then outputs."""
        common = [*self._clks, *[self._pin] * bool(self._need.reset)]
        inputs = () if self._wide else self._inputs.values()
        return [*common, *inputs, *self._outputs.values()]

    def build(self) -> Fragment:
        """Everything in the module."""
        values = [self._declare(i, node) for i, node in enumerate(self._module.nodes)]
        for i, node in enumerate(self._module.nodes):
            self._connect(i, node, values)
        if self._wide:
            for name, signal in self._inputs.items():
                cell = Instance(INPUT, p_WIDTH=len(signal), o_q=signal)
                self._fragment.add_subfragment(cell, name)
        for name, node_id in self._module.outputs:
            self._fragment.add_statements("comb", self._outputs[name].eq(values[node_id]))
        return self._fragment

    def _declare(self, i: int, node: Node) -> Value:
        if node.op is Op.INPUT:
            return self._inputs[node.name]
        if node.op is Op.CONST:
            return Const(node.value, Shape(node.bits, node.signed))
        return _signal(node, node.name or f"n{i}")

    def _connect(self, i: int, node: Node, values: list[Value]) -> None:
        srcs = [values[s] for s in node.srcs]
        add, target = self._fragment.add_statements, values[i]
        if node.op in _STATELESS:
            add("comb", target.eq(_STATELESS[node.op](node, srcs)))
        elif node.op in (Op.DELAY, Op.REG):
            load = target.eq(srcs[0])
            add("sync", load if len(srcs) == 1 else _when(srcs[1], load))
        elif node.op is Op.MEMORY:
            self._memory(node, srcs, target)
        elif node.op is Op.CHECK:
            check = Assert(srcs[0])
            check._MustUse__used = True
            add("sync", _when(srcs[1], check))
        elif node.op is Op.INSTANCE:
            self._instance(i, node, srcs, values)
        elif node.op not in (Op.CONST, Op.INPUT, Op.PORT):
            raise InternalError(f"no expression for the primitive {node.op}")

    def _instance(self, i: int, node: Node, srcs: list[Value], values: list[Value]) -> None:
        need = self._needs[node.text]
        inputs = {f"i_{port}": value for port, value in zip(node.ports, srcs, strict=True)}
        inputs |= {f"i_{clock}": self._clks[0] for clock in need.clocks}
        if need.reset:
            inputs[f"i_{need.reset}"] = self._rst
        outputs: dict[str, Value] = {}
        for j in range(i + 1, len(self._module.nodes)):
            other = self._module.nodes[j]
            if other.op is not Op.PORT or other.srcs != (i,):
                break
            outputs[other.text] = values[j]
        widths = ((port, len(value)) for port, value in outputs.items())
        for name, ports in pieces(node.name, widths):
            given = {f"o_{port}": outputs[port] for port in ports}
            self._fragment.add_subfragment(Instance(node.text, **inputs, **given), name)
            inputs = {}

    def _memory(self, node: Node, srcs: list[Value], target: Value) -> None:
        memory = Memory(shape=node.bits, depth=max(2, node.extent), init=[])
        # Amaranth would print an initial value per word, in time proportional to the depth; the RTL
        # has none (amaranth-lang/amaranth#270).
        memory.init._raw = ()
        read, write = memory.read_port(), memory.write_port(granularity=node.value or None)
        cells = Fragment.get(memory, None)
        cells.add_domains(self._domain)
        self._fragment.add_subfragment(cells, f"{node.name}_cells")
        raddr, ren, waddr, wdata, wen = srcs
        self._fragment.add_statements(
            "comb",
            read.addr.eq(raddr),
            read.en.eq(ren),
            write.addr.eq(waddr),
            write.data.eq(wdata),
            write.en.eq(wen),
            target.eq(read.data),
        )


NESTED = 256
"""Operands that one expression joins, at most."""


def _when(condition: Value, statement: Statement) -> Statement:
    """The statement, of a clock domain, under a condition."""
    test = condition if len(condition) == 1 else condition.bool()
    return Switch(test, [("1", statement, None)])


def _signal(node: Node, name: str) -> Signal:
    check_name(name)
    return Signal(
        Shape(node.bits, node.signed),
        name=name,
        init=node.value if node.op is Op.REG else 0,
        reset_less=node.op in (Op.DELAY, Op.REG) and not node.resets,
    )


def _slice(node: Node, srcs: list[Value]) -> Value:
    stop = node.value + node.extent
    source = srcs[0]
    if len(source) < stop:
        more = stop - len(source)
        signed = source.shape().signed
        source = Cat(source, source[-1].replicate(more) if signed else Const(0, more))
    return source[node.value : stop]


def _shr(node: Node, srcs: list[Value]) -> Value:
    source = srcs[0]
    signed = source.shape().signed
    if node.value < len(source):
        upper = source[node.value :]
        return upper.as_signed() if signed else upper
    return source[-1].replicate(node.bits).as_signed() if signed else Const(0, node.bits)


def _wrap(node: Node, srcs: list[Value]) -> Value:
    source = srcs[0]
    if len(source) > node.bits:
        low = source[: node.bits]
        return low.as_signed() if node.signed else low
    if node.signed and not source.shape().signed and len(source) == node.bits:
        return source.as_signed()
    return source


def _joined(operator: Callable[[Value, Value], Value], values: list[Value]) -> Value:
    """All values, `NESTED` at a time: Amaranth walks expressions by recursion."""
    parts = [reduce(operator, values[k : k + NESTED]) for k in range(0, len(values), NESTED)]
    return parts[0] if len(parts) == 1 else _joined(operator, parts)


def _onehot(node: Node, srcs: list[Value]) -> Value:
    """Words of the node's bits, each masked by its select, joined."""
    masked = []
    for select, word in zip(srcs[::2], srcs[1::2], strict=True):
        more = node.bits - len(word)
        if more > 0:
            word = Cat(word, word[-1].replicate(more) if word.shape().signed else Const(0, more))
        masked.append(word[: node.bits] & select.replicate(node.bits))
    found = _joined(or_, masked)
    return found.as_signed() if node.signed else found


_STATELESS: dict[Op, Callable[[Node, list[Value]], Value]] = {
    Op.ADD: lambda _n, s: s[0] + s[1],
    Op.SUB: lambda _n, s: s[0] - s[1],
    Op.MUL: lambda _n, s: s[0] * s[1],
    Op.NEG: lambda _n, s: -s[0],
    Op.ABS: lambda _n, s: Mux(s[0] < 0, -s[0], s[0]),
    Op.MIN: lambda _n, s: Mux(s[0] < s[1], s[0], s[1]),
    Op.MAX: lambda _n, s: Mux(s[0] < s[1], s[1], s[0]),
    Op.STAGE: lambda _n, s: (
        s[0] << 0
    ),  # a cell that synthesis drops: it keeps the order of statements
    Op.SHL: lambda n, s: s[0] << n.value,
    Op.SHR: _shr,
    Op.AND: lambda _n, s: _joined(and_, s),
    Op.OR: lambda _n, s: _joined(or_, s),
    Op.NOT: lambda _n, s: ~s[0],
    Op.EQ: lambda _n, s: s[0] == s[1],
    Op.LT: lambda _n, s: s[0] < s[1],
    Op.MUX: lambda _n, s: Mux(s[0], s[1], s[2]),
    Op.ONEHOT: _onehot,
    Op.SLICE: _slice,
    Op.CAT: lambda _n, s: Cat(*s),
    Op.WRAP: _wrap,
    Op.WIRE: lambda _n, s: s[0],
}
