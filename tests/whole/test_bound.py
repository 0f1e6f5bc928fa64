"""Bound operations in RTL: the Verilog of a chip runs what the chip wasn't compiled from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from frontends.yaml import load_text
from lego.bind.result import Bound
from lego.bind.search import bind
from lego.bind.site import sites_of
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.fused import FusedAdg, Method
from sim.session import Case
from tests.bind import examples
from tests.bind.chips import drawn_chip
from tests.bind.drawing import drawn_operation
from tests.bind.rtl import Run, case_of
from tests.bind.running import chip_of, operation_of
from tests.designs import verdicts_of
from tests.property.simulate import ILLEGAL
from tests.property.test_random_room import fused, single

RUNS = {
    "gemm": ["RAGGED", "GEMV", "POINTWISE", "SCORES", "VALUES"],
    "weights": ["CONV", "STRIDED", "DILATED", "GROUPED", "TRANSPOSED", "LINEAR"],
    "pixels": ["CONV", "DILATED", "PIECE", "SAME"],
    "depthwise": ["CHANNELS"],
    "padded": ["SAME"],
}


def case_of_example(name: str) -> Case:
    chip, runs = chip_of(examples.CHIPS[name]), []
    (site,) = sites_of(chip)
    for wanted in RUNS[name]:
        op, tensors = operation_of(getattr(examples, wanted))
        bound = bind(site, op, tensors)
        assert isinstance(bound, Bound), str(bound)
        runs.append((site, bound, tensors))
    return case_of(chip, runs)


def with_room(seed: int) -> list[FusedAdg]:
    """The chip of a seed with room; none if what was drawn is refused."""
    text = (single if seed % 2 else fused)(seed).text
    try:
        return designs_of(load_text(text), Method.HEURISTIC)
    except LegoError as error:
        assert error.code in (*ILLEGAL, "E306"), error
        return []


def drawn(chips: list[FusedAdg], seed: int, each: int) -> list[tuple[FusedAdg, list[Run]]]:
    """These chips, with what is bound of so many operations for each dataflow."""
    found = []
    for chip in chips:
        runs: list[Run] = []
        for site in sites_of(chip):
            for k in range(each):
                op, tensors = drawn_operation(site.adg, 1000 * seed + k)
                bound = bind(site, op, tensors)
                if isinstance(bound, Bound):
                    runs.append((site, bound, tensors))
        if runs:
            found.append((chip, runs))
    return found


def check(seeds: range, each: int, draw: Callable[[int], list[FusedAdg]] = drawn_chip) -> int:
    """Operations that ran as they should."""
    cases, names, count = [], [], 0
    for seed in seeds:
        for chip, runs in drawn(draw(seed), seed, each):
            cases.append(case_of(chip, runs))
            names.append(f"chip {seed}")
            count += len(runs)
    for name, verdict in zip(names, verdicts_of(cases), strict=True):
        assert not verdict.failures, f"{name}: {verdict.failures[:3]}"
    return count


def test_rtl_runs_bound_operations_in_every_bit_and_in_the_cycles_foretold() -> None:
    cases = [case_of_example(name) for name in RUNS]
    for name, verdict in zip(RUNS, verdicts_of(cases), strict=True):
        assert not verdict.failures, f"{name}: {verdict.failures[:3]}"
        assert verdict.compared > 0


TRIANGLE = """
name: triangle
operations:
  - name: tr
    loops: {i: 4, j: i+1, k: 4}
    statement: "G[i,j] += A[i,k] * B[j,k]"
    formats: {A: int8, B: int8, G: int32}
    dataflow: {name: d0, spatial: {j: 2}, temporal: [TEMPORAL]}
architecture: {array: [4, 4], room: {counters: 4, trips: 16, reduction: 256}}
"""
IN_TRIANGLE = {
    "rectangle": examples.operation("op", "m: 2, n: 3, k: 2", "Y[m,n] += X[m,k] * W[k,n]"),
    "longer": examples.operation("op", "m: 3, n: 4, k: 9", "Y[m,n] += X[m,k] * W[k,n]"),
    "vector": examples.operation("op", "m: 2, k: 2", "Y[m] += X[m,k] * W[k]"),
    "triangle": examples.operation("op", "m: 3, n: m+1, k: 5", "Y[m,n] += X[m,k] * W[k,n]"),
}


@pytest.mark.parametrize("temporal", ["i, j, k", "k, i, j"])
def test_a_chip_with_room_that_has_comparators_lets_all_fus_count_that_should(
    temporal: str,
) -> None:
    """Comparators are wired for the chip's domain, and their values follow its counters, whatever loops go
    there."""
    chip = chip_of(TRIANGLE.replace("TEMPORAL", temporal))
    (site,), runs, refused = sites_of(chip), [], set()
    for name, text in IN_TRIANGLE.items():
        op, tensors = operation_of(text)
        bound = bind(site, op, tensors)
        if isinstance(bound, Bound):
            runs.append((site, bound, tensors))
        else:
            refused.add((name, bound.condition))
    assert len(runs) >= 2 and {condition for _, condition in refused} <= {"a", "e"}
    (verdict,) = verdicts_of([case_of(chip, runs)])
    assert not verdict.failures


def test_a_wrong_address_step_is_seen() -> None:
    case = case_of_example("depthwise")
    register = next(r for r in case.stream.device.registers if r.name == "X_step1")
    start = f"1 {register.address:x} "
    at = next(n for n, line in enumerate(case.stream.commands) if line.startswith(start))
    value = int(case.stream.commands[at].removeprefix(start), 16)
    case.stream.commands[at] = f"{start}{value + 1:x}"
    (verdict,) = verdicts_of([case])
    assert verdict.failures


def test_rtl_of_random_chips_runs_random_operations() -> None:
    assert check(range(12), each=4) > 12


def test_rtl_of_random_chips_with_room_runs_random_operations() -> None:
    assert check(range(12), each=4, draw=with_room) > 12


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_rtl_of_many_random_chips_runs_random_operations(block: int) -> None:
    assert check(range(20_000 + 20 * block, 20_020 + 20 * block), each=8) > 40


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_rtl_of_many_random_chips_with_room_runs_random_operations(block: int) -> None:
    assert check(range(30_000 + 20 * block, 30_020 + 20 * block), each=8, draw=with_room) > 40
