"""Sums of which only the low bits count, in hardware that has only these: equal to exact sums, wrapped.

Operands are drawn over their whole formats, one in eight an extreme.
"""

from __future__ import annotations

from lego.back.pipeline import Options
from tests.designs import cases_of, verdicts_of

TEXT = """name: wide{n}
operations:
  - name: mm
    loops: {{i: 4, j: 6, k: 5}}
    statement: "Y[i,j] += {body}"
    formats: {{X: {x}, W: {w}, Y: {y}}}
    dataflow: {{{flow}}}
"""
BODIES = (
    ("X[i,k] * W[k,j]", "int32", "int32", "int32"),
    ("X[i,k] * W[k,j]", "uint32", "int32", "uint32"),
    ("X[i,k] * W[k,j] * X[i,k]", "int32", "uint32", "int32"),
    ("(X[i,k] * W[k,j]) >> 3", "int32", "int32", "int32"),
    ("-(X[i,k] * W[k,j] << 7) + W[k,j]", "int16", "uint32", "int9"),
    ("(X[i,k] - (W[k,j] << 20)) * (W[k,j] + 70000)", "int16", "int16", "int16"),
    ("max(X[i,k] * W[k,j], 3) * X[i,k]", "int16", "int16", "uint7"),
    ("0 * X[i,k] + W[k,j] * 0", "int8", "int8", "int8"),
)
FLOWS = (
    ("spatial: {i: 2, j: 2}, temporal: [i, j, k]", Options()),
    ("spatial: {k: 3, j: 2}, temporal: [j, k, i]", Options(clock_ps=10)),
    ("spatial: {k: 2, i: 2}, temporal: [k, i, j], control: broadcast", Options(level=0)),
)

LAYER = """name: layer
operations:
  - name: mm
    loops: {i: 6, j: 5, k: 7}
    statement: "A[i,j] += X[i,k] * W[k,j]"
    formats: {X: int8, W: int8, A: int32}
    dataflow: {spatial: {i: 2, j: 2}, temporal: [i, j, k]}
  - name: requantise
    loops: {i: 6, j: 5}
    statement: "Q[i,j] = max(-128, min(127, (A[i,j] * S[j] + 64) >> 7))"
    formats: {S: int16, Q: int8}
    dataflow: {spatial: {i: 2, j: 2}}
"""


def test_wrapped_sums_are_bit_exact() -> None:
    """Accumulators, chains and trees with adders at banks; halved multipliers under the fast clock;
    an int8 layer."""
    cases = []
    for n, (body, x, w, y) in enumerate(BODIES):
        for k in range(len(FLOWS) if n == 0 else 1):
            flow, options = FLOWS[(n + k) % len(FLOWS)]
            text = TEXT.format(n=f"{n}_{k}", body=body, x=x, w=w, y=y, flow=flow)
            cases += cases_of(text, n, [{"i": 3, "j": 5, "k": 4}], passes=options)
    cases += cases_of(LAYER, 1)
    verdicts = verdicts_of(cases)
    assert [v.top for v in verdicts if v.failures] == [], verdicts
    assert [v.compared for v in verdicts] == [4 * 6 + 3 * 5] * 10 + [2 * 6 * 5]
