"""Static timing: answers worked out by hand, random circuits against plain recursion, and OpenSTA
where it is installed."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fusion import shrunk, synthesised
from benchmarks.opensta import least_period_ps
from frontends.yaml import load_text
from lego.back.pipeline import Options
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ppa.cells import Table, WireLoad
from lego.ppa.circuit import elaborate
from lego.ppa.functions import sense_of, truth_table
from lego.ppa.levels import levels
from lego.ppa.library import read_library
from lego.ppa.sram import black_boxes
from lego.ppa.sta import analyse
from lego.ppa.synthesis import synthesise
from lego.ppa.tables import Tables
from lego.ppa.timing import clock_of
from tests.ppa.sta_reference import WIRE_FF, Reference, library_cells, made_up
from tests.ppa.test_signals import GATED

CELLS = library_cells()
ROOT = Path(__file__).resolve().parents[2]


def module(cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    ports = {"clk": {"direction": "input", "bits": [2]}, **more}
    named = {
        name: {"type": kind, "connections": {p: [n] for p, n in pins.items()}}
        for name, (kind, pins) in cells.items()
    }
    return {"modules": {"top": {"ports": ports, "cells": named, "netnames": {}}}}


def test_one_inverter_between_registers() -> None:
    """By hand: Q drives one pin of 1.5 or 2 fF, the inverter D with 1 or 1.5."""
    document = module(
        {
            "a": ("FF", {"CK": 2, "D": 3, "Q": 4}),
            "i": ("INV", {"A": 4, "Z": 3}),
        }
    )
    circuit = elaborate(document, "top", CELLS)
    found = analyse(circuit)
    q_rise, q_fall = (20 + 2 * 1.5, 8 + 1.5), (23 + 1.5 * 2, 11 + 0.5 * 2)  # delay, slew
    z_rise = q_fall[0] + 5 + 0.25 * q_fall[1] + 2 * 1, 3 + 0.25 * q_fall[1] + 1
    z_fall = q_rise[0] + 8 + 0.25 * q_rise[1] + 1.5 * 1.5, 6 + 0.25 * q_rise[1] + 0.5 * 1.5
    needs = z_rise[0] + 12 + 0.5 * z_rise[1], z_fall[0] + 9 + 0.25 * z_fall[1]
    assert found.period_ps == pytest.approx(max(needs))
    assert [(circuit.name(s.cell, s.row), s.pin, s.edge) for s in found.path] == [
        ("a", ("Q", 0), 1),
        ("i", ("Z", 0), 0),
        ("a", ("D", 0), 0),
    ]
    assert [s.arrival_ps for s in found.path] == pytest.approx([q_fall[0], z_rise[0], z_rise[0]])
    assert [s.slew_ps for s in found.path] == pytest.approx([q_fall[1], z_rise[1], z_rise[1]])


def test_a_wire_loads_its_net() -> None:
    """3 fF more on the clock, Q and the inverter's output, whose fan-outs are one."""
    document = module({"a": ("FF", {"CK": 2, "D": 3, "Q": 4}), "i": ("INV", {"A": 4, "Z": 3})})
    circuit = elaborate(document, "top", CELLS)
    free, wired = analyse(circuit), analyse(circuit, WireLoad((1, 2), (6, 7), 1, 0.5))
    assert (wired.load_ff - free.load_ff)[3:].ravel().tolist() == [3.0] * 6
    assert wired.period_ps > free.period_ps


@pytest.mark.parametrize(
    ("fanout", "length"), [(0, 0), (1, 1), (2, 3), (3, 4), (4, 5), (5, 10), (6, 15)]
)
def test_wires_are_longer_the_more_they_lead_to(fanout: int, length: float) -> None:
    assert WireLoad((1, 2, 4), (1, 3, 5), 5, 2).ff(fanout) == 2 * length


def test_half_a_period_counts_twice() -> None:
    """The second register clocks on the falling edge, behind an inverter of the clock; its output
    goes back in half a period."""
    cells = {
        "a": ("FF", {"CK": 2, "D": 6, "Q": 4}),
        "n": ("INV", {"A": 2, "Z": 5}),
        "b": ("FF", {"CK": 5, "D": 4, "Q": 6}),
    }
    found = analyse(elaborate(module(cells), "top", CELLS))
    q_rise, q_fall = (20 + 2 * 1, 8 + 1), (23 + 1.5 * 1.5, 11 + 0.5 * 1.5)
    late = [q_rise[0] + 12 + 0.5 * q_rise[1], q_fall[0] + 9 + 0.25 * q_fall[1]]
    assert found.period_ps == pytest.approx(2 * max(late))


def test_what_constants_hold_isnt_timed() -> None:
    """Through the NAND whose other input is 0 no path leads; through that of a 1 one does."""
    for other, timed in (("0", False), ("1", True)):
        cells = {
            "a": ("FF", {"CK": 2, "D": 3, "Q": 4}),
            "g": ("NAND", {"A": 4, "B": other, "Z": 3}),
        }
        circuit = elaborate(module(cells), "top", CELLS)
        if timed:
            assert len(analyse(circuit).path) == 3
        else:
            with pytest.raises(LegoError, match="no path leads") as caught:
                analyse(circuit)
            assert caught.value.code == "E803"


def test_open_pins_are_not_connected_to_each_other() -> None:
    document = module(
        {"a": ("FF", {"CK": 2, "D": 3, "Q": 4}), "b": ("FF", {"CK": 2, "D": 5, "Q": 3})}
    )
    circuit = elaborate(document, "top", CELLS)
    assert len(analyse(circuit).path) == 2
    cells = document["modules"]["top"]["cells"]
    for open_output, open_input in (([], []), (["x"], ["z"])):
        cells["b"]["connections"]["Q"] = open_output
        cells["a"]["connections"]["D"] = open_input
        with pytest.raises(LegoError, match="no path leads"):
            analyse(elaborate(document, "top", CELLS))


def test_netlists_that_cannot_be_timed_are_refused() -> None:
    with pytest.raises(LegoError, match=r"E803.*STRANGE in top is neither"):
        elaborate(module({"a": ("STRANGE", {"A": 3})}), "top", CELLS)
    circuit = elaborate(module({"a": ("FF", {"CK": 2, "D": 3, "Q": 3})}), "top", CELLS)
    with pytest.raises(LegoError, match=r"E803.*no port ck"):
        analyse(circuit, clock="ck")


def test_loops_of_gates_are_cut() -> None:
    cells = {
        "a": ("FF", {"CK": 2, "D": 5, "Q": 3}),
        "g": ("NAND", {"A": 3, "B": 5, "Z": 4}),
        "h": ("NAND", {"A": 3, "B": 4, "Z": 5}),
    }
    found = analyse(elaborate(module(cells), "top", CELLS))
    assert found.loops == 1
    assert len(found.path) in (3, 4)  # which edge is cut is free


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_random_circuits_are_timed_as_by_recursion(seed: int) -> None:
    """Hierarchies with constants, gated clocks, and ports that are connected through, against the
    flattened netlist."""
    document = made_up(seed)
    expected = Reference(document)
    circuit = elaborate(document, "top", CELLS)
    assert sum(len(held.nets) for held in circuit.instances.values()) == len(expected.cells)
    period = expected.period()
    found = analyse(circuit, WireLoad((1,), (1,), 1, WIRE_FF))
    assert found.period_ps == pytest.approx(period)
    assert found.path[-1].arrival_ps <= period
    nets = {
        ((), bit): int(circuit.ports[name][k])
        for name, port in document["modules"]["top"]["ports"].items()
        for k, bit in enumerate(port["bits"])
        if not isinstance(bit, str)
    }
    for raw, net in nets.items():
        own = expected._net(raw)
        if not isinstance(own, str):
            for k, edge in enumerate(("rise", "fall")):
                assert found.load_ff[net, k] == pytest.approx(expected.load(own, edge))
                assert found.slew_ps[net, k] == pytest.approx(expected.slew(own, edge))


def naive(table: Table, slew: float, load: float) -> float:
    xs, ys = table.points
    i = min(max(bisect_right(xs, slew) - 1, 0), len(xs) - 2)
    j = min(max(bisect_right(ys, load) - 1, 0), len(ys) - 2)
    u = (slew - xs[i]) / (xs[i + 1] - xs[i])
    v = (load - ys[j]) / (ys[j + 1] - ys[j])
    at = [[table.values[(i + a) * len(ys) + j + b] for b in (0, 1)] for a in (0, 1)]
    rows = [row[0] * (1 - v) + row[1] * v for row in at]
    return rows[0] * (1 - u) + rows[1] * u


AXES = ("input_net_transition", "total_output_net_capacitance")


@given(st.integers(0, 2**32))
def test_tables_are_looked_up_as_one_by_one(seed: int) -> None:
    """Of several sizes at once, between, on and outside their points, the axes in either order or missing."""
    random = Random(seed)
    tables, expected, points = [], [], []
    for _ in range(5):
        xs, ys = (tuple(sorted(random.sample(range(20), random.randint(2, 5)))) for _ in range(2))
        values = tuple(random.uniform(-9, 9) for _ in range(len(xs) * len(ys)))
        whole = Table(AXES, (xs, ys), values)
        at = random.choice([random.uniform(-5, 25), random.choice(xs)]), random.uniform(-5, 25)
        turned = tuple(values[i * len(ys) + j] for j in range(len(ys)) for i in range(len(xs)))
        alone = Table(AXES[:1], (xs,), values[: len(xs)])
        flat = Table(AXES, (xs, (0, 1)), tuple(v for v in alone.values for _ in (0, 1)))
        tables += [whole, Table(AXES[::-1], (ys, xs), turned), alone, Table((), (), values[:1])]
        expected += [naive(whole, *at)] * 2 + [naive(flat, *at), values[0]]
        points += [at] * 4
    slews, loads = np.array(points).T
    found = Tables(tables).at(np.arange(len(tables)), slews, loads)
    assert found == pytest.approx(np.array(expected))


def test_tables_over_what_isnt_known_are_refused() -> None:
    with pytest.raises(LegoError, match="tables over voltage aren't understood"):
        Tables([Table(("voltage",), ((0, 1),), (0, 1))])


@given(st.integers(0, 2**32))
def test_levels_are_longest_ways(seed: int) -> None:
    """In random graphs: what is left after the cut has no loop, and nothing is cut where there is none."""
    random = Random(seed)
    n = random.randint(1, 9)
    edges = {(random.randrange(n), random.randrange(n)) for _ in range(random.randint(0, 14))}
    if random.random() < 0.5:
        edges = {(a, b) for a, b in edges if a < b}
    begin, end = (np.array([e[k] for e in sorted(edges)], dtype=np.int32) for k in (0, 1))
    level, cut = levels(n, begin, end)
    left = edges - {(int(code) // n, int(code) % n) for code in cut}
    for vertex in range(n):
        assert level[vertex] == max((level[a] + 1 for a, b in left if b == vertex), default=0)
    if all(a < b for a, b in edges):
        assert left == edges


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("A", [0, 1, 0, 1]),
        ("!A B'", [0, 0, 0, 0]),
        ("A ^ B * !(A & B)", [0, 1, 1, 0]),
        ("A + B C", None),
        ("(A+B", None),
        ("1", [1, 1, 1, 1]),
        ("!(A | B) ^ 0", [1, 0, 0, 0]),
        ("A''", [0, 1, 0, 1]),
        ("IQ", None),
        ("", None),
    ],
)
def test_functions_of_liberty_files(text: str, rows: list[int] | None) -> None:
    expected = None if rows is None else sum(bit << row for row, bit in enumerate(rows))
    if text == "!A B'":
        expected = 1
    assert truth_table(text, ("A", "B")) == expected


def test_functions_follow_their_inputs() -> None:
    table = truth_table("!A * B + C ^ D", inputs := ("A", "B", "C", "D", "E"))
    assert table is not None
    senses = [sense_of(table, k, len(inputs)) for k in range(len(inputs))]
    assert senses == ["negative_unate", "positive_unate", "non_unate", "non_unate", ""]


NEEDS_STA = pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA isn't installed")


@NEEDS_STA
def test_opensta_agrees_on_a_clock_gate(tmp_path: Path) -> None:
    """Within 2 %: a multiplier whose product opens the gate of other registers."""
    (tmp_path / "in.v").write_text(GATED)
    library = read_library(None)
    netlist = synthesise(tmp_path / "in.v", "top", [], library, tmp_path, flat=False)
    theirs = least_period_ps(netlist, library, [], tmp_path)
    assert clock_of(netlist, library, []).analysis.period_ps == pytest.approx(theirs, rel=0.02)


@NEEDS_STA
def test_opensta_agrees_on_a_fused_design(tmp_path: Path) -> None:
    """Within 2 %: 2x2 FUs with SRAMs and clock gates; benchmarks/timing.py has larger designs."""
    text = (ROOT / "tests" / "workloads" / "fused_gemm_sys.yaml").read_text()
    (design,) = designs_of(shrunk(load_text(text), 2))
    netlist, device = synthesised(design, Options(), tmp_path)
    library = read_library(None)
    theirs = least_period_ps(netlist, library, black_boxes(device), tmp_path)
    ours = clock_of(netlist, library, black_boxes(device))
    assert ours.analysis.period_ps == pytest.approx(theirs, rel=0.02)
