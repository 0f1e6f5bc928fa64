"""ADGs: the arborescence, banks, round trip, and refusals."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx
import pytest

from frontends.yaml import load_text, load_workload
from lego.designs import adgs_of
from lego.diag import LegoError
from lego.explain import draw
from lego.ir.adg import Adg, InputPlan, OutputPlan
from tests.property.generator import sample

MEMORY = 1600  # more than any chain of links
ROOT = Path(__file__).resolve().parents[2]
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))


def adgs(path: Path) -> list[Adg]:
    return adgs_of(load_workload(path))


def element(
    plan: InputPlan | OutputPlan, t: tuple[int, ...], s: tuple[int, ...]
) -> tuple[int, ...]:
    return tuple(
        sum(a * x for a, x in zip(rt, t, strict=True))
        + sum(a * x for a, x in zip(rs, s, strict=True))
        + f
        for rt, rs, f in zip(plan.time, plan.space, plan.offset, strict=True)
    )


def bank(plan: InputPlan | OutputPlan, d: tuple[int, ...]) -> tuple[int, ...]:
    b = plan.banking
    return tuple(x % n for x, n in zip(b.digits(d), b.counts, strict=True))


@pytest.mark.parametrize("path", SMALL, ids=lambda p: p.stem)
def test_links_are_a_minimum_spanning_arborescence(path: Path) -> None:
    """Against networkx' Edmonds on all pairs of FUs that share an element at one timestamp."""
    for adg in adgs(path):
        fus = list(adg.dataflow.fus())
        for plan in adg.inputs:
            graph = networkx.DiGraph()
            for s in fus:
                graph.add_edge("memory", s, weight=MEMORY)
            for a, b in itertools.permutations(fus, 2):
                delay = adg.dataflow.skew(b) - adg.dataflow.skew(a)
                zero = (0,) * len(adg.dataflow.temporal)
                if delay >= 0 and element(plan, zero, a) == element(plan, zero, b):
                    graph.add_edge(a, b, weight=delay)
            best = networkx.minimum_spanning_arborescence(graph).size(weight="weight")
            ours = sum(MEMORY if x.link is None else x.delay for x in plan.sources)
            assert ours == best


@pytest.mark.parametrize("path", SMALL, ids=lambda p: p.stem)
def test_no_two_data_nodes_meet_in_a_bank(path: Path) -> None:
    """Brute force over the timestamps, where the compiler has an isl proof."""
    for adg in adgs(path):
        trips = adg.dataflow.trips(adg.op)
        times = list(itertools.product(*(range(n) for n in trips)))[:300]
        for plan in adg.operands():
            nodes, used = adg.data_nodes(plan), set()
            held = len(trips) - plan.hold  # it acts once within these counters
            acting = [k for k, t in enumerate(times) if not any(t[held:])]
            for k, s in itertools.product(acting, nodes):
                used.add((k + plan.banking.phase(s), bank(plan, element(plan, times[k], s))))
            assert len(used) == len(acting) * len(nodes)
            if plan.banking.fixed:
                for s in nodes:
                    assert len({bank(plan, element(plan, t, s)) for t in times}) == 1


@pytest.mark.parametrize("seed", range(20))
def test_json_round_trip(seed: int) -> None:
    for adg in adgs_of(load_text(sample(seed).text)):
        assert Adg.from_json(adg.to_json()) == adg


def test_golden_text_of_systolic_gemm() -> None:
    (adg,) = adgs(ROOT / "workloads" / "gemm.yaml")
    assert str(adg) == (
        "adg gemm_mm : spatial m:16 n:16, temporal m/16 n/16 k, control (1, 1)\n"
        "  in  X int8 [64, 64]\n"
        "    delay link (0, 1) x240 delay 1\n"
        "    data nodes x16\n"
        "    banks [16, 1] gcd [1, 1] fixed\n"
        "  in  W int8 [64, 64]\n"
        "    delay link (1, 0) x240 delay 1\n"
        "    data nodes x16\n"
        "    banks [1, 16] gcd [1, 1] fixed\n"
        "  out Y int32 [64, 64]\n"
        "    += over levels [[1]]\n"
        "    data nodes x256, held over 1 counters\n"
        "    banks [1, 16] gcd [1, 1] fixed, in turn"
    )


def test_overlapping_assignment_is_refused() -> None:
    text = (
        "name: w\noperations:\n  - name: op\n    loops: {i: 4, j: 4}\n"
        '    statement: "Y[i+j] = X[i,j]"\n    formats: {X: int8, Y: int8}\n'
    )
    with pytest.raises(LegoError, match=r"E301.*writes an element of 'Y' more than once"):
        adgs_of(load_text(text))


def test_picture_shows_every_fu_if_asked() -> None:
    (svg,) = draw(load_workload(ROOT / "workloads" / "gemm.yaml"), every=True).values()
    assert svg.count(b"<rect") == 256
    assert svg.count(b"marker-end") == 480


def test_alike_fus_are_drawn_once() -> None:
    workload = load_workload(ROOT / "workloads" / "gemm_multi.yaml")
    (svg,) = draw(workload).values()
    assert svg.count(b"<rect") == 3 * 16
    assert svg.count(b"FUs 3 to 14 are like FU 2") == 6
    (html,) = draw(workload, form="html").values()
    assert html.count(b"<section") == 3
    (dot,) = draw(workload, "mm.ws", form="dot").values()
    assert dot.count(b"cluster_") == 1
    assert dot.count(b"->") == (4 + 12) + 16 + (12 + 4)
