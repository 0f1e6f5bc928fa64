"""Broadcast rewiring: small nets, and nothing else changed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego.back.lower_top import lower
from lego.back.passes.broadcast import rewire_broadcasts
from lego.flow import designs_of
from lego.ir.dag import Dag, Module, Node, Op
from lego.ir.fused import FusedAdg

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"
NAMES = ["gemm_ws_sys", "conv_oh_ow_bro", "fused_gemm_sys", "double_mixed", "fifo_fused"]


def design(name: str) -> FusedAdg:
    (fused,) = designs_of(load_workload(ROOT / f"{name}.yaml"))
    return fused


def largest_net(dag: Dag, module: Module) -> int:
    """Most pins behind one register of a module that exists once, counted by walking down."""
    most = 0
    for i, node in enumerate(module.nodes):
        if node.op is Op.DELAY:
            most = max(most, pins(dag, module, i))
    return most


def pins(dag: Dag, module: Module, source: int) -> int:
    total = 0
    for node in module.nodes:
        for place, src in enumerate(node.srcs):
            if src != source or node.op is Op.CHECK:
                continue
            child = dag.module(node.text) if node.op is Op.INSTANCE else None
            if child is not None and any(n.op is Op.INSTANCE for n in child.nodes):
                (port,) = (k for k, n in enumerate(child.nodes) if n.name == node.ports[place] and n.op is Op.INPUT)  # fmt: skip
                total += pins(dag, child, port)
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
    before, _ = lower(fused, 0)
    after, _ = lower(fused, 4)
    tops = [f"{fused.name}_{part}" for part in ("control", "array")]
    assert any(largest_net(before, before.module(top)) > 4 for top in tops)
    for top in tops:
        assert largest_net(after, after.module(top)) <= 4


def test_a_small_design_stays_as_it_is() -> None:
    dag, _ = lower(design("gemm_ws_sys"), 0)
    assert rewire_broadcasts(dag, 10_000) == dag


class Merged:
    """Every node of a design named by what it computes, copies and split ports by their originals.

    Two designs with equal `summary` have the same registers and logic, wired alike: state with a
    loop (REG, WIRE) is named by its order, which the pass keeps, and everything else by its sources.
    """

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self.names: dict[object, int] = {}

    def summary(self) -> list[object]:
        return [self.module(m) for m in self.dag.modules if "_copy" not in m.name]

    def named(self, key: object) -> int:
        return self.names.setdefault(key, len(self.names))

    def module(self, module: Module) -> object:
        keys: list[object] = []
        loops: list[Node] = []
        for node in module.nodes:
            keys.append(self.named(self.key(module, node, keys, loops)))
        ends = [tuple(keys[s] for s in node.srcs) for node in loops]
        outputs: dict[str, object] = {}
        for name, node_id in module.outputs:
            base = re.sub(r"_part\d+$", "", name)
            assert outputs.setdefault(base, keys[node_id]) == keys[node_id]
        wires = {k for k, n in zip(keys, module.nodes, strict=True) if n.op is Op.INSTANCE and not self.copies(n)}  # fmt: skip
        return module.name, sorted(map(str, set(keys))), ends, sorted(outputs.items()), len(wires)

    def copies(self, node: Node) -> bool:
        return node.op is Op.INSTANCE and "_copy" in node.text

    def key(self, module: Module, node: Node, keys: list[object], loops: list[Node]) -> object:
        known = replace(node, name="", srcs=(), ports=(), text="")
        if node.op in (Op.REG, Op.WIRE):
            loops.append(node)
            return known, len(loops)
        if node.op is Op.INPUT:
            return known, re.sub(r"_part\d+$", "", node.name)
        if self.copies(node):  # a module that holds one register
            held = self.dag.module(node.text)
            (register,) = (n for n in held.nodes if n.op is Op.DELAY)
            assert len(held.nodes) == 2
            return replace(register, name="", srcs=()), (keys[node.srcs[0]],), ""
        if node.op is Op.PORT:
            holder = module.nodes[node.srcs[0]]
            if self.copies(holder):
                return self.copy_key(holder, keys, node)
            return known, keys[node.srcs[0]], re.sub(r"_part\d+$", "", node.text)
        if node.op is Op.INSTANCE:
            ports: dict[str, object] = {}
            for port, source in zip(node.ports, node.srcs, strict=True):
                base = re.sub(r"_part\d+$", "", port)
                assert ports.setdefault(base, keys[source]) == keys[source]
            return node.text, node.name, tuple(sorted(ports.items()))
        return known, tuple(keys[s] for s in node.srcs), ""

    def copy_key(self, holder: Node, keys: list[object], port: Node) -> object:
        held = self.dag.module(holder.text)
        (register,) = (n for n in held.nodes if n.op is Op.DELAY)
        assert register.range == port.range
        return replace(register, name="", srcs=()), (keys[holder.srcs[0]],), ""


@pytest.mark.parametrize("name", NAMES)
def test_without_the_copies_it_is_the_same_design(name: str) -> None:
    fused = design(name)
    before, after = (lower(fused, fanout)[0] for fanout in (0, 4))
    assert before != after
    table = Merged(before)
    first = table.summary()
    table.dag = after
    assert table.summary() == first


def test_a_copy_of_another_register_is_noticed() -> None:
    fused = design("gemm_ws_sys")
    before, after = (lower(fused, fanout)[0] for fanout in (0, 4))
    table = Merged(before)
    first = table.summary()
    modules = list(after.modules)
    at = next(k for k, m in enumerate(modules) if m.name.endswith("_control"))
    nodes = list(modules[at].nodes)
    i = next(k for k, n in enumerate(nodes) if n.op is Op.INSTANCE and "_copy" in n.text)
    nodes[i] = replace(nodes[i], srcs=(0,))
    modules[at] = replace(modules[at], nodes=tuple(nodes))
    table.dag = Dag(tuple(modules))
    with pytest.raises(AssertionError):
        assert table.summary() == first
