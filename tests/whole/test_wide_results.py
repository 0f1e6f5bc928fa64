"""Results in macros of several banks on 4x4 FUs: RTL equals the reference in bits, cycles and accesses."""

from __future__ import annotations

import re

import pytest

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.back.plan.design import plan_of
from lego.back.plan.memory.bank_view import Mode
from lego.designs import designs_of
from lego.ir.written import written_words
from tests.designs import cases_of, random_bounds, verdicts_of, with_style
from tests.sequences import made_of, queued, random_case

MIXED = """\
name: mixed
operations:
  - name: gemm
    loops: {m: 6, n: 7, k: 5}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 4, n: 4}, temporal: [m, n, k], control: systolic}
  - name: conv
    loops: {oc: 6, oh: 8, ow: 9, ic: 6, kw: 2}
    statement: "P[oc,oh,ow] += I[ic,oh,ow+kw] * F[oc,ic,kw]"
    formats: {P: int32, I: int8, F: int8}
    dataflow: {spatial: {ic: 4, oc: 4}, temporal: [oc, ic, kw, oh, ow], control: systolic}
  - name: spatial
    loops: {oc: 3, oh: 7, ow: 6, ic: 2, kw: 2}
    statement: "Q[oc,oh,ow] += J[ic,oh,ow+kw] * G[oc,ic,kw]"
    formats: {Q: int32, J: int8, G: int8}
    dataflow: {spatial: {oh: 4, ow: 4}, temporal: [oh, ow, oc, ic, kw], control: broadcast}
  - name: depthwise
    loops: {c: 6, oh: 3, ow: 7, kh: 1, kw: 3}
    statement: "D[c,oh,ow] += E[c,oh+kh,ow+kw] * H[c,kh,kw]"
    formats: {D: int32, E: int8, H: int8}
    dataflow: {spatial: {c: 4, ow: 4}, temporal: [c, ow, oh, kh, kw], control: broadcast}
architecture: {array: [4, 4]}
"""
"""Results in turn one after another (`gemm`), added to in memory where each node keeps its macro and changes
its lane (`conv`), and in turn two at a time (`spatial`, `depthwise`)."""
QUARTERS = MIXED.replace("kh: 1, kw: 3", "kh: 1, kw: 1").replace("name: mixed", "name: quarters")
"""Passes of one cycle, so that all results of `depthwise` are written at once, four in a word; data nodes of
`conv` add, and not the banks."""
SCALED = """\
name: scaled
operations:
  - name: scaled
    loops: {m: 10, n: 7}
    statement: "Y[m,n] = X[m,n] * W[n]"
    formats: {X: int8, W: int8, Y: int16}
    dataflow: {spatial: {m: 4, n: 4}, temporal: [m, n], control: broadcast}
  - name: sums
    loops: {m: 6, n: 6, k: 3}
    statement: "Z[m,n] += A[m,k] * B[k,n]"
    formats: {A: int8, B: int8, Z: int32}
    dataflow: {spatial: {m: 4, n: 4}, temporal: [k, m, n], control: broadcast}
architecture: {array: [4, 4], memory_style: wide}
"""
"""Every node writes in every cycle, and has a bank of its own; or adds there."""
SHIFTED = """\
name: shifted
operations:
  - name: op
    loops: {y: 9, x: 9, k: 3}
    statement: "Y[y,x] += X[y+1,x+k] * W[k]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {y: 4, k: 3}, temporal: [y, x], control: broadcast}
architecture: {array: [4, 3], memory_style: wide}
"""
TEXTS = {"mixed": MIXED, "quarters": QUARTERS, "scaled": SCALED, "shifted": SHIFTED}
MORE = {
    "plain": "",
    "resumed": "resume: yes",
    "halves": "double_buffer: yes",
    "parts": "double_buffer: parts",
    "bus": "dma_bits: 128",
}
FAST, PLAIN = Options(clock_ps=10), Options(level=0)


def having(name: str, more: str) -> str:
    text = TEXTS[name].replace(f"name: {name}", f"name: {name}_{more}", 1)
    return text.replace("architecture: {", f"architecture: {{{MORE[more]}{', ' * bool(MORE[more])}")


def kinds(text: str) -> set[tuple[Mode, bool, int, bool]]:
    """How results meet wide macros: whether lanes move, nodes that write a word, whether they are added."""
    (fused,) = designs_of(load_text(text))
    found = set()
    for view in plan_of(fused).views[-1]:
        assert view is not None
        banking, adg = view.plan.banking, view.adg
        if banking.along >= 0:
            many = max(map(len, written_words(adg, adg.output)))
            found.add((view.mode, banking.along in view.moving, many, adg.output.accumulates))
    return found


def test_what_the_designs_have() -> None:
    mixed = kinds(MIXED)
    assert mixed == {
        (Mode.IN_TURN, False, 1, False),
        (Mode.IN_TURN, False, 2, False),
        (Mode.PRIVATE, True, 1, True),
    }
    assert kinds(QUARTERS) >= {(Mode.PRIVATE, False, 4, False), (Mode.PRIVATE, True, 1, True)}
    assert {(mode, adds) for mode, _, many, adds in kinds(SCALED) if many > 1} == {
        (Mode.PRIVATE, False),
        (Mode.PRIVATE, True),
    }
    plans = {name: plan_of(designs_of(load_text(text))[0]) for name, text in TEXTS.items()}
    assert [name for name, plan in plans.items() if plan.at_nodes] == ["quarters"]
    resumed = kinds(having("mixed", "resumed"))
    assert (Mode.IN_TURN, False, 2, True) in resumed
    assert not kinds(with_style(MIXED, "narrow"))


HOW = {
    "default": (DEFAULT, list(MORE)),
    "fast": (FAST, ["plain", "resumed"]),
    "level 0": (PLAIN, ["halves"]),
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", TEXTS)
def test_every_bit_is_right(name: str, how: str) -> None:
    options, designs = HOW[how]
    texts = [having(name, more) for more in designs]
    cases = [
        case
        for seed, text in enumerate(texts)
        for case in cases_of(text, seed, random_bounds(text, 2, seed), passes=options)
    ]
    for verdict in verdicts_of(cases):
        assert verdict.failures == (), verdict.top
        assert verdict.compared > 0


@pytest.mark.parametrize("name", ["mixed", "scaled"])
def test_runs_out_of_a_queue(name: str) -> None:
    texts = [
        queued(
            re.sub("^name: .*", f"name: {name}_{more}_q", having(name, more)), 8, f"{name}_{more}_q"
        )
        for more in ("plain", "halves", "parts")
    ]
    for verdict in verdicts_of([random_case(made_of(t), seed, 3) for seed, t in enumerate(texts)]):
        assert verdict.failures == (), verdict.top
        assert verdict.compared > 0
