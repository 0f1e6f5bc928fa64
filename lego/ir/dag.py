"""Detailed architecture graph: modules of hardware primitives, ready to be emitted.

Ids are dense and in creation order; a node reads smaller ids only, except that the sources of
registers and wires may be any node of the module. Every walk is in id order, so printing and emission do not
depend on hashing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["AXI_PINS", "Contract", "Dag", "Module", "Node", "Op", "Pins", "bits_for", "index_bits"]


class Op(StrEnum):
    """Hardware primitives; the comment gives the sources and the value."""

    CONST = "const"  # () -> value
    INPUT = "input"  # () -> port `name`, range declared
    ADD = "add"  # (a, b)
    SUB = "sub"  # (a, b)
    MUL = "mul"  # (a, b)
    NEG = "neg"  # (a)
    ABS = "abs"  # (a)
    MIN = "min"  # (a, b)
    MAX = "max"  # (a, b)
    STAGE = "stage"  # (a) -> a, a place for pipeline registers
    SHL = "shl"  # (a) -> a << value
    SHR = "shr"  # (a) -> a >> value, rounded down
    AND = "and"  # (one-bit...) -> conjunction
    OR = "or"  # (one-bit...) -> disjunction
    NOT = "not"  # (one-bit)
    EQ = "eq"  # (a, b) -> one bit
    LT = "lt"  # (a, b) -> one bit, a < b
    MUX = "mux"  # (select, a, b) -> a if select else b
    ONEHOT = "onehot"  # (select, a, select, b...) -> the value whose select is set, or 0; two only if unused
    SLICE = "slice"  # (a) -> `extent` bits from bit `value`, unsigned
    CAT = "cat"  # (a...) -> bits side by side, the first source lowest, unsigned
    WRAP = "wrap"  # (a) -> low bits of a, read in the declared range
    WIRE = "wire"  # (a) -> a, where a may be a later node; range declared
    DELAY = "delay"  # (a) -> a, `value` cycles ago; (a, enable): of one cycle, holds unless enable
    REG = "reg"  # (next, enable) -> register in the declared range, reset to `value`
    MEMORY = "memory"  # (raddr, ren, waddr, wdata, wen) -> word read, one cycle later; see `lanes`
    CHECK = (
        "check"  # (condition, when) -> no value; simulators stop if it fails, synthesis drops it
    )
    INSTANCE = "instance"  # (inputs...) -> no value; module `text`, ports `ports`
    PORT = "port"  # (instance) -> its output `text`, range declared


def bits_for(low: int, high: int) -> int:
    """Least bits for all integers in [low, high]; two's complement if `low` is negative."""
    if low < 0:
        return 1 + max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0)
    return max(1, high.bit_length())


@dataclass(frozen=True, slots=True)
class Node:
    """One primitive.

    Attributes
    ----------
    low, high : least and largest value; both None until width inference has run.
    value : the integer parameter that :class:`Op` names (delay in cycles, bit index, reset...); of a memory,
        bits that a bit of `wen` enables, or 0: all.
    extent : number of bits of a slice, words of a memory.
    latency : pipeline registers behind the primitive, in cycles.
    resets : for DELAY and REG: cleared by the synchronous reset.
    claim : for WRAP: an interval that the value never leaves, known from the loops and not from the sources.
    origin : what it is there for, as the Verilog says in a comment; nodes that differ in it only are equal.
    """

    op: Op
    srcs: tuple[int, ...] = ()
    low: int | None = None
    high: int | None = None
    name: str = ""
    value: int = 0
    extent: int = 0
    latency: int = 0
    text: str = ""
    ports: tuple[str, ...] = ()
    resets: bool = False
    claim: tuple[int, int] | None = None
    origin: str = field(default="", compare=False)

    @property
    def range(self) -> tuple[int, int]:
        """(low, high), which must be known."""
        if self.low is None or self.high is None:
            raise ValueError(f"range of {self.op} {self.name!r} isn't known yet")
        return self.low, self.high

    @property
    def bits(self) -> int:
        """Width in bits."""
        return bits_for(*self.range)

    @property
    def lanes(self) -> int:
        """Parts of a memory's words that are written apart: bits of `wen`."""
        return self.bits // self.value if self.value else 1

    @property
    def signed(self) -> bool:
        """Whether the value can be negative."""
        return self.range[0] < 0

    def reading(self, srcs: tuple[int, ...]) -> Node:
        """The same primitive with these sources."""
        if srcs == self.srcs:
            return self
        return _copied(self, srcs, self.low, self.high, self.name, self.origin)

    def within(self, low: int, high: int) -> Node:
        """The same primitive in this interval."""
        if low == self.low and high == self.high:
            return self
        return _copied(self, self.srcs, low, high, self.name, self.origin)

    def called(self, name: str) -> Node:
        """The same primitive under this name."""
        return _copied(self, self.srcs, self.low, self.high, name, self.origin)

    def meant(self, origin: str) -> Node:
        """The same primitive with this origin."""
        return _copied(self, self.srcs, self.low, self.high, self.name, origin)

    def __str__(self) -> str:
        shape = "?" if self.low is None else f"{'s' if self.signed else 'u'}{self.bits}"
        marks = [f" {self.name!r}" if self.name else "", f" {self.text}" if self.text else ""]
        marks += [f" value={self.value}" if self.value else ""]
        marks += [f" extent={self.extent}" if self.extent else ""]
        marks += [f" latency={self.latency}" if self.latency else ""]
        marks += [f" ports={','.join(self.ports)}" if self.ports else ""]
        marks += [f" claim={self.claim[0]}..{self.claim[1]}" if self.claim else ""]
        srcs = ", ".join(f"%{s}" for s in self.srcs)
        return f"{self.op}({srcs}){''.join(marks)} : {shape}"


def _copied(
    node: Node, srcs: tuple[int, ...], low: int | None, high: int | None, name: str, origin: str
) -> Node:
    """The primitive with some things changed: as `replace`, in a third of the time."""
    return Node(
        node.op,
        srcs,
        low,
        high,
        name,
        node.value,
        node.extent,
        node.latency,
        node.text,
        node.ports,
        node.resets,
        node.claim,
        origin,
    )


@dataclass(frozen=True, slots=True)
class Contract:
    """When a module whose primitives have latencies is used, relative to a timestamp's issue.

    `inputs` gives the cycle at which each input port has its value, `outputs` the cycle at which an output
    port must have it, `pins` those of named nodes. Ports that stand still while the array runs aren't listed.
    """

    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...] = ()
    pins: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Pins:
    """Names of a module's clock and reset; `low`: it resets while that pin is 0, not 1."""

    clock: str = "clk"
    reset: str = "rst"
    low: bool = False


AXI_PINS = Pins("aclk", "aresetn", low=True)
"""Of a module that is on a bus of AXI."""


@dataclass(frozen=True, slots=True)
class Module:
    """A hardware module: nodes, and which of them drive the output ports.

    `category` says where its own area belongs: fu, interconnect, memory or control. `contract` is there
    until the delays of its paths are matched. `clocks` are the clock ports of somebody else's module, of
    which only the ports are known; it has the names that it has. Ours have none; a top may have other `pins`
    than those inside of it.
    """

    name: str
    category: str
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, int], ...]
    contract: Contract | None = None
    clocks: tuple[str, ...] = ()
    pins: Pins = Pins()

    def __str__(self) -> str:
        lines = [f"module {self.name} ({self.category})"]
        lines += [f"  %{i} = {node}" for i, node in enumerate(self.nodes)]
        lines += [f"  output {name} = %{node}" for name, node in self.outputs]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Dag:
    """Modules in an order where each is defined before it is instantiated; the last is the top."""

    modules: tuple[Module, ...]

    @property
    def top(self) -> Module:
        """The top module."""
        return self.modules[-1]

    def module(self, name: str) -> Module:
        """The module called `name`; KeyError if there is none."""
        for module in self.modules:
            if module.name == name:
                return module
        raise KeyError(name)

    def __str__(self) -> str:
        return "\n".join(str(module) for module in self.modules)


def index_bits(count: int) -> int:
    """Bits of an index below `count`."""
    return bits_for(0, max(1, count - 1))
