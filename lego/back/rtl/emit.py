"""One Amaranth component per DAG module, one statement per primitive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from amaranth import Cat, ClockDomain, Const, Elaboratable, Instance, Mux, Shape, Signal
from amaranth.hdl import Assert, Value
from amaranth.hdl import Module as AmaranthModule
from amaranth.lib.memory import Memory

from lego.back.rtl.names import check_name
from lego.back.rtl.wide import INPUT, is_wide, pieces
from lego.ir.dag import Module, Node, Op

__all__ = ["Component"]


class Component(Elaboratable):  # type: ignore[misc]  # amaranth is untyped
    """Amaranth elaboratable of one DAG module; `ports` lists its signals.

    `needs` gives (clock, reset) for every module that may be instantiated, and for this one: a
    module has only the ports that it uses.
    """

    def __init__(self, module: Module, needs: Mapping[str, tuple[bool, bool]]) -> None:
        self._module, self._needs = module, needs
        check_name(module.name)
        inputs = [node for node in module.nodes if node.op is Op.INPUT]
        self._wide = is_wide(node.bits for node in inputs)
        inner = "__in" * self._wide  # the cell has the port's name
        self._inputs = {node.name: _signal(node, node.name + inner) for node in inputs}
        self._outputs = {name: _signal(module.nodes[node], name) for name, node in module.outputs}

        self._clk, self._rst = Signal(name="clk"), Signal(name="rst")

    @property
    def ports(self) -> list[Signal]:
        """Clock and reset as needed, inputs unless they are cells, then outputs."""
        clocked, resets = self._needs[self._module.name]
        common = [self._clk] * clocked + [self._rst] * resets
        inputs = () if self._wide else self._inputs.values()
        return [*common, *inputs, *self._outputs.values()]

    def elaborate(self, _platform: object) -> AmaranthModule:
        """Build the module."""
        m = AmaranthModule()
        clocked, resets = self._needs[self._module.name]
        if clocked:
            domain = ClockDomain("sync", reset_less=not resets)
            domain.clk = self._clk
            if resets:
                domain.rst = self._rst
            m.domains += domain
        values: list[Value] = []
        for i, node in enumerate(self._module.nodes):
            values.append(self._declare(i, node))
        for i, node in enumerate(self._module.nodes):
            self._connect(m, i, node, values)
        if self._wide:
            for name, signal in self._inputs.items():
                m.submodules[name] = Instance(INPUT, p_WIDTH=len(signal), o_q=signal)
        for name, node_id in self._module.outputs:
            m.d.comb += self._outputs[name].eq(values[node_id])
        return m

    def _declare(self, i: int, node: Node) -> Value:
        if node.op is Op.INPUT:
            return self._inputs[node.name]
        if node.op is Op.CONST:
            return Const(node.value, Shape(node.bits, node.signed))
        return _signal(node, node.name or f"n{i}")

    def _connect(self, m: AmaranthModule, i: int, node: Node, values: list[Value]) -> None:
        srcs = [values[s] for s in node.srcs]
        target = values[i]
        if node.op in _STATELESS:
            m.d.comb += target.eq(_STATELESS[node.op](node, srcs))
        elif node.op in (Op.DELAY, Op.REG):
            if len(srcs) == 2:
                with m.If(srcs[1]):
                    m.d.sync += target.eq(srcs[0])
            else:
                m.d.sync += target.eq(srcs[0])
        elif node.op is Op.MEMORY:
            _memory(m, node, srcs, target)
        elif node.op is Op.CHECK:
            with m.If(srcs[1]):
                m.d.sync += Assert(srcs[0])
        elif node.op is Op.INSTANCE:
            self._instance(m, i, node, srcs, values)

    def _instance(
        self, m: AmaranthModule, i: int, node: Node, srcs: list[Value], values: list[Value]
    ) -> None:
        clocked, resets = self._needs[node.text]
        inputs = {f"i_{port}": value for port, value in zip(node.ports, srcs, strict=True)}
        if clocked:
            inputs["i_clk"] = self._clk
        if resets:
            inputs["i_rst"] = self._rst
        outputs: dict[str, Value] = {}
        for j in range(i + 1, len(self._module.nodes)):
            other = self._module.nodes[j]
            if other.op is not Op.PORT or other.srcs != (i,):
                break
            outputs[other.text] = values[j]
        widths = ((port, len(value)) for port, value in outputs.items())
        for name, ports in pieces(node.name, widths):
            given = {f"o_{port}": outputs[port] for port in ports}
            m.submodules[name] = Instance(node.text, **inputs, **given)
            inputs = {}


def _signal(node: Node, name: str) -> Signal:
    check_name(name)
    return Signal(
        Shape(node.bits, node.signed),
        name=name,
        init=node.value if node.op is Op.REG else 0,
        reset_less=node.op in (Op.DELAY, Op.REG) and not node.resets,
    )


def _memory(m: AmaranthModule, node: Node, srcs: list[Value], target: Value) -> None:
    memory = Memory(shape=node.bits, depth=max(2, node.extent), init=[])
    # Amaranth would print an initial value per word, in time proportional to the depth; the RTL
    # has none (amaranth-lang/amaranth#270).
    memory.init._raw = ()
    m.submodules[f"{node.name}_cells"] = memory
    read, write = memory.read_port(), memory.write_port()
    raddr, ren, waddr, wdata, wen = srcs
    m.d.comb += [
        read.addr.eq(raddr),
        read.en.eq(ren),
        write.addr.eq(waddr),
        write.data.eq(wdata),
        write.en.eq(wen),
        target.eq(read.data),
    ]


def _slice(node: Node, srcs: list[Value]) -> Value:
    stop = node.value + node.extent
    source = srcs[0]
    if len(source) < stop:
        more = stop - len(source)
        signed = source.shape().signed
        source = Cat(source, source[-1].replicate(more) if signed else Const(0, more))
    return source[node.value : stop]


def _wrap(node: Node, srcs: list[Value]) -> Value:
    source = srcs[0]
    if len(source) > node.bits:
        low = source[: node.bits]
        return low.as_signed() if node.signed else low
    if node.signed and not source.shape().signed and len(source) == node.bits:
        return source.as_signed()
    return source


_STATELESS: dict[Op, Callable[[Node, list[Value]], Value]] = {
    Op.ADD: lambda _n, s: s[0] + s[1],
    Op.SUB: lambda _n, s: s[0] - s[1],
    Op.MUL: lambda _n, s: s[0] * s[1],
    Op.NEG: lambda _n, s: -s[0],
    Op.ABS: lambda _n, s: Mux(s[0] < 0, -s[0], s[0]),
    Op.MIN: lambda _n, s: Mux(s[0] < s[1], s[0], s[1]),
    Op.MAX: lambda _n, s: Mux(s[0] < s[1], s[1], s[0]),
    Op.SHL: lambda n, s: s[0] << n.value,
    Op.AND: lambda _n, s: reduce(lambda a, b: a & b, s),
    Op.OR: lambda _n, s: reduce(lambda a, b: a | b, s),
    Op.NOT: lambda _n, s: ~s[0],
    Op.EQ: lambda _n, s: s[0] == s[1],
    Op.LT: lambda _n, s: s[0] < s[1],
    Op.MUX: lambda _n, s: Mux(s[0], s[1], s[2]),
    Op.SLICE: _slice,
    Op.CAT: lambda _n, s: Cat(*s),
    Op.WRAP: _wrap,
    Op.WIRE: lambda _n, s: s[0],
}
