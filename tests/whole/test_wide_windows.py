"""Convolutions on 4x4 FUs whose rows are words of a memory: RTL equals the reference in bits and cycles."""

from __future__ import annotations

import itertools

from frontends.yaml import load_text
from lego.designs import designs_of
from lego.ir.banking import Banking
from tests.designs import cases_of, random_bounds, verdicts_of

CONV = """
name: NAME
operations:
  - name: conv
    loops: {oh: SIDE, ow: SIDE, ic: 2, kh: KERNEL, kw: KERNEL}
    statement: "Q[oh,ow] += J[ic,INDEX] * G[ic,kh,kw]"
    formats: {J: int8, G: int8, Q: int32}
    shapes: {J: [2, SHAPE, SHAPE]}
    pad: {J: 1}
    dataflow: {spatial: {oh: 4, ow: 4}, temporal: [oh, ow, ic, kh, kw], control: CONTROL}
PRODUCT
architecture: {array: [4, 4], memory_style: wide, read_cost: 40}
"""
PRODUCT = """
  - name: mm
    loops: {m: 6, n: 7, k: 9}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {m: 4, n: 4}, temporal: [m, n, k], control: systolic}
"""


def conv(name: str, side: int, kernel: int, index: str, shape: int, more: str = "") -> str:
    """A convolution whose index along both axes is this, of ``o`` and ``k``."""
    each = (index.replace("o", f"o{axis}").replace("k", f"k{axis}") for axis in "hw")
    names = {"NAME": name, "KERNEL": kernel, "INDEX": ",".join(each), "SHAPE": shape, "SIDE": side}
    text = CONV
    for old, new in names.items():
        text = text.replace(old, str(new))
    control = "systolic" if "systolic" in name else "broadcast"
    return text.replace("PRODUCT", more).replace("CONTROL", control)


def every() -> list[str]:
    """Sides that the array divides or doesn't, kernels, pads and strides; kernels turned round, skewed
    control, and a product beside it."""
    found = []
    for side, kernel, pad, stride in itertools.product((4, 7), (3, 5), (0, 1, 2), (1, 2)):
        if (side + kernel // 2 + pad + stride) % 2:
            continue  # half of them have all pairs
        shape = max(1, stride * (side - 1) + kernel - 2 * pad)
        name = f"c{side}{kernel}{pad}{stride}"
        found.append(conv(name, side, kernel, f"{stride}*o+k-{pad}", shape))
    return [
        *found,
        conv("few_fifos", 7, 3, "o+k", 9).replace(", read_cost: 40", ""),
        conv("turned", 7, 3, "o-k+1", 7),
        conv("turned_far", 7, 3, "2*o-k", 12),
        conv("systolic", 7, 3, "o+k-1", 7),
        conv("beside", 7, 3, "o+k-1", 7, PRODUCT),
        conv("beside_systolic", 7, 5, "o+k-2", 7, PRODUCT),
    ]


def banking_of(text: str) -> Banking:
    """How the windows lie."""
    (fused,) = designs_of(load_text(text))
    return next(p.banking for p in fused.layers[0].adg.inputs if p.tensor.name == "J")


def test_every_bit_is_right() -> None:
    """At the full bounds, and at smaller ones, which also make FIFOs shorter."""
    texts = every()
    bankings = [banking_of(text) for text in texts]
    assert {banking.wide for banking in bankings} >= {2, 4}
    assert {banking.shift for banking in bankings} >= {0, 1, 2}
    assert {banking.skip for banking in bankings} >= {0, 1, 3}
    cases = [case for text in texts for case in cases_of(text, 1, random_bounds(text, 4, 5))]
    for verdict in verdicts_of(cases):
        assert not verdict.failures, (verdict.top, verdict.failures)
        assert verdict.compared > 0
