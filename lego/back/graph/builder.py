"""Builds the modules of a DAG node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.diag import InternalError
from lego.ir.dag import Module, Node, Op, index_bits

__all__ = ["Builder"]

Range = tuple[int, int]
_STATEFUL = (
    Op.INPUT, Op.WIRE, Op.REG, Op.DELAY, Op.MEMORY, Op.INSTANCE, Op.PORT, Op.CHECK
)  # fmt: skip
BIT: Range = (0, 1)


class Builder:
    """Mutable module under construction; node handles are ids.

    `input` returns the same node for the same name, so a module's ports appear as they are used. Nodes are
    marked with the `origin` of the moment.
    """

    def __init__(self, name: str, category: str, dataflows: int = 1) -> None:
        self.name, self.category = name, category
        self.max_dataflow = max(1, dataflows - 1)
        self.origin = ""
        self.nodes: list[Node] = []
        self._outputs: dict[str, int] = {}
        self._inputs: dict[str, int] = {}
        self._consts: dict[int, int] = {}
        self._delays: dict[tuple[int, int], int] = {}
        self._same: dict[Node, int] = {}

    @classmethod
    def of(cls, module: Module, dataflows: int) -> Builder:
        """A builder that goes on with a module; its ports and primitives are found again."""
        b = cls(module.name, module.category, dataflows)
        b.nodes = list(module.nodes)
        b._outputs = dict(module.outputs)
        for i, node in enumerate(module.nodes):
            if node.op is Op.INPUT:
                b._inputs[node.name] = i
            elif node.op is Op.CONST:
                b._consts.setdefault(node.value, i)
            if node.op not in _STATEFUL:
                b._same.setdefault(node.called(""), i)
        return b

    def build(self) -> Module:
        """Freeze."""
        return Module(self.name, self.category, tuple(self.nodes), tuple(self._outputs.items()))

    def add_node(self, node: Node) -> int:
        """Append a node; a stateless one that exists already is found again."""
        if self.origin and not node.origin:
            node = node.meant(self.origin)
        if node.op in _STATEFUL:
            self.nodes.append(node)
            return len(self.nodes) - 1
        key = node.called("") if node.name else node
        if key not in self._same:
            self.nodes.append(node)
            self._same[key] = len(self.nodes) - 1
        return self._same[key]

    def op(self, op: Op, *srcs: int, name: str = "", latency: int = 0) -> int:
        """A primitive without parameters."""
        return self.add_node(Node(op, srcs, name=name, latency=latency))

    def const(self, value: int) -> int:
        """An integer constant."""
        if value not in self._consts:
            self._consts[value] = self.add_node(Node(Op.CONST, low=value, high=value, value=value))
        return self._consts[value]

    def input(self, name: str, span: Range = BIT) -> int:
        """The input port `name`."""
        if name not in self._inputs:
            self._inputs[name] = self.add_node(Node(Op.INPUT, low=span[0], high=span[1], name=name))
        return self._inputs[name]

    def output(self, name: str, node: int) -> None:
        """Drive the output port `name`."""
        if self._outputs.setdefault(name, node) != node:
            raise InternalError(f"output {name!r} of {self.name} is driven twice")

    def add(self, a: int, b: int, name: str = "") -> int:
        """`a + b`."""
        return self.op(Op.ADD, a, b, name=name)

    def eq(self, a: int, b: int, name: str = "") -> int:
        """`a == b`."""
        return self.op(Op.EQ, a, b, name=name)

    def less(self, a: int, b: int, name: str = "") -> int:
        """`a < b`."""
        return self.op(Op.LT, a, b, name=name)

    def mux(self, select: int, a: int, b: int, name: str = "") -> int:
        """`a if select else b`."""
        return a if a == b else self.op(Op.MUX, select, a, b, name=name)

    def invert(self, a: int) -> int:
        """Not `a`, one bit."""
        return self.op(Op.NOT, a)

    def all(self, bits: Sequence[int], name: str = "") -> int:
        """Conjunction of one-bit nodes; 1 if there are none."""
        unique = list(dict.fromkeys(bits))
        if not unique:
            return self.const(1)
        return unique[0] if len(unique) == 1 else self.op(Op.AND, *unique, name=name)

    def any(self, bits: Sequence[int], name: str = "") -> int:
        """Disjunction of one-bit nodes; 0 if there are none."""
        unique = list(dict.fromkeys(bits))
        if not unique:
            return self.const(0)
        return unique[0] if len(unique) == 1 else self.op(Op.OR, *unique, name=name)

    def stage(self, a: int, latency: int = 0, *, name: str = "") -> int:
        """`a` behind so many pipeline registers."""
        return self.add_node(Node(Op.STAGE, (a,), name=name, latency=latency))

    def shl(self, a: int, by: int) -> int:
        """`a << by`."""
        return self.add_node(Node(Op.SHL, (a,), value=by)) if by else a

    def shr(self, a: int, by: int) -> int:
        """`a >> by`, rounded down."""
        return self.add_node(Node(Op.SHR, (a,), value=by)) if by else a

    def times(self, a: int, factor: int) -> int:
        """`a * factor` by shifts and adds of a constant."""
        if factor < 0:
            return self.op(Op.NEG, self.times(a, -factor))
        terms = [self.shl(a, k) for k in range(factor.bit_length()) if factor >> k & 1]
        if not terms:
            return self.const(0)
        total = terms[0]
        for term in terms[1:]:
            total = self.add(total, term)
        return total

    def wrap(self, a: int, span: Range, claim: Range | None = None) -> int:
        """Low bits of `a` read as a value of the range's format, which never leaves `claim`."""
        return self.add_node(Node(Op.WRAP, (a,), span[0], span[1], claim=claim))

    def slice(self, a: int, start: int, length: int) -> int:
        """Bits `start` to `start + length - 1`, unsigned."""
        return self.add_node(Node(Op.SLICE, (a,), 0, (1 << length) - 1, value=start, extent=length))

    def cat(self, parts: Sequence[int]) -> int:
        """Bits side by side, the first lowest; the parts' ranges are known and keep their bits."""
        kept = [self.slice(part, 0, self.nodes[part].bits) for part in parts]
        return self.op(Op.CAT, *kept)

    def delay(self, a: int, cycles: int, *, resets: bool = False, name: str = "") -> int:
        """`a` so many cycles ago; delays of one node share their registers."""
        last = a
        for done in range(1, cycles + 1):
            key = (a, done)
            if key not in self._delays:
                self._delays[key] = self.add_node(
                    Node(
                        Op.DELAY,
                        (last,),
                        value=1,
                        resets=resets,
                        name=f"{name}_d{done}" * bool(name),
                    )
                )
            last = self._delays[key]
        return last

    def reg(self, span: Range, *, name: str = "", init: int = 0, resets: bool = True) -> int:
        """A register whose next value is given later by :meth:`drive`."""
        return self.add_node(Node(Op.REG, (), *span, name=name, value=init, resets=resets))

    def drive(self, reg: int, following: int, enable: int | None = None) -> None:
        """Give the next value (and enable) of a register."""
        srcs = (following,) if enable is None else (following, enable)
        self.nodes[reg] = self.nodes[reg].reading(srcs)

    def instance(self, module: Module, name: str, inputs: Mapping[str, int]) -> Mapping[str, int]:
        """Instantiate `module` (its ranges known); returns its outputs by name."""
        ports = tuple(node.name for node in module.nodes if node.op is Op.INPUT)
        if set(ports) != set(inputs):
            raise InternalError(
                f"{name}: ports {sorted(set(ports) ^ set(inputs))} of {module.name} don't match"
            )
        cell = self.add_node(
            Node(
                Op.INSTANCE,
                tuple(inputs[port] for port in ports),
                0,
                0,
                name=name,
                text=module.name,
                ports=ports,
            )
        )
        return {
            port: self.add_node(
                Node(Op.PORT, (cell,), *module.nodes[node].range, name=f"{name}_{port}", text=port)
            )
            for port, node in module.outputs
        }

    def wire(self, span: Range) -> int:
        """A value whose source is given later by :meth:`connect` (a later node may drive it)."""
        return self.add_node(Node(Op.WIRE, (), *span))

    def connect(self, wire: int, source: int) -> None:
        """Give the source of a wire."""
        self.nodes[wire] = self.nodes[wire].reading((source,))

    def retype(self, wire: int, span: Range) -> None:
        """Give a wire its range, once its driver is known."""
        self.nodes[wire] = self.nodes[wire].within(*span)

    def popcount(self, bits: Sequence[int]) -> int:
        """How many one-bit nodes are set."""
        level = list(bits)
        while len(level) > 1:
            paired = [self.add(a, c) for a, c in zip(level[::2], level[1::2], strict=False)]
            level = paired + level[len(paired) * 2 :]
        return level[0] if level else self.const(0)

    def check(self, condition: int, when: int) -> None:
        """An assertion for simulators: `condition` holds in every cycle in which `when` is set."""
        self.add_node(Node(Op.CHECK, (condition, when), 0, 0))

    def memory(
        self,
        read: tuple[int, int],
        write: tuple[int, int, int],
        depth: int,
        bits: int,
        lanes: int = 1,
    ) -> int:
        """A RAM: read (address, enable), write (address, data, a bit per lane that is written); raw words."""
        lane = bits // lanes if lanes > 1 else 0
        whole = (1 << bits) - 1
        return self.add_node(
            Node(Op.MEMORY, (*read, *write), 0, whole, name="ram", value=lane, extent=depth)
        )

    def select(self, index: int, bits: int, values: Sequence[int]) -> int:
        """`values[index]` as a balanced tree of multiplexers; index out of range: any value."""
        if len(values) == 1:
            return values[0]
        half = 1 << (bits - 1)
        if len(values) <= half:
            return self.select(index, bits - 1, values)
        top = self.slice(index, bits - 1, 1)
        return self.mux(
            top,
            self.select(index, bits - 1, values[half:]),
            self.select(index, bits - 1, values[:half]),
        )

    def one_of(self, words: Sequence[tuple[int, int]]) -> int:
        """The word whose select is set, of (select, word); never two are. Equal words have one select."""
        by_word: dict[int, list[int]] = {}
        for select, word in words:
            by_word.setdefault(word, []).append(select)
        if len(by_word) == 1:
            return words[0][1]
        pairs = [(self.any(selects), word) for word, selects in by_word.items()]
        return self.op(Op.ONEHOT, *(node for pair in pairs for node in pair))

    def choose(self, values: Sequence[int | None]) -> int:
        """The value of the running dataflow, by the port `dataflow`; None: it doesn't matter."""
        bits = index_bits(len(values))
        found = self._choose(bits, list(values))
        return self.const(0) if found is None else found

    def _choose(self, bits: int, values: list[int | None]) -> int | None:
        wanted = {value for value in values if value is not None}
        if len(wanted) < 2:
            return min(wanted, default=None)
        half = 1 << (bits - 1)
        low = self._choose(bits - 1, values[:half])
        high = self._choose(bits - 1, values[half:])
        if low is None or high is None or low == high:
            return high if low is None else low
        select = self.slice(self.input("dataflow", (0, self.max_dataflow)), bits - 1, 1)
        return self.mux(select, high, low)
