"""The checker of the bus says nothing of what the masters do, and something of everything else."""

from __future__ import annotations

import random
from functools import cache

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.axi.checker import build_axi_checker
from lego.ir.dag import Module, Op
from tests.back.quick import Quick
from tests.back.system.axi.traffic import CLIENTS, MOST, Change, Trace, broken, clean, with_stalls

BOUND = "no more bursts are under way than may be"


@cache
def checker(outstanding: int = 4) -> Module:
    return build_axi_checker("test", clients=CLIENTS, outstanding=outstanding, burst=MOST)


@cache
def observed(module: Module) -> tuple[Module, tuple[str, ...]]:
    """The module with each assertion as an output, and what these assert."""
    b = Builder.of(module, 1)
    checks = [node for node in module.nodes if node.op is Op.CHECK]
    b.nodes = [
        node if node.op is not Op.CHECK else node.__class__(Op.CONST, low=0, high=0)
        for node in module.nodes
    ]
    for k, node in enumerate(checks):
        condition, when = node.srcs
        b.output(f"check{k}", b.any([condition, b.invert(when)]))
    return infer_widths(b.build()), tuple(node.origin for node in checks)


def failed(trace: Trace, outstanding: int = 4) -> set[str]:
    """Which assertions fail in the first cycle in which any does, or in the one after it."""
    module, rules = observed(checker(outstanding))
    machine, found, left = Quick(module), set[str](), 2
    for row in trace:
        out = machine.cycle(row)
        found |= {rule for k, rule in enumerate(rules) if not out[f"check{k}"]}
        left -= bool(found)
        if not left:
            break
    return found


@pytest.mark.parametrize("order", ["any", "address first", "data first"])
@pytest.mark.parametrize("seed", range(3))
def test_clean_traffic_passes(seed: int, order: str) -> None:
    trace = with_stalls(list(clean(seed, order)), random.Random(seed))
    machine = Quick(checker())
    for row in trace:
        machine.cycle(row)
    for channel in ("ar", "r", "aw", "w", "b"):
        taken = [row for row in trace if row[f"m_axi_{channel}valid"]]
        assert len(taken) > 15, channel


CASES = list(broken())


@pytest.mark.parametrize(
    ("rule", "change"), CASES, ids=[f"{k} {c[0]}" for k, c in enumerate(CASES)]
)
def test_each_broken_rule_is_noticed(rule: str, change: Change) -> None:
    r = random.Random(7)
    trace = change(with_stalls(list(clean(0, "data first")), r), r)
    assert rule in failed(trace)
    machine = Quick(checker())
    with pytest.raises(AssertionError, match="test_axi_checker"):
        for row in trace:
            machine.cycle(row)


def test_too_many_bursts() -> None:
    for channel in ("ar", "aw"):
        others = {"ar": ("aw", "w", "b"), "aw": ("ar", "r")}[channel]
        quiet = {f"m_axi_{other}valid": 0 for other in others}
        trace = [row | quiet for row in clean(0)]
        assert failed(trace) == set()
        assert f"{channel}: {BOUND}" in failed(trace, 2)


def test_all_rules_are_broken_by_some_traffic() -> None:
    """But for assertions about the checker's own queues, which have no text."""
    rules = {node.origin for node in checker().nodes if node.op is Op.CHECK}
    bounds = {f"{channel}: {BOUND}" for channel in ("ar", "aw")}
    assert rules - {""} == {rule for rule, _ in CASES} | bounds
    assert len(rules) > 50
