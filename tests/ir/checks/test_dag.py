"""Every rule of graphs can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.checks.dag_check import _SOURCES
from lego.ir.dag import Contract, Dag, Node, Op
from tests.ir.checks.broken import put, refuse


def good() -> Dag:
    """A module that holds another, with most kinds of primitives."""
    b = Builder("inner", "fu")
    a, c = b.input("a", (-8, 7)), b.input("c")
    b.output("sum", b.add(a, b.const(3)))
    b.output("both", b.all([c, b.less(a, b.const(0))]))
    inner = infer_widths(b.build())
    b = Builder("top", "control")
    x, on = b.input("x", (-8, 7)), b.input("on")
    ports = b.instance(inner, "u", {"a": x, "c": on})
    b.instance(inner, "v", {"a": x, "c": on})
    state = b.reg((0, 15), name="state", init=2)
    b.drive(state, b.slice(ports["sum"], 0, 4), ports["both"])
    word = b.memory((state, on), (state, b.shl(state, 1), on), depth=16, bits=5)
    b.check(ports["both"], on)
    held = b.add_node(Node(Op.DELAY, (word, on), value=1))
    b.output("y", b.mux(on, held, b.delay(word, 1)))
    b.output("z", b.op(Op.ONEHOT, on, state, b.invert(on), word))
    top = replace(infer_widths(b.build()), contract=Contract((("x", 0),), (("y", 1),)))
    return Dag((inner, top))


def node(dag: Dag, op: Op, last: bool = False, **fields: object) -> Dag:
    """The graph, with other fields of the top's first primitive of a kind, or its last."""
    places = [i for i, each in enumerate(dag.top.nodes) if each.op is op]
    return top(dag, nodes=put(dag.top.nodes, places[-1 if last else 0], **fields))


def top(dag: Dag, **fields: object) -> Dag:
    return Dag(put(dag.modules, 1, **fields))


def apart(dag: Dag) -> Dag:
    """The first instance's ports read the second instance."""
    (second,) = (i for i, n in enumerate(dag.top.nodes) if n.name == "v")
    at = next(i for i, n in enumerate(dag.top.nodes) if n.op is Op.SLICE)
    port = Node(Op.PORT, (second,), *dag.modules[0].nodes[2].range, text="sum")
    wide = replace(port, low=-5, high=10)
    return top(dag, nodes=(*dag.top.nodes[:at], wide, *dag.top.nodes[at + 1 :]))


BROKEN: dict[str, Callable[[Dag], Dag]] = {
    "the graph has no module": lambda d: Dag(()),
    "two modules are called inner": lambda d: top(d, name="inner"),
    "top is of no category 'wires'": lambda d: top(d, category="wires"),
    "of top reads what comes later": lambda d: node(d, Op.SLICE, srcs=(30,)),
    "of top reads what there isn't": lambda d: node(d, Op.SLICE, srcs=(-1,)),
    "of top has no range": lambda d: node(d, Op.SLICE, low=None),
    "%0 of top is in the empty range 9..7": lambda d: node(d, Op.INPUT, low=9),
    "of top has 1 sources: mux": lambda d: node(d, Op.MUX, srcs=(1,)),
    "of top has 3 sources: onehot": lambda d: node(d, Op.ONEHOT, srcs=(1, 0, 1)),
    "needs one bit where it reads %0": lambda d: node(d, Op.MUX, srcs=(0, 0, 0)),
    "reads %2, the instance": lambda d: node(d, Op.SLICE, srcs=(2,)),
    "reads %0, the input": lambda d: node(d, Op.PORT, srcs=(0,)),
    "has a latency of -1": lambda d: node(d, Op.MUX, latency=-1),
    "has the value 9 outside its range": lambda d: Dag(
        (replace(d.modules[0], nodes=put(d.modules[0].nodes, 2, value=9)), d.top)
    ),
    "is reset to 99, which doesn't fit its 4 bits": lambda d: node(d, Op.REG, value=99),
    "has the parameter -1": lambda d: node(d, Op.SHL, value=-1),
    "holds a value and is of 2 cycles": lambda d: node(d, Op.DELAY, value=2),
    "has the extent 0": lambda d: node(d, Op.SLICE, extent=0),
    "is an instance of other, which isn't defined before top": lambda d: node(
        d, Op.INSTANCE, text="other"
    ),
    "by other ports than it has": lambda d: node(d, Op.INSTANCE, ports=("a", "b")),
    "connects inner.a by another width": lambda d: node(d, Op.INSTANCE, srcs=(1, 1)),
    "reads port other of inner": lambda d: node(d, Op.PORT, text="other"),
    "reads port sum of inner": lambda d: node(d, Op.PORT, low=-8),
    "is a port of %5 and stands apart from it": apart,
    "top has two ports of one name of x, x, y, z": lambda d: node(d, Op.INPUT, last=True, name="x"),
    "two instances of one name of u, u": lambda d: node(d, Op.INSTANCE, last=True, name="u"),
    "its output y by %99, which has no value": lambda d: top(d, outputs=(("y", 99),)),
    "a contract on the port w": lambda d: top(d, contract=Contract((("w", 0),))),
    "a contract on the port v": lambda d: top(d, contract=Contract((), (("v", 0),))),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    refuse(good(), BROKEN[rule], rule)


@pytest.mark.parametrize("op", Op)
def test_every_primitive_has_a_number_of_sources(op: Op) -> None:
    assert 0 <= _SOURCES[op][0] <= _SOURCES[op][1]
