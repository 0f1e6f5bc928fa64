"""The test bench fails on every mutant that isn't proven equivalent, and passes on the control."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from sim.checks import Verdict
from sim.counted import counted
from sim.equivalence import proven_equivalent
from sim.mutate import Mutant, mutants, renamed
from tests.designs import cases_of, random_bounds, verdicts_of

PER_MODEL = 14
GEMM = """\
name: g
operations:
  - name: mm
    loops: {m: 3, n: 3, k: 3}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int5, W: int4, Y: int12}
    dataflow: {spatial: {m: 2, n: 2}, temporal: [m, n, k], control: systolic}
architecture: {array: [2, 2]}
"""
CONV = """\
name: c
operations:
  - name: conv
    loops: {oc: 3, ow: 3, ic: 3, kw: 2}
    statement: "Y[oc,ow] += X[ic,ow+kw-1] * W[oc,ic,kw]"
    formats: {X: int4, W: int4, Y: int11}
    pad: {X: 1}
    shapes: {X: [3, 3]}
    dataflow: {spatial: {ic: 2, ow: 2}, temporal: [ic, oc, ow, kw], control: systolic}
architecture: {array: [2, 2], read_cost: 1}
"""
AT_ONCE = CONV.replace("read_cost: 1", "read_cost: 1, memory_style: at-once")
"""Banks meet an element in successive cycles; where nodes take turns, these never do."""

DESIGNS = {
    "output stationary": GEMM,
    "sums across FUs and in memory": AT_ONCE,
    "banks in turn": CONV.replace("read_cost: 1", "read_cost: 1, memory_style: narrow"),
}
RUNS = 60


def failing(made: list[Mutant], text: str) -> list[bool]:
    """Whether the bench fails on each, or its SRAMs aren't accessed as often as those of the first,
    several designs per model."""
    (case,) = cases_of(text, 1, random_bounds(text, RUNS, 1), stray_reset=True)
    top = case.stream.device.top
    macros = [macro.module for macro in case.stream.device.macros]
    verdicts: list[Verdict] = []
    for at in range(0, len(made), PER_MODEL):
        cases = []
        for k, mutant in enumerate(made[at : at + PER_MODEL]):
            name = f"m{at + k}_{top}"
            device = dataclasses.replace(case.stream.device, top=name)
            stream = dataclasses.replace(case.stream, device=device)
            verilog = counted(renamed(mutant.verilog, top, name), macros)
            cases.append(dataclasses.replace(case, verilog=verilog, stream=stream))
        verdicts += verdicts_of(cases)
    assert verdicts[0].accesses
    assert all(v.accesses.keys() == verdicts[0].accesses.keys() for v in verdicts)
    return [bool(v.failures) or v.accesses != verdicts[0].accesses for v in verdicts]


def mutated(text: str, seed: int) -> tuple[str, list[Mutant]]:
    """The design's name, the control and forty mutants.

    Made in a process of their own: Yosys numbers its cells on from whatever it did before, and picks
    mutants by those numbers.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(_mutated, text, seed).result()


def _mutated(text: str, seed: int) -> tuple[str, list[Mutant]]:
    (case,) = cases_of(text)
    top, macros = case.stream.device.top, case.stream.device.macros
    return top, mutants(case.verilog, top, 40, seed, macros=[macro.module for macro in macros])


def check(text: str, seed: int) -> None:
    top, made = mutated(text, seed)
    assert len(made) == 41
    control, *caught = failing(made, text)
    assert not control
    missed = [m for m, c in zip(made[1:], caught, strict=True) if not c]
    unproven = [m.what for m in missed if not proven_equivalent(made[0].verilog, m.verilog, top)]
    print(f"{top}, seed {seed}: {sum(caught)} caught, {len(missed) - len(unproven)} equivalent")
    assert unproven == []


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("output stationary", 1),
        ("sums across FUs and in memory", 1),
        ("banks in turn", 6),
        pytest.param("sums across FUs and in memory", 2, marks=pytest.mark.slow),
    ],
)
def test_forty_mutants_are_caught(name: str, seed: int) -> None:
    check(DESIGNS[name], seed)


GOLDEN = """
module t(input clk, input rst, input [3:0] a, output reg [3:0] y);
  always @(posedge clk) y <= {y};
endmodule
"""


@pytest.mark.parametrize(
    ("other", "same"),
    [("a + a", True), ("{a[2:0], 1'b0}", True), ("a + 4'd1", False), ("{a[2:0], 1'b1}", False)],
)
def test_the_proof_tells_equal_from_different(other: str, same: bool) -> None:
    golden, mutant = (GOLDEN.replace("{y}", body) for body in ("a << 1", other))
    assert proven_equivalent(golden, mutant, "t") is same
