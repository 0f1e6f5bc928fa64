"""Cycle counts: the schedule's prediction is exact, and the array is kept busy."""

from __future__ import annotations

import pytest

from frontends.yaml import load_text
from lego.designs import adgs_of
from lego.program import configure
from tests.designs import cases_of, verdicts_of

GEMM = """\
name: g{p}x{q}{control}
operations:
  - name: mm
    loops: {{m: {m}, n: {n}, k: {k}}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflow: {{spatial: {{m: {p}, n: {q}}}, temporal: [m, n, k], control: {control}}}
architecture: {{array: [{p}, {q}], read_cost: 1}}
"""


def test_the_cycle_count_is_the_closed_form_and_the_rtl_takes_it() -> None:
    """Tiles times k, then the fill: P+Q-2 of skew, the read, and the multiply-accumulate; a value
    that more than two FUs take at once comes through one more register."""
    cases, wanted = [], []
    for p, q, m, n, k in [(1, 1, 3, 2, 5), (2, 3, 5, 7, 4), (4, 4, 8, 8, 9), (3, 5, 10, 11, 2)]:
        for control, skew in (("systolic", p + q - 2), ("broadcast", int(max(p, q) > 2))):
            text = GEMM.format(p=p, q=q, m=m, n=n, k=k, control=control)
            text = text.replace("read_cost: 1", "read_cost: 1, memory_style: at-once")
            cases += cases_of(text)
            wanted.append(-(-m // p) * -(-n // q) * k + skew + 3)
    verdicts = verdicts_of(cases)
    assert [v.failures for v in verdicts] == [()] * len(cases)
    assert [v.cycles for v in verdicts] == [(cycles,) for cycles in wanted]


@pytest.mark.parametrize("size", [16, 32])
def test_a_large_gemm_is_predicted_to_use_97_percent(size: int) -> None:
    text = GEMM.format(p=size, q=size, m=256, n=256, k=256, control="systolic")
    (adg,) = adgs_of(load_text(text))
    cycles = configure(adg).cycles
    assert cycles == (256 // size) ** 2 * 256 + 2 * size - 2 + 3
    assert 256**3 / (size * size * cycles) > 0.97


def test_a_large_gemm_takes_the_predicted_cycles() -> None:
    (case,) = cases_of(GEMM.format(p=16, q=16, m=256, n=256, k=256, control="systolic"))
    (verdict,) = verdicts_of([case])
    assert verdict.failures == ()
    assert verdict.cycles == (65_569,)
    assert verdict.compared == 65_536
