"""Broadcast rewiring: small nets, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_text, load_workload
from lego.back.backend import lower
from lego.back.passes.broadcast import rewire_broadcasts
from lego.back.passes.checks.broadcast_check import check_rewired
from lego.back.pipeline import PASSES, Options
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op
from lego.ir.fused import FusedAdg

ROOT = Path(__file__).resolve().parents[3] / "tests" / "workloads"
NAMES = [
    "gemm_ws_sys",
    "conv_oh_ow_bro",
    "fused_gemm_sys",
    "fused_mixed",
    "double_mixed",
    "fifo_fused",
    "wide_mixed",
]


def design(name: str) -> FusedAdg:
    (fused,) = designs_of(load_workload(ROOT / f"{name}.yaml"))
    return fused


def unwired(fused: FusedAdg) -> Dag:
    names = tuple(each.name for each in PASSES if each.name != "broadcast")
    return lower(fused, Options(passes=names)).dag


def wired(fused: FusedAdg, fanout: int) -> Dag:
    return lower(fused, Options(fanout=fanout)).dag


def largest_net(dag: Dag, module: Module) -> int:
    """Most pins behind one register of a module that exists once, counted by walking down."""
    most = 0
    for i, node in enumerate(module.nodes):
        if node.op is Op.DELAY:
            most = max(most, pins(dag, module, i))
    return most


def pins(dag: Dag, module: Module, source: int) -> int:
    """A wrap is nothing but wires."""
    total = 0
    for i, node in enumerate(module.nodes):
        for place, src in enumerate(node.srcs):
            if src != source or node.op is Op.CHECK:
                continue
            child = dag.module(node.text) if node.op is Op.INSTANCE else None
            if child is not None and any(n.op is Op.INSTANCE for n in child.nodes):
                name = node.ports[place]
                inputs = (
                    k for k, n in enumerate(child.nodes) if n.op is Op.INPUT and n.name == name
                )
                (port,) = inputs
                total += pins(dag, child, port)
            elif node.op is Op.WRAP:
                total += pins(dag, module, i)
            else:
                total += 1
    for name, node_id in module.outputs:
        if node_id == source:
            for parent in dag.modules:
                for k, node in enumerate(parent.nodes):
                    mine = node.op is Op.PORT and node.text == name
                    if mine and parent.nodes[node.srcs[0]].text == module.name:
                        total += pins(dag, parent, k)
    return total


@pytest.mark.parametrize("name", NAMES)
def test_registers_drive_few_pins(name: str) -> None:
    fused = design(name)
    before, after = unwired(fused), wired(fused, 4)
    parts = ["control", "array", *(f"memory_{buffer.name}" for buffer in fused.buffers())]
    tops = [f"{fused.name}_{part}" for part in parts]
    assert any(largest_net(before, before.module(top)) > 4 for top in tops)
    for top in tops:
        assert largest_net(after, after.module(top)) <= 4


def test_a_small_design_stays_as_it_is() -> None:
    dag = unwired(design("gemm_ws_sys"))
    assert rewire_broadcasts(dag, 10_000) == dag


@pytest.mark.parametrize("name", NAMES)
def test_without_the_copies_it_is_the_same_design(name: str) -> None:
    fused = design(name)
    before, after = unwired(fused), wired(fused, 4)
    assert before != after
    check_rewired(before, after)


def test_a_copy_of_another_register_is_noticed() -> None:
    fused = design("gemm_ws_sys")
    before, after = unwired(fused), wired(fused, 4)
    modules = list(after.modules)
    at = next(k for k, m in enumerate(modules) if m.name.endswith("_control"))
    nodes = list(modules[at].nodes)
    i = next(k for k, n in enumerate(nodes) if n.op is Op.INSTANCE and "_copy" in n.text)
    nodes[i] = replace(nodes[i], srcs=(0,))
    modules[at] = replace(modules[at], nodes=tuple(nodes))
    with pytest.raises(InternalError):
        check_rewired(before, Dag(tuple(modules)))


def test_copies_are_known_whatever_the_design_is_called() -> None:
    text = (ROOT / "gemm_ws_sys.yaml").read_text().replace("gemm_ws_sys", "my_copy_copy0")
    (fused,) = designs_of(load_text(text))
    before, after = unwired(fused), wired(fused, 4)
    check_rewired(before, after)
    k = next(k for k, m in enumerate(after.modules) if any(n.op is Op.MUX for n in m.nodes))
    nodes = after.modules[k].nodes
    i = next(i for i, n in enumerate(nodes) if n.op is Op.MUX)
    other = nodes[i].reading((nodes[i].srcs[0], *nodes[i].srcs[:0:-1]))
    wrong = replace(after.modules[k], nodes=(*nodes[:i], other, *nodes[i + 1 :]))
    with pytest.raises(InternalError):
        check_rewired(before, Dag((*after.modules[:k], wrong, *after.modules[k + 1 :])))


def no_register(module: Module, at: int) -> Module:
    wire = replace(module.nodes[at], op=Op.WIRE, value=0)
    return replace(module, nodes=(*module.nodes[:at], wire, *module.nodes[at + 1 :]))


def inverted(module: Module, at: int) -> Module:
    nodes = (*module.nodes, Node(Op.NOT, (at,), 0, 1))
    return replace(module, nodes=nodes, outputs=(("q", len(module.nodes)),))


def not_its_port(module: Module, at: int) -> Module:
    nodes = (Node(Op.CONST, (), 0, 0), *module.nodes[1:])
    return replace(module, nodes=nodes)


@pytest.mark.parametrize("fault", [no_register, inverted, not_its_port])
def test_a_copy_that_does_something_else_is_noticed(fault: Callable[[Module, int], Module]) -> None:
    fused = design("gemm_ws_sys")
    before, after = unwired(fused), wired(fused, 4)
    k = next(k for k, m in enumerate(after.modules) if "_copy" in m.name)
    at = next(i for i, n in enumerate(after.modules[k].nodes) if n.op is Op.DELAY)
    broken = fault(after.modules[k], at)
    with pytest.raises(InternalError):
        check_rewired(before, Dag((*after.modules[:k], broken, *after.modules[k + 1 :])))


def test_the_ports_of_a_ram_are_given() -> None:
    """A memory of one bank, whose word goes to many pins: the RAM stands for a macro."""
    path = Path(__file__).resolve().parents[2] / "workloads" / "fused_mixed.yaml"
    (fused,) = designs_of(load_workload(path))
    for fanout in (2, 4, 16):
        dag = lower(fused, Options(fanout=fanout, verify=True)).dag
        rams = [m for m in dag.modules if any(node.op is Op.MEMORY for node in m.nodes)]
        assert {name for ram in rams for name, _ in ram.outputs} == {"rdata"}
