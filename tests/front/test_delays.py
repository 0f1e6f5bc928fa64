"""Delay reuse: exact domains, run-time delays, and what pays."""

from __future__ import annotations

import itertools
from pathlib import Path

import islpy as isl
from hypothesis import given, settings
from hypothesis import strategies as st

from frontends.yaml import load_text, load_workload
from lego.back.plan.array.fifo import segments
from lego.designs import adgs_of
from lego.front.accesses import access_counts
from lego.front.costs import bank_cost, read_cost
from lego.front.delays import covered, longest
from lego.front.reuse import Reuse, validity
from lego.ir.adg import Adg, Box, DelayReuse
from lego.ir.costs import COSTS
from lego.program import configure

ROOT = Path(__file__).resolve().parents[2]
SIDES = st.tuples(st.integers(-2, 4), st.integers(0, 6))


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[SIDES] * n), max_size=4)))
def test_the_union_of_boxes_is_counted_as_by_isl(boxes: list[Box]) -> None:
    total = isl.Set("{ [a,b,c] : false }")
    for box in boxes:
        sides = [*box, *((0, 1),) * (3 - len(box))]
        tests = [f"{low} <= {x} < {high}" for x, (low, high) in zip("abc", sides, strict=True)]
        total = total.union(isl.Set(f"{{ [a,b,c] : {' and '.join(tests)} }}"))
    assert covered(boxes) == total.count_val().to_python()


@given(st.integers(1, 4).flatmap(lambda n: st.tuples(*[st.tuples(*[st.integers(1, 5)] * n)] * 2)))
def test_domains_are_those_of_the_reuse_analysis(drawn: tuple[Box, Box]) -> None:
    trips, other = drawn
    for signs in itertools.product((1, -1), repeat=len(trips)):
        dt = tuple(s * min(n - 1, m) for s, n, m in zip(signs, trips, other, strict=True))
        exact = validity(Reuse(dt, (), 0), trips, ())
        box = DelayReuse((), dt, 0, ()).domain(trips, 0)
        if not DelayReuse((), dt, 0, ()).programmable or sum_of(dt, trips) > 0:
            assert covered([box]) == exact.count_val().to_python()
            names = ",".join(f"t{k}" for k in range(len(trips)))
            tests = " and ".join(f"{a} <= t{k} < {b}" for k, (a, b) in enumerate(box))
            assert exact.is_equal(isl.Set(f"{{ [{names}] : {tests} }}"))
        else:
            assert covered([box]) == 0


def sum_of(dt: tuple[int, ...], trips: tuple[int, ...]) -> int:
    total = 0
    for step, trip in zip(dt, trips, strict=True):
        total = total * trip + step
    return total


@settings(max_examples=1000)
@given(st.data())
def test_no_bounds_have_a_longer_delay(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 4))
    most = data.draw(st.tuples(*[st.integers(1, 6)] * n))
    dt = data.draw(st.tuples(*(st.integers(1 - m, m - 1) for m in most)))
    skew = data.draw(st.integers(-4, 12))
    reuse = longest(Reuse(dt, (), sum_of(dt, most) + skew), most, skew)
    if reuse.programmable:
        every = itertools.product(*(range(1, m + 1) for m in most))
        assert max(reuse.cycles(trips, skew) for trips in every) == reuse.delay


def conv(cost: str) -> Adg:
    text = (ROOT / "tests" / "workloads" / "fifo_conv.yaml").read_text()
    (adg,) = adgs_of(load_text(text.replace("read_cost: 60", cost)))
    return adg


def test_dear_reads_are_served_by_fifos() -> None:
    bounds = {loop.name: loop.extent for loop in conv("").op.loops}
    reads = []
    for cost in ("read_cost: 1", "read_cost: 10", "read_cost: 60", "read_cost: 500"):
        adg = conv(cost)
        shapes = {plan.name: plan.tensor.shape for plan in adg.operands()}
        reads.append(access_counts(adg, bounds, shapes)["X"])
    assert reads == sorted(reads, reverse=True)
    assert reads[0] > reads[-1]
    assert not any(each.programmable for plan in conv("").inputs for each in plan.delays)


def test_a_read_of_a_large_memory_is_dearer() -> None:
    assert 10 < read_cost(8, 64) < 13
    assert read_cost(8, 4096) > 2 * read_cost(8, 64)


def test_a_memory_that_is_too_small_for_a_macro_costs_registers() -> None:
    assert (
        2 * read_cost(8, 8) < read_cost(8, 11) * 3 < 2 * read_cost(8, 64)
    )  # SRAMs have no such slope
    assert read_cost(8, 63) == read_cost(8, 64)  # the smallest SRAM takes less area
    assert read_cost(7, 256) > 2 * read_cost(8, 256)
    assert bank_cost(8, 63) == bank_cost(8, 64) < 8 * 63 * COSTS.register_bit
    assert bank_cost(8, 11) < bank_cost(8, 64)
    assert bank_cost(7, 256) > 7 * 256 * COSTS.register_bit > bank_cost(8, 256)


def test_fifos_follow_the_bounds() -> None:
    adg = conv("read_cost: 60")
    (number,) = (k for k, each in enumerate(adg.inputs[1].delays) if each.programmable)
    name = f"W_delay{number}"
    kernel = 9
    depths = {}
    for kh, kw in itertools.product((1, 2, 3), repeat=2):
        mask = configure(adg, {"kh": kh, "kw": kw}).registers[name]
        parts = segments(kernel, kernel)
        depths[kh, kw] = sum(p for k, p in enumerate(parts) if mask >> k & 1)
    drained = 4  # cycles until all results of a pass are written: a shorter pass waits
    assert depths == {(kh, kw): max(kh * kw, drained) for kh, kw in depths}
    assert configure(adg, {"oh": 1}).registers[name] == 0  # nothing was used before


def test_direct_sources_precede() -> None:
    """No value goes round: what has no delay comes from an FU before, in every dataflow."""
    for path in sorted((ROOT / "tests" / "workloads").glob("*.yaml")):
        for adg in adgs_of(load_workload(path)):
            for plan in adg.inputs:
                for each in plan.delays:
                    assert each.delay or each.shift > (0,) * len(each.shift)
                for fu, source in zip(adg.dataflow.fus(), plan.sources, strict=True):
                    assert source.link is None or source.delay or source.link < fu
