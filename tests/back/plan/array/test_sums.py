"""Sums that meet in memory: units at data nodes that turn over banks of their own."""

from __future__ import annotations

import pytest

from frontends.yaml import load_text
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.back.plan.array.sums import element_terms
from lego.back.plan.design import plan_of
from lego.designs import designs_of
from lego.ir.dag import Op
from tests.designs import cases_of, random_bounds, verdicts_of

# In `ws` and `is` each column or row of FUs adds to elements of four banks, which it meets again every
# `m` or `n` cycles.
TURNING = """\
name: turning
operations:
  - name: mm
    loops: {m: 9, n: 9, k: 8}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 4, n: 4}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 4, n: 4}, temporal: [n, k, m], control: systolic}
      - {name: is, spatial: {m: 4, k: 4}, temporal: [m, k, n], control: broadcast}
architecture: {array: [4, 4], memory_style: at-once}
"""

NARROW = """\
  - name: other
    loops: {i: 8, j: 9, l: 7}
    statement: "Z[i,j] += A[i,l] * B[l,j]"
    formats: {A: uint8, B: int8, Z: int12}
    dataflow: {spatial: {l: 4, j: 4}, temporal: [j, l, i], control: systolic}
architecture: {array: [4, 4], memory_style: at-once}
"""
# Words are 32 bits without a sign, and sums of `other` fill 10 bits with one.
UNSIGNED = """\
name: signless
operations:
  - name: mm
    loops: {m: 4, n: 4, k: 2}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: uint3, W: uint8, Y: uint32}
    dataflow: {spatial: {n: 4, m: 4}, temporal: [n, m, k], control: broadcast}
  - name: other
    loops: {m: 4, n: 8, k: 4}
    statement: "Z[m,n] += A[m,k] * B[k,n]"
    formats: {A: int5, B: int3, Z: int16}
    dataflows:
      - {name: os, spatial: {n: 4, m: 4}, temporal: [m, n, k], control: systolic}
      - {name: k, spatial: {k: 2}, temporal: [m, k, n], control: systolic}
architecture: {array: [4, 4]}
"""
VARIANTS = {
    "sums": TURNING,
    "maxima": TURNING.replace("+=", "max=").replace("X[m,k] *", "X[m,k] +").replace("int32", "int12"),
    "mixed": TURNING.replace("architecture: {array: [4, 4], memory_style: at-once}\n", NARROW),
    "halves": TURNING.replace("at-once}", "at-once, double_buffer: yes, dma_bits: 128}"),
}  # fmt: skip


def units_of(text: str, options: Options) -> int:
    """Instances of units that add for data nodes."""
    (fused,) = designs_of(load_text(text))
    dag = lower(fused, options).dag
    return sum(
        node.op is Op.INSTANCE and "_sums_" in node.text for m in dag.modules for node in m.nodes
    )


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(
    "options",
    [Options(verify=True), Options(clock_ps=10), Options(level=0)],
    ids=["O2", "clock", "O0"],
)
def test_an_element_may_come_again_after_any_number_of_cycles(name: str, options: Options) -> None:
    text = VARIANTS[name]
    assert units_of(text, options) == (4 if options.level else 0)
    bounds = [{"m": k, "n": k, "i": k} for k in range(1, 6)]
    cases = cases_of(text, 3, bounds + random_bounds(text, 4, 5), passes=options)
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()]


def test_sums_below_zero_reach_words_without_a_sign() -> None:
    options = Options(verify=True)
    assert units_of(UNSIGNED, options) == 1
    cases = cases_of(UNSIGNED, 3, random_bounds(UNSIGNED, 2, 5), passes=options)
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()]


@pytest.mark.parametrize(
    ("nodes", "units"),
    [("[4, 4]", 4), ("[2, 4]", 0), ("[4, 2]", 2)],  # two nodes' words at four banks cost no less
)
def test_units_are_where_they_pay(nodes: str, units: int) -> None:
    rows, columns = nodes.strip("[]").split(", ")
    text = TURNING.replace("{m: 4, n: 4}", f"{{m: {rows}, n: {columns}}}").replace(
        "{k: 4, n: 4}", f"{{k: {rows}, n: {columns}}}"
    )
    text = "\n".join(line for line in text.splitlines() if "name: is" not in line)
    text = text.replace("[4, 4]", nodes)
    (fused,) = designs_of(load_text(text))
    assert plan_of(fused).at_nodes == bool(units)
    assert units_of(text, Options()) == units


@pytest.mark.parametrize(
    ("loops", "statement", "terms"),
    [
        ("{m: 5, n: 6, k: 7}", "Y[m,n] += X[m,k] * W[k,n]", 7),
        ("{i: 8, k: 3}", "Y[2*i+k] += X[i] * W[k]", 3),
        ("{i: 4, j: 5}", "Y[i,i] += X[i,j] * W[j]", 20),
        ("{i: 4, j: 5}", "Y[i+j,j] += X[i,j] * W[j]", 5),
    ],
)
def test_terms_of_an_element_are_never_counted_too_few(
    loops: str, statement: str, terms: int
) -> None:
    text = f"""\
name: terms
operations:
  - name: sum
    loops: {loops}
    statement: "{statement}"
    formats: {{X: int4, W: int4, Y: int20}}
architecture: {{array: [2, 2]}}
"""
    (fused,) = designs_of(load_text(text))
    assert element_terms(fused.layers[0].adg) == terms
