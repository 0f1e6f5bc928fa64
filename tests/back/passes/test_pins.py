"""Pin re-use: units of several dataflows, their pins, and that nothing else changes."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pulp
import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.passes.analysis.pin_groups import alone, assigned, joined
from lego.back.passes.analysis.usage import usage, usage_within
from lego.back.passes.checks.pins_check import check_shared
from lego.back.passes.pins import share_pins
from lego.diag import InternalError
from lego.ir.checks.check import check
from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Module, Node, Op
from tests.back.machine import meaning

BYTE = (-128, 127)
KINDS = (Op.ADD, Op.MUL, Op.MIN, Op.MAX)


def count(module: Module, op: Op) -> int:
    return sum(node.op is op for node in module.nodes)


def evaluate(module: Module, inputs: dict[str, int]) -> dict[str, int]:
    values: list[int] = []
    for node in module.nodes:
        args = [values[s] for s in node.srcs]
        match node.op:
            case Op.INPUT:
                value = inputs[node.name]
            case Op.CONST:
                value = node.value
            case Op.SLICE:
                value = args[0] >> node.value & ((1 << node.extent) - 1)
            case Op.WRAP:
                low, _ = node.range
                bits = 1 << node.bits
                value = args[0] % bits
                value -= bits if low < 0 and value >= bits // 2 else 0
            case _:
                value = meaning(node, args)
        values.append(value)
    return {name: values[node] for name, node in module.outputs}


def shared(module: Module) -> Module:
    dag = Dag((module,))
    after = share_pins(dag)
    check(after)
    check_shared(dag, after)
    return after.top


def random_module(seed: int) -> Module:
    """Choices by dataflow between random expressions, that other such expressions read."""
    r = random.Random(seed)
    dataflows = r.randint(2, 5)
    b = Builder("m", "fu", dataflows)
    nodes = [b.input(f"x{k}", r.choice([BYTE, (0, 255), (-8, 7)])) for k in range(3)]
    for _ in range(r.randint(1, 3)):
        values: list[int | None] = []
        for _ in range(dataflows):
            at = r.choice(nodes)
            for _ in range(r.randint(0, 2)):
                at = b.op(r.choice(KINDS), at, r.choice(nodes))
            values.append(r.choice([at, at, at, None, r.choice(nodes)]))
        nodes.append(b.wrap(b.choose(values), BYTE))
    for k, node in enumerate(nodes[-2:]):
        b.output(f"y{k}", node)
    return infer_widths(b.build())


@pytest.mark.parametrize("seed", range(150))
def test_nothing_changes_under_any_dataflow(seed: int) -> None:
    module = random_module(seed)
    after = shared(module)
    r = random.Random(seed)
    inputs = [node for node in module.nodes if node.op is Op.INPUT]
    ids = [n.range[1] for n in inputs if n.name == "dataflow"]
    for dataflow in range(1 + max(ids, default=0)):
        for _ in range(20):
            given = {node.name: r.randint(*node.range) for node in inputs}
            given["dataflow"] = dataflow
            assert evaluate(module, given) == evaluate(after, given)


def test_units_are_found_often_in_random_modules() -> None:
    saved = 0
    for seed in range(150):
        module = random_module(seed)
        after = shared(module)
        saved += sum(count(module, op) - count(after, op) for op in KINDS)
    assert saved > 150


def chain(dataflows: int) -> Module:
    """A sum that comes from another neighbour under every dataflow but the first, which starts it."""
    b = Builder("m", "fu", dataflows)
    own = b.input("own", BYTE)
    others = [b.input(f"sum{k}", BYTE) for k in range(1, dataflows)]
    b.output("y", b.wrap(b.choose([own, *(b.add(own, other) for other in others)]), BYTE))
    return infer_widths(b.build())


@pytest.mark.parametrize("dataflows", [2, 3, 4, 5])
def test_one_adder_adds_what_the_dataflow_brings_or_zero(dataflows: int) -> None:
    after = shared(chain(dataflows))
    assert count(after, Op.ADD) == 1
    (adder,) = (node for node in after.nodes if node.op is Op.ADD)
    assert Op.INPUT in {after.nodes[s].op for s in adder.srcs}  # one pin needs no choice


def test_a_cheap_unit_is_not_worth_dear_pins() -> None:
    b = Builder("m", "fu", 2)
    pins = [b.input(f"x{k}", (0, 1)) for k in range(4)]
    b.output("y0", b.choose([b.op(Op.MAX, *pins[:2]), b.const(0)]))
    b.output("y1", b.choose([b.const(0), b.op(Op.ADD, *pins[2:])]))
    module = infer_widths(b.build())
    assert shared(module) == module


def test_units_do_not_wait_for_themselves() -> None:
    """Under one dataflow a product goes into a sum, under the other a sum into a product."""
    b = Builder("m", "fu", 2)
    x, y, z = (b.input(name, BYTE) for name in "xyz")
    first = b.add(b.op(Op.MUL, x, y), z)
    second = b.op(Op.MUL, b.wrap(b.add(x, z), BYTE), y)
    b.output("sum", b.choose([first, second]))
    after = shared(infer_widths(b.build()))
    assert (count(after, Op.MUL), count(after, Op.ADD)) == (1, 2)


def test_primitives_of_one_dataflow_stay_apart() -> None:
    b = Builder("m", "fu", 2)
    x, y, z = (b.input(name, BYTE) for name in "xyz")
    b.output("y0", b.choose([b.op(Op.MUL, x, y), x]))
    b.output("y1", b.choose([b.op(Op.MUL, y, z), x]))
    module = infer_widths(b.build())
    assert shared(module) == module


def test_modules_that_hold_others_and_single_dataflows_stay() -> None:
    b = Builder("single", "fu")
    b.output("y", b.add(b.input("a", BYTE), b.input("b", BYTE)))
    single = infer_widths(b.build())
    assert shared(single) == single
    b = Builder("top", "control", 2)
    a = b.input("a", BYTE)
    inner = b.instance(single, "u", {"a": a, "b": a})["y"]
    b.output("y", b.choose([b.add(a, inner), b.add(inner, inner)]))
    dag = Dag((single, infer_widths(b.build())))
    assert share_pins(dag) == dag


def programme(module: Module, members: list[int]) -> int:
    """Least number of distinct (pin, source) pairs, by a 0-1 programme."""
    problem = pulp.LpProblem("pins", pulp.LpMinimize)
    used = {}
    for at, member in enumerate(members):
        x = pulp.LpVariable(f"x{at}", cat="Binary")  # 1: the sources cross
        left, right = module.nodes[member].srcs
        for pin, (plain, crossed) in enumerate(((left, right), (right, left))):
            for source, by in ((plain, 1 - x), (crossed, x)):
                key = pin, source
                used.setdefault(key, pulp.LpVariable(f"y{pin}_{source}", cat="Binary"))
                problem += used[key] >= by
    problem.setObjective(pulp.lpSum(used.values()))
    problem.solve(pulp.HiGHS(msg=False))
    return round(pulp.value(problem.objective))


@pytest.mark.parametrize("seed", range(20))
def test_pins_are_assigned_as_a_01_programme_would(seed: int) -> None:
    """Sources of one width, so that the area of multiplexers counts connections."""
    r = random.Random(seed)
    b = Builder("m", "fu", 4)
    inputs = [b.input(f"x{k}", BYTE) for k in range(5)]
    wanted = r.sample(list(itertools.combinations(inputs, 2)), r.randint(2, 4))
    flipped = [pair[::-1] if r.random() < 0.5 else pair for pair in wanted]
    members = [b.op(Op.MUL, *pair) for pair in flipped]
    b.output("y", b.choose(members))
    module = infer_widths(b.build())
    pins = assigned(module, members)
    assert sum(len(set(pin)) for pin in zip(*pins, strict=True)) == programme(module, members)


def products(dataflows: int, seed: int) -> tuple[Module, list[int]]:
    """A product of another pair of two times four inputs under every dataflow, written in any order."""
    r = random.Random(seed)
    b = Builder("m", "fu", dataflows)
    left, right = ([b.input(f"{side}{k}", BYTE) for k in range(5)] for side in "ab")
    wanted = r.sample(list(itertools.product(left, right)), dataflows)
    members = [b.op(Op.MUL, *(p[::-1] if r.random() < 0.5 else p)) for p in wanted]
    b.output("y", b.choose(members))
    return infer_widths(b.build()), members


@pytest.mark.parametrize("seed", range(5))
def test_a_unit_of_many_primitives(seed: int) -> None:
    """There are 2 ** 21 assignments, and one is as good as it can be: each input on one pin."""
    module, members = products(22, seed)
    after = shared(module)
    assert count(after, Op.MUL) == 1
    units = [alone(module, m, 1 << k) for k, m in enumerate(members)]
    whole = units[0]
    for unit in units[1:]:
        whole = joined(module, whole, unit)
    assert whole.members == tuple(members)
    for member, pins in zip(members, whole.pins, strict=True):
        assert sorted(pins) == sorted(module.nodes[member].srcs)
    assert [len(set(pin)) for pin in zip(*whole.pins, strict=True)] == [5, 5]
    assert whole.pins[0] == module.nodes[members[0]].srcs


def test_the_cost_of_a_unit() -> None:
    b = Builder("m", "fu", 2)
    x, y, z = (b.input(name, BYTE) for name in "xyz")
    b.output("y", b.choose([b.op(Op.MUL, x, y), b.op(Op.MUL, z, y)]))
    module = infer_widths(b.build())
    first, second = (i for i, n in enumerate(module.nodes) if n.op is Op.MUL)
    units = alone(module, first, 1), alone(module, second, 2)
    assert units[0].cost == 64 * COSTS.multiplier_bit
    unit = joined(module, *units)
    assert unit.pins == ((x, y), (z, y))
    assert unit.cost == 64 * COSTS.multiplier_bit + 8 * COSTS.mux_bit


def broken(node: Node) -> Node | None:
    return replace(node, srcs=(node.srcs[0], *node.srcs[:0:-1])) if node.op is Op.MUX else None


def test_a_wrong_pin_is_noticed() -> None:
    before = chain(4)
    after = shared(before)
    for at, node in enumerate(after.nodes):
        other = broken(node)
        if other is not None:
            nodes = (*after.nodes[:at], other, *after.nodes[at + 1 :])
            with pytest.raises(InternalError, match="another value"):
                check_shared(Dag((before,)), Dag((replace(after, nodes=nodes),)))


def test_usage_goes_through_the_hierarchy_and_stops_at_state() -> None:
    b = Builder("inner", "fu")
    for name in "ab":
        b.output(f"{name}_out", b.delay(b.input(name, BYTE), 1))
    b.output("c_out", b.delay(b.input("c"), 1, resets=True))
    inner = infer_widths(b.build())
    b = Builder("top", "control", 3)
    outs = b.instance(
        inner, "u", {"a": b.input("a", BYTE), "b": b.input("b", BYTE), "c": b.input("c")}
    )
    b.output("y", b.choose([outs["a_out"], outs["b_out"], b.const(0)]))
    b.output("z", b.choose([outs["c_out"], b.const(0), b.const(0)]))
    top = infer_widths(b.build())
    found = usage(Dag((inner, top)))
    inputs = {n.name: found["inner"][i] for i, n in enumerate(inner.nodes) if n.op is Op.INPUT}
    assert inputs == {"a": 0b001, "b": 0b010, "c": 0b111}
    outputs = {name: found["inner"][node] for name, node in inner.outputs}
    assert outputs == {"a_out": 0b001, "b_out": 0b010, "c_out": 0b001}
    assert set(usage_within(inner, 0b111)) == {0b111}
