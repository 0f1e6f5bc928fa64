"""Every rule of networks, bodies and workloads can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from frontends.yaml import load_text
from lego.ir.affine import AffineMap
from lego.ir.constants import Bits, Constant
from lego.ir.domain import Inequality
from lego.ir.formats import BOOL, EXACT, FLOAT16, FLOAT32, INT8, INT32, INT64
from lego.ir.network import Buffer, Network, Role
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    HostCall,
    Loop,
    Operation,
    Output,
    Place,
    Position,
    Value,
)
from lego.ir.workload import Workload
from tests.ir.checks.broken import put, refuse

LINE = AffineMap(((1,),), (0,))


def network() -> Network:
    """Two operations and a call of the host; the second looks up what the first gave."""
    buffers = (
        Buffer("x", (4,), INT8, Role.INPUT),
        Buffer("y", (4,), INT32),
        Buffer("z", (4,), INT32),
        Buffer("s", (4,), INT32),
    )
    body = Apply(Fn.ADD, (Value(0, INT32), Constant(3, INT32)), INT32)
    first = Operation(
        "first", (Loop("i", 4),), (Output(Place("y", LINE), body),), (Place("x", LINE),)
    )
    table = Place("x", LINE, Constant(0, INT8), ((0, 0),))
    second = Operation(
        "second",
        (Loop("i", 4),),
        (Output(Place("z", LINE), Value(1, INT32)),),
        (Place("y", LINE), table),
    )
    call = HostCall("sort", ("z",), ("s",), "aten.sort", "its order depends on the values")
    return Network("n", buffers, (first, second, call), ("x",), ("s",))


def on(at: int, change: Callable[[Operation], Operation]) -> Callable[[Network], Network]:
    """The network with another operation at a place."""

    def changed(net: Network) -> Network:
        op = net.steps[at]
        assert isinstance(op, Operation)
        return replace(net, steps=(*net.steps[:at], change(op), *net.steps[at + 1 :]))

    return changed


def written(**fields: object) -> Callable[[Network], Network]:
    """The first operation with another output."""
    return on(0, lambda op: replace(op, outputs=put(op.outputs, 0, **fields)))


def bodied(body: Body) -> Callable[[Network], Network]:
    """The first operation with another body."""
    return written(body=body)


def read(at: int, place: int, **fields: object) -> Callable[[Network], Network]:
    """An operation with another input."""
    return on(at, lambda op: replace(op, inputs=put(op.inputs, place, **fields)))


X = Value(0, INT32)
BROKEN: dict[str, Callable[[Network], Network]] = {
    "two buffers are called x": lambda n: replace(n, buffers=put(n.buffers, 2, name="x")),
    "two steps are called first": on(1, lambda op: replace(op, name="first")),
    "buffer y holds integers without bound": lambda n: replace(
        n, buffers=put(n.buffers, 1, format=EXACT)
    ),
    "the input y is no buffer that is given": lambda n: replace(n, inputs=("x", "y")),
    "step first names q, which is no buffer": written(place=Place("q", LINE)),
    "step first reads z before it is written": read(0, 0, buffer="z"),
    "step sort writes nothing": lambda n: replace(n, steps=put(n.steps, 2, outputs=())),
    "step first has two outputs in one buffer": on(
        0, lambda op: replace(op, outputs=op.outputs * 2)
    ),
    "step first writes x, which is given": written(place=Place("x", LINE)),
    "the output q is never written": lambda n: replace(n, outputs=("q",)),
    "operation first: a loop never runs": on(0, lambda op: replace(op, loops=(Loop("i", 0),))),
    "operation second: two loops have one name": on(
        1, lambda op: replace(op, loops=(Loop("i", 4), Loop("i", 2)))
    ),
    "an inequality is over 2 loops, not 1": on(
        0, lambda op: replace(op, domain=(Inequality((1, -1), 1),))
    ),
    "input 0: 0 indices of a buffer with 1 dimensions": read(0, 0, map=AffineMap((), ())),
    "input 0: an index isn't over the 1 loops": read(0, 0, map=AffineMap(((1, 1),), (0,))),
    "input 1: the pad value is of int32, the buffer of int8": read(1, 1, pad=Constant(0, INT32)),
    "input 1: dimension 0 is looked up by input 1": read(1, 1, indirect=((0, 1),)),
    "input 1: dimension 3 is looked up by input 0": read(1, 1, indirect=((3, 0),)),
    "output y: what is written has a pad value": written(
        place=Place("y", LINE, Constant(0, INT32))
    ),
    "the body reads input 7 of 1": bodied(Value(7, INT32)),
    "the body has the index of loop 1 of 1": bodied(Position(1, INT64)),
    "the index of a loop is of float32": bodied(Position(0, FLOAT32)),
    "the constant 1/2 isn't of int32": bodied(Constant(Fraction(1, 2), INT32)),
    "300 doesn't fit int8": bodied(Constant(300, INT8)),
    "float16 doesn't hold Bits(pattern=15360)": bodied(Constant(Bits(0x3C00), FLOAT16)),
    "float32 doesn't hold Bits(pattern=0)": bodied(Constant(Bits(0), FLOAT32)),
    "float32 doesn't hold Bits(pattern=1099511627776)": bodied(Constant(Bits(1 << 40), FLOAT32)),
    "input 1: 300 doesn't fit int8": read(1, 1, pad=Constant(300, INT8)),
    "buffer z has a negative size": lambda n: replace(n, buffers=put(n.buffers, 2, shape=(-4,))),
    "float32 doesn't hold 1/3": bodied(Constant(Fraction(1, 3), FLOAT32)),
    "add has 1 arguments, not 2": bodied(Apply(Fn.ADD, (X,), INT32)),
    "neg has 2 arguments, not 1": bodied(Apply(Fn.NEG, (X, X), INT32)),
    "where has 2 arguments, not 3": bodied(Apply(Fn.WHERE, (X, X), INT32)),
    "lt gives a truth value, not int32": bodied(Apply(Fn.LT, (X, X), INT32)),
    "add is partly exact, partly of": bodied(Apply(Fn.ADD, (X, Value(0, EXACT)), INT32)),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_of_networks_is_named(rule: str) -> None:
    refuse(network(), BROKEN[rule], rule)


def test_truth_values_are_allowed_where_they_belong() -> None:
    test = Apply(Fn.LT, (X, Constant(0, INT32)), BOOL)
    refuse(
        bodied(Apply(Fn.WHERE, (test, X, X), INT32))(network()),
        BROKEN["two buffers are called x"],
        "network n: two buffers",
    )


def workload() -> Workload:
    return load_text("""\
name: two
operations:
  - name: mm
    loops: {m: 4, n: 4, k: 4}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: a, spatial: {m: 2, n: 2}, control: systolic}
      - {name: b, spatial: {m: 2, k: 2}, control: broadcast}
architecture: {array: [2, 2]}
""")


def mapped(**fields: object) -> Callable[[Workload], Workload]:
    """The workload with another first dataflow."""
    return lambda w: replace(w, dataflows=(put(w.dataflows[0], 0, **fields),))


BAD: dict[str, Callable[[Workload], Workload]] = {
    "dataflows for 0 operations, not 1": lambda w: replace(w, dataflows=()),
    "operation mm: two dataflows have one name": mapped(name="b"),
    "operation mm, dataflow a: q is no loop": mapped(temporal=("q",)),
    "operation mm, dataflow a: 1 control skews for 2 axes": mapped(control=(1,)),
    "operation mm, dataflow a: an axis has no FU": mapped(spatial=(("m", 0), ("n", 2))),
    "the output q is never written": lambda w: replace(
        w, network=replace(w.network, outputs=("q",))
    ),
}


@pytest.mark.parametrize("rule", BAD)
def test_a_broken_rule_of_workloads_is_named(rule: str) -> None:
    refuse(workload(), BAD[rule], rule)
