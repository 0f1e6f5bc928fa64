"""Conversion by Amaranth: with its own functions and with faster ones, here and in a second process."""

from __future__ import annotations

import gc
import os

import amaranth
import pytest
from amaranth.hdl import CombinationalCycle

from frontends.yaml import load_text
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.back.rtl import rtlil
from lego.back.rtl.amaranth import quick, wide
from lego.back.rtl.amaranth.convert import convert
from lego.back.rtl.amaranth.loops import may_loop
from lego.back.rtl.job import read_job, write_job
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op
from tests.designs import ROOT


def graphs(name: str, level: int = 2) -> list[Dag]:
    workload = load_text((ROOT / "tests" / "workloads" / f"{name}.yaml").read_text())
    return [lower(design, Options(level=level)).dag for design in designs_of(workload)]


def texts(dag: Dag) -> list[str]:
    needs = rtlil._needs(dag)
    return [convert(module, needs, module is dag.top) for module in dag.modules]


def ring(op: Op) -> Module:
    """One bit that is the opposite of itself, through a node of this kind."""
    around = Node(op, (1,), 0, 1, name="around")
    return Module("ring", "control", (around, Node(Op.NOT, (0,), 0, 1)), (("q", 0),))


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize(
    "name", ["fused_mixed", "fifo_fused", "double_mixed", "min_distance_small", "polynomial_small"]
)
def test_faster_functions_give_amaranths_own_text(
    name: str, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dag in graphs(name, level):
        fast = texts(dag)
        with monkeypatch.context() as patch:
            patch.setattr(quick, "KNOWN", ())
            assert texts(dag) == fast


def test_the_same_for_modules_with_very_many_port_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "BITS", 200)
    (dag,) = graphs("fused_mixed")
    fast = texts(dag)
    monkeypatch.setattr(quick, "KNOWN", ())
    assert texts(dag) == fast


def test_nothing_of_a_netlist_is_left_in_cycles() -> None:
    """Python looks for garbage so rarely that it would all stay."""
    (dag,) = graphs("fused_mixed")
    needs = rtlil._needs(dag)
    largest = max(dag.modules, key=lambda module: len(module.nodes))
    convert(largest, needs, top=False)
    gc.collect()
    gc.disable()
    try:
        convert(largest, needs, top=False)
        assert gc.collect() < len(largest.nodes)
    finally:
        gc.enable()


def test_this_version_of_amaranth_is_known() -> None:
    assert amaranth.__version__ in quick.KNOWN


def test_everything_is_put_back() -> None:
    before = {key: vars(key[0])[key[1]] for key in quick._QUICK}
    with pytest.raises(RuntimeError), quick.quick():
        assert all(vars(owner)[name] is not before[owner, name] for owner, name in before)
        raise RuntimeError
    assert all(vars(owner)[name] is before[owner, name] for owner, name in before)


def test_a_combinational_loop_is_found() -> None:
    assert may_loop(ring(Op.WIRE))
    with pytest.raises(CombinationalCycle):
        texts(Dag((ring(Op.WIRE),)))


def test_a_loop_through_a_register_is_none() -> None:
    assert not may_loop(ring(Op.DELAY))
    (text,) = texts(Dag((ring(Op.DELAY),)))
    assert "cell $dff" in text


def test_a_cell_with_too_many_bits_is_refused() -> None:
    many = Node(Op.INPUT, (), 0, (1 << 40000) - 1, name="a")
    square = Node(Op.MUL, (0, 0), 0, (1 << 80000) - 1)
    low = Node(Op.SLICE, (1,), 0, 1, value=3, extent=1)
    with pytest.raises(InternalError, match="80000 bits"):
        texts(Dag((Module("square", "control", (many, square, low), (("q", 2),)),)))


def test_a_job_says_all_about_the_modules() -> None:
    for name in ("fused_mixed", "fifo_fused", "polynomial_small"):
        for dag in graphs(name):
            needs = rtlil._needs(dag)
            modules, found, top = read_job(write_job(dag.modules, needs, dag.top.name))
            assert (tuple(modules), found, top) == (dag.modules, needs, dag.top.name)


def test_a_second_process_gets_less_as_it_has_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    byte = Node(Op.INPUT, (), 0, 255, name="a")
    dag = Dag(tuple(Module(f"m{k}", "control", (byte,), (("q", 0),)) for k in range(10)))
    monkeypatch.setattr(rtlil, "LARGE", 0)
    monkeypatch.setattr(rtlil, "START", 4)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert [len(share) for share in rtlil._shares(dag)] == [7, 3]
    monkeypatch.setattr(rtlil, "START", 20)
    assert rtlil._shares(dag) == (list(range(10)), [])
