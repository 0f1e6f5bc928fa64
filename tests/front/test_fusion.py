"""Fusion: the exact programme against brute force, the heuristic and naive fusion beside it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from frontends.yaml import load_text, load_workload
from lego.designs import adgs_of, designs_of
from lego.diag import LegoError
from lego.explain import explain
from lego.front.banking import Nodes, prove_conflict_free, shared_banks
from lego.front.binding import plans_at
from lego.front.candidates import Port, port_of
from lego.front.choice import cost_of, exact, heuristic
from lego.front.reuse import Forms
from lego.ir.adg import Adg
from lego.ir.fused import Method
from tests.property.generator import fused_sample

ROOT = Path(__file__).resolve().parents[2] / "workloads"
FUSED = ("gemm_multi", "conv_mnicoc", "attention", "mttkrp_gemm")
MOST = 20_000


def ports_of(adgs: list[Adg]) -> list[Port]:
    binding = tuple(tuple(range(len(adg.inputs))) for adg in adgs)
    axes = zip(*(adg.dataflow.sizes for adg in adgs), strict=True)
    fus = list(itertools.product(*(range(max(sizes)) for sizes in axes)))
    found = []
    for number in range(max(len(adg.inputs) for adg in adgs)):
        plans = plans_at(adgs, binding, number)
        pairs = [None if p is None else (a, p) for a, p in zip(adgs, plans, strict=True)]
        found.append(port_of(fus, pairs, 8))
    return found


def brute_force(port: Port) -> int | None:
    """Cost of the best of all choices, if they aren't too many."""
    cells = {
        (r, k): options
        for r, region in enumerate(port.regions)
        for k, options in enumerate(region.options)
        if options
    }
    total = 1
    for options in cells.values():
        total *= len(options)
    if total > MOST:
        return None
    return min(
        cost_of(port, dict(zip(cells, choice, strict=True)))
        for choice in itertools.product(*cells.values())
    )


def test_the_exact_programme_finds_what_brute_force_finds() -> None:
    compared = improved = 0
    for seed in range(120):
        try:
            adgs = adgs_of(load_text(fused_sample(seed).text))
        except LegoError:
            continue
        for port in ports_of(adgs):
            best, found = brute_force(port), exact(port)
            assert found is not None
            assert found.optimal
            assert cost_of(port, found.options) == found.cost
            guess = heuristic(port)
            assert found.cost <= guess.cost
            improved += found.cost < guess.cost
            if best is not None:
                compared += 1
                assert found.cost == best
    assert compared > 100
    assert improved > 0


@pytest.mark.parametrize("name", FUSED)
def test_exact_is_at_most_the_heuristic_which_beats_naive(name: str) -> None:
    workload = load_workload(ROOT / f"{name}.yaml")
    costs = {}
    for method in Method:
        (design,) = designs_of(workload, method)
        costs[method] = design.fusion.cost
    assert costs[Method.EXACT] <= costs[Method.HEURISTIC] < costs[Method.NAIVE]
    (design,) = designs_of(workload)
    assert design.fusion.optimal


@pytest.mark.parametrize("name", FUSED)
def test_regions_depend_on_the_dataflows_and_not_on_the_array(name: str) -> None:
    adgs = adgs_of(load_workload(ROOT / f"{name}.yaml"))
    assert all(len(port.regions) <= 16 for port in ports_of(adgs))


def nodes(time: tuple[tuple[int, ...], ...], points: list[tuple[int, ...]]) -> Nodes:
    """Nodes at these elements: one axis per dimension."""
    rank = len(points[0])
    unit = tuple(tuple(int(i == j) for i in range(rank)) for j in range(rank))
    return Nodes(Forms(time, unit, (0,) * rank), tuple(points))


def test_rows_and_columns_share_as_many_banks_as_either_needs() -> None:
    """Reading 8 rows at once, or 8 columns at once: skewed storage, 8 banks and not 64."""
    rows = nodes(((8, 0), (0, 1)), [(k, 0) for k in range(8)])
    columns = nodes(((1, 0), (0, 8)), [(0, k) for k in range(8)])
    first, second = shared_banks([rows, columns])
    assert first.n_banks == second.n_banks == 8
    assert any(any(skew) for skew in first.skews)


def test_even_offsets_need_half_the_banks() -> None:
    (banking,) = shared_banks([nodes(((1,),), [(0,), (2,), (4,), (6,)])])
    assert (banking.counts, banking.gcds) == ((4,), (2,))


def test_a_diagonal_needs_no_box() -> None:
    (banking,) = shared_banks([nodes(((0,), (0,)), [(k, k) for k in range(5)])])
    assert banking.n_banks == 5


def test_a_conflict_is_seen() -> None:
    from lego.diag import InternalError

    with pytest.raises(InternalError, match="bank conflict"):
        prove_conflict_free((2,), [(0,), (2,)])


def test_a_stopped_programme_leaves_the_heuristic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lego.front.choice.NODE_LIMIT", 0)
    workload = load_workload(ROOT.parent / "tests" / "workloads" / "fused_one_node.yaml")
    (design,) = designs_of(workload)
    (guess,) = designs_of(workload, Method.HEURISTIC)
    assert [layer.adg for layer in design.layers] == [layer.adg for layer in guess.layers]
    assert not design.fusion.optimal
    assert "above the least" in explain(workload)


def test_with_too_many_bindings_nothing_is_called_least(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = load_workload(ROOT / "mttkrp_gemm.yaml")
    (best,) = designs_of(workload)
    monkeypatch.setattr("lego.front.binding.MAX_BINDINGS", 1)
    (design,) = designs_of(workload)
    assert design.fusion.cost == best.fusion.cost
    assert design.fusion.bound == 0
    assert "no bound known" in explain(workload)


def test_one_source_of_two_broadcasts_is_one_input() -> None:
    """Broadcasts of different reach from the same FU."""
    text = (
        "name: s\noperations:\n  - name: mm\n    loops: {m: 8, n: 8, k: 8}\n"
        '    statement: "Y[m,n] += X[m,k] * W[k,n]"\n    formats: {X: int8, W: int8, Y: int32}\n'
        "    dataflows:\n"
        "      - {name: a, spatial: {m: 4, n: 4}, control: broadcast}\n"
        "      - {name: b, spatial: {m: 4, n: 2}, control: broadcast}\n"
    )
    for port in ports_of(adgs_of(load_text(text))):
        best = exact(port)
        assert best is not None
        assert best.cost == 0


def test_the_explanation_tells_ports_and_gap() -> None:
    text = explain(load_workload(ROOT / "attention.yaml"))
    assert "4 dataflows in one array of 16x16 FUs" in text
    assert "proved least" in text
    assert "sources per FU: 16 FUs with 1, 240 FUs with 2" in text
    assert "16 banks, as many as act at once" in text
