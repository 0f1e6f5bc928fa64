"""One-hot selection: the same words under all selects, less area, and faults are noticed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.graph.builder import Builder
from lego.back.graph.measure import size_of
from lego.back.graph.widths import infer_widths
from lego.back.passes import onehot
from lego.back.passes.checks.onehot_check import check_onehot
from lego.back.passes.onehot import is_decoded, select_onehot
from lego.back.pipeline import PASSES, Options
from lego.back.rtl.verilog import to_verilog
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.checks.check import check
from lego.ir.dag import Dag, Module, Node, Op, index_bits
from sim.proof import unproven

ROOT = Path(__file__).resolve().parents[3]
BYTE = (-128, 127)
WORD = (0, (1 << 32) - 1)
SPANS = ((-128, 127), (0, 200), (-3, 3), (0, 0), (0, 1))


def dag_of(b: Builder) -> Dag:
    return Dag((infer_widths(b.build()),))


def random_trees(seed: int) -> Dag:
    """Multiplexers of a few words by a few selects, some of them shared, read twice or given out."""
    r = random.Random(seed)
    b = Builder("m", "memory")
    selects = [b.input(f"s{k}") for k in range(r.randint(1, 5))]
    selects.append(b.all(r.choices(selects, k=2)))
    words = [b.input(f"w{k}", r.choice(SPANS)) for k in range(r.randint(2, 5))]
    words += [b.const(0), b.const(r.randint(-5, 5)), b.delay(words[0], 1)]
    for _ in range(r.randint(2, 14)):
        words.append(b.mux(r.choice(selects), *r.choices(words[-6:], k=2)))
        if r.random() < 0.1:
            words.append(b.add(*r.choices(words, k=2)))
    for k in range(r.randint(1, 3)):
        b.output(f"y{k}", words[-1 - k])
    return dag_of(b)


def one_tree(count: int, span: tuple[int, int] = BYTE) -> Dag:
    """One of so many words, by its number."""
    b = Builder("tree", "memory")
    index = b.input("index", (0, count - 1))
    words = [b.input(f"w{k}", span) for k in range(count)]
    b.output("y", b.select(index, index_bits(count), words))
    return dag_of(b)


def value_of(node: Node, args: list[int]) -> int:
    match node.op:
        case Op.MUX:
            return args[1] if args[0] else args[2]
        case Op.ONEHOT:
            taken = [word for select, word in zip(args[::2], args[1::2], strict=True) if select]
            assert len(taken) <= 1
            return taken[0] if taken else 0
        case Op.AND:
            return int(all(args))
        case Op.OR:
            return int(any(args))
        case Op.NOT:
            return 1 - args[0]
        case Op.ADD:
            return sum(args)
        case Op.DELAY:
            return args[0]  # constant inputs
        case Op.SLICE:
            return args[0] >> node.value & ((1 << node.extent) - 1)
    raise AssertionError(node)


def outputs(module: Module, given: dict[str, int]) -> dict[str, int]:
    """What the module gives for these inputs; every value is in its node's interval."""
    values: list[int] = []
    for node in module.nodes:
        if node.op is Op.INPUT:
            values.append(given[node.name])
        elif node.op is Op.CONST:
            values.append(node.value)
        else:
            values.append(value_of(node, [values[s] for s in node.srcs]))
        assert node.range[0] <= values[-1] <= node.range[1]
    return {name: values[node] for name, node in module.outputs}


@pytest.mark.parametrize("seed", range(200))
def test_random_trees_give_the_same(seed: int) -> None:
    before = random_trees(seed)
    after = select_onehot(before)
    check_onehot(before, after)
    r = random.Random(seed)
    for _ in range(100):
        inputs = (n for n in before.top.nodes if n.op is Op.INPUT)
        given = {n.name: r.choice((*n.range, r.randint(*n.range))) for n in inputs}
        assert outputs(after.top, given) == outputs(before.top, given)


def test_random_trees_are_replaced_and_proven() -> None:
    """The random ones are worth something; RTL of some is compared formally."""
    replaced = [
        seed for seed in range(200) if select_onehot(random_trees(seed)) != random_trees(seed)
    ]
    assert len(replaced) > 60
    for seed in replaced[:6]:
        before = random_trees(seed)
        assert unproven(before, select_onehot(before)) == []


@pytest.mark.parametrize("count", [3, 4, 5, 16, 100])
def test_a_wide_tree_takes_about_half(count: int) -> None:
    before = one_tree(count, WORD)
    after = select_onehot(before)
    (chosen,) = (n for n in after.top.nodes if n.op is Op.ONEHOT)
    assert len(chosen.srcs) == 2 * count
    assert size_of(after).area_um2 < size_of(before).area_um2
    assert all(n.op is not Op.MUX for n in after.top.nodes)


def test_what_does_not_pay_stays() -> None:
    for dag in (one_tree(2), one_tree(16, (0, 1))):
        assert select_onehot(dag) == dag


def test_two_leaves_keep_one_multiplexer() -> None:
    """Of four dataflows three take one word: that is one multiplexer, and zero is no leaf."""
    b = Builder("m", "memory", 4)
    p, q = b.input("p", BYTE), b.input("q", BYTE)
    b.output("x", b.choose([p, q, p, p]))
    b.output("y", b.choose([q, p, b.const(0), p]))
    after = select_onehot(dag_of(b))
    kinds = [n.op for n in after.top.nodes if n.op in (Op.MUX, Op.ONEHOT)]
    assert kinds == [Op.MUX, Op.ONEHOT]
    assert all(len(n.srcs) == 4 for n in after.top.nodes if n.op is Op.ONEHOT)


def test_too_many_selects_stay() -> None:
    """A chain of multiplexers with a select each; its check would take two to their number of steps."""
    b = Builder("m", "memory")
    word = b.const(0)
    for k in range(40):
        word = b.mux(b.input(f"s{k}"), b.input(f"w{k}", BYTE), word)
    b.output("y", word)
    dag = dag_of(b)
    assert select_onehot(dag) == dag


def test_a_narrower_multiplexer_is_a_leaf() -> None:
    """It cuts what it is given, so its sources aren't what the tree gives."""
    b = Builder("m", "memory")
    s, t = b.input("s"), b.input("t")
    words = [b.input(f"w{k}", BYTE) for k in range(4)]
    inner = b.mux(s, words[0], words[1])
    b.output("y", b.mux(t, b.mux(s, inner, words[2]), b.mux(s, words[2], words[3])))
    module = dag_of(b).top
    nodes = tuple(n.within(0, 7) if i == inner else n for i, n in enumerate(module.nodes))
    after = select_onehot(Dag((replace(module, nodes=nodes),)))
    assert any(n.op is Op.MUX and n.range == (0, 7) for n in after.top.nodes)


def test_zeros_are_alike() -> None:
    """A select that only chooses between two zeros isn't decoded, and the check doesn't ask for it."""
    zero = Node(Op.CONST, (), 0, 0)
    inputs = [
        Node(Op.INPUT, (), *span, name=name)
        for name, span in (("s", (0, 1)), ("t", (0, 1)), ("a", WORD))
    ]
    muxes = (Node(Op.MUX, (0, 3, 4), 0, 0), Node(Op.MUX, (1, 2, 5), *WORD))
    dag = Dag((Module("m", "memory", (*inputs, zero, zero, *muxes), (("y", 6),)),))
    after = select_onehot(dag)
    assert after != dag
    check_onehot(dag, after)


def test_long_chains_of_few_selects() -> None:
    b = Builder("m", "memory")
    word = b.input("w", WORD)
    for k in range(3000):
        word = b.mux(b.input(f"s{k % 2}"), b.input(f"w{k}", WORD), word)
    b.output("y", word)
    dag = dag_of(b)
    after = select_onehot(dag)
    assert after != dag
    check_onehot(dag, after)


def test_thousands_of_words_become_verilog() -> None:
    """Amaranth walks expressions by recursion."""
    after = select_onehot(one_tree(3000, (0, 255)))
    assert any(len(n.srcs) == 6000 for n in after.top.nodes)
    assert "endmodule" in to_verilog(after)


def test_a_select_of_two_bits_stays() -> None:
    b = Builder("m", "memory")
    words = [b.input(f"w{k}", WORD) for k in range(3)]
    b.output("y", b.mux(b.input("t"), b.mux(b.input("s", (0, 3)), *words[:2]), words[2]))
    dag = dag_of(b)
    assert select_onehot(dag) == dag
    with pytest.raises(InternalError, match="one bit"):
        check(dag)


def test_a_tree_that_reaches_too_far_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder("m", "memory")
    s, words = b.input("s"), [b.input(f"w{k}", BYTE) for k in range(4)]
    inner = b.mux(s, *words[:2])
    b.output("y", b.mux(b.input("t"), inner, b.mux(s, *words[2:])))
    module = dag_of(b).top
    nodes = tuple(n.within(0, 7) if i == inner else n for i, n in enumerate(module.nodes))
    dag = Dag((replace(module, nodes=nodes),))
    monkeypatch.setattr(onehot, "_fits", lambda module, r, mux: mux != module.nodes[r].srcs[0])
    with pytest.raises(InternalError, match="cuts"):
        check_onehot(dag, select_onehot(dag))


def inverted(node: Node) -> Node | None:
    swapped = {Op.AND: Op.OR, Op.OR: Op.AND}
    return replace(node, op=swapped[node.op]) if node.op in swapped and len(node.srcs) > 1 else None


def other_words(node: Node) -> Node | None:
    if node.op is not Op.ONEHOT or len(node.srcs) < 4:
        return None
    first, word, second, other, *rest = node.srcs
    return replace(node, srcs=(first, other, second, word, *rest))


def one_less(node: Node) -> Node | None:
    return (
        replace(node, srcs=node.srcs[2:]) if node.op is Op.ONEHOT and len(node.srcs) > 2 else None
    )


def twice(node: Node) -> Node | None:
    return replace(node, srcs=(*node.srcs, *node.srcs[:2])) if node.op is Op.ONEHOT else None


def same_select(node: Node) -> Node | None:
    if node.op is not Op.ONEHOT or len(node.srcs) < 4:
        return None
    return replace(node, srcs=(node.srcs[2], *node.srcs[1:]))


def turned(node: Node) -> Node | None:
    return replace(node, srcs=(node.srcs[0], *node.srcs[:0:-1])) if node.op is Op.MUX else None


def wider_gate(node: Node) -> Node | None:
    return node.within(0, 3) if is_decoded(node) else None


def neither(node: Node) -> Node | None:
    """Of a primitive with one source the others wouldn't be looked at."""
    return replace(node, op=Op.NOT) if is_decoded(node) and len(node.srcs) > 1 else None


def shipped() -> tuple[Dag, Dag]:
    """A design before and after the pass."""
    names = tuple(each.name for each in PASSES if each.name not in ("onehot", "broadcast"))
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / "fused_mixed.yaml"))
    dag = lower(fused, Options(passes=names)).dag
    return dag, select_onehot(dag)


FAULTS = (inverted, other_words, one_less, twice, same_select, turned, wider_gate, neither)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(fault: Callable[[Node], Node | None]) -> None:
    """One fault at a time, in every gate, choice and multiplexer of a design."""
    before, after = shipped()
    check_onehot(before, after)
    tried = 0
    for k, module in enumerate(after.modules):
        mine = [
            i for i, n in enumerate(module.nodes) if n.op in (Op.ONEHOT, Op.MUX) or is_decoded(n)
        ]
        for i in mine[:: max(1, len(mine) // 20)]:
            node = fault(module.nodes[i])
            if node is None or node == module.nodes[i]:
                continue
            broken = replace(module, nodes=(*module.nodes[:i], node, *module.nodes[i + 1 :]))
            with pytest.raises(InternalError):
                check_onehot(before, Dag((*after.modules[:k], broken, *after.modules[k + 1 :])))
            tried += 1
    assert tried > 5


def test_another_primitive_is_noticed() -> None:
    before, after = shipped()
    for k, module in enumerate(after.modules):
        for i, node in enumerate(module.nodes):
            if node.op is Op.ADD:
                changed = replace(node, op=Op.SUB)
                broken = replace(module, nodes=(*module.nodes[:i], changed, *module.nodes[i + 1 :]))
                with pytest.raises(InternalError):
                    check_onehot(before, Dag((*after.modules[:k], broken, *after.modules[k + 1 :])))
                break
